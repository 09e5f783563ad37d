// `SessionStore` on Knex: one `whereIn` for many loads, one transaction for many changes, a savepoint for each change
// that has a procedure. The SQL is what SQLite and PostgreSQL share. Knows nothing of workers, messages or queues; whoever
// calls sees to it that calls do not overlap, for there is one connection.

import type { Knex } from "knex";
import { ChangeGroup, type CurrentRecord, keysOf, type Upsert } from "./change-group.js";
import { isDatabaseDown } from "./failure.js";
import { SESSIONS_TABLE } from "./migrations.js";
import type { Change, Outcome, ProcedureRun, SessionRecord, SessionStore } from "./session-store.js";

/** Most keys in one statement, far from the 32,766 variables that SQLite takes. */
const KEYS_PER_STATEMENT = 1_000;

/** Most records in one statement, of six variables each. */
const RECORDS_PER_STATEMENT = 1_000;

const COLUMNS = ["key", "state", "version", "expires_at", "created_at", "updated_at"] as const;
const UPSERT_HEAD = `INSERT INTO ${SESSIONS_TABLE} (${COLUMNS.join(", ")}) VALUES `;
const UPSERT_VALUES = `(${COLUMNS.map(() => "?").join(", ")})`;
const UPSERT_TAIL = ` ON CONFLICT (key) DO UPDATE SET ${COLUMNS.slice(1)
  .map((column) => `${column} = excluded.${column}`)
  .join(", ")}`;
const EXPIRE = `DELETE FROM ${SESSIONS_TABLE} WHERE key IN
  (SELECT key FROM ${SESSIONS_TABLE} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?) RETURNING key`;

interface Row {
  readonly key: string;
  readonly state: Uint8Array;
  readonly version: number;
  readonly expires_at: number;
  readonly created_at: number;
}

/** What has Knex undo a savepoint: told from all that its undoing can reject with, whatever the procedure threw. */
const UNDO = new Error("the procedure failed");

export class KnexSessionStore implements SessionStore {
  readonly #database: Knex;
  readonly #nowMs: () => number;

  /** `nowMs` is the time in ms since the epoch that expiry is judged by. */
  constructor(database: Knex, nowMs: () => number) {
    this.#database = database;
    this.#nowMs = nowMs;
  }

  async load(keys: readonly string[]): Promise<Map<string, SessionRecord>> {
    const records = new Map<string, SessionRecord>();
    for (const some of chunksOf(keys, KEYS_PER_STATEMENT)) {
      const rows = await this.#database<Row>(SESSIONS_TABLE)
        .select("key", "state", "version", "expires_at")
        .whereIn("key", some)
        .where("expires_at", ">", this.#nowMs());
      for (const row of rows) {
        records.set(row.key, { state: row.state, version: row.version, expiresAtMs: row.expires_at });
      }
    }
    return records;
  }

  async versions(keys: readonly string[]): Promise<Map<string, number>> {
    const versions = new Map<string, number>();
    for (const some of chunksOf(keys, KEYS_PER_STATEMENT)) {
      const rows = await this.#database<Row>(SESSIONS_TABLE)
        .select("key", "version")
        .whereIn("key", some)
        .where("expires_at", ">", this.#nowMs());
      for (const row of rows) versions.set(row.key, row.version);
    }
    return versions;
  }

  async commit(changes: readonly Change[]): Promise<Outcome[]> {
    if (changes.length === 0) return [];
    try {
      return await this.#commitTogether(changes);
    } catch (error) {
      await this.#abandonTransaction();
      if (changes.length === 1 || isDatabaseDown(error)) {
        return changes.map(() => ({ code: "unavailable", error }));
      }
    }
    // One of them spoils it for all, and the error does not say which: each for itself, then. None of them is done yet.
    const outcomes: Outcome[] = [];
    for (const change of changes) outcomes.push(...(await this.commit([change])));
    return outcomes;
  }

  async expire(limit: number): Promise<string[]> {
    // Raw, because Knex leaves RETURNING out of a delete on SQLite.
    const rows = await this.#database.raw<Pick<Row, "key">[]>(EXPIRE, [this.#nowMs(), limit]);
    return rows.map((row) => row.key);
  }

  /** All changes in one transaction. Throws if it had to be given up: then none of them is done. */
  async #commitTogether(changes: readonly Change[]): Promise<Outcome[]> {
    let cause: unknown;
    try {
      return await this.#database.transaction(async (transaction) => {
        try {
          return await this.#makeChanges(transaction, changes);
        } catch (error) {
          cause = error;
          throw error;
        }
      });
    } catch (error) {
      // If SQLite has rolled back by itself (a full disk), Knex's own ROLLBACK fails, and its error hides the cause.
      throw cause ?? error;
    }
  }

  async #makeChanges(transaction: Knex.Transaction, changes: readonly Change[]): Promise<Outcome[]> {
    const nowMs = this.#nowMs();
    const group = new ChangeGroup(await currentRecords(transaction, keysOf(changes), nowMs), nowMs);
    const outcomes: Outcome[] = [];
    for (const change of changes) outcomes.push(await makeChange(transaction, group, change));
    for (const keys of chunksOf(group.deletions(), KEYS_PER_STATEMENT)) {
      await transaction(SESSIONS_TABLE).whereIn("key", keys).delete();
    }
    for (const records of chunksOf(group.upserts(), RECORDS_PER_STATEMENT)) {
      await upsert(transaction, records, nowMs);
    }
    return outcomes;
  }

  /**
   * Knex gives the connection back after a COMMIT that failed without rolling back, and SQLite may have left the
   * transaction open (SQLITE_BUSY does): everything after it would become part of it.
   */
  async #abandonTransaction(): Promise<void> {
    try {
      await this.#database.raw("ROLLBACK");
    } catch {
      // There was none left, which is the usual case.
    }
  }
}

async function currentRecords(
  transaction: Knex.Transaction,
  keys: readonly string[],
  nowMs: number,
): Promise<Map<string, CurrentRecord>> {
  const current = new Map<string, CurrentRecord>();
  for (const some of chunksOf(keys, KEYS_PER_STATEMENT)) {
    const rows = await transaction<Row>(SESSIONS_TABLE)
      .select("key", "version", "created_at")
      .whereIn("key", some)
      .where("expires_at", ">", nowMs);
    for (const row of rows) current.set(row.key, { version: row.version, createdAtMs: row.created_at });
  }
  return current;
}

/**
 * One change, its procedure first: the session's own records are written at the end, all together, and a procedure
 * does not see them. So there is nothing of the change to undo in the group when its procedure fails.
 */
async function makeChange(
  transaction: Knex.Transaction,
  group: ChangeGroup,
  change: Change,
): Promise<Outcome> {
  if (!group.accepts(change)) return { code: "conflict" };
  if (change.procedure === null) return { code: "committed", version: group.apply(change), result: null };
  const ran = await runInSavepoint(transaction, change.procedure);
  if (ran.code === "procedure_failed") return ran;
  return { code: "committed", version: group.apply(change), result: ran.result };
}

type ProcedureOutcome =
  | { readonly code: "returned"; readonly result: Uint8Array }
  | { readonly code: "procedure_failed"; readonly error: unknown };

/** Runs a procedure; what it did is undone if it throws. Throws if the group's transaction cannot go on. */
async function runInSavepoint(
  transaction: Knex.Transaction,
  procedure: ProcedureRun,
): Promise<ProcedureOutcome> {
  // Filled in by the procedure's failure; what the savepoint rejects with may be that of its own undoing instead.
  const failures: unknown[] = [];
  try {
    const result = await transaction.transaction(async (savepoint) => {
      try {
        return await procedure(savepoint);
      } catch (error) {
        failures.push(error);
        throw UNDO;
      }
    });
    return { code: "returned", result };
  } catch (rejection) {
    const [error] = failures;
    if (isDatabaseDown(error)) throw error;
    if (rejection !== UNDO) throw rejection;
    return { code: "procedure_failed", error };
  }
}

async function upsert(
  transaction: Knex.Transaction,
  records: readonly Upsert[],
  nowMs: number,
): Promise<void> {
  const bindings: Knex.RawBinding[] = [];
  for (const { key, state, version, expiresAtMs, createdAtMs } of records) {
    const bytes = Buffer.from(state.buffer, state.byteOffset, state.byteLength);
    bindings.push(key, bytes, version, expiresAtMs, createdAtMs, nowMs);
  }
  // Raw, because Knex's own multi-row insert spends as long building the statement as SQLite does running it.
  const values = new Array<string>(records.length).fill(UPSERT_VALUES).join(", ");
  await transaction.raw(UPSERT_HEAD + values + UPSERT_TAIL, bindings);
}

function* chunksOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
