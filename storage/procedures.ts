// The app's procedures by name, run with a bound on their time and on what they may answer. A procedure is the app's SQL:
// `(database, args)`. It must await all that it starts, and must not begin, commit or roll back by SQL (savepoints of
// Knex, `database.transaction`, are fine). It may run again if its transaction is tried again, so it does nothing but SQL.
//
// The bound on time ends the wait, not the work: JavaScript that never yields holds up the storage thread until the main thread
// ends that (HANG_TIMEOUT_MS there), and every worker's requests run into their own bounded wait meanwhile.

import { setImmediate as eventLoopTurn } from "node:timers/promises";
import type { Knex } from "knex";
import type { Procedure } from "../workers/app/app.js";
import { decodeValue, encodeValue } from "./messages.js";

export class Procedures {
  readonly #procedures: ReadonlyMap<string, Procedure>;
  readonly #timeoutMs: number;

  constructor(procedures: Readonly<Record<string, Procedure>>, timeoutMs: number) {
    this.#procedures = new Map(Object.entries(procedures));
    this.#timeoutMs = timeoutMs;
  }

  has(name: string): boolean {
    return this.#procedures.has(name);
  }

  /**
   * Runs the procedure of that name, which must exist, with arguments in MessagePack (null: undefined). Resolves to
   * its result in MessagePack; rejects with what it threw, or because it took too long.
   */
  async run(name: string, database: Knex | Knex.Transaction, args: Uint8Array | null): Promise<Uint8Array> {
    const procedure = this.#procedures.get(name)!;
    const values = args === null ? undefined : decodeValue(args);
    // One after the other, they must not look like one that never ends.
    await eventLoopTurn();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`the procedure ${name} took longer than ${this.#timeoutMs} ms`)),
        this.#timeoutMs,
      );
    });
    try {
      return encodeValue(await Promise.race([procedure(database, values as never), tooLong]));
    } finally {
      clearTimeout(timer);
    }
  }
}
