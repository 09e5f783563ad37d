// Opening the database: what it is set to, and the code and sentence for each way in which it cannot be opened.

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";
import { firstLineOf, isDatabaseDown, StartFailure } from "../../storage/failure.js";
import { migrateApp, migrateLimpet } from "../../storage/migrations.js";
import type { SqliteOptions } from "../../storage/sqlite-database.js";
import { openFailureOf } from "../../storage/sqlite-failure.js";

const directory = mkdtempSync(join(tmpdir(), "limpet-database-"));

type SqliteClient = SqliteOptions["client"];
const CLIENTS: readonly SqliteClient[] = ["sqlite3", "better-sqlite3"];

function open(filename: string, durability: "full" | "normal" = "full", client: SqliteClient = "sqlite3") {
  return openDatabase({ client, filename, durability });
}

async function startFailureOf(promise: Promise<unknown>): Promise<StartFailure> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, StartFailure);
    assert.not.match((error as StartFailure).message, /\n/);
    return error as StartFailure;
  }
  throw new Error("it did not fail");
}

for (const client of CLIENTS) {
  const openHere = (filename: string) => open(filename, "full", client);

  test(`${client}, a database, is set to durability, one connection and foreign keys`, async () => {
    for (const [durability, synchronous] of [
      ["full", 2],
      ["normal", 1],
    ] as const) {
      const { knex, close } = await open(join(directory, `${client}-${durability}.db`), durability, client);
      assert.equal(await knex.raw("PRAGMA synchronous"), [{ synchronous }]);
      assert.equal(await knex.raw("PRAGMA journal_mode"), [{ journal_mode: "wal" }]);
      assert.equal(await knex.raw("PRAGMA foreign_keys"), [{ foreign_keys: 1 }]);
      assert.is(knex.client.pool.max, 1);
      await close();
    }
  });

  test(`${client}, a database, leaves no log behind, when it is closed`, async () => {
    const filename = join(directory, `${client}-closed.db`);
    const { knex, close } = await openHere(filename);
    await knex.raw("CREATE TABLE t (x)");
    await close();
    assert.throws(() => readFileSync(`${filename}-wal`), /ENOENT/);
    const again = await openHere(filename);
    assert.equal(await again.knex.raw("SELECT name FROM sqlite_master"), [{ name: "t" }]);
    await again.close();
  });

  test(`${client}, a missing directory, is named`, async () => {
    const failure = await startFailureOf(openHere(join(directory, "nowhere", "farm.db")));
    assert.is(failure.code, "directory_missing");
    assert.match(failure.message, join(directory, "nowhere"));
    writeFileSync(join(directory, "file"), "");
    assert.is((await startFailureOf(openHere(join(directory, "file", "farm.db")))).code, "directory_missing");
  });

  test(`${client}, a directory in the file's place, is no file`, async () => {
    mkdirSync(join(directory, `${client}-folder.db`));
    assert.is((await startFailureOf(openHere(join(directory, `${client}-folder.db`)))).code, "not_a_file");
  });

  test(`${client}, a file of something else, is no database`, async () => {
    const filename = join(directory, `${client}-text.db`);
    writeFileSync(filename, "This is a letter, and a long one.\n".repeat(200));
    const failure = await startFailureOf(openHere(filename));
    assert.is(failure.code, "not_a_database");
    assert.match(failure.message, filename);
  });

  test(`${client}, a damaged database, is told from a foreign file`, async () => {
    const filename = join(directory, `${client}-damaged.db`);
    const { knex, close } = await openHere(filename);
    await migrateLimpet(knex);
    await close();
    const bytes = readFileSync(filename);
    // The header (100 bytes) stays; the schema behind it does not.
    bytes.fill(0xa5, 100, 4096);
    writeFileSync(filename, bytes);
    assert.is((await startFailureOf(openHere(filename))).code, "database_corrupt");
  });

  test(`${client}, a second owner, is refused, until the first has closed`, async () => {
    const filename = join(directory, `${client}-shared.db`);
    const first = await openHere(filename);
    const failure = await startFailureOf(openHere(filename));
    assert.is(failure.code, "database_in_use");
    assert.match(failure.message, "another farm");
    assert.equal(
      readdirSync(directory).filter((name) => name.startsWith(`${client}-shared.db-owner`)),
      [`${client}-shared.db-owner`],
      "the lock takes no room on the disk",
    );
    // What is only looked at stays open to everyone.
    const { default: knex } = await import("knex");
    const reader = knex({ client: "sqlite3", connection: { filename }, useNullAsDefault: true });
    await reader.raw("SELECT count(*) FROM sqlite_master");
    await reader.destroy();
    await first.close();
    await (await openHere(filename)).close();
  });
}

test("a directory without permission, is said to be just that", () => {
  const locked = join(directory, "locked");
  mkdirSync(locked);
  chmodSync(locked, 0o500);
  chmodSync(directory, 0o755);
  const database = new URL("../../storage/database.js", import.meta.url).href;
  const script = `import(${JSON.stringify(database)})
    .then(({ openDatabase }) => openDatabase({ client: "sqlite3", filename: process.argv[1], durability: "full" }))
    .then(() => console.log("opened"), (error) => console.log(error.code));`;
  // Root may write anywhere: another user has to try.
  const isRoot = process.getuid?.() === 0;
  const child = spawnSync(process.execPath, ["-e", script, join(locked, "farm.db")], {
    encoding: "utf8",
    cwd: "/",
    ...(isRoot && { uid: 65_534, gid: 65_534 }),
  });
  if (child.stdout === "" && child.stderr.includes("ERR_MODULE_NOT_FOUND")) {
    process.stdout.write("SKIPPED: another user cannot read this build\n");
    return;
  }
  assert.is(child.stdout, "no_permission\n", child.stderr);
});

test("an error of SQLite, becomes its code and one sentence, at opening", () => {
  const codes = {
    SQLITE_NOTADB: "not_a_database",
    SQLITE_CORRUPT: "database_corrupt",
    SQLITE_BUSY: "database_in_use",
    SQLITE_READONLY: "no_permission",
    EACCES: "no_permission",
    SQLITE_IOERR: "database_unavailable",
  };
  for (const [code, expected] of Object.entries(codes)) {
    const failure = openFailureOf(
      Object.assign(new Error(`${code}: it failed\n at x`), { code }),
      "/x/farm.db",
    );
    assert.is(failure.code, expected);
    assert.match(failure.message, "/x/farm.db");
    assert.not.match(failure.message, "\n");
  }
});

test("an extended code, as better-sqlite3 tells it, counts as its primary one", () => {
  const error = (code: string) => Object.assign(new Error("it failed"), { code });
  assert.is(openFailureOf(error("SQLITE_CANTOPEN_ISDIR"), "/x").code, "database_unavailable");
  assert.is(openFailureOf(error("SQLITE_READONLY_DIRECTORY"), "/x").code, "no_permission");
  assert.ok(isDatabaseDown(error("SQLITE_IOERR_WRITE")));
  assert.not(isDatabaseDown(error("SQLITE_CONSTRAINT_UNIQUE")));
});

test("firstLineOf, gives the reason without statement and values, bounded", () => {
  assert.is(
    firstLineOf(
      new Error("insert into `t` values ('secret') - SQLITE_CONSTRAINT: UNIQUE constraint failed: t.x"),
    ),
    "SQLITE_CONSTRAINT: UNIQUE constraint failed: t.x",
  );
  const server = { code: "23505", severity: "ERROR" };
  assert.is(
    firstLineOf(Object.assign(new Error('update "t" set "a" = "a" - $1 - duplicate key value'), server)),
    "duplicate key value",
  );
  const constraint = { code: "SQLITE_CONSTRAINT_UNIQUE" };
  assert.is(
    firstLineOf(Object.assign(new Error("insert - UNIQUE constraint failed: t.x"), constraint)),
    "UNIQUE constraint failed: t.x",
  );
  assert.is(firstLineOf(new Error("Refused: Tea - small is sold out")), "Refused: Tea - small is sold out");
  assert.is(firstLineOf(new Error("first\nsecond")), "first");
  assert.is(firstLineOf("text"), "text");
  assert.is(firstLineOf(undefined), "undefined");
  assert.is(firstLineOf(new Error("x".repeat(1_000))).length, 300);
});

test("migrations of the app, run once, in the order of their names", async () => {
  const filename = join(directory, "migrated.db");
  const ran: string[] = [];
  const step = (name: string) => ({
    up: async () => {
      ran.push(name);
    },
  });
  const first = await open(filename);
  await migrateLimpet(first.knex);
  await migrateApp(first.knex, { "0002_b": step("b"), "0001_a": step("a") });
  await first.close();
  const second = await open(filename);
  await migrateLimpet(second.knex);
  await migrateApp(second.knex, { "0001_a": step("a"), "0002_b": step("b"), "0003_c": step("c") });
  assert.equal(ran, ["a", "b", "c"]);
  // A farm that is killed while it migrates leaves this behind.
  await second.knex("app_migrations_lock").update({ is_locked: 1 });
  await second.close();
  const third = await open(filename);
  await migrateApp(third.knex, {
    "0001_a": step("a"),
    "0002_b": step("b"),
    "0003_c": step("c"),
    "0004_d": step("d"),
  });
  assert.equal(ran, ["a", "b", "c", "d"]);
  await third.close();
});

test("migrations, of which none is left to run, write nothing", async () => {
  const filename = join(directory, "up-to-date.db");
  const migrations = { "0001": { up: async () => {} } };
  const first = await open(filename);
  await migrateLimpet(first.knex);
  await migrateApp(first.knex, migrations);
  await first.close();
  const second = await open(filename);
  await second.knex.raw("PRAGMA query_only = ON");
  await migrateLimpet(second.knex);
  await migrateApp(second.knex, migrations);
  await second.close();
});

test("a migration of the app that fails, is told, and leaves nothing of itself", async () => {
  const { knex, close } = await open(join(directory, "failing.db"));
  await migrateLimpet(knex);
  const failing = {
    async up(database: typeof knex) {
      await database.schema.createTable("half", (table) => table.string("x"));
      await database.raw("INSERT INTO nowhere VALUES (1)");
    },
  };
  const failure = await startFailureOf(migrateApp(knex, { "0001": failing }));
  assert.is(failure.code, "app_migration_failed");
  assert.match(failure.message, "no such table: nowhere");
  assert.not(await knex.schema.hasTable("half"));
  await close();
});

test.after(() => rmSync(directory, { recursive: true, force: true }));
test.run();
