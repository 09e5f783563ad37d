// A SQLite file, by either of two clients: what it needs to be told (journal, durability), one connection, one owner.
//
// A file belongs to one farm: the session directory of a second one would not learn of the first one's commits.
// The right to it is an exclusive lock on an empty database beside it (`<file>-owner`), which the kernel takes back
// when the process dies, however it dies. The database itself stays open for everyone to read and to back up.

import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Knex } from "knex";
import type { Database } from "./database.js";
import { makeKnex } from "./driver.js";
import { StartFailure, sqliteCodeOf } from "./failure.js";
import { openFailureOf } from "./sqlite-failure.js";
import { sqliteRows } from "./sqlite-rows.js";

export interface SqliteOptions {
  /**
   * "sqlite3" works in a thread of its own; "better-sqlite3" works in the storage's, which makes it several times faster for
   * one load and lets everything wait for a lock or a disk.
   */
  readonly client: "sqlite3" | "better-sqlite3";
  /** Path of the file, or ":memory:". */
  readonly filename: string;
  /**
   * "full": a commit is on the disk before it is answered, and survives the loss of power. "normal": it survives the
   * death of the process; what the operating system had not written when the power went is lost, the file is sound.
   */
  readonly durability: "full" | "normal";
}

/** How long a statement waits for another program's lock, in ms: less than what a worker waits for the storage. */
const BUSY_TIMEOUT_MS = 2_000;

/** SQLite's page cache, in KiB. */
const PAGE_CACHE_KIB = 65_536;

/** Opens (or makes) the database. Throws a `StartFailure`. */
export async function openSqlite({ client, filename, durability }: SqliteOptions): Promise<Database> {
  if (filename === ":memory:") {
    const memory = connect(client, ":memory:", ["PRAGMA foreign_keys = ON"]);
    return owned(
      memory,
      () => undefined,
      () => memory.destroy(),
    );
  }
  const file = resolve(filename);
  checkPath(file);
  const ownership = await takeOwnership(client, file);
  const database = connect(client, file, [
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`,
    "PRAGMA journal_mode = WAL",
    `PRAGMA synchronous = ${durability === "full" ? "FULL" : "NORMAL"}`,
    "PRAGMA foreign_keys = ON",
    `PRAGMA cache_size = ${-PAGE_CACHE_KIB}`,
  ]);
  try {
    const [journal] = await database.raw<{ journal_mode: string }[]>("PRAGMA journal_mode");
    if (journal?.journal_mode !== "wal") throw new Error("its file system cannot hold a write-ahead log");
    // Reads the whole schema: damage there shows now, not at the first request.
    await database.raw("SELECT count(*) FROM sqlite_master");
  } catch (error) {
    await database.destroy();
    await ownership.destroy();
    throw openFailureOf(error, file);
  }
  const whyLost = watchFile(file);
  return owned(database, whyLost, () => closeDatabase(database, ownership));
}

/** A database that is ours alone. */
function owned(knex: Knex, whyLost: Database["whyLost"], close: () => Promise<void>): Database {
  const migrate = (run: () => Promise<void>) => run();
  return { knex, rows: sqliteRows, migrate, isShared: false, follow: undefined, whyLost, close };
}

/** What is open is the file of that name, as long as the name leads to the same one. */
function watchFile(file: string): Database["whyLost"] {
  const opened = statSync(file, { bigint: true });
  return () => {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (found?.ino === opened.ino && found.dev === opened.dev) return undefined;
    return `the database ${file} was ${found === undefined ? "removed" : "replaced"} while it was in use`;
  };
}

async function closeDatabase(database: Knex, ownership: Knex): Promise<void> {
  try {
    await database.raw("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // The log stays beside the database and is read at the next start: nothing is lost.
  }
  await database.destroy();
  await ownership.destroy();
}

function connect(client: SqliteOptions["client"], filename: string, pragmas: readonly string[]): Knex {
  return makeKnex(client, {
    connection: { filename },
    useNullAsDefault: true,
    pool: {
      // One connection and never another: with two, ":memory:" is two databases, and a file's writers wait for each other.
      min: 1,
      max: 1,
      afterCreate: client === "sqlite3" ? preparing(pragmas) : preparingSynchronously(pragmas),
    },
  });
}

type Done = (error: Error | null) => void;

/** The part of sqlite3's connection that is used here. */
interface SqliteConnection {
  serialize(): void;
  exec(sql: string, done: Done): void;
}

function preparing(pragmas: readonly string[]) {
  return (connection: SqliteConnection, done: Done) => {
    // Statements run in the order in which they were given, also those that an app's procedure did not await or
    // that it still had running when its time was up: a ROLLBACK must not overtake them. better-sqlite3 knows no other.
    connection.serialize();
    connection.exec(pragmas.join(";"), done);
  };
}

/** The part of better-sqlite3's. */
interface SynchronousConnection {
  exec(sql: string): void;
}

function preparingSynchronously(pragmas: readonly string[]) {
  return (connection: SynchronousConnection, done: Done) => {
    try {
      connection.exec(pragmas.join(";"));
      done(null);
    } catch (error) {
      done(error as Error);
    }
  };
}

async function takeOwnership(client: SqliteOptions["client"], filename: string): Promise<Knex> {
  // Nothing is ever written to it: a journal, which the lock would have on the disk, needs room that there may not be.
  const pragmas = ["PRAGMA busy_timeout = 0", "PRAGMA journal_mode = MEMORY"];
  const ownership = connect(client, `${filename}-owner`, pragmas);
  try {
    await ownership.raw("BEGIN EXCLUSIVE");
    return ownership;
  } catch (error) {
    await ownership.destroy();
    if (sqliteCodeOf(error) === "SQLITE_BUSY") {
      throw new StartFailure("database_in_use", `The database ${filename} is in use by another farm.`);
    }
    throw openFailureOf(error, `${filename}-owner`);
  }
}

/** What the file system can tell more plainly than SQLite, whose answer to all of these is "unable to open". */
function checkPath(filename: string): void {
  const directory = dirname(filename);
  try {
    if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      throw new StartFailure(
        "directory_missing",
        `The directory ${directory} of the database does not exist.`,
      );
    }
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    const file = statSync(filename, { throwIfNoEntry: false });
    if (!file) return;
    if (!file.isFile()) throw new StartFailure("not_a_file", `The database ${filename} is not a file.`);
    accessSync(filename, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw error instanceof StartFailure ? error : openFailureOf(error, filename);
  }
}
