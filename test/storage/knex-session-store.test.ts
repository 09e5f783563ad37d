// The conformance suite on SQLite in memory and in a file, and what only SQLite can do wrong.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import { migrateLimpet } from "../../storage/migrations.js";
import {
  changeOf,
  keyOf,
  noting,
  type OpenStore,
  START_MS,
  testSessionStore,
} from "./session-store-conformance.js";

async function openStore(filename: string, onClose: () => void = () => {}): Promise<OpenStore> {
  const { knex, close } = await openDatabase({ client: "sqlite3", filename, durability: "full" });
  let nowMs = START_MS;
  await migrateLimpet(knex);
  await knex.schema.createTable("notes", (table) => {
    table.string("text").unique();
  });
  return {
    store: new KnexSessionStore(knex, () => nowMs),
    database: knex,
    setNow: (ms) => {
      nowMs = ms;
    },
    close: async () => {
      await close();
      onClose();
    },
  };
}

function openFileStore(): Promise<OpenStore> {
  const directory = mkdtempSync(join(tmpdir(), "limpet-store-"));
  return openStore(join(directory, "farm.db"), () => rmSync(directory, { recursive: true }));
}

testSessionStore("sqlite3 in memory", () => openStore(":memory:"));
testSessionStore("sqlite3 in a file", openFileStore);

test("a full database, refuses the whole group and serves again, when it has room", async () => {
  const { store, database, close } = await openFileStore();
  await store.commit([changeOf(keyOf(1), 0, "a")]);
  const [{ page_count: pages }] = await database.raw("PRAGMA page_count");
  await database.raw(`PRAGMA max_page_count = ${pages}`);
  const large = "x".repeat(100_000);
  let runs = 0;
  const counting = async () => Uint8Array.of(++runs);
  const full = await store.commit([
    changeOf(keyOf(1), 1, "b"),
    changeOf(keyOf(2), 0, large, { procedure: counting }),
  ]);
  assert.equal(
    full.map(({ code }) => code),
    ["unavailable", "unavailable"],
  );
  assert.is(runs, 1, "a database that is down is not tried again for each change");
  const filling = await store.commit([
    changeOf(keyOf(3), 0, "c"),
    changeOf(keyOf(4), 0, "d", { procedure: noting(large) }),
  ]);
  for (const outcome of filling) {
    assert.is(outcome.code, "unavailable");
    assert.match(outcome.code === "unavailable" ? String(outcome.error) : "", "SQLITE_FULL");
  }
  assert.is((await store.versions([keyOf(1)])).get(keyOf(1)), 1);
  assert.is((await store.versions([keyOf(3)])).size, 0);
  await database.raw("PRAGMA max_page_count = 1000000");
  const again = await store.commit([changeOf(keyOf(1), 1, "b"), changeOf(keyOf(2), 0, large)]);
  assert.equal(
    again.map(({ code }) => code),
    ["committed", "committed"],
  );
  await close();
});

test("a locked database, answers unavailable and leaves no transaction open, until it is free", async () => {
  const directory = mkdtempSync(join(tmpdir(), "limpet-store-"));
  const { store, database, close } = await openStore(join(directory, "farm.db"));
  await database.raw("PRAGMA busy_timeout = 0");
  // The lock of another program, on a connection of its own.
  const { default: knex } = await import("knex");
  const other = knex({
    client: "sqlite3",
    connection: { filename: join(directory, "farm.db") },
    useNullAsDefault: true,
  });
  await other.raw("BEGIN IMMEDIATE");
  const locked = await store.commit([
    changeOf(keyOf(1), 0, "a", { procedure: noting("one") }),
    changeOf(keyOf(2), 0, "b"),
  ]);
  assert.equal(
    locked.map(({ code }) => code),
    ["unavailable", "unavailable"],
  );
  assert.is((await store.load([keyOf(1)])).size, 0);
  await other.raw("ROLLBACK");
  await other.destroy();
  const free = await store.commit([changeOf(keyOf(1), 0, "a", { procedure: noting("one") })]);
  assert.equal(
    free.map(({ code }) => code),
    ["committed"],
  );
  await close();
  rmSync(directory, { recursive: true });
});

test("a read, never sees what a transaction has not committed, while one is under way", async () => {
  const { store, close } = await openFileStore();
  await store.commit([changeOf(keyOf(1), 0, "old")]);
  let reading: Promise<Map<string, number>> | undefined;
  const commit = store.commit([
    changeOf(keyOf(1), 1, "new", {
      procedure: async () => {
        reading = store.versions([keyOf(1)]);
        return Uint8Array.of();
      },
    }),
  ]);
  await commit;
  // It waited for the connection: what it then saw was durable.
  assert.is((await reading!).get(keyOf(1)), 2);
  await close();
});

test.run();
