// The conformance suite on SQLite, in memory and in a file and by both of its clients, and what only SQLite can do wrong.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SqliteOptions } from "../../storage/sqlite-database.js";
import {
  changeOf,
  keyOf,
  noting,
  type OpenStore,
  openStore,
  testSessionStore,
} from "./session-store-conformance.js";

type SqliteClient = SqliteOptions["client"];
const CLIENTS: readonly SqliteClient[] = ["sqlite3", "better-sqlite3"];

function openFileStore(client: SqliteClient): Promise<OpenStore> {
  const directory = mkdtempSync(join(tmpdir(), "limpet-store-"));
  const options: SqliteOptions = { client, filename: join(directory, "farm.db"), durability: "full" };
  return openStore(options, () => rmSync(directory, { recursive: true }));
}

for (const client of CLIENTS) {
  testSessionStore(`${client} in memory`, () =>
    openStore({ client, filename: ":memory:", durability: "full" }),
  );
  testSessionStore(`${client} in a file`, () => openFileStore(client));
}

for (const client of CLIENTS) {
  test(`${client}, a full database, refuses the whole group and serves again, when it has room`, async () => {
    const { store, database, close } = await openFileStore(client);
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
      assert.is(outcome.code === "unavailable" && (outcome.error as { code?: string }).code, "SQLITE_FULL");
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

  test(`${client}, a locked database, answers unavailable and leaves no transaction open, until it is free`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "limpet-store-"));
    const { store, database, close } = await openStore({
      client,
      filename: join(directory, "farm.db"),
      durability: "full",
    });
    await database.raw("PRAGMA busy_timeout = 0");
    // The lock of another program, on a connection of its own.
    const { default: knex } = await import("knex");
    const other = knex({
      // Not the other one: two copies of SQLite in one process do not see each other's locks.
      client,
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

  test(`${client}, a read, never sees what a transaction has not committed, while one is under way`, async () => {
    const { store, close } = await openFileStore(client);
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
}

test.run();
