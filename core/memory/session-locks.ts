// Session locks: which worker handles a session's requests at the moment, so that requests of one session that reach two
// workers come one after the other. A lock is a stripe that many sessions share: two of them on one stripe only wait for
// each other now and then, and the memory never grows. Must not know what a session is.
//
// A stripe (4 words, changed by compare-and-swap and atomic bit operations alone):
//   0  owner      0: free · worker number + 1 · -1: let go of, for one of those who wait
//   1, 2  waiting bits of the workers (0-31, 32-63) that wait for it; a worker sets and clears its own, main a dead one's
//   3  unused
//
// Who lets go of a stripe that others wait for leaves -1, and wakes the one who has waited longest; newcomers do not take
// it then, or the worker that has it would have it for ever. Should that one be gone, whoever waits takes it after
// HANDOVER_MS.

import { assertPowerOfTwo } from "./layout.js";

const STRIPE_WORDS = 4;
const OWNER = 0;
const WAITING = 1;

const FREE = 0;
const HANDED_OVER = -1;

/** How long a stripe that was handed over may stay so, in ms. */
const HANDOVER_MS = 50;

export interface SessionLocksMemory {
  readonly buffer: SharedArrayBuffer;
  /** A power of two. */
  readonly stripes: number;
}

export function allocateSessionLocks(stripes: number): SessionLocksMemory {
  assertPowerOfTwo(stripes, "stripes of the session locks");
  return { buffer: new SharedArrayBuffer(stripes * STRIPE_WORDS * 4), stripes };
}

/** A worker's end. A worker may hold a stripe several times over, for several sessions. */
export class SessionLocks {
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #me: number;
  readonly #waitingWord: number;
  readonly #waitingBit: number;
  /** How many times this worker holds each stripe, and how many of its requests wait for it. */
  readonly #held: Uint16Array;
  readonly #waiting = new Map<number, number>();
  readonly #now: () => number;

  /** `worker`: 0 … 63. `now`: a steady clock in ms. */
  constructor(memory: SessionLocksMemory, worker: number, now: () => number) {
    this.#words = new Int32Array(memory.buffer);
    this.#mask = memory.stripes - 1;
    this.#me = worker + 1;
    this.#waitingWord = WAITING + (worker >>> 5);
    this.#waitingBit = 1 << (worker & 31);
    this.#held = new Uint16Array(memory.stripes);
    this.#now = now;
  }

  /** The stripe of the session whose key has these words (session-directory.ts): another word than its bucket's. */
  stripeOf(key: Int32Array): number {
    return key[1]! & this.#mask;
  }

  /** Takes the stripe if it is free, or this worker's already. */
  tryAcquire(stripe: number): boolean {
    const owner = stripe * STRIPE_WORDS + OWNER;
    if (this.#held[stripe] === 0 && Atomics.compareExchange(this.#words, owner, FREE, this.#me) !== FREE)
      return false;
    this.#held[stripe]! += 1;
    return true;
  }

  /** Takes the stripe as soon as it is this worker's turn. False if that has not come within `timeoutMs`. */
  async acquire(stripe: number, timeoutMs: number): Promise<boolean> {
    if (this.tryAcquire(stripe)) return true;
    const deadlineMs = this.#now() + timeoutMs;
    this.#startWaiting(stripe);
    try {
      return await this.#wait(stripe, deadlineMs);
    } finally {
      this.#stopWaiting(stripe);
    }
  }

  /** Lets go of the stripe, once for each time that it was taken. */
  release(stripe: number): void {
    this.#held[stripe]! -= 1;
    if (this.#held[stripe] === 0) letGo(this.#words, stripe);
  }

  /** Whether another worker waits for the stripe. */
  isWanted(stripe: number): boolean {
    const at = stripe * STRIPE_WORDS + WAITING;
    let low = Atomics.load(this.#words, at);
    let high = Atomics.load(this.#words, at + 1);
    if (this.#waitingWord === WAITING) low &= ~this.#waitingBit;
    else high &= ~this.#waitingBit;
    return (low | high) !== 0;
  }

  async #wait(stripe: number, deadlineMs: number): Promise<boolean> {
    const words = this.#words;
    const owner = stripe * STRIPE_WORDS + OWNER;
    let mayTakeOver = false;
    for (;;) {
      const holder = Atomics.load(words, owner);
      const isMine = this.#held[stripe] !== 0;
      const isFree = holder === FREE || (holder === HANDED_OVER && mayTakeOver);
      if (isMine || (isFree && Atomics.compareExchange(words, owner, holder, this.#me) === holder)) {
        this.#held[stripe]! += 1;
        return true;
      }
      // Another one was faster.
      if (isFree) continue;
      const remainingMs = deadlineMs - this.#now();
      if (remainingMs <= 0) return false;
      // In slices: the one that it is handed over to may be gone, or stuck.
      const sliceMs = Math.min(HANDOVER_MS, remainingMs);
      // The race: `letGo` changes the owner between our look and our sleep. Then the value is not `holder` any more, and we
      // do not sleep; if it changes it afterwards it sees our bit, and wakes us.
      const sleep = Atomics.waitAsync(words, owner, holder, sliceMs);
      if (!sleep.async) continue;
      const woken = (await sleep.value) === "ok";
      mayTakeOver = woken || holder === HANDED_OVER;
    }
  }

  #startWaiting(stripe: number): void {
    this.#waiting.set(stripe, (this.#waiting.get(stripe) ?? 0) + 1);
    Atomics.or(this.#words, stripe * STRIPE_WORDS + this.#waitingWord, this.#waitingBit);
  }

  #stopWaiting(stripe: number): void {
    const waiting = this.#waiting.get(stripe)! - 1;
    if (waiting > 0) {
      this.#waiting.set(stripe, waiting);
      return;
    }
    this.#waiting.delete(stripe);
    Atomics.and(this.#words, stripe * STRIPE_WORDS + this.#waitingWord, ~this.#waitingBit);
    settle(this.#words, stripe);
  }
}

/** Takes everything from a worker that is gone: what it held is for those who wait for it. For the main thread. */
export function freeLocksOf(memory: SessionLocksMemory, worker: number): void {
  const words = new Int32Array(memory.buffer);
  const bit = 1 << (worker & 31);
  for (let stripe = 0; stripe < memory.stripes; stripe++) {
    const at = stripe * STRIPE_WORDS;
    Atomics.and(words, at + WAITING + (worker >>> 5), ~bit);
    if (Atomics.load(words, at + OWNER) === worker + 1) letGo(words, stripe);
    else settle(words, stripe);
  }
}

/** The owner lets go: for one of those who wait, if there are any, else for anyone. */
function letGo(words: Int32Array, stripe: number): void {
  Atomics.store(words, stripe * STRIPE_WORDS + OWNER, HANDED_OVER);
  settle(words, stripe);
}

/**
 * Looks after a stripe that may have been handed over: wakes the next one, or makes it free if nobody waits. Who begins to wait in
 * between sets its bit first: we see that after we have made the stripe free, and wake it.
 */
function settle(words: Int32Array, stripe: number): void {
  const owner = stripe * STRIPE_WORDS + OWNER;
  if (Atomics.load(words, owner) !== HANDED_OVER) return;
  if (!hasWaiting(words, stripe)) {
    if (Atomics.compareExchange(words, owner, HANDED_OVER, FREE) !== HANDED_OVER) return;
    if (!hasWaiting(words, stripe)) return;
  }
  Atomics.notify(words, owner, 1);
}

function hasWaiting(words: Int32Array, stripe: number): boolean {
  const at = stripe * STRIPE_WORDS + WAITING;
  return (Atomics.load(words, at) | Atomics.load(words, at + 1)) !== 0;
}
