// The database of the farm under test: how the farm reaches it, how it is read behind the farm's back, and how it is broken.
// Knows no table; what always holds: it leaves nothing behind.

import type { Knex } from "knex";
import type { DatabaseName, Fault, FaultKind } from "./faults.js";
import { startPostgres } from "./postgres.js";
import { makeSqlite } from "./sqlite.js";

/** Injects a fault: calls `begin` when it begins, resolves when it is over. */
export type DatabaseFault = (fault: Fault, begin: () => void) => Promise<void>;

export interface BreakableDatabase {
  /** The farm's options, as variables of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Its own faults, by their kind. */
  readonly faults: Readonly<Partial<Record<FaultKind, DatabaseFault>>>;
  /** Why a fault that others of its name have cannot be injected here, in a sentence. */
  readonly lacking: Readonly<Partial<Record<FaultKind, string>>>;
  /** Has it read by a connection that may do nothing else. Throws a `Violation` if it is damaged. */
  read<T>(work: (knex: Knex) => Promise<T>): Promise<T>;
  /** Removes it. Whoever still uses it must be gone. */
  remove(): Promise<void>;
}

/** Makes an empty one. Rejects where it cannot be had. */
export async function makeDatabase(name: DatabaseName): Promise<BreakableDatabase> {
  return name === "sqlite" ? makeSqlite() : startPostgres();
}
