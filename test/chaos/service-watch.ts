// Watches over how the clients are served: from a fault on, when has each of them had a change answered again, and for how long
// had nobody one? What always holds: one watch at a time.

export interface Recovery {
  /** From the fault until the last of the clients had an answer to a change that was sent after it. */
  readonly allServedMs: number;
  /** The longest time in between in which no client had an answer. */
  readonly nobodyServedMs: number;
}

export class ServiceWatch {
  readonly #clients: number;
  #sinceMs = Number.POSITIVE_INFINITY;
  #lastAnswerMs = 0;
  #nobodyServedMs = 0;
  readonly #waiting = new Set<number>();
  #done: (recovery: Recovery | undefined) => void = () => {};

  constructor(clients: number) {
    this.#clients = clients;
  }

  /** Begins to watch, or begins anew: now something breaks. */
  begin(): void {
    this.#sinceMs = performance.now();
    this.#lastAnswerMs = this.#sinceMs;
    this.#nobodyServedMs = 0;
    for (let client = 0; client < this.#clients; client++) this.#waiting.add(client);
  }

  /** A client had an answer to a change: it is done, or refused for a reason that is the client's. */
  served(client: number, sentAtMs: number, nowMs: number): void {
    if (this.#waiting.size === 0) return;
    this.#nobodyServedMs = Math.max(this.#nobodyServedMs, nowMs - this.#lastAnswerMs);
    this.#lastAnswerMs = nowMs;
    if (sentAtMs >= this.#sinceMs) this.#waiting.delete(client);
    if (this.#waiting.size === 0) this.#done(this.#recovery());
  }

  /** Resolves when all clients have been served since `begin`; with undefined if that takes longer than `timeoutMs`. */
  recovered(timeoutMs: number): Promise<Recovery | undefined> {
    if (this.#waiting.size === 0) return Promise.resolve(this.#recovery());
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs);
      this.#done = (recovery) => {
        clearTimeout(timer);
        resolve(recovery);
      };
    });
  }

  #recovery(): Recovery {
    return { allServedMs: this.#lastAnswerMs - this.#sinceMs, nobodyServedMs: this.#nobodyServedMs };
  }
}
