// The hold on the storage, with real threads: reloads that nobody notices, threads that die, apps that cannot be loaded, and an
// end that leaves nothing behind (this file would not end by itself if a thread or a port were left).

import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { StorageClient } from "../../../workers/session/storage-client.js";
import { keyOf } from "../../storage/session-store-conformance.js";
import { codeOf, EXPIRES_MS } from "../../storage/storage-thread-harness.js";
import { PlayedStorage } from "./played-storage.js";
import { failureOf } from "./start-failure.js";

/** Source of an app: its procedures, and what its module does when it is loaded. */
function appSource(edition: string, atLoading = ""): string {
  return `
    ${atLoading}
    export default {
      fetch: () => new Response(),
      migrations: {},
      procedures: {
        edition: async () => ${JSON.stringify(edition)},
        exit: async () => process.exit(3),
        throwLater: async () => { setImmediate(() => { throw new Error("thrown later"); }); },
      },
    };`;
}

/** Asks the storage without a pause, until `isOver`; a request that fails ends the test. Resolves with the number of commits. */
async function askAlways(client: StorageClient, session: string, isOver: () => boolean): Promise<number> {
  let version = 0;
  while (!isOver()) {
    const [loaded] = await Promise.all([
      client.load(session),
      client.version(keyOf(9_999)),
      client.call("edition", null),
    ]);
    assert.is(loaded?.version ?? 0, version);
    const change = { key: session, baseVersion: version, state: Uint8Array.of(1), expiresAtMs: EXPIRES_MS };
    version = (await client.commit(change)).version;
  }
  return version;
}

test("a storage, serves the workers on their ports, and is gone after it was closed", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  assert.ok(played.handle.isServing);
  assert.is(await played.connect().call("edition", null), "first");
  assert.is(await played.connect().version(keyOf(1)), 0);
  await played.close();
  assert.not(played.handle.isServing);
  assert.equal(played.warnings, []);
});

test("closing, may be asked for by several, who all wait for the end", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const closed = [played.handle.close(), played.handle.close()];
  await Promise.all(closed);
  // The port of one that comes too late is closed, and who asks there is told so.
  assert.is(await codeOf(played.connect().version(keyOf(1))), "unavailable");
  assert.is((await failureOf(played.handle.reload())).code, "closing");
  await played.close();
});

test("a storage that cannot start, says why, and leaves no thread", async () => {
  const first = await new PlayedStorage(appSource("first")).start();
  for (const [code, source] of [
    ["app_load_failed", "this is no JavaScript"],
    ["app_invalid", "export default 5"],
    [
      "app_migration_failed",
      "export default { migrations: { a: { up() { throw new Error('no table'); } } } }",
    ],
    ["internal", "process.exit(0)"],
    // Its timer would keep the thread alive after it has said why it cannot start.
    ["app_load_failed", "setInterval(() => {}, 1000); throw new Error('no catalogue')"],
  ] as const) {
    const played = new PlayedStorage(appSource("first"));
    played.writeApp(source);
    const failure = await failureOf(played.start());
    assert.is(failure.code, code, failure.message);
  }
  await first.close();
});

test("reloads, while workers ask all the time, refuse nothing and lose nothing", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  let isOver = false;
  const asking = [1, 2, 3].map((session) => askAlways(played.connect(), keyOf(session), () => isOver));
  for (const edition of ["second", "third", "fourth"]) {
    played.writeApp(appSource(edition));
    await played.handle.reload();
    assert.is(await played.clients[0]!.call("edition", null), edition);
  }
  isOver = true;
  const versions = await Promise.all(asking);
  for (const [index, version] of versions.entries()) {
    assert.ok(version > 0);
    assert.is(await played.clients[0]!.version(keyOf(index + 1)), version);
  }
  assert.is(played.replaced, 3);
  assert.is(played.handle.restarts, 0);
  assert.equal(played.warnings, []);
  await played.close();
});

test("reloads that are asked for at once, come one after the other", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const client = played.connect();
  played.writeApp(appSource("second"));
  await Promise.all([played.handle.reload(), played.handle.reload(), played.handle.reload()]);
  assert.is(await client.call("edition", null), "second");
  assert.is(played.handle.restarts, 0);
  await played.close();
});

test("a reload, of an app that cannot be loaded, changes nothing", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const client = played.connect();
  played.writeApp("export default {");
  assert.is((await failureOf(played.handle.reload())).code, "app_load_failed");
  assert.is(played.replaced, 0);
  assert.is(played.handle.restarts, 0);
  assert.ok(played.handle.isServing);
  assert.is(await client.call("edition", null), "first");
  assert.equal(played.warnings, []);
  await played.close();
});

test("a reload, of an app whose migration fails, is tried until it can be, and the workers wait", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const client = played.connect();
  played.writeApp("export default { migrations: { a: { up() { throw new Error('no table'); } } } }");
  assert.is((await failureOf(played.handle.reload())).code, "app_migration_failed");
  assert.not(played.handle.isServing);
  played.writeApp(appSource("mended"));
  assert.is(await client.call("edition", null), "mended");
  assert.ok(played.handle.isServing);
  assert.is(played.replaced, 1);
  await played.close();
});

test("a reload, of an app whose thread dies when it is to open the database, is tried until it can be", async () => {
  for (const [fault, why] of [
    ["throw new Error('thrown later')", /failed while starting: thrown later/],
    ["process.exit(3)", /ended while starting/],
  ] as const) {
    const played = await new PlayedStorage(appSource("first")).start();
    const client = played.connect();
    // At the order to open the database.
    const dying = `(await import("node:worker_threads")).parentPort.once("message", () => { ${fault}; });`;
    played.writeApp(appSource("dying", dying));
    const failure = await failureOf(played.handle.reload());
    assert.is(failure.code, "internal");
    assert.match(failure.message, why);
    played.writeApp(appSource("mended"));
    assert.is(await client.call("edition", null), "mended");
    await played.close();
  }
});

test("a thread that dies, is started again, the workers get new ports and go on", async () => {
  for (const [procedure, why] of [
    ["exit", /the storage has failed: it has ended without being told to; it is started again in 0 ms/],
    ["throwLater", /the storage has failed: thrown later; it is started again in 0 ms/],
  ] as const) {
    const played = await new PlayedStorage(appSource("first")).start();
    const [first, second] = [played.connect(), played.connect()];
    const change = { key: keyOf(1), baseVersion: 0, state: Uint8Array.of(7), expiresAtMs: EXPIRES_MS };
    await second.commit(change);
    const replaced = played.nextReplacement();
    // Its answer may come just before the end, or not at all.
    await codeOf(first.call(procedure, null));
    await replaced;
    assert.equal((await second.load(keyOf(1)))?.state, Uint8Array.of(7));
    assert.is(await first.call("edition", null), "first");
    assert.is(played.handle.restarts, 1);
    assert.ok(played.handle.isServing);
    assert.is(played.warnings.length, 1);
    assert.match(played.warnings[0]!, why);
    await played.close();
  }
});

test("a port that is asked for while no thread serves, leads to the next one, and one whose worker is gone to none", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const client = played.connect();
  const replaced = played.nextReplacement();
  await codeOf(client.call("exit", null));
  await replaced;
  assert.not(played.handle.isServing);
  const [early, gone] = [played.connect(), played.connect()];
  const silent = played.handle.attach();
  const asked = early.version(keyOf(1));
  void codeOf(gone.version(keyOf(2)));
  gone.close();
  silent.close();
  assert.is(await asked, 0);
  assert.is(played.handle.restarts, 1);
  await played.close();
});

test("a reload, while the thread is being started again, ends with one thread", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const client = played.connect();
  const replaced = played.nextReplacement();
  await codeOf(client.call("exit", null));
  await replaced;
  played.writeApp(appSource("second"));
  await played.handle.reload();
  assert.is(await client.call("edition", null), "second");
  // A second thread would have found the database in use.
  assert.is(played.handle.restarts, 1);
  assert.is(played.warnings.length, 1);
  await played.close();
});

test("closing, while the thread is being started again, leaves none", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  const replaced = played.nextReplacement();
  await codeOf(played.connect().call("exit", null));
  await replaced;
  // Before the next one is started; and in the second round, while it loads, or opens the database.
  await played.close();
  const again = await new PlayedStorage(appSource("first")).start();
  const lost = again.nextReplacement();
  await codeOf(again.connect().call("exit", null));
  await lost;
  await once(process, "worker");
  await again.close();
  assert.not(again.handle.isServing);
});

test("closing, while a reload loads an app that never ends loading, ends both", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  played.writeApp("setInterval(() => {}, 1000); await new Promise(() => {});");
  const worker = once(process, "worker");
  const reload = failureOf(played.handle.reload());
  await worker;
  await played.close();
  assert.is((await reload).code, "closing");
});

test("closing, while a reload lets the old thread finish, leaves none", async () => {
  const played = await new PlayedStorage(appSource("first")).start();
  played.connect();
  const replaced = played.nextReplacement();
  const reload = failureOf(played.handle.reload());
  await replaced;
  await played.close();
  assert.is((await reload).code, "closing");
  assert.not(played.handle.isServing);
});

test("an app that leaves a timer, keeps no thread from ending", async () => {
  const played = new PlayedStorage(appSource("first"));
  played.writeApp(appSource("ticking", "setInterval(() => {}, 1000);"));
  await played.start();
  const client = played.connect();
  await played.handle.reload();
  assert.is(await client.call("edition", null), "ticking");
  await played.close();
});

test.run();
