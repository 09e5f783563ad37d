// Turns: the requests of one session come one after another, so that each sees what the one before it has written: within a
// worker by a queue, between workers by a lock (core/memory/session-locks.ts). A request that is answered at once holds the lock
// alone, and takes no turn: it cannot be overtaken. What always holds: at most `maxWaiting` requests of a worker wait for one
// session, none longer than `waitMs`; who has a turn has the lock; a turn that is not ended ends after `leaseMs`.

/** What turns need of the locks between workers. */
export interface TurnLocks {
  tryAcquire(stripe: number): boolean;
  acquire(stripe: number, timeoutMs: number): Promise<boolean>;
  release(stripe: number): void;
  isWanted(stripe: number): boolean;
}

export interface TurnsOptions {
  readonly locks: TurnLocks;
  readonly maxWaiting: number;
  /** How long a request waits for its turn, in ms. */
  readonly waitMs: number;
  /** How long it may have it, in ms: a handler that never answers must not keep its session for ever. */
  readonly leaseMs: number;
  /** A steady clock in ms. */
  readonly now: () => number;
}

/** The turn did not come in time, or too many wait for it. */
export class TurnError extends Error {
  override readonly name = "TurnError";
  readonly code = "session_busy";
}

/** The session is in use by a request, and by the renewals that it has started. */
export class Turn {
  readonly id: string;
  readonly stripe: number;
  holders = 1;
  sinceMs: number;

  constructor(id: string, stripe: number, sinceMs: number) {
    this.id = id;
    this.stripe = stripe;
    this.sinceMs = sinceMs;
  }
}

/** Of a session that no other worker can know of yet: there is nothing to lock. */
export const NO_STRIPE = -1;

interface Waiter {
  readonly deadlineMs: number;
  readonly timer: NodeJS.Timeout;
  readonly start: (turn: Turn) => void;
  readonly fail: (error: unknown) => void;
}

/** The requests that wait for a session, first come, first served. */
interface Queue {
  /** Undefined while the lock is waited for. */
  turn: Turn | undefined;
  readonly waiting: Waiter[];
}

export class SessionTurns {
  readonly #options: TurnsOptions;
  readonly #queues = new Map<string, Queue>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Sessions whose turn is taken. */
  get size(): number {
    return this.#queues.size;
  }

  isTaken(id: string): boolean {
    return this.#queues.size > 0 && this.#queues.has(id);
  }

  /** Makes a turn of the lock that the caller holds; the session must not be taken. */
  take(id: string, stripe: number): Turn {
    const turn = new Turn(id, stripe, this.#options.now());
    this.#queues.set(id, { turn, waiting: [] });
    return turn;
  }

  /** Holds the session's turn for one end more; or takes it, with the lock if that can be had at once. Undefined if not. */
  join(id: string, stripe: number): Turn | undefined {
    const queue = this.#queues.get(id);
    if (queue === undefined)
      return this.#options.locks.tryAcquire(stripe) ? this.take(id, stripe) : undefined;
    if (queue.turn !== undefined) queue.turn.holders++;
    return queue.turn;
  }

  /** Resolves when the turn is the caller's. Rejects with a `TurnError`, or with the error of `endAll`. */
  wait(id: string, stripe: number): Promise<Turn> {
    const { maxWaiting, waitMs, now } = this.#options;
    let queue = this.#queues.get(id);
    if (queue === undefined) {
      queue = { turn: undefined, waiting: [] };
      this.#queues.set(id, queue);
      return new Promise((start, fail) => {
        this.#lock(id, stripe, queue!, this.#waiter(queue!, now() + waitMs, start, fail));
      });
    }
    if (queue.waiting.length >= maxWaiting) {
      return Promise.reject(new TurnError("too many requests of this session are waiting"));
    }
    return new Promise((start, fail) => {
      queue!.waiting.push(this.#waiter(queue!, now() + waitMs, start, fail));
    });
  }

  /** When the last holder ends it, the turn is the next waiter's. One that has ended already is let be. */
  end(turn: Turn): void {
    const queue = this.#queues.get(turn.id);
    if (queue?.turn !== turn || --turn.holders > 0) return;
    this.#next(turn.id, queue, turn);
  }

  /**
   * Ends the caller's turn and fails all who wait for it now: what they wait for has failed. Without this a storage
   * that does not answer would keep the last of them for as many times its bounded wait as there are before it.
   */
  endAll(turn: Turn, error: unknown): void {
    const queue = this.#queues.get(turn.id);
    if (queue?.turn !== turn) return;
    this.#queues.delete(turn.id);
    this.#release(turn.stripe);
    for (const waiter of queue.waiting) {
      clearTimeout(waiter.timer);
      waiter.fail(error);
    }
  }

  /** Ends the turns that have taken too long. To be called about once a second. Returns how many there were. */
  sweep(): number {
    const latestMs = this.#options.now() - this.#options.leaseMs;
    let ended = 0;
    for (const [id, queue] of this.#queues) {
      if (queue.turn === undefined || queue.turn.sinceMs > latestMs) continue;
      ended++;
      this.#next(id, queue, queue.turn);
    }
    return ended;
  }

  #waiter(
    queue: Queue,
    deadlineMs: number,
    start: (turn: Turn) => void,
    fail: (error: unknown) => void,
  ): Waiter {
    const waiter: Waiter = {
      deadlineMs,
      start,
      fail,
      timer: setTimeout(() => {
        const at = queue.waiting.indexOf(waiter);
        // Else it waits for the lock, which has the same limit.
        if (at >= 0) {
          queue.waiting.splice(at, 1);
          fail(timeoutError());
        }
      }, deadlineMs - this.#options.now()),
    };
    return waiter;
  }

  /** The turn goes to the next one who waits; other workers that wait for the lock come first. */
  #next(id: string, queue: Queue, ended: Turn): void {
    const { locks, now } = this.#options;
    const { stripe } = ended;
    const next = queue.waiting.shift();
    if (next !== undefined && (stripe === NO_STRIPE || !locks.isWanted(stripe))) {
      queue.turn = new Turn(id, stripe, now());
      clearTimeout(next.timer);
      next.start(queue.turn);
      return;
    }
    this.#release(stripe);
    if (next === undefined) this.#queues.delete(id);
    else this.#lock(id, stripe, queue, next);
  }

  #release(stripe: number): void {
    if (stripe !== NO_STRIPE) this.#options.locks.release(stripe);
  }

  #lock(id: string, stripe: number, queue: Queue, waiter: Waiter): void {
    const { locks, now } = this.#options;
    queue.turn = undefined;
    void locks.acquire(stripe, waiter.deadlineMs - now()).then((isOurs) => {
      clearTimeout(waiter.timer);
      if (isOurs) {
        queue.turn = new Turn(id, stripe, now());
        waiter.start(queue.turn);
        return;
      }
      waiter.fail(timeoutError());
      const next = queue.waiting.shift();
      if (next === undefined) this.#queues.delete(id);
      else this.#lock(id, stripe, queue, next);
    });
  }
}

function timeoutError(): TurnError {
  return new TurnError("the session is in use by another request for too long");
}
