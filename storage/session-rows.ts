// What `KnexSessionStore` leaves to the database's own SQL: the rows of the sessions' table as a group of changes finds
// and leaves them. An implementation knows that the database has one owner, or sees to it that it need not have.

import type { Knex } from "knex";
import type { ChangeGroup, CurrentRecord } from "./change-group.js";

/** Most keys, or records of six values, in one statement: SQLite takes 32,766 values, PostgreSQL 65,535. */
export const ROWS_PER_STATEMENT = 1_000;

export interface SessionRow {
  readonly key: string;
  readonly state: Uint8Array;
  readonly version: number;
  readonly expires_at: number;
  readonly created_at: number;
}

export interface SessionRows {
  /** The sessions of those keys that have one. */
  load(database: Knex, keys: readonly string[], nowMs: number): Promise<SessionRow[]>;
  /**
   * What the database has of these keys. Nobody else can change any of it until the transaction ends; of a key that it has
   * nothing of, `write` finds out.
   */
  current(
    transaction: Knex.Transaction,
    keys: readonly string[],
    nowMs: number,
  ): Promise<Map<string, CurrentRecord>>;
  /**
   * Writes what has become of them. `held` are the keys that `current` found. Throws something that `isWorthRetrying` if
   * somebody else has inserted one of the others.
   */
  write(
    transaction: Knex.Transaction,
    group: ChangeGroup,
    held: ReadonlySet<string>,
    nowMs: number,
  ): Promise<void>;
  /** Deletes up to `limit` sessions that have expired. Resolves to their keys. */
  expire(database: Knex, nowMs: number, limit: number): Promise<string[]>;
  /** Ends a transaction that a failed COMMIT may have left open on the only connection. Never rejects. */
  abandon(database: Knex): Promise<void>;
  /** True if the error says that somebody else came between, and nothing about what was tried. */
  isWorthRetrying(error: unknown): boolean;
}

export function* chunksOf<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
