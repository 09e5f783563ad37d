// Opens the database that the storage thread owns, and closes it. The one place that knows what SQLite needs to be told:
// journal, durability, one connection. Knows no table.
//
// A SQLite file belongs to one farm: the session directory of a second one would not learn of the first one's commits.
// The right to it is an exclusive lock on an empty database beside it (`<file>-owner`), which the kernel takes back
// when the process dies, however it dies. The database itself stays open for everyone to read and to back up.

import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import knex, { type Knex } from "knex";
import { openFailureOf, StartFailure } from "./failure.js";

export interface DatabaseOptions {
  readonly client: "sqlite3";
  /** Path of the file, or ":memory:". */
  readonly filename: string;
  /**
   * "full": a commit is on the disk before it is answered, and survives the loss of power. "normal": it survives the
   * death of the process; what the operating system had not written when the power went is lost, the file is sound.
   */
  readonly durability: "full" | "normal";
}

export interface Database {
  readonly knex: Knex;
  /** Moves the write-ahead log into the database file, closes it and gives up the right to it. */
  close(): Promise<void>;
}

/** How long a statement waits for another program's lock, in ms: less than what a worker waits for the storage. */
const BUSY_TIMEOUT_MS = 2_000;

/** SQLite's page cache, in KiB. */
const PAGE_CACHE_KIB = 65_536;

/** Opens (or makes) the database. Throws a `StartFailure`. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.filename === ":memory:") {
    const memory = connect(":memory:", ["PRAGMA foreign_keys = ON"]);
    return { knex: memory, close: () => memory.destroy() };
  }
  const filename = resolve(options.filename);
  checkPath(filename);
  const ownership = await takeOwnership(filename);
  const database = connect(filename, [
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`,
    "PRAGMA journal_mode = WAL",
    `PRAGMA synchronous = ${options.durability === "full" ? "FULL" : "NORMAL"}`,
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
    throw openFailureOf(error, filename);
  }
  return { knex: database, close: () => closeDatabase(database, ownership) };
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

function connect(filename: string, pragmas: readonly string[]): Knex {
  return knex({
    client: "sqlite3",
    connection: { filename },
    useNullAsDefault: true,
    // Knex would print what it also throws.
    log: { warn: ignore, error: ignore, deprecate: ignore, debug: ignore },
    pool: {
      // One connection and never another: with two, ":memory:" is two databases, and a file's writers wait for each other.
      min: 1,
      max: 1,
      afterCreate: (connection: SqliteConnection, done: (error: Error | null) => void) => {
        // Statements run in the order in which they were given, also those that an app's procedure did not await or
        // that it still had running when its time was up: a ROLLBACK must not overtake them.
        connection.serialize();
        connection.exec(pragmas.join(";"), done);
      },
    },
  });
}

function ignore(): void {}

/** The part of sqlite3's connection that is used here. */
interface SqliteConnection {
  serialize(): void;
  exec(sql: string, done: (error: Error | null) => void): void;
}

async function takeOwnership(filename: string): Promise<Knex> {
  const ownership = connect(`${filename}-owner`, ["PRAGMA busy_timeout = 0"]);
  try {
    await ownership.raw("BEGIN EXCLUSIVE");
    return ownership;
  } catch (error) {
    await ownership.destroy();
    if ((error as { code?: unknown }).code === "SQLITE_BUSY") {
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
