// Two farms' storage threads on one PostgreSQL database: each hears what the other changes, nothing is believed while
// nobody tells, a farm that is killed in the middle leaves nothing locked, and a server that is stopped and started
// again is trouble that passes by itself.

import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseSessionKey, SessionDirectory, VERSION_UNKNOWN } from "../../core/memory/session-directory.js";
import { openDatabase } from "../../storage/database.js";
import { hasPostgres, type PostgresCluster, startCluster } from "../support/postgres.js";
import { acknowledgedUntilKilled, assertNothingIsLost } from "./killed-child.js";
import { keyOf } from "./session-store-conformance.js";
import { codeOf, EXPIRES_MS, NOTES_APP_URL, startStorageThread } from "./storage-thread-harness.js";

const KEY = keyOf(1);

function change(baseVersion: number, key = KEY) {
  return { key, baseVersion, state: Uint8Array.of(baseVersion), expiresAtMs: EXPIRES_MS };
}

/** Asks again and again until the answer is yes: for what happens soon, at no moment that can be told. */
async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const latestMs = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > latestMs) throw new Error(`${what}: not within 10 s`);
    await wait(5);
  }
}

async function startFarm(url: string, coherence: "told" | "asked" = "told") {
  const options = { client: "postgres", url, durability: "full", coherence } as const;
  const thread = await startStorageThread({ database: options, appUrl: NOTES_APP_URL });
  assert.equal(thread.first, { type: "ready" });
  const directory = new SessionDirectory(thread.directory);
  const client = thread.connect({ timeoutMs: 2_000 });
  return {
    ...thread,
    client,
    versionOf: (key = KEY) => directory.versionOf(parseSessionKey(key)),
    /** Resolves when the directory is believed again: when something that is asked for is noted. */
    trusts: () =>
      until(async () => {
        await client.version(KEY).catch(() => {});
        return directory.versionOf(parseSessionKey(KEY)) !== VERSION_UNKNOWN;
      }, "the directory is trusted"),
  };
}

if (hasPostgres()) {
  const cluster: PostgresCluster = await startCluster({ fsync: true });
  test.after(() => cluster.remove());

  test("two farms, hear of each other's changes, and refuse what was made from an old version", async () => {
    const url = cluster.createDatabase("two");
    const [first, second] = await Promise.all([startFarm(url), startFarm(url)]);
    await first.trusts();
    await second.trusts();
    assert.is((await first.client.commit(change(0))).version, 1);
    assert.is(first.versionOf(), 1, "one's own change is known");
    await until(() => second.versionOf() === VERSION_UNKNOWN, "the other farm has heard of it");
    assert.equal((await second.client.load(KEY))?.version, 1);
    assert.is(second.versionOf(), VERSION_UNKNOWN, "what another farm uses is asked for each time");
    await until(
      () => first.versionOf() === VERSION_UNKNOWN,
      "the first has heard that the other has loaded it",
    );
    assert.is(
      (await second.client.commit({ ...change(1), procedure: "note", args: { key: KEY, number: 1 } }))
        .version,
      2,
    );
    assert.is(await codeOf(first.client.commit(change(1))), "conflict");
    assert.is(await first.client.call("notes", KEY), 1);
    const moved = { ...change(2, keyOf(2)), replacesKey: KEY };
    assert.is((await first.client.commit(moved)).version, 3);
    assert.equal((await second.client.load(KEY))?.state, Uint8Array.of(0x80));
    assert.is(await first.close(), 0);
    assert.is(await second.close(), 0);
    assert.equal(first.said, [{ type: "ready" }, { type: "closed" }]);
  });

  test("farms that ask each time, note nothing and tell nothing", async () => {
    const url = cluster.createDatabase("asked");
    const [first, second] = await Promise.all([startFarm(url, "asked"), startFarm(url, "asked")]);
    for (let version = 0; version < 20; version++) {
      const [writer, reader] = version % 2 === 0 ? [first, second] : [second, first];
      await writer.client.commit(change(version));
      assert.is(await reader.client.version(KEY), version + 1);
      assert.equal([first.versionOf(), second.versionOf()], [VERSION_UNKNOWN, VERSION_UNKNOWN]);
    }
    const listeners =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = 'asked' AND query LIKE 'LISTEN%'";
    assert.is(cluster.sql("postgres", listeners), "0");
    await first.close();
    await second.close();
  });

  test("a farm whose listening connection is lost, believes nothing until it listens again", async () => {
    const url = cluster.createDatabase("deaf");
    const farm = await startFarm(url);
    await farm.client.commit(change(0));
    await farm.trusts();
    // What the listening connection has asked last: the other one asks for other things.
    const isListening = "query ~ '^(LISTEN |SELECT 1$|SELECT pg_notify..limpet_)'";
    const ended = cluster.sql(
      "postgres",
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'deaf' AND ${isListening}`,
    );
    assert.is(ended, "t");
    await until(() => farm.versionOf() === VERSION_UNKNOWN, "everything is forgotten");
    assert.is((await farm.client.load(KEY))?.version, 1, "the database goes on being asked");
    await farm.trusts();
    await farm.close();
  });

  test("a server that is stopped, is trouble, and everything goes on when it is started again", async () => {
    const url = cluster.createDatabase("stopped");
    const farm = await startFarm(url);
    await farm.client.commit(change(0));
    await farm.trusts();
    await cluster.stop();
    await until(
      () => farm.said.at(-1)?.type === "trouble",
      "trouble is told, though nobody asks for anything",
    );
    assert.is(farm.versionOf(), VERSION_UNKNOWN);
    const startedMs = performance.now();
    assert.is(await codeOf(farm.client.load(KEY)), "unavailable");
    assert.is(await codeOf(farm.client.commit(change(1))), "unavailable");
    assert.ok(performance.now() - startedMs < 2_000, "within the bounded wait");
    await cluster.start();
    await until(
      () => farm.said.at(-1)?.type === "recovered",
      "it is told that it serves, though nobody asks",
    );
    assert.is((await farm.client.load(KEY))?.version, 1);
    assert.is((await farm.client.commit(change(1))).version, 2);
    await farm.trusts();
    assert.equal(
      farm.said.map(({ type }) => type),
      ["ready", "trouble", "recovered"],
    );
    assert.not.match(JSON.stringify(farm.said), "barnacle");
    assert.is(await farm.close(), 0);
  });

  test("a server that falls silent, is found out, and is not waited for", async () => {
    const url = cluster.createDatabase("silent");
    const farm = await startFarm(url);
    await farm.client.commit(change(0));
    await farm.trusts();
    const backends = "SELECT pid FROM pg_stat_activity WHERE datname = 'silent'";
    const pids = cluster.sql("postgres", backends).split("\n").map(Number);
    assert.is(pids.length, 2, "one that works, one that listens");
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    try {
      assert.is(await codeOf(farm.client.commit(change(1))), "unavailable");
      await until(() => farm.said.at(-1)?.type === "trouble", "trouble is told");
      await until(async () => (await codeOf(farm.client.version(KEY))) === "none", "it has a new connection");
      await farm.trusts();
    } finally {
      for (const pid of pids) process.kill(pid, "SIGCONT");
    }
    assert.is(farm.said.at(-1)?.type, "recovered");
    assert.is(await farm.close(), 0);
  });

  test("a farm that ends while the server is away, ends", async () => {
    const url = cluster.createDatabase("ending");
    const farm = await startFarm(url);
    await cluster.stop();
    assert.is(await farm.close(), 0);
    await cluster.start();
  });

  test("an acknowledged commit, is there after SIGKILL of the farm and a crash of the server, and nothing is locked", async () => {
    const url = cluster.createDatabase("killed");
    for (const count of [1, 60, 200]) {
      const acknowledged = await acknowledgedUntilKilled(url, count);
      if (count === 200) {
        await cluster.stop();
        await cluster.start();
      }
      const database = await openDatabase({ client: "postgres", url, durability: "full", coherence: "told" });
      // Whatever the dead farm was about to do, its rows can be had at once.
      await database.knex.raw("SET lock_timeout = '1s'");
      await database.knex.raw("SELECT key FROM limpet_sessions FOR UPDATE");
      await assertNothingIsLost(database.knex, acknowledged);
      await database.close();
    }
  });

  test("counters of one session, changed by two farms at once, lose no change", async () => {
    const url = cluster.createDatabase("counted");
    const farms = await Promise.all([startFarm(url), startFarm(url)]);
    const countUp = async ({ client }: (typeof farms)[number]) => {
      for (let done = 0; done < 100; ) {
        const stored = await client.load(KEY);
        const count = stored === undefined ? 0 : new DataView(stored.state.slice().buffer).getUint32(0);
        const state = new Uint8Array(4);
        new DataView(state.buffer).setUint32(0, count + 1);
        const next = { key: KEY, baseVersion: stored?.version ?? 0, state, expiresAtMs: EXPIRES_MS };
        if ((await codeOf(client.commit(next))) === "none") done++;
      }
    };
    await Promise.all([...farms, ...farms].map(countUp));
    const { state } = (await farms[0].client.load(KEY))!;
    assert.is(new DataView(state.slice().buffer).getUint32(0), 400);
    for (const farm of farms) await farm.close();
  });
}

test.run();
