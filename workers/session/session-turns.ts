// Turns: the requests of one session within a worker come one after another, so that each sees what the one before it has
// written. Only a request that has to wait for something takes a turn; one that is answered at once cannot be overtaken.
// What always holds: at most `maxWaiting` requests wait for one session, and whoever joins a turn ends it once.

interface Waiter {
  readonly start: () => void;
  readonly fail: (error: unknown) => void;
}

interface Turn {
  /** A request, and perhaps the renewal of the session that it has started. */
  holders: number;
  /** First come, first served. */
  readonly waiting: Waiter[];
}

export class SessionTurns {
  readonly #maxWaiting: number;
  readonly #turns = new Map<string, Turn>();

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Sessions whose turn is taken. */
  get size(): number {
    return this.#turns.size;
  }

  isTaken(id: string): boolean {
    return this.#turns.size > 0 && this.#turns.has(id);
  }

  /** Takes a free turn, or holds the caller's own for one end more. */
  join(id: string): void {
    const turn = this.#turns.get(id);
    if (turn === undefined) this.#turns.set(id, { holders: 1, waiting: [] });
    else turn.holders++;
  }

  /** Resolves when the turn is the caller's; undefined if too many wait already. Rejects with the error of `endAll`. */
  wait(id: string): Promise<void> | undefined {
    const turn = this.#turns.get(id);
    if (turn === undefined) {
      this.join(id);
      return Promise.resolve();
    }
    if (turn.waiting.length >= this.#maxWaiting) return undefined;
    return new Promise((start, fail) => turn.waiting.push({ start, fail }));
  }

  /** When the last holder ends it, the turn is the next waiter's. */
  end(id: string): void {
    const turn = this.#turns.get(id);
    if (turn === undefined || --turn.holders > 0) return;
    const next = turn.waiting.shift();
    if (next === undefined) {
      this.#turns.delete(id);
      return;
    }
    turn.holders = 1;
    next.start();
  }

  /**
   * Ends the caller's turn and fails all who wait for it now: what they wait for has failed. Without this a storage
   * that does not answer would keep the last of them for as many times its bounded wait as there are before it.
   */
  endAll(id: string, error: unknown): void {
    const turn = this.#turns.get(id);
    this.#turns.delete(id);
    for (const waiter of turn?.waiting ?? []) waiter.fail(error);
  }
}
