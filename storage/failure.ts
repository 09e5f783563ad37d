// Why something of the storage failed, told apart from the outside: what stops the start (one sentence for the person
// at the terminal, a stable code for everything else), and whether an error is the database's or the statement's.

/** What keeps the storage thread from starting. */
export type StartFailureCode =
  | "directory_missing"
  | "not_a_file"
  | "no_permission"
  | "not_a_database"
  | "database_corrupt"
  | "database_in_use"
  | "database_unavailable"
  | "migration_failed"
  | "app_load_failed"
  | "app_invalid"
  | "app_migration_failed";

/** The storage cannot start. The message is one sentence, fit for a terminal, that names the file. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly code: StartFailureCode;

  constructor(code: StartFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Longest message of an app's or the database's error that is passed on, in UTF-16 units. */
const MAX_MESSAGE_LENGTH = 300;

/** The error's message in one bounded line. Knex puts the statement and its values before the reason: not passed on. */
export function firstLineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.lastIndexOf(" - SQLITE_");
  const line = (reason === -1 ? message : message.slice(reason + 3)).trim().split("\n", 1)[0]!;
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : line;
}

/** SQLite's primary result code of an error ("SQLITE_BUSY"), or undefined if it has none. */
export function sqliteCodeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" && code.startsWith("SQLITE_") ? code : undefined;
}

/** Result codes that say that the database cannot serve now, whatever it is asked: trying part of it again is no use. */
const DATABASE_DOWN = new Set([
  "SQLITE_BUSY",
  "SQLITE_FULL",
  "SQLITE_IOERR",
  "SQLITE_NOMEM",
  "SQLITE_READONLY",
  "SQLITE_CANTOPEN",
  "SQLITE_PERM",
  "SQLITE_PROTOCOL",
  "SQLITE_CORRUPT",
  "SQLITE_NOTADB",
]);

/** True if the error is the database's (disk full, locked, broken …) and not that of one statement. */
export function isDatabaseDown(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return code !== undefined && DATABASE_DOWN.has(code);
}

/** What a person is told when the database file cannot be opened. */
export function openFailureOf(error: unknown, filename: string): StartFailure {
  const code = (error as { code?: unknown }).code;
  switch (code) {
    case "SQLITE_NOTADB":
      return new StartFailure("not_a_database", `The file ${filename} is not a SQLite database.`);
    case "SQLITE_CORRUPT":
      return new StartFailure(
        "database_corrupt",
        `The database ${filename} is damaged: ${firstLineOf(error)}.`,
      );
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
      return new StartFailure("database_in_use", `The database ${filename} is locked by another program.`);
    case "SQLITE_PERM":
    case "SQLITE_READONLY":
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StartFailure(
        "no_permission",
        `The database ${filename} cannot be opened: no permission to read and write it and its directory.`,
      );
    default:
      return new StartFailure(
        "database_unavailable",
        `The database ${filename} cannot be opened: ${firstLineOf(error)}.`,
      );
  }
}
