// The sessions' rows in SQLite, by either of its clients. The database file has one owner and one connection
// (sqlite-database.ts): whatever a transaction has read stays true until it ends.

import type { Knex } from "knex";
import type { ChangeGroup, CurrentRecord } from "./change-group.js";
import { SESSIONS_TABLE } from "./migrations.js";
import { chunksOf, ROWS_PER_STATEMENT, type SessionRow, type SessionRows } from "./session-rows.js";
import { insertSessions, REPLACE } from "./session-upsert.js";

// Raw, because Knex leaves RETURNING out of a delete on SQLite.
const EXPIRE = `DELETE FROM ${SESSIONS_TABLE} WHERE key IN
  (SELECT key FROM ${SESSIONS_TABLE} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?) RETURNING key`;

/**
 * Changes nothing, but makes the transaction one that writes from its first statement on. SQLite waits for another program's lock
 * (busy_timeout) only then: a transaction that has read already is refused at once, whatever it wants to write.
 */
const BEGIN_TO_WRITE = `UPDATE ${SESSIONS_TABLE} SET version = version WHERE 0`;

interface Row {
  readonly key: string;
  readonly version: number;
  readonly created_at: number;
}

export const sqliteRows: SessionRows = {
  async load(database, keys, nowMs) {
    const loaded: SessionRow[] = [];
    for (const some of chunksOf(keys, ROWS_PER_STATEMENT)) {
      const rows = await database<SessionRow>(SESSIONS_TABLE)
        .select("key", "state", "version", "expires_at", "created_at")
        .whereIn("key", some)
        .where("expires_at", ">", nowMs);
      for (const row of rows) loaded.push(row);
    }
    return loaded;
  },

  async current(transaction, keys, nowMs) {
    const current = new Map<string, CurrentRecord>();
    await transaction.raw(BEGIN_TO_WRITE);
    for (const some of chunksOf(keys, ROWS_PER_STATEMENT)) {
      const rows = await transaction<Row>(SESSIONS_TABLE)
        .select("key", "version", "created_at")
        .whereIn("key", some)
        .where("expires_at", ">", nowMs);
      for (const row of rows) current.set(row.key, { version: row.version, createdAtMs: row.created_at });
    }
    return current;
  },

  async write(transaction: Knex.Transaction, group: ChangeGroup, _held, nowMs) {
    for (const keys of chunksOf(group.deletions(), ROWS_PER_STATEMENT)) {
      await transaction(SESSIONS_TABLE).whereIn("key", keys).delete();
    }
    for (const records of chunksOf(group.upserts(), ROWS_PER_STATEMENT)) {
      await insertSessions(transaction, records, REPLACE, nowMs);
    }
  },

  async expire(database, nowMs, limit) {
    const rows = await database.raw<Pick<Row, "key">[]>(EXPIRE, [nowMs, limit]);
    return rows.map((row) => row.key);
  },

  /**
   * Knex gives the connection back after a COMMIT that failed without rolling back, and SQLite may have left the
   * transaction open (SQLITE_BUSY does): everything after it would become part of it.
   */
  async abandon(database) {
    try {
      await database.raw("ROLLBACK");
    } catch {
      // There was none left, which is the usual case.
    }
  },

  isWorthRetrying: () => false,
};
