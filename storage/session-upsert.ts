// The statement that writes many sessions at once, which SQLite and PostgreSQL share. Raw, because Knex's own multi-row
// insert spends as long building the statement as SQLite does running it.

import type { Knex } from "knex";
import type { Upsert } from "./change-group.js";
import { SESSIONS_TABLE } from "./migrations.js";

const COLUMNS = ["key", "state", "version", "expires_at", "created_at", "updated_at"] as const;
const HEAD = `INSERT INTO ${SESSIONS_TABLE} (${COLUMNS.join(", ")}) VALUES `;
const VALUES = `(${COLUMNS.map(() => "?").join(", ")})`;

/** What becomes of a record that is there already: it is replaced. */
export const REPLACE = ` ON CONFLICT (key) DO UPDATE SET ${COLUMNS.slice(1)
  .map((column) => `${column} = excluded.${column}`)
  .join(", ")}`;

/** Inserts the records, at most `ROWS_PER_STATEMENT`; `tail` ends the statement. Resolves to the client's own answer. */
export function insertSessions(
  transaction: Knex.Transaction,
  records: readonly Upsert[],
  tail: string,
  nowMs: number,
): Knex.Raw {
  const bindings: Knex.RawBinding[] = [];
  for (const { key, state, version, expiresAtMs, createdAtMs } of records) {
    const bytes = Buffer.from(state.buffer, state.byteOffset, state.byteLength);
    bindings.push(key, bytes, version, expiresAtMs, createdAtMs, nowMs);
  }
  return transaction.raw(HEAD + new Array<string>(records.length).fill(VALUES).join(", ") + tail, bindings);
}
