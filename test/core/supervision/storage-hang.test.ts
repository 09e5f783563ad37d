// A storage thread in an endless loop, with real threads and databases: it is ended, what it had begun is undone, and the next
// one serves with all that was acknowledged. The limit is lower than a farm's, for the test to be short.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../../storage/database.js";
import type { StorageClient } from "../../../workers/session/storage-client.js";
import { keyOf } from "../../storage/session-store-conformance.js";
import { codeOf, EXPIRES_MS } from "../../storage/storage-thread-harness.js";
import { hasPostgres, startCluster } from "../../support/postgres.js";
import { PlayedStorage, type PlayedStorageOptions } from "./played-storage.js";

const HANG_TIMEOUT_MS = 1_000;
const APP_URL = JSON.stringify(new URL("./looping-app.js", import.meta.url).href);
const APP = `export { default } from ${APP_URL};`;
const NEXT_APP = `import app from ${APP_URL};
  export default { ...app, procedures: { edition: async () => "second" } };`;
const HUNG = /^the storage has failed: it has not answered for \d+ ms: an endless loop in a procedure\?; /;

function start(options: PlayedStorageOptions): Promise<PlayedStorage> {
  return new PlayedStorage(APP, { hangTimeoutMs: HANG_TIMEOUT_MS, ...options }).start();
}

function change(baseVersion: number, procedure: string, args: unknown) {
  const state = Uint8Array.of(baseVersion);
  return { key: keyOf(1), baseVersion, state, expiresAtMs: EXPIRES_MS, procedure, args };
}

/** Has the thread hang by `ask`. Everything acknowledged must be there afterwards, and nothing else. */
async function hangs(
  options: PlayedStorageOptions,
  ask: (client: StorageClient) => Promise<unknown>,
): Promise<void> {
  const played = await start(options);
  const [client, other] = [played.connect(), played.connect()];
  await client.commit(change(0, "add", "before"));
  const replaced = played.nextReplacement();
  const hanging = codeOf(ask(client));
  await replaced;
  assert.is(await hanging, "unavailable");
  assert.is(await other.version(keyOf(1)), 1);
  assert.is((await other.commit(change(1, "add", "after"))).version, 2);
  assert.equal(await client.call("notes", null), ["after", "before"]);
  assert.ok(played.handle.isServing);
  assert.is(played.handle.restarts, 1);
  const [ended, failed] = played.warnings;
  assert.match(ended!, /^the database does not serve: its thread has not answered for \d+ ms and is ended, /);
  assert.match(failed!, HUNG);
  assert.is(played.warnings.length, 2);
  await played.close();
}

function testOn(name: string, options: () => PlayedStorageOptions): void {
  test(`${name}, a procedure that loops for ever, ends its thread, and the next one serves`, () =>
    hangs(options(), (client) => client.call("loop", null)));

  test(`${name}, a procedure that loops in a transaction, is undone with it`, () =>
    hangs(options(), (client) => client.commit(change(1, "addAndLoop", null))));
}

testOn("sqlite3", () => ({ sqliteDriver: "sqlite3" }));
testOn("better-sqlite3", () => ({ sqliteDriver: "better-sqlite3" }));

test("closing, while the thread hangs, ends it, and tells why", async () => {
  const played = await start({});
  const hanging = codeOf(played.connect().call("loop", null));
  await played.handle.close();
  assert.is(await hanging, "unavailable");
  assert.match(played.warnings.join(), /its thread has not answered for/);
  assert.is(played.handle.restarts, 0);
  await played.close();
});

test("a reload, while the thread hangs, ends it, and the next one has read the app anew", async () => {
  const played = await start({});
  const client = played.connect();
  const hanging = codeOf(client.call("loop", null));
  played.writeApp(NEXT_APP);
  await played.handle.reload();
  assert.is(await hanging, "unavailable");
  // The old one has been ended while the next one loaded the app, or when it was to close: all the same.
  assert.is(await client.call("edition", null), "second");
  await played.close();
});

/** Runs hanging-child.ts; returns what it has told, and how it has ended. */
async function runChild(client: string, filename: string) {
  const script = fileURLToPath(new URL("./hanging-child.js", import.meta.url));
  // Whoever dies there is expected to, and leaves no core.
  const command = 'ulimit -c 0; exec "$0" "$@"';
  const child = spawn("sh", ["-c", command, process.execPath, script, client, filename], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  const told: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) told.push(line);
  const [code, signal] = await exited;
  return { told, end: signal ?? code };
}

/** What is known of sqlite3, and why the farm's log says beforehand what may follow. */
test("a loop with a query under way, ends the process with sqlite3 alone, and loses nothing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-hang-"));
  for (const [client, end] of [
    ["sqlite3", "SIGABRT"],
    ["better-sqlite3", 0],
  ] as const) {
    const filename = join(folder, `${client}.db`);
    const child = await runChild(client, filename);
    assert.is(child.end, end, child.told.join("\n"));
    const [acknowledged, hanging, ...later] = child.told;
    assert.is(acknowledged, "acknowledged");
    assert.match(hanging!, /is ended, which ends the process if a query of sqlite3 is under way$/);
    if (end === 0) assert.is(later.at(-1), "served again");
    const { knex, close } = await openDatabase({ client, filename, durability: "full" });
    assert.equal(await knex("notes").pluck("text"), ["kept"]);
    assert.equal(await knex("limpet_sessions").pluck("version"), [1]);
    await close();
  }
  rmSync(folder, { recursive: true });
});

if (hasPostgres()) {
  const cluster = await startCluster();
  test.after(() => cluster.remove());
  let databases = 0;
  testOn("PostgreSQL", () => ({ database: cluster.createDatabase(`hang${++databases}`) }));
}

test.run();
