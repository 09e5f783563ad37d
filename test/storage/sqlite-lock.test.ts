// Another program that writes to the database file: a backup, a person at a console. Its lock is waited for, within bounds.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import knex from "knex";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Database, openDatabase } from "../../storage/database.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import { migrateLimpet } from "../../storage/migrations.js";

const folder = mkdtempSync(join(tmpdir(), "limpet-lock-"));
const filename = join(folder, "farm.db");
const change = {
  key: "0123456789abcdef0123456789abcdef",
  state: Uint8Array.of(0x80),
  expiresAtMs: 2 ** 45,
  replacesKey: null,
  procedure: null,
};

const locked = suite("SQLite, locked by another program");
const other = knex({ client: "sqlite3", connection: { filename }, useNullAsDefault: true, pool: { max: 1 } });
let database: Database;
let store: KnexSessionStore;
locked.before(async () => {
  database = await openDatabase({ client: "sqlite3", filename, durability: "full" });
  await migrateLimpet(database.knex);
  store = new KnexSessionStore(database, Date.now);
});
locked.after(async () => {
  await other.destroy();
  await database.close();
  rmSync(folder, { recursive: true });
});

locked("commit, waits for a lock that is soon over, and is done", async () => {
  await other.raw("BEGIN IMMEDIATE");
  const committed = store.commit([{ ...change, baseVersion: 0 }]);
  // For longer than any statement takes that does not wait.
  const released = new Promise((resolve) => setTimeout(resolve, 300)).then(() => other.raw("ROLLBACK"));
  assert.equal(await committed, [{ code: "committed", version: 1, result: null }]);
  await released;
});

locked("commit, gives up on a lock that lasts, changes nothing, and goes on after it", async () => {
  await other.raw("BEGIN IMMEDIATE");
  const [outcome] = await store.commit([{ ...change, baseVersion: 1 }]);
  assert.is(outcome!.code, "unavailable");
  assert.is((await store.versions([change.key])).get(change.key), 1, "what needs no lock is still answered");
  await other.raw("ROLLBACK");
  assert.equal(await store.commit([{ ...change, baseVersion: 1 }]), [
    { code: "committed", version: 2, result: null },
  ]);
});

locked.run();
