// The database that the storage thread owns: what it needs of one, and the way to each that there is. Knows no table and
// nothing of any database's own ways: those are in sqlite-database.ts and postgres-database.ts.

import type { Knex } from "knex";
import type { ChangeFeed, FeedEvents } from "./change-feed.js";
import { openPostgres, type PostgresOptions } from "./postgres-database.js";
import type { SessionRows } from "./session-rows.js";
import { openSqlite, type SqliteOptions } from "./sqlite-database.js";

export type DatabaseOptions = SqliteOptions | PostgresOptions;

export interface Database {
  readonly knex: Knex;
  /** The SQL of the sessions' table, where databases differ. */
  readonly rows: SessionRows;
  /** Runs changes of the schema while no other farm does. Rejects with what they reject with, or a `StartFailure`. */
  migrate(run: () => Promise<void>): Promise<void>;
  /** True if other farms may change sessions in it. */
  readonly isShared: boolean;
  /** Follows what other farms change, so that what is known of sessions can be believed. Undefined: there is no way to. */
  readonly follow: ((events: FeedEvents) => ChangeFeed) | undefined;
  /**
   * Why nothing that is committed from now on would be found again, in a sentence: a file that was removed is written to as if it were
   * there. Undefined: all is well, as far as the system tells.
   */
  whyLost(): string | undefined;
  /** Leaves everything committed where the next one who opens it finds it, and lets go of it. */
  close(): Promise<void>;
}

/** Opens the database. Throws a `StartFailure`. */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.client === "postgres" ? openPostgres(options) : openSqlite(options);
}
