// The storage thread as the farm uses it: start, workers' clients on their ports, what it says when it cannot start,
// and how it ends.

import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseSessionKey, SessionDirectory } from "../../core/memory/session-directory.js";
import { decodeReplies, encodeValue } from "../../storage/messages.js";
import type { SqliteOptions } from "../../storage/sqlite-database.js";
import { keyOf } from "./session-store-conformance.js";
import { codeOf, EXPIRES_MS, NOTES_APP_URL, startStorageThread } from "./storage-thread-harness.js";

const directory = mkdtempSync(join(tmpdir(), "limpet-thread-"));
const MEMORY: SqliteOptions = { client: "sqlite3", filename: ":memory:", durability: "full" };

function fileOptions(name: string): SqliteOptions {
  return { client: "sqlite3", filename: join(directory, name), durability: "full" };
}

function change(key: string, baseVersion: number, byte: number) {
  return { key, baseVersion, state: Uint8Array.of(byte), expiresAtMs: EXPIRES_MS };
}

test("a storage thread, serves two workers, and its directory tells what is current", async () => {
  const thread = await startStorageThread({ database: fileOptions("two.db"), appUrl: NOTES_APP_URL });
  assert.equal(thread.first, { type: "ready" });
  const [first, second] = [thread.connect(), thread.connect()];
  const sessions = new SessionDirectory(thread.directory);
  const key = keyOf(1);
  assert.is(await first.load(key), undefined);
  assert.is(await second.version(key), 0);
  assert.equal(await first.commit(change(key, 0, 7)), { version: 1, result: undefined });
  assert.is(sessions.versionOf(parseSessionKey(key)), 1);
  const { createdAtMs, ...loaded } = (await second.load(key))!;
  assert.equal(loaded, { state: Uint8Array.of(7), version: 1, expiresAtMs: EXPIRES_MS });
  assert.ok(createdAtMs <= Date.now());
  const note = { procedure: "note", args: { key, number: 5 } };
  assert.equal(await second.commit({ ...change(key, 1, 8), ...note }), { version: 2, result: 5 });
  assert.is(await codeOf(first.commit(change(key, 1, 9))), "conflict");
  assert.is(await codeOf(first.commit({ ...change(key, 2, 9), ...note })), "procedure_failed");
  assert.is(await codeOf(first.call("nothing", null)), "unknown_procedure");
  assert.is(await first.call("notes", key), 1);
  assert.is(await first.version(key), 2);
  const moved = { ...change(keyOf(2), 2, 9), replacesKey: key };
  assert.is((await first.commit(moved)).version, 3);
  const left = await second.load(key);
  assert.equal([left?.state, left?.version], [Uint8Array.of(0x80), 3], "an empty one is left");
  assert.is(sessions.versionOf(parseSessionKey(key)), 3);
  assert.is(await thread.close(), 0);
  assert.equal(thread.said, [{ type: "ready" }, { type: "closed" }]);
});

test("a storage thread, has what it committed, when it is started again, with the other client of SQLite, too", async () => {
  const database = fileOptions("again.db");
  const first = await startStorageThread({ database });
  await first.connect().commit(change(keyOf(1), 0, 1));
  await first.close();
  const second = await startStorageThread({ database: { ...database, client: "better-sqlite3" } });
  assert.equal((await second.connect().load(keyOf(1)))?.state, Uint8Array.of(1));
  await second.close();
});

test("closing, answers the commits that wait, and then the clients are told", async () => {
  const thread = await startStorageThread({ database: fileOptions("closing.db") });
  const client = thread.connect();
  // An answer shows that the port is attached: messages of two ports are in no order.
  await client.version(keyOf(0));
  // Looked at from the beginning: some may be refused before the thread has ended.
  const commits = Array.from({ length: 300 }, (_, number) =>
    codeOf(client.commit(change(keyOf(number), 0, 1))),
  );
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(await thread.close(), 0);
  const codes = new Set(await Promise.all(commits));
  codes.delete("none");
  codes.delete("unavailable");
  assert.is(codes.size, 0);
  assert.is(client.pending, 0);
  assert.is(await codeOf(client.load(keyOf(1))), "unavailable");
});

test("a worker that is gone, takes its answers with it, and the others are served", async () => {
  const thread = await startStorageThread({ database: MEMORY });
  const [dying, living] = [thread.connect(), thread.connect()];
  await dying.version(keyOf(1));
  const lost = dying.commit(change(keyOf(1), 0, 1));
  dying.close();
  assert.is(await codeOf(lost), "unavailable");
  assert.is((await living.commit(change(keyOf(2), 0, 1))).version, 1);
  await thread.close();
});

test("messages of any kind, are refused, and the thread lives on", async () => {
  const thread = await startStorageThread({ database: MEMORY });
  const port = thread.connectRaw();
  for (const message of [null, "text", { a: 1 }, new Uint8Array(5), encodeValue([1, ["drop", 7, "x"]])]) {
    port.postMessage(message);
    const [reply] = (await once(port, "message")) as [Uint8Array];
    assert.is(decodeReplies(reply)[0]![1], "invalid_request");
  }
  assert.is(await thread.connect().version(keyOf(1)), 0);
  await thread.close();
});

test("a promise that a procedure forgot, is told, and the thread lives on", async () => {
  const thread = await startStorageThread({ database: MEMORY, appUrl: NOTES_APP_URL });
  const client = thread.connect();
  assert.is(await client.call("careless", null), "done");
  assert.is(await client.version(keyOf(1)), 0);
  await thread.close();
  const warning = thread.said.find((message) => message.type === "warning");
  assert.match(warning?.message ?? "", "forgotten");
});

test("a storage thread that cannot start, says why in one sentence, and ends by itself", async () => {
  mkdirSync(join(directory, "folder"));
  writeFileSync(join(directory, "letter.txt"), "Dear reader, this is no database at all.\n".repeat(100));
  const module = (name: string, source: string) => {
    const path = join(directory, name);
    writeFileSync(path, source);
    return { database: MEMORY, appUrl: pathToFileURL(path).href };
  };
  const cases = {
    directory_missing: { database: fileOptions("missing/farm.db") },
    not_a_file: { database: fileOptions("folder") },
    not_a_database: { database: fileOptions("letter.txt") },
    app_load_failed: module("throws.mjs", 'throw new Error("no catalogue\\nat line 5")'),
    app_invalid: module("empty.mjs", "export const nothing = 1"),
    app_migration_failed: module(
      "migrates.mjs",
      'export default { migrations: { a: { up: (database) => database.raw("DROP TABLE nowhere") } } }',
    ),
  };
  for (const [code, options] of Object.entries(cases)) {
    const thread = await startStorageThread(options);
    assert.is(thread.first.type, "failed", code);
    if (thread.first.type !== "failed") return;
    assert.is(thread.first.code, code, thread.first.message);
    assert.match(thread.first.message, /^[^\n]+\.$/);
    assert.not.match(thread.first.message, /\bat (line|file:|Object|async)/);
    assert.is(await thread.exited, 0);
  }
  const procedures = await startStorageThread(
    module("number.mjs", "export default { procedures: { a: 5 } }"),
  );
  assert.is(procedures.first.type === "failed" && procedures.first.code, "app_invalid");
});

test("a second storage thread, is refused the first one's database", async () => {
  const first = await startStorageThread({ database: fileOptions("owned.db") });
  const second = await startStorageThread({ database: fileOptions("owned.db") });
  assert.is(second.first.type === "failed" && second.first.code, "database_in_use");
  await first.close();
});

test.after(() => rmSync(directory, { recursive: true, force: true }));
test.run();
