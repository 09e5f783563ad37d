// The sessions of one worker: from a cookie's text to a session whose state is known to be current, and from a session's
// change to the database and back into the cache. Knows no HTTP and no app. What always holds: an ID that this farm did
// not issue never gets further than `begin`; a cached state is used only after its version was compared with the
// directory's (or the database's); the cache gets a change only after the database has it.

import { VERSION_UNKNOWN } from "../../core/memory/session-directory.js";
import type { SigningSecrets } from "../../core/memory/signing-secrets.js";
import { EMPTY_STATE } from "../../storage/messages.js";
import {
  type PendingCommit,
  RequestSession,
  type SessionCommitter,
  type SessionIdentity,
} from "./session.js";
import { type CachedSession, SessionCache } from "./session-cache.js";
import { SessionIds, sessionKeyOf } from "./session-id.js";
import { ownBytes, StateCodec } from "./session-state.js";
import { NO_STRIPE, SessionTurns, type Turn, type TurnLocks } from "./session-turns.js";
import { type SessionChange, type Storage, StorageError } from "./storage.js";

/** What the sessions need of the session directory (core/memory/session-directory.ts). */
export interface SessionVersions {
  /** The current version under a key's four words: 0 if there is none, `VERSION_UNKNOWN` if the database must be asked. */
  versionOf(keyWords: Int32Array): number;
}

/** The locks between the workers (core/memory/session-locks.ts). */
export interface SessionLocking extends TurnLocks {
  stripeOf(keyWords: Int32Array): number;
}

export interface SessionsOptions {
  /** The same for all workers of the farm. */
  readonly secrets: SigningSecrets;
  readonly storage: Storage;
  readonly directory: SessionVersions;
  /** Default: none, for a worker that is alone. */
  readonly locks?: SessionLocking;
  /** What the cached states may take, in bytes. */
  readonly cacheBytes?: number;
  /** Age at which a cached state is loaded anew. Less than `idleExpiryMs`; half of it if that is shorter than the default. */
  readonly cacheTtlMs?: number;
  /** A session that is not used for so long ends. */
  readonly idleExpiryMs?: number;
  /** A session ends so long after its first commit, however much it is used. Default: never. */
  readonly absoluteExpiryMs?: number;
  readonly maxStateBytes?: number;
  /** Requests of one session that may wait for the one before them. */
  readonly maxWaitingRequests?: number;
  /** How long a request waits for the one before it, in this worker or another. */
  readonly turnWaitMs?: number;
  /** How long a request may keep others of its session waiting. */
  readonly turnLeaseMs?: number;
  /** The time in ms since the epoch. */
  readonly now?: () => number;
}

export const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;
export const DEFAULT_CACHE_TTL_MS = 10 * 60_000;
/** A day, as the stores of express-session have it. */
export const DEFAULT_IDLE_EXPIRY_MS = 24 * 60 * 60_000;
export const DEFAULT_MAX_STATE_BYTES = 64 * 1024;
export const DEFAULT_MAX_WAITING_REQUESTS = 64;
export const DEFAULT_TURN_WAIT_MS = 5_000;
export const DEFAULT_TURN_LEASE_MS = 30_000;

const ALONE: SessionLocking = {
  stripeOf: () => 0,
  tryAcquire: () => true,
  acquire: () => Promise.resolve(true),
  release: () => {},
  isWanted: () => false,
};

/** How much longer than any cached state a destroyed session stays: for a state that was loaded before and cached after. */
const DESTROYED_MARGIN_MS = 60_000;

/** Between two attempts to renew a session that could not be renewed. */
const TOUCH_RETRY_MS = 30_000;

/** A session, and the turn that it is used in. */
export interface EnteredSession {
  readonly session: RequestSession;
  readonly turn: Turn;
}

/** What has happened so far in this worker. */
export interface SessionCounters {
  /** Requests that came without a usable ID. */
  started: number;
  /** Requests that found their state in the cache, verified. */
  cacheHits: number;
  /** Requests that found an old state in the cache. */
  stale: number;
  /** Requests whose session was not in the cache. */
  misses: number;
  /** States asked of the database. */
  loads: number;
  /** Versions asked of the database, the directory not knowing them. */
  versionQueries: number;
  commits: number;
  /** Changes refused because the session had another version by then. */
  conflicts: number;
  /** IDs that this farm has not issued. */
  forgedIds: number;
}

export class Sessions implements SessionCommitter {
  readonly codec: StateCodec;
  readonly counters: SessionCounters = {
    started: 0,
    cacheHits: 0,
    stale: 0,
    misses: 0,
    loads: 0,
    versionQueries: 0,
    commits: 0,
    conflicts: 0,
    forgedIds: 0,
  };
  /** The requests of one session, one after another. */
  readonly turns: SessionTurns;
  readonly #ids: SessionIds;
  readonly #cache: SessionCache;
  readonly #storage: Storage;
  readonly #directory: SessionVersions;
  readonly #locks: SessionLocking;
  readonly #cacheTtlMs: number;
  readonly #idleExpiryMs: number;
  readonly #absoluteExpiryMs: number;
  readonly #now: () => number;
  /** No session is renewed before this time: the last attempt has failed. */
  #touchNotBeforeMs = 0;

  constructor(options: SessionsOptions) {
    this.#idleExpiryMs = options.idleExpiryMs ?? DEFAULT_IDLE_EXPIRY_MS;
    this.#cacheTtlMs = options.cacheTtlMs ?? Math.min(DEFAULT_CACHE_TTL_MS, this.#idleExpiryMs / 2);
    if (!(this.#cacheTtlMs < this.#idleExpiryMs)) {
      throw new RangeError(
        `cacheTtlMs (${this.#cacheTtlMs}) must be less than idleExpiryMs (${this.#idleExpiryMs})`,
      );
    }
    this.#absoluteExpiryMs = options.absoluteExpiryMs ?? Number.POSITIVE_INFINITY;
    this.#now = options.now ?? Date.now;
    this.#storage = options.storage;
    this.#directory = options.directory;
    this.#ids = new SessionIds(options.secrets);
    this.#cache = new SessionCache(options.cacheBytes ?? DEFAULT_CACHE_BYTES, this.#cacheTtlMs, this.#now);
    this.#locks = options.locks ?? ALONE;
    this.turns = new SessionTurns({
      locks: this.#locks,
      maxWaiting: options.maxWaitingRequests ?? DEFAULT_MAX_WAITING_REQUESTS,
      waitMs: options.turnWaitMs ?? DEFAULT_TURN_WAIT_MS,
      leaseMs: options.turnLeaseMs ?? DEFAULT_TURN_LEASE_MS,
      now: () => performance.now(),
    });
    this.codec = new StateCodec(options.maxStateBytes ?? DEFAULT_MAX_STATE_BYTES);
  }

  /** What the cache takes, in bytes. */
  get cacheBytes(): number {
    return this.#cache.bytes;
  }

  /**
   * The session for a cookie's text, if it can be had at once: a new one where there is no ID or one that is not ours, or a
   * cached one that is current and not in use anywhere; its lock is the caller's then (`RequestSession.stripe`), until `unlock`.
   * Undefined otherwise: then `id` is ours, and `open` will have it, in its turn.
   */
  begin(id: string | undefined): RequestSession | undefined {
    if (id === undefined) return this.#start();
    const cached = this.#cache.get(id);
    if (cached === undefined) {
      if (this.turns.isTaken(id) || this.#ids.verify(id)) return undefined;
      this.counters.forgedIds++;
      return this.#start();
    }
    if (this.turns.isTaken(id)) return undefined;
    const stripe = this.#locks.stripeOf(cached.key.words);
    if (!this.#locks.tryAcquire(stripe)) return undefined;
    // Looked at under the lock: from here on no other worker changes it.
    if (this.#directory.versionOf(cached.key.words) !== cached.version) {
      this.#locks.release(stripe);
      return undefined;
    }
    this.counters.cacheHits++;
    return new RequestSession(this, cached, "cache", stripe);
  }

  /** Lets go of the lock that came with a session from `begin`. */
  unlock({ stripe }: RequestSession): void {
    if (stripe !== NO_STRIPE) this.#locks.release(stripe);
  }

  /**
   * The session for a cookie's text, in the caller's turn, which is then to be ended. Rejects with a TurnError or a StorageError.
   */
  async enter(id: string | undefined): Promise<EnteredSession> {
    const session = this.begin(id);
    // `begin` has a session at once for everything but an ID of ours.
    if (session === undefined) return this.openInTurn(id!);
    return { session, turn: this.turns.take(session.id, session.stripe) };
  }

  /** The same for an ID that `begin` has found to be ours. */
  async openInTurn(id: string): Promise<EnteredSession> {
    const identity = this.#identify(id);
    // It may take too long, or another's load fail, and with it the turns of all who wait for it.
    const turn = await this.turns.wait(id, this.#locks.stripeOf(identity.key.words));
    try {
      return { session: await this.open(identity), turn };
    } catch (error) {
      this.turns.endAll(turn, error);
      throw error;
    }
  }

  /** Holds the session's turn for a renewal that goes on after its request. Undefined if it cannot be had. */
  join({ id, key }: SessionIdentity): Turn | undefined {
    return this.turns.join(id, this.#locks.stripeOf(key.words));
  }

  /**
   * The session, from the cache if that is current, else from the database. The caller has its turn, so that many misses are
   * one load. Rejects with a StorageError.
   */
  async open(identity: SessionIdentity): Promise<RequestSession> {
    const cached = this.#cache.get(identity.id);
    if (cached === undefined) {
      this.counters.misses++;
      return this.#load(identity);
    }
    let version = this.#directory.versionOf(cached.key.words);
    if (version === VERSION_UNKNOWN) {
      this.counters.versionQueries++;
      version = await this.#storage.version(cached.key.text);
    }
    if (version !== cached.version) {
      this.counters.stale++;
      return this.#load(cached);
    }
    this.counters.cacheHits++;
    return new RequestSession(this, cached, "cache", NO_STRIPE);
  }

  createIdentity(): SessionIdentity {
    const id = this.#ids.create();
    return { id, key: sessionKeyOf(id) };
  }

  adopt(entry: CachedSession): void {
    this.#cache.set(entry);
  }

  /** Drops what the cache has of a session. */
  forget(id: string): void {
    this.#cache.delete(id);
  }

  /**
   * Writes a change through. A destroyed session stays for as long as a cache may hold an older state of it, as an empty one
   * that ends soon: were its record deleted, the next session under this ID would count its versions from 1 again, and
   * a state of the destroyed one with that very version, in another worker's cache, would pass for current.
   */
  async commit(pending: PendingCommit): Promise<{ entry: CachedSession; result: unknown }> {
    const { base, identity, destroyed, procedure } = pending;
    const state = destroyed ? EMPTY_STATE : ownBytes(pending.state);
    const nowMs = this.#now();
    const remainingMs = destroyed ? this.#cacheTtlMs + DESTROYED_MARGIN_MS : this.#idleExpiryMs;
    // Kept by `regenerate`, which gives the same session another name.
    const createdAtMs = base.version === 0 ? nowMs : base.createdAtMs;
    const expiresAtMs = Math.min(nowMs + remainingMs, this.#endOf(createdAtMs));
    const isRenamed = identity.id !== base.id;
    const change: SessionChange = {
      key: identity.key.text,
      baseVersion: base.version,
      state,
      expiresAtMs,
      ...(isRenamed && base.version > 0 && { replacesKey: base.key.text }),
      ...(procedure !== undefined && { procedure, args: pending.args }),
    };
    try {
      const { version, result } = await this.#storage.commit(change);
      this.counters.commits++;
      const entry = { id: identity.id, key: identity.key, state, version, expiresAtMs, createdAtMs };
      if (isRenamed) this.#cache.delete(base.id);
      this.#cache.set(entry);
      return { entry, result };
    } catch (error) {
      if (error instanceof StorageError && error.code === "conflict") {
        this.counters.conflicts++;
        this.#cache.delete(base.id);
      }
      throw error;
    }
  }

  /** False if somebody is known to have changed the session since, or to have given it another ID. */
  mayBeCurrent({ key, version }: CachedSession): boolean {
    const current = this.#directory.versionOf(key.words);
    return current === version || current === VERSION_UNKNOWN;
  }

  /**
   * True if a request that has only read the session should renew it: when less than half of its time is left, so that
   * reading costs at most two commits in that time. An empty one is not worth it: if it ends, the next request begins
   * with an empty one again. Nor is one that is no longer the session: what an upload has visited may be hours old by its end.
   */
  isTouchDue(entry: CachedSession): boolean {
    const nowMs = this.#now();
    return (
      entry.expiresAtMs - nowMs < this.#idleExpiryMs / 2 &&
      // Its very end cannot be put off.
      entry.expiresAtMs < this.#endOf(entry.createdAtMs) &&
      entry.state.length > EMPTY_STATE.length &&
      nowMs >= this.#touchNotBeforeMs &&
      this.mayBeCurrent(entry)
    );
  }

  /**
   * Renews a session by committing it as it is. The response does not wait for it, but the session's next request does (the
   * caller has the turn): its own commit would conflict with this one. Never rejects: a session that could not be
   * renewed has half its time left for the next attempt.
   */
  async touch(entry: CachedSession): Promise<void> {
    try {
      await this.commit({ base: entry, identity: entry, state: entry.state, destroyed: false });
    } catch (error) {
      const isConflict = error instanceof StorageError && error.code === "conflict";
      if (!isConflict) this.#touchNotBeforeMs = this.#now() + TOUCH_RETRY_MS;
    }
  }

  /** When a session that was first committed then ends for good. */
  #endOf(createdAtMs: number): number {
    return createdAtMs + this.#absoluteExpiryMs;
  }

  /** What the ID alone says, whether there is such a session or not. */
  #identify(id: string): SessionIdentity {
    return { id, key: this.#cache.get(id)?.key ?? sessionKeyOf(id) };
  }

  #start(): RequestSession {
    this.counters.started++;
    return new RequestSession(this, blank(this.createIdentity()), "new", NO_STRIPE);
  }

  /**
   * Where the database has nothing under an ID of ours, the session goes on with an empty state and the same ID: it was begun
   * and nothing was kept in it yet, or it has ended. Only the farm's own IDs get here (their MAC shows it), so nobody can
   * choose the ID of another's session; and a fresh ID would part two requests that come together with the old one.
   */
  async #load(identity: SessionIdentity): Promise<RequestSession> {
    this.counters.loads++;
    const stored = await this.#storage.load(identity.key.text);
    const { id, key } = identity;
    const entry: CachedSession =
      stored === undefined
        ? blank(identity)
        : {
            id,
            key,
            state: ownBytes(stored.state),
            version: stored.version,
            expiresAtMs: stored.expiresAtMs,
            createdAtMs: stored.createdAtMs,
          };
    this.#cache.set(entry);
    return new RequestSession(this, entry, "database", NO_STRIPE);
  }
}

function blank(identity: SessionIdentity): CachedSession {
  return {
    id: identity.id,
    key: identity.key,
    state: EMPTY_STATE,
    version: 0,
    expiresAtMs: Number.POSITIVE_INFINITY,
    createdAtMs: Number.POSITIVE_INFINITY,
  };
}
