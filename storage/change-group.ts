// The changes of one transaction, worked out in memory against the versions that the database had when it began: which
// of them may be made, and what is to be written in the end. Two changes of one session see each other as if they had
// been made one after another, yet each record is written once. Knows no SQL.

import { EMPTY_STATE } from "./messages.js";
import type { Change } from "./session-store.js";

/** What the database has of a key: version 0 if there is nothing, or only something expired. */
export interface CurrentRecord {
  readonly version: number;
  /** In ms since the epoch. */
  readonly createdAtMs: number;
}

/** A record to be written. */
export interface Upsert extends CurrentRecord {
  readonly key: string;
  readonly state: Uint8Array;
  readonly expiresAtMs: number;
}

/** How long an empty session stays under a key that was replaced, in ms: longer than any cache keeps a state. */
const REPLACED_RETENTION_MS = 15 * 60_000;

export class ChangeGroup {
  readonly #current: Map<string, CurrentRecord>;
  /** The last word on each key that was changed: null to delete it. */
  readonly #writes = new Map<string, Upsert | null>();
  readonly #nowMs: number;

  /** `current` has what the database has of `keysOf(changes)`; it is used up. */
  constructor(current: Map<string, CurrentRecord>, nowMs: number) {
    this.#current = current;
    this.#nowMs = nowMs;
  }

  /** True if the change was made from what is now current. */
  accepts(change: Change): boolean {
    if (change.replacesKey === null) return this.#versionOf(change.key) === change.baseVersion;
    return this.#versionOf(change.replacesKey) === change.baseVersion && this.#versionOf(change.key) === 0;
  }

  /** Makes an accepted change. Returns the version that the session has now. */
  apply(change: Change): number {
    const createdAtMs = this.#current.get(change.replacesKey ?? change.key)?.createdAtMs ?? this.#nowMs;
    if (change.replacesKey !== null) this.#empty(change.replacesKey, change.baseVersion + 1);
    if (change.state === null) {
      this.#delete(change.key);
      return 0;
    }
    const { key, state, expiresAtMs } = change;
    const version = change.baseVersion + 1;
    this.#current.set(key, { version, createdAtMs });
    this.#writes.set(key, { key, state, version, expiresAtMs, createdAtMs });
    return version;
  }

  upserts(): Upsert[] {
    return [...this.#writes.values()].filter((write) => write !== null);
  }

  deletions(): string[] {
    return [...this.#writes].filter(([, write]) => write === null).map(([key]) => key);
  }

  #versionOf(key: string): number {
    return this.#current.get(key)?.version ?? 0;
  }

  /** Leaves an empty session of that version. */
  #empty(key: string, version: number): void {
    const createdAtMs = this.#nowMs;
    const expiresAtMs = this.#nowMs + REPLACED_RETENTION_MS;
    this.#current.set(key, { version, createdAtMs });
    this.#writes.set(key, { key, state: EMPTY_STATE, version, expiresAtMs, createdAtMs });
  }

  #delete(key: string): void {
    this.#current.delete(key);
    this.#writes.set(key, null);
  }
}

/** The keys that the changes read or write, each once. */
export function keysOf(changes: readonly Change[]): string[] {
  const keys = new Set<string>();
  for (const change of changes) {
    keys.add(change.key);
    if (change.replacesKey !== null) keys.add(change.replacesKey);
  }
  return [...keys];
}
