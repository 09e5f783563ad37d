// What a server has really kept: its database's file, read by us beside it. The sum over all sessions of how often they were written.

import knex from "knex";
import { unpack } from "msgpackr";
import { SESSIONS_TABLE } from "../../storage/migrations.js";

interface State {
  readonly visits?: number;
}

export function limpetTotal(filename: string): Promise<number> {
  return totalIn(filename, SESSIONS_TABLE, "state", (state) => unpack(state as Buffer) as State);
}

export function expressTotal(filename: string): Promise<number> {
  return totalIn(filename, "sessions", "sess", (state) => JSON.parse(state as string) as State);
}

async function totalIn(
  filename: string,
  table: string,
  column: string,
  decode: (state: unknown) => State,
): Promise<number> {
  const database = knex({ client: "sqlite3", connection: { filename }, useNullAsDefault: true });
  try {
    const rows = (await database(table).select(column)) as Record<string, unknown>[];
    return rows.reduce((total, row) => total + (decode(row[column]).visits ?? 0), 0);
  } finally {
    await database.destroy();
  }
}
