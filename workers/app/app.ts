// What an app is: a module whose default export has this shape, the one that Bun, Deno, Workers and Hono share
// (`fetch(request, context)`), with what limpet adds beside it. This file is the public entry "limpet/app".

import type { Knex } from "knex";
import type { BodyRules } from "../http/options.js";
import type { HttpRequest } from "../http/request.js";
import type { HttpResponse } from "../http/response.js";

export { StaticFile, type StaticFileInit } from "../files/static-file.js";
export { RequestBodyError, type RequestBodyErrorCode } from "../http/incoming-body.js";
export type { BodyRules } from "../http/options.js";
export type { HttpRequest } from "../http/request.js";
export { HttpResponse } from "../http/response.js";
export {
  SessionError,
  type SessionErrorCode,
  SessionStateError,
  type SessionStateErrorCode,
} from "../session/session-error.js";
export { StorageError, type StorageErrorCode } from "../session/storage.js";

/** An app's SQL: runs in the storage thread, within a transaction when called through `session.commitWith`. */
export type Procedure = (database: Knex | Knex.Transaction, args: never) => Promise<unknown>;

/** A step of the app's own schema, run by Knex in the order of the names when the farm starts. */
export interface AppMigration {
  up(database: Knex): Promise<void>;
  down?(database: Knex): Promise<void>;
}

/** Where the session's state came from for this request. */
export type SessionOrigin = "new" | "cache" | "database";

/**
 * A plain object of what MessagePack can carry and give back: null, undefined, booleans, numbers, strings, bigints of 64
 * bits, Dates, Uint8Arrays, arrays and plain objects. At most 64 KiB encoded, unless the farm is told otherwise
 * (`maxStateKib`).
 */
export type SessionState = Record<string, unknown>;

/**
 * A user's state, kept across requests and workers. Requests of one session that come at the same time are served one
 * after another. Throws a `SessionError` when used after the response was given.
 */
export interface Session {
  /** What the cookie carries. Changes with `regenerate`. */
  readonly id: string;
  /** True in the response that starts the session. */
  readonly isNew: boolean;
  /** Where the state came from: begun by this request, this worker's cache (verified), or the database. */
  readonly origin: SessionOrigin;
  /** The version of the state as loaded: 0 for one that was never stored, +1 with each committed change. */
  readonly version: number;
  /**
   * Change it as you like; a difference is committed before the response leaves. If the handler throws, nothing has
   * changed; nor has it if the state is too large, which is answered with 413, or cannot be kept, which is 500: `commit()`
   * lets a handler answer for that itself. An empty state that was never filled is not stored. Reading throws a
   * `SessionStateError` ("state_corrupt") if what is stored cannot be read.
   */
  state: SessionState;
  /** Gives the session a new ID and forgets the old one: at login, against fixation. Takes effect with the next commit. */
  regenerate(): void;
  /** Deletes the session's state and its cookie, with the next commit. What `state` is given afterwards is not kept. */
  destroy(): void;
  /**
   * Commits the state as it is now, if it has changed, without waiting for the handler's end: for a handler that wants to know
   * how it went. Rejects with a `SessionStateError` ("state_too_large", whose `status` is 413, or "state_not_encodable") or a
   * `StorageError`; the session, and `state`, are then again what was last committed. Rules as for `commitWith`.
   */
  commit(): Promise<void>;
  /**
   * Commits the state as it is now and runs a procedure in the same transaction: both happen, or neither. Resolves to
   * the procedure's result once the commit is durable, and what it has committed stays committed even if the handler
   * throws afterwards. If the procedure throws, so does this, with a `StorageError` ("procedure_failed"), and `state` is
   * again what was last committed. May be called as often as is needed, but one call must be answered before the
   * next, and the handler must wait for it: with others a `SessionError` ("commit_in_progress") is thrown.
   *
   * The errors of `commit` are this one's too. Other `StorageError`s: "conflict" (somebody else has changed the session
   * meanwhile) and "unavailable". A handler that does not catch them is answered for with 409 and 503; a GET or HEAD is
   * first tried once more after a conflict.
   */
  commitWith<Result = unknown>(procedure: string, args: unknown): Promise<Result>;
}

/** The peer: its IP address and port. */
export interface Source {
  readonly address: string;
  readonly port: number;
}

/** What a request comes with. */
export interface Context {
  /**
   * Throws a `SessionError` when used in a request that the app has called sessionless ("sessionless"), or whose body is streamed
   * ("body_streamed").
   */
  readonly session: Session;
  /**
   * Gives `work` the session, and resolves to its result once what it has changed is committed. This is how a request whose body is
   * streamed has a session: for a moment each time, before the body to see whose it is, after it to write down what has come,
   * and never while the client is at its leisure, since other requests of the session wait meanwhile. Each time the state is
   * the current one. Needs no `this`; one at a time (`SessionError`, "session_in_use"). Rejects with what `work` throws, after
   * which the session is what was last committed, and with the errors of `Session.commit`.
   */
  readonly withSession: <Result>(work: (session: Session) => Result | Promise<Result>) => Promise<Result>;
  readonly source: Source;
  /** Number of the worker that serves this request. */
  readonly worker: number;
  /** Runs a procedure outside of the session's transaction, for reading. Needs no `this`. */
  readonly call: <Result = unknown>(procedure: string, args?: unknown) => Promise<Result>;
}

/** A request of the datagram service: `[id, path, body]` in MessagePack, in one UDP datagram. */
export interface DatagramRequest {
  readonly path: string;
  /** Whatever the client has sent with it; undefined if nothing. */
  readonly body: unknown;
}

/**
 * What a datagram comes with. No session: a datagram carries no proof of its source, so anyone could use a session that
 * goes by the address.
 */
export type DatagramContext = Pick<Context, "source" | "worker" | "call">;

export interface App {
  /**
   * Answers a request. A WHATWG `Response` is accepted too; `HttpResponse` is the fast one. A GET or HEAD whose change of
   * the session came second to somebody else's is given to it once more, with the new state.
   */
  fetch(request: HttpRequest, context: Context): HttpResponse | Response | Promise<HttpResponse | Response>;
  /** True for requests that neither need nor start a session (static files, health checks). */
  sessionless?(request: HttpRequest): boolean;
  /**
   * Says how the body of a request is taken; asked once its head has come and before anything of its body is read, or waited
   * for (100 Continue). Without it, or where it gives undefined, a body of up to 16 MiB is gathered before `fetch` is called.
   * What is longer than allowed is answered with 413 without being read, where its length is announced.
   */
  body?(request: HttpRequest): BodyRules | undefined;
  /**
   * Answers a datagram with anything that MessagePack can carry and one datagram can hold. The source's address is not
   * authenticated: keep answers short, or the service amplifies what somebody sends under another's address.
   */
  datagram?(request: DatagramRequest, context: DatagramContext): unknown;
  /** Runs in each worker before its first request. */
  setup?(context: Pick<Context, "worker" | "call">): void | Promise<void>;
  /** Runs in each worker when it stops. */
  teardown?(): void | Promise<void>;
  readonly procedures?: Readonly<Record<string, Procedure>>;
  readonly migrations?: Readonly<Record<string, AppMigration>>;
}
