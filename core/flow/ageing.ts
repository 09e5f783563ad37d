// The sweep that removes entries whose time is over: a few slots a turn, round and round, so that no turn is a long one.

import type { FlowTable } from "./flow-table.js";

export class Ageing {
  readonly #table: FlowTable;
  #cursor = 0;

  constructor(table: FlowTable) {
    this.#table = table;
  }

  /**
   * Looks at the next `budgetEntries` slots (at most all of them) and removes what is over at tick `now`. Returns how many
   * entries it removed. An entry goes at the latest one round after its time; the round takes
   * `capacity / budgetEntries` calls.
   */
  age(now: number, budgetEntries: number): number {
    const capacity = this.#table.capacity;
    const budget = Math.min(budgetEntries, capacity);
    let removed = 0;
    for (let visited = 0; visited < budget; visited++) {
      if (this.#table.expire(this.#cursor, now)) removed++;
      this.#cursor = this.#cursor + 1 === capacity ? 0 : this.#cursor + 1;
    }
    return removed;
  }
}
