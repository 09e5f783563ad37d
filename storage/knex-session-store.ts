// `SessionStore` on Knex: one `whereIn` for many loads, one transaction for many changes, a savepoint for each change
// that has a procedure. What databases do differently is in their `SessionRows`. Knows nothing of workers, messages or
// queues; whoever calls sees to it that calls do not overlap, for there is one connection.

import type { Knex } from "knex";
import { ChangeGroup, keysOf } from "./change-group.js";
import type { Database } from "./database.js";
import { isDatabaseDown, isStatementTimeout } from "./failure.js";
import { SESSIONS_TABLE } from "./migrations.js";
import { chunksOf, ROWS_PER_STATEMENT, type SessionRow, type SessionRows } from "./session-rows.js";
import type { Change, Outcome, ProcedureRun, SessionRecord, SessionStore } from "./session-store.js";

/**
 * How often a transaction is tried that others came between. A deadlock takes PostgreSQL a second to find, and workers do not
 * wait for ever.
 */
const MAX_ATTEMPTS = 3;

/** What has Knex undo a savepoint: told from all that its undoing can reject with, whatever the procedure threw. */
const UNDO = new Error("the procedure failed");

export class KnexSessionStore implements SessionStore {
  readonly #database: Knex;
  readonly #rows: SessionRows;
  readonly #nowMs: () => number;
  readonly #whyLost: () => string | undefined;

  /** `nowMs` is the time in ms since the epoch that expiry is judged by. */
  constructor(database: Pick<Database, "knex" | "rows" | "whyLost">, nowMs: () => number) {
    this.#whyLost = () => database.whyLost();
    this.#database = database.knex;
    this.#rows = database.rows;
    this.#nowMs = nowMs;
  }

  async load(keys: readonly string[]): Promise<Map<string, SessionRecord>> {
    const rows = await this.#rows.load(this.#database, keys, this.#nowMs());
    return new Map(
      rows.map(({ key, state, version, expires_at: expiresAtMs, created_at: createdAtMs }) => [
        key,
        { state, version, expiresAtMs, createdAtMs },
      ]),
    );
  }

  async versions(keys: readonly string[]): Promise<Map<string, number>> {
    const versions = new Map<string, number>();
    for (const some of chunksOf(keys, ROWS_PER_STATEMENT)) {
      const rows = await this.#database<SessionRow>(SESSIONS_TABLE)
        .select("key", "version")
        .whereIn("key", some)
        .where("expires_at", ">", this.#nowMs());
      for (const row of rows) versions.set(row.key, row.version);
    }
    return versions;
  }

  async commit(changes: readonly Change[]): Promise<Outcome[]> {
    if (changes.length === 0) return [];
    const outcomes = this.#whyLost() === undefined ? await this.#commit(changes) : [];
    // After it: only what is where it will be looked for is acknowledged.
    const reason = this.#whyLost();
    if (reason === undefined) return outcomes;
    return changes.map(() => ({ code: "unavailable", error: new Error(reason) }));
  }

  async #commit(changes: readonly Change[]): Promise<Outcome[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#commitTogether(changes);
      } catch (error) {
        await this.#rows.abandon(this.#database);
        if (attempt < MAX_ATTEMPTS && this.#rows.isWorthRetrying(error)) continue;
        if (changes.length === 1 || isDatabaseDown(error) || isStatementTimeout(error)) {
          return changes.map(() => ({ code: "unavailable", error }));
        }
        break;
      }
    }
    // One of them spoils it for all, and the error does not say which: each for itself, then. None of them is done yet.
    const outcomes: Outcome[] = [];
    for (const change of changes) outcomes.push(...(await this.#commit([change])));
    return outcomes;
  }

  expire(limit: number): Promise<string[]> {
    return this.#rows.expire(this.#database, this.#nowMs(), limit);
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
      // If the database has rolled back by itself (a full disk) or is gone, Knex's own ROLLBACK fails, and its error hides
      // the cause.
      throw cause ?? error;
    }
  }

  async #makeChanges(transaction: Knex.Transaction, changes: readonly Change[]): Promise<Outcome[]> {
    const nowMs = this.#nowMs();
    const current = await this.#rows.current(transaction, keysOf(changes), nowMs);
    const held = new Set(current.keys());
    const group = new ChangeGroup(current, nowMs);
    const outcomes: Outcome[] = [];
    for (const change of changes) outcomes.push(await this.#makeChange(transaction, group, change));
    await this.#rows.write(transaction, group, held, nowMs);
    return outcomes;
  }

  /**
   * One change, its procedure first: the session's own records are written at the end, all together, and a procedure
   * does not see them. So there is nothing of the change to undo in the group when its procedure fails.
   */
  async #makeChange(transaction: Knex.Transaction, group: ChangeGroup, change: Change): Promise<Outcome> {
    if (!group.accepts(change)) return { code: "conflict" };
    if (change.procedure === null) return { code: "committed", version: group.apply(change), result: null };
    const ran = await this.#runInSavepoint(transaction, change.procedure);
    if (ran.code === "procedure_failed") return ran;
    return { code: "committed", version: group.apply(change), result: ran.result };
  }

  /** Runs a procedure; what it did is undone if it throws. Throws if the group's transaction cannot go on. */
  async #runInSavepoint(transaction: Knex.Transaction, procedure: ProcedureRun): Promise<ProcedureOutcome> {
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
      if (isDatabaseDown(error) || this.#rows.isWorthRetrying(error)) throw error;
      if (rejection !== UNDO) throw rejection;
      return { code: "procedure_failed", error };
    }
  }
}

type ProcedureOutcome =
  | { readonly code: "returned"; readonly result: Uint8Array }
  | { readonly code: "procedure_failed"; readonly error: unknown };
