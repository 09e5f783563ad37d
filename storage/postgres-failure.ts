// What a person is told when a PostgreSQL database cannot be opened: one sentence that names server, database and user, and
// never a password. Knows no pool and no table.

import { firstLineOf, StartFailure, sqlStateOf } from "./failure.js";

/** Whom the sentence is about. */
export interface PostgresTarget {
  /** "db.example.com:5432" or the path of a socket. */
  readonly server: string;
  readonly database: string;
  readonly user: string;
}

/** Oldest major version that is taken: client_connection_check_interval came with it. */
export const MIN_SERVER_VERSION = 14;

/** `versionNumber` is the server's `server_version_num`: 150007 for 15.7. Throws a `StartFailure`. */
export function checkServerVersion(versionNumber: number, { server }: PostgresTarget): void {
  const major = Math.floor(versionNumber / 10_000);
  if (major >= MIN_SERVER_VERSION) return;
  throw new StartFailure(
    "server_too_old",
    `The PostgreSQL server at ${server} is version ${major}, and limpet needs ${MIN_SERVER_VERSION} or newer.`,
  );
}

/** What TLS says of a certificate that it does not take (OpenSSL's names, as Node has them). */
const CERTIFICATE_FAULT = /CERT|SIGNATURE|ERR_TLS|ERR_SSL|EPROTO/;

/** `error` is what connecting, or the first statements, failed of. */
export function postgresFailureOf(error: unknown, target: PostgresTarget): StartFailure {
  if (error instanceof StartFailure) return error;
  const { server, database, user } = target;
  const sqlState = sqlStateOf(error);
  const reason = firstLineOf(error);
  if (sqlState === "28P01" || /SASL|client password/.test(reason)) {
    return new StartFailure(
      "no_permission",
      `The PostgreSQL server at ${server} does not let the user ${user} in: the password is wrong or missing.`,
    );
  }
  if (sqlState === "3D000") {
    return new StartFailure(
      "database_missing",
      `The PostgreSQL server at ${server} has no database ${database}: createdb ${database}`,
    );
  }
  if (sqlState === "28000" || sqlState === "42501") {
    return new StartFailure(
      "no_permission",
      `The PostgreSQL server at ${server} does not let the user ${user} use the database ${database}: ${reason}.`,
    );
  }
  if (/does not support SSL/.test(reason) || CERTIFICATE_FAULT.test(codeOf(error))) {
    return new StartFailure("tls_failed", `No TLS with the PostgreSQL server at ${server}: ${reason}.`);
  }
  return new StartFailure(
    "database_unavailable",
    `The PostgreSQL database ${database} at ${server} cannot be opened: ${plainReasonOf(error)}.`,
  );
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
}

/** The commonest of the system's codes in words. A host with many addresses fails with one error for each. */
function plainReasonOf(error: unknown): string {
  const first = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  switch (codeOf(first)) {
    case "ECONNREFUSED":
      return "the connection is refused, nobody listens there";
    case "ENOENT":
      return (first as NodeJS.ErrnoException).syscall === "connect"
        ? "there is no such socket, the server does not run"
        : firstLineOf(first);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host's name is not known";
    default:
      return /^timeout expired/.test(firstLineOf(first)) ? "the server does not answer" : firstLineOf(first);
  }
}
