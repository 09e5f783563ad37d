// The session of one request, as the app holds it: a view of the cached entry that remembers what the handler asks for
// and commits it. Knows neither requests nor cookies' text. What always holds: the cached entry and the database change
// only by a commit that has succeeded; whatever fails before that leaves them, and this session, at the last commit.

import { EMPTY_STATE } from "../../storage/messages.js";
import type { Session, SessionOrigin, SessionState } from "../app/app.js";
import type { CachedSession } from "./session-cache.js";
import { SECOND_VISIT, SessionError, VISIT_NOT_AWAITED } from "./session-error.js";
import type { SessionKey } from "./session-id.js";
import { type StateCodec, sameBytes } from "./session-state.js";

/** An ID and the key that it is stored under. */
export interface SessionIdentity {
  readonly id: string;
  readonly key: SessionKey;
}

/** A change on its way to the storage. */
export interface PendingCommit {
  readonly base: CachedSession;
  /** The base's own, or a new one after `regenerate`. */
  readonly identity: SessionIdentity;
  readonly state: Uint8Array;
  /** The session was destroyed: what is written is its empty remainder. */
  readonly destroyed: boolean;
  readonly procedure?: string;
  readonly args?: unknown;
}

/** What a session needs of the worker's sessions. */
export interface SessionCommitter {
  readonly codec: StateCodec;
  createIdentity(): SessionIdentity;
  /** Notes a session that was begun or renamed and has nothing to store. */
  adopt(entry: CachedSession): void;
  /** Rejects with a StorageError, having changed nothing. */
  commit(pending: PendingCommit): Promise<{ readonly entry: CachedSession; readonly result: unknown }>;
}

/** What the response has to tell the client about its cookie. */
export type CookieNews = "none" | "set" | "expire";

export class RequestSession implements Session {
  readonly isNew: boolean;
  readonly origin: SessionOrigin;
  /** The ID that the request came with; undefined for a new session. */
  readonly clientId: string | undefined;
  readonly #committer: SessionCommitter;
  /** The session as last committed. */
  #base: CachedSession;
  /** The ID that the client has, and will have. */
  #identity: SessionIdentity;
  /** The state as the handler has it, once it has asked for it. */
  #state: SessionState | undefined;
  #isDestroyed = false;
  #isCommitting = false;
  /** A `withSession` has not ended. */
  #isVisited = false;
  #hasEnded = false;
  #commits = 0;
  #cookieNews: CookieNews = "none";

  /** The lock that came with it, if any (session-turns.ts). */
  readonly stripe: number;

  constructor(committer: SessionCommitter, base: CachedSession, origin: SessionOrigin, stripe: number) {
    this.stripe = stripe;
    this.#committer = committer;
    this.#base = base;
    this.#identity = base;
    this.isNew = origin === "new";
    this.clientId = origin === "new" ? undefined : base.id;
    this.origin = origin;
  }

  get id(): string {
    return this.#identity.id;
  }

  get version(): number {
    return this.#base.version;
  }

  get state(): SessionState {
    this.#assertNotEnded();
    this.#state ??= this.#committer.codec.decode(this.#base.state);
    return this.#state;
  }

  set state(state: SessionState) {
    this.#assertNotEnded();
    this.#state = state;
  }

  regenerate(): void {
    this.#assertUsable();
    this.#identity = this.#committer.createIdentity();
    this.#isDestroyed = false;
  }

  destroy(): void {
    this.#assertUsable();
    this.#identity = this.#base;
    this.#state = {};
    this.#isDestroyed = true;
  }

  commit(): Promise<void> {
    const committed = this.#commitNow().then(() => {});
    committed.catch(() => {});
    return committed;
  }

  commitWith<Result = unknown>(procedure: string, args: unknown): Promise<Result> {
    const result = this.#commitNow(procedure, args);
    // A handler that does not wait for it is answered for with 500 (see `finish`); a rejection that nobody hears of then
    // must not end the worker beside.
    result.catch(() => {});
    return result as Promise<Result>;
  }

  // What follows is for the worker; the app sees the interface `Session` alone.

  /** `Context.withSession`, of a request that has the session all the time. */
  visit<Result>(work: (session: Session) => Result | Promise<Result>): Promise<Result> {
    const result = this.#visit(work);
    // As for `commitWith`.
    result.catch(() => {});
    return result;
  }

  /** The entry that the session now has. */
  get entry(): CachedSession {
    return this.#base;
  }

  /** How many changes of this request have been committed: a request with one cannot be tried again. */
  get commits(): number {
    return this.#commits;
  }

  get cookieNews(): CookieNews {
    return this.#cookieNews;
  }

  /**
   * Ends the request's use of the session. Undefined if there is nothing to commit; else the response must wait. Throws a
   * SessionStateError, rejects with a StorageError; the session is then as it was last committed.
   */
  finish(): Promise<unknown> | undefined {
    if (this.#isVisited) throw new SessionError("session_in_use", VISIT_NOT_AWAITED);
    if (this.#isCommitting) {
      throw new SessionError("commit_in_progress", "the handler ended without waiting for its commitWith");
    }
    const state = this.#changedState();
    this.#hasEnded = true;
    if (state !== undefined) return this.#commit(state);
    this.#finishUnchanged();
    return undefined;
  }

  /** Ends it without committing anything more: the session is what it was at its last commit. */
  abandon(): void {
    this.#hasEnded = true;
    this.#identity = this.#base;
  }

  async #visit<Result>(work: (session: Session) => Result | Promise<Result>): Promise<Result> {
    this.#assertNotEnded();
    if (this.#isVisited) throw new SessionError("session_in_use", SECOND_VISIT);
    this.#isVisited = true;
    try {
      const result = await work(this);
      await this.commit();
      return result;
    } catch (error) {
      // Where a commit is still under way, whose end `work` should have waited for, that decides what was last committed.
      if (!this.#isCommitting) this.#revert();
      throw error;
    } finally {
      this.#isVisited = false;
    }
  }

  async #commitNow(procedure?: string, args?: unknown): Promise<unknown> {
    this.#assertUsable();
    let state: Uint8Array | undefined;
    try {
      state = this.#changedState();
    } catch (error) {
      // In progress for a moment: a handler that does not wait for it must not answer as if it were done (see `finish`).
      this.#isCommitting = true;
      await undefined;
      this.#isCommitting = false;
      this.#revert();
      throw error;
    }
    if (state === undefined && procedure === undefined) return undefined;
    return this.#commit(state ?? this.#base.state, procedure, args);
  }

  #finishUnchanged(): void {
    if (this.#isDestroyed) {
      // One that the client has never heard of needs no cookie to be forgotten.
      this.#cookieNews = this.isNew ? "none" : "expire";
    } else if (this.#identity !== this.#base || (this.isNew && this.#commits === 0)) {
      this.#base = { ...this.#base, id: this.#identity.id, key: this.#identity.key };
      this.#identity = this.#base;
      this.#committer.adopt(this.#base);
      this.#cookieNews = "set";
    }
  }

  /** The bytes to commit, or undefined if the database has them already. */
  #changedState(): Uint8Array | undefined {
    const base = this.#base;
    if (this.#isDestroyed) return base.version === 0 || base.state === EMPTY_STATE ? undefined : EMPTY_STATE;
    if (this.#state !== undefined) {
      const state = this.#committer.codec.encode(this.#state, base.state.length);
      if (!sameBytes(state, base.state)) return state;
    }
    // A stored session moves with its ID. One that was never stored has nothing to move.
    return this.#identity !== base && base.version > 0 ? base.state : undefined;
  }

  async #commit(state: Uint8Array, procedure?: string, args?: unknown): Promise<unknown> {
    this.#isCommitting = true;
    try {
      const { entry, result } = await this.#committer.commit({
        base: this.#base,
        identity: this.#identity,
        state,
        destroyed: this.#isDestroyed,
        ...(procedure !== undefined && { procedure, args }),
      });
      this.#base = entry;
      this.#identity = entry;
      this.#commits++;
      this.#cookieNews = this.#isDestroyed ? "expire" : "set";
      return result;
    } catch (error) {
      this.#revert();
      throw error;
    } finally {
      this.#isCommitting = false;
    }
  }

  /** Back to what was last committed. */
  #revert(): void {
    this.#identity = this.#base;
    this.#state = undefined;
    this.#isDestroyed = false;
  }

  #assertNotEnded(): void {
    if (this.#hasEnded) {
      throw new SessionError(
        "session_ended",
        "the response has been given: its session can no longer be used",
      );
    }
  }

  #assertUsable(): void {
    this.#assertNotEnded();
    if (this.#isCommitting) {
      throw new SessionError("commit_in_progress", "the session's commitWith has not been answered yet");
    }
  }
}
