// What an app is: a module whose default export has this shape, the one that Bun, Deno, Workers and Hono share
// (`fetch(request, context)`), with what limpet adds beside it. This file is the public entry "limpet/app".

import type { Knex } from "knex";
import type { HttpRequest } from "../http/request.js";
import type { HttpResponse } from "../http/response.js";

export type { HttpRequest } from "../http/request.js";
export { HttpResponse } from "../http/response.js";

/** An app's SQL: runs in the storage thread, within a transaction when called through `session.commitWith`. */
export type Procedure = (database: Knex | Knex.Transaction, args: never) => Promise<unknown>;

/** A step of the app's own schema, run by Knex in the order of the names when the farm starts. */
export interface AppMigration {
  up(database: Knex): Promise<void>;
  down?(database: Knex): Promise<void>;
}

/** Where the session's state came from for this request. */
export type SessionOrigin = "new" | "cache" | "database";

/** A plain object that MessagePack can carry. */
export type SessionState = Record<string, unknown>;

/** A user's state, kept across requests and workers. */
export interface Session {
  /** What the cookie carries. Changes with `regenerate`. */
  readonly id: string;
  /** True in the response that starts the session. */
  readonly isNew: boolean;
  /** Where the state came from: begun by this request, this worker's cache (verified), or the database. */
  readonly origin: SessionOrigin;
  /** The version of the state as loaded: 0 for one that was never stored, +1 with each committed change. */
  readonly version: number;
  /** Change it as you like; a difference is committed before the response leaves. If the handler throws, nothing has changed. */
  state: SessionState;
  /** Gives the session a new ID and forgets the old one: at login, against fixation. */
  regenerate(): void;
  /** Deletes the session and its state. */
  destroy(): void;
  /**
   * Commits the state as it is now and runs a procedure in the same transaction: both happen, or neither. Resolves to
   * the procedure's result once the commit is durable. If the procedure throws, so does this, and `state` is again what
   * was last committed.
   */
  commitWith<Result = unknown>(procedure: string, args: unknown): Promise<Result>;
}

/** What a request comes with. */
export interface Context {
  readonly session: Session;
  /** The peer: its IP address and port. */
  readonly source: { readonly address: string; readonly port: number };
  /** Number of the worker that serves this request. */
  readonly worker: number;
  /** Runs a procedure outside of the session's transaction, for reading. */
  call<Result = unknown>(procedure: string, args?: unknown): Promise<Result>;
}

export interface App {
  /** Answers a request. A WHATWG `Response` is accepted too; `HttpResponse` is the fast one. */
  fetch(request: HttpRequest, context: Context): HttpResponse | Response | Promise<HttpResponse | Response>;
  /** True for requests that neither need nor start a session (static files, health checks). */
  sessionless?(request: HttpRequest): boolean;
  /** Runs in each worker before its first request. */
  setup?(context: { readonly worker: number; call: Context["call"] }): void | Promise<void>;
  /** Runs in each worker when it stops. */
  teardown?(): void | Promise<void>;
  readonly procedures?: Readonly<Record<string, Procedure>>;
  readonly migrations?: Readonly<Record<string, AppMigration>>;
}
