// The sessions' rows in PostgreSQL, which several farms change at the same time. READ COMMITTED is enough, and never makes
// anyone begin anew for what he has only read, because a transaction decides nothing by what it has not locked: rows that are
// there are locked before their versions are read, and a row that is not there is inserted or, if somebody else was
// first, is not. Nothing is waited for in a circle, procedures apart: rows are locked in the order of their keys, all of
// them before the first is inserted, and inserts come in the order of their keys and wait for no locked row (DO NOTHING).
//
// Every transaction tells what it has changed (change-notices.ts): all listeners hear of it if it is committed. A load tells
// that this farm is about to use the sessions, so that the others have heard of that before it changes them.

import type { Knex } from "knex";
import type { ChangeGroup, CurrentRecord, Upsert } from "./change-group.js";
import { CHANGES_CHANNEL, noticesOf } from "./change-notices.js";
import { isContention } from "./failure.js";
import { SESSIONS_TABLE } from "./migrations.js";
import { chunksOf, ROWS_PER_STATEMENT, type SessionRow, type SessionRows } from "./session-rows.js";
import { insertSessions, REPLACE } from "./session-upsert.js";

const LOAD = `SELECT key, state, version, expires_at, created_at FROM ${SESSIONS_TABLE}
  WHERE key = ANY(?::text[]) AND expires_at > ?`;
/** The same and the telling in one statement. A transaction that only tells is not waited for until it is on the disk. */
const LOAD_AND_TELL = `SELECT key, state, version, expires_at, created_at FROM ${SESSIONS_TABLE},
  (SELECT count(pg_notify(?, notice)) FROM unnest(?::text[]) AS notice) AS told
  WHERE key = ANY(?::text[]) AND expires_at > ?`;
/** In one order for all farms, whatever the database's collation. */
const LOCK = `SELECT key, version, expires_at, created_at FROM ${SESSIONS_TABLE}
  WHERE key = ANY(?::text[]) ORDER BY key COLLATE "C" FOR UPDATE`;
const DELETE = `DELETE FROM ${SESSIONS_TABLE} WHERE key = ANY(?::text[])`;
/** Only if nobody else has been first, who is then waited for until he has committed or not. */
const UNLESS_THERE = " ON CONFLICT (key) DO NOTHING";
const NOTIFY = "SELECT pg_notify(?, notice) FROM unnest(?::text[]) AS notice";
/** Rows that another farm is busy with are left to it. */
const EXPIRE = `DELETE FROM ${SESSIONS_TABLE} WHERE key IN
  (SELECT key FROM ${SESSIONS_TABLE} WHERE expires_at <= ? ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED)
  RETURNING key`;

interface Row {
  readonly key: string;
  readonly version: number;
  readonly expires_at: number;
  readonly created_at: number;
}

interface Answer<Item> {
  readonly rows: readonly Item[];
  readonly rowCount: number;
}

/** Another farm has inserted a session that was not there when ours was looked for. */
class InsertedElsewhere extends Error {
  override readonly name = "InsertedElsewhere";
}

export class PostgresRows implements SessionRows {
  readonly #sender: string | undefined;

  /** `sender` is this farm's name in what it tells the others; undefined: it tells nothing. */
  constructor(sender: string | undefined) {
    this.#sender = sender;
  }

  async load(database: Knex, keys: readonly string[], nowMs: number): Promise<SessionRow[]> {
    const loaded: SessionRow[] = [];
    for (const some of chunksOf(keys, ROWS_PER_STATEMENT)) {
      const { rows } =
        this.#sender === undefined
          ? await database.raw<Answer<SessionRow>>(LOAD, [some, nowMs])
          : await database.raw<Answer<SessionRow>>(LOAD_AND_TELL, [
              CHANGES_CHANNEL,
              noticesOf(this.#sender, some),
              some,
              nowMs,
            ]);
      for (const row of rows) loaded.push(row);
    }
    return loaded;
  }

  async current(
    transaction: Knex.Transaction,
    keys: readonly string[],
    nowMs: number,
  ): Promise<Map<string, CurrentRecord>> {
    const current = new Map<string, CurrentRecord>();
    for (const some of chunksOf([...keys].sort(), ROWS_PER_STATEMENT)) {
      const { rows } = await transaction.raw<Answer<Row>>(LOCK, [some]);
      for (const { key, version, expires_at, created_at } of rows) {
        const isExpired = expires_at <= nowMs;
        current.set(
          key,
          isExpired ? { version: 0, createdAtMs: nowMs } : { version, createdAtMs: created_at },
        );
      }
    }
    return current;
  }

  async write(
    transaction: Knex.Transaction,
    group: ChangeGroup,
    held: ReadonlySet<string>,
    nowMs: number,
  ): Promise<void> {
    const deletions = group.deletions().filter((key) => held.has(key));
    for (const keys of chunksOf(deletions, ROWS_PER_STATEMENT)) await transaction.raw(DELETE, [keys]);
    const upserts = group.upserts();
    const changed = upserts.filter(({ key }) => held.has(key));
    for (const records of chunksOf(changed, ROWS_PER_STATEMENT)) {
      await insertSessions(transaction, records, REPLACE, nowMs);
    }
    const inserted = upserts.filter(({ key }) => !held.has(key)).sort(byKey);
    for (const records of chunksOf(inserted, ROWS_PER_STATEMENT)) {
      const { rowCount } = await insertSessions(transaction, records, UNLESS_THERE, nowMs);
      if (rowCount !== records.length) throw new InsertedElsewhere("a session was inserted by another farm");
    }
    if (this.#sender === undefined) return;
    const notices = noticesOf(this.#sender, [...deletions, ...upserts.map(({ key }) => key)]);
    if (notices.length > 0) await transaction.raw(NOTIFY, [CHANGES_CHANNEL, notices]);
  }

  async expire(database: Knex, nowMs: number, limit: number): Promise<string[]> {
    const { rows } = await database.raw<Answer<Pick<Row, "key">>>(EXPIRE, [nowMs, limit]);
    return rows.map((row) => row.key);
  }

  /** A connection whose COMMIT has failed has either ended its transaction or is gone, and its transaction with it. */
  async abandon(): Promise<void> {}

  isWorthRetrying(error: unknown): boolean {
    return error instanceof InsertedElsewhere || isContention(error);
  }
}

function byKey(a: Upsert, b: Upsert): number {
  return a.key < b.key ? -1 : 1;
}
