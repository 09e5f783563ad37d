// A worker's own sessions: ID -> encoded state and version, least recently used out first, bounded in bytes and in age.
// Knows no storage. What always holds: only IDs that were verified get in, so a hit needs no MAC; an entry is never
// changed, only replaced; it may be old, and whoever uses it compares its version with the session directory first.

import { LRUCache } from "lru-cache";
import type { SessionKey } from "./session-id.js";

/** A session as this worker knows it. */
export interface CachedSession {
  readonly id: string;
  readonly key: SessionKey;
  /** MessagePack; nobody changes these bytes. */
  readonly state: Uint8Array;
  /** 0 if it was never stored. */
  readonly version: number;
  /** When the stored session ends if it is not renewed, in ms since the epoch; Infinity if it was never stored. */
  readonly expiresAtMs: number;
  /** When it was first stored, in ms since the epoch; Infinity if it never was. */
  readonly createdAtMs: number;
}

/** What an entry takes beside its state, measured: two strings, two typed arrays, two objects, its place in the cache. */
export const ENTRY_OVERHEAD_BYTES = 840;

export class SessionCache {
  readonly #entries: LRUCache<string, CachedSession>;
  readonly #ttlMs: number;
  readonly #now: () => number;

  /** `maxBytes` counts states and overhead; `now` is the time in ms, never 0. */
  constructor(maxBytes: number, ttlMs: number, now: () => number) {
    this.#ttlMs = ttlMs;
    this.#now = now;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: (entry) => entry.state.length + ENTRY_OVERHEAD_BYTES,
      ttl: ttlMs,
      // Ask the clock each time: the default keeps the time in a timer, which costs more than the clock does.
      ttlResolution: 0,
      perf: { now },
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): CachedSession | undefined {
    return this.#entries.get(id);
  }

  /** Keeps it until its age or the session's own end; not at all if it alone is larger than the cache. */
  set(entry: CachedSession): void {
    // One less, because what is as old as its TTL is still given; to the database, a session has ended by then. And 0 is for ever.
    const ttlMs = Math.min(this.#ttlMs, entry.expiresAtMs - this.#now()) - 1;
    if (ttlMs <= 0) this.#entries.delete(entry.id);
    else this.#entries.set(entry.id, entry, { ttl: ttlMs });
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }
}
