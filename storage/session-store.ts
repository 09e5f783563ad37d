// The sessions in the database: the interface, and what it promises whatever database is behind it. The test suite
// test/storage/session-store-conformance.ts holds every implementation to it.
//
// Always: what `load` and `versions` return has been committed; an expired session is as good as none; a change is
// done wholly or not at all; the changes of one `commit` behave as if they had been made one after another, in order.
// Versions begin at 1 and count on: so a key must never be used again after its session was deleted or has expired.

import type { Knex } from "knex";

export interface SessionRecord {
  /** MessagePack of the state. */
  readonly state: Uint8Array;
  readonly version: number;
  /** In ms since the epoch. */
  readonly expiresAtMs: number;
  /** When its first version was committed, under whatever key; in ms since the epoch. */
  readonly createdAtMs: number;
}

/** What an app's procedure has become by the time it gets here: it resolves to its encoded result. */
export type ProcedureRun = (database: Knex.Transaction) => Promise<Uint8Array>;

export interface Change {
  /** 32 hexadecimal digits. */
  readonly key: string;
  /**
   * The version that the session must have, 0 for none. With `replacesKey` it is that of the replaced session, and
   * there must be none of `key`.
   */
  readonly baseVersion: number;
  /** The new state in MessagePack, or null to delete the session. */
  readonly state: Uint8Array | null;
  /** In ms since the epoch. */
  readonly expiresAtMs: number;
  /**
   * The key that the session had before. An empty session stays there, with the next version, for as long as a cache may hold an
   * older one: were there none, the versions of a new session under that key would begin at 1 again, and a state of the old
   * one with that very version would pass for current.
   */
  readonly replacesKey: string | null;
  /** Belongs to the change: both are done, or neither. May be run again if the group's transaction is tried again. */
  readonly procedure: ProcedureRun | null;
}

export type Outcome =
  /** Durable. `version` is 0 after a deletion, else `baseVersion + 1`. */
  | { readonly code: "committed"; readonly version: number; readonly result: Uint8Array | null }
  /** The session does not have the base version. Nothing was changed. */
  | { readonly code: "conflict" }
  /** The procedure threw this. Nothing was changed. */
  | { readonly code: "procedure_failed"; readonly error: unknown }
  /** The database failed. Nothing was changed, unless it failed while it was told to commit. */
  | { readonly code: "unavailable"; readonly error: unknown };

/** `load`, `versions` and `expire` reject with the database's error; `commit` never rejects. */
export interface SessionStore {
  /** The sessions of those keys that have one. Keys are distinct. */
  load(keys: readonly string[]): Promise<Map<string, SessionRecord>>;
  /** The versions of those keys that have a session. Keys are distinct. */
  versions(keys: readonly string[]): Promise<Map<string, number>>;
  /** Makes the changes, in one transaction if it can be. One outcome a change, in order; resolves when they are durable. */
  commit(changes: readonly Change[]): Promise<Outcome[]>;
  /** Deletes up to `limit` expired sessions. Resolves to their keys. */
  expire(limit: number): Promise<string[]>;
}
