// Why something of the storage failed, told apart from the outside: what stops the start (one sentence for the person
// at the terminal, a stable code for everything else), and whether an error is the database's, somebody else's who came
// between, or the statement's. SQLite is known by its result codes, PostgreSQL by SQLSTATE, a connection by the system's.

/** What keeps the storage thread from starting. */
export type StartFailureCode =
  | "directory_missing"
  | "not_a_file"
  | "no_permission"
  | "not_a_database"
  | "database_corrupt"
  | "database_in_use"
  | "database_unavailable"
  | "database_missing"
  | "server_too_old"
  | "tls_failed"
  | "driver_missing"
  | "migration_failed"
  | "app_load_failed"
  | "app_invalid"
  | "app_migration_failed";

/** The storage cannot start. The message is one sentence, fit for a terminal, that names the database and no secret. */
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

/** The error's message in one bounded line. Knex puts the statement before the reason: not passed on. */
export function firstLineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = reasonIn(message, error).trim().split("\n", 1)[0]!;
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH - 1)}…` : line;
}

/** What the database said. sqlite3 begins it with its code; of others all that is known is where it may begin at the latest. */
function reasonIn(message: string, error: unknown): string {
  const reason = message.lastIndexOf(" - SQLITE_");
  if (reason !== -1) return message.slice(reason + 3);
  if (sqliteCodeOf(error) === undefined && sqlStateOf(error) === undefined) return message;
  return withoutStatement(message);
}

/** What stands behind the statement that Knex puts first. */
function withoutStatement(message: string): string {
  return message.slice(message.lastIndexOf(" - ") + 1).replace(/^- /, "");
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** SQLite's primary result code of an error ("SQLITE_BUSY", also where the client tells the extended one), or undefined. */
export function sqliteCodeOf(error: unknown): string | undefined {
  return /^SQLITE_[A-Z]+/.exec(codeOf(error) ?? "")?.[0];
}

/** PostgreSQL's SQLSTATE of an error ("23505"), or undefined. What the server says has a severity, too. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  const isServers = typeof (error as { severity?: unknown } | null | undefined)?.severity === "string";
  return isServers && code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Result codes that say that the database cannot serve now, whatever it is asked: trying part of it again is no use. */
const SQLITE_DOWN = new Set([
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

/**
 * The same for PostgreSQL (Appendix A of its manual): connection exceptions, invalid authorization, no such database, read
 * only (a standby), insufficient resources, lock not available (another farm keeps it for longer than we wait: as
 * SQLITE_BUSY), shutdown, system error, data corrupted.
 */
const POSTGRES_DOWN = /^(08...|28...|3D000|25006|53...|55P03|57P..|58...|XX001|XX002)$/;

/** System calls of a connection: what else fails with the system's codes, a file, say, is not the database. */
const CONNECTION_CALLS = /^(connect|getaddrinfo|read|write|shutdown)$/;

/** What pg and Knex have no code for. */
const CONNECTION_LOST =
  /^(Connection terminated|Client has encountered a connection error|timeout expired|Knex: Timeout acquiring)/;

/** True if the error is the database's (disk full, locked, broken, gone …) and not that of one statement. */
export function isDatabaseDown(error: unknown): boolean {
  const sqlite = sqliteCodeOf(error);
  if (sqlite !== undefined) return SQLITE_DOWN.has(sqlite);
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) return POSTGRES_DOWN.test(sqlState);
  if (!(error instanceof Error)) return false;
  const { message } = error;
  const reason = withoutStatement(message);
  const { syscall } = error as NodeJS.ErrnoException;
  return (
    CONNECTION_CALLS.test(syscall ?? "") || CONNECTION_LOST.test(message) || CONNECTION_LOST.test(reason)
  );
}

/** True if another transaction came between (serialization failure, deadlock): the same may go well the next time. */
export function isContention(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return sqlState === "40001" || sqlState === "40P01";
}

/** True if a statement took longer than it may. */
export function isStatementTimeout(error: unknown): boolean {
  return sqlStateOf(error) === "57014";
}
