// A worker's session locks, as long as the worker lives. A thread that is gone takes nothing, gives nothing back and waits for
// nothing; a worker that only plays dead in a thread that goes on has to be kept from all three.

import { freeLocksOf, SessionLocks, type SessionLocksMemory } from "../../core/memory/session-locks.js";
import type { SessionLocking } from "../../workers/session/sessions.js";

// In a farm, who waits for a lock looks at it every 50 ms, woken or not. Here nobody does: a run would not be the same on a busy
// machine as on an idle one. It is there for those who wait for the dead; a wake-up that the living miss is a hang here.
const { waitAsync } = Atomics;
Atomics.waitAsync = (words: Int32Array | BigInt64Array, index: number, value: number | bigint) =>
  waitAsync(words as Int32Array, index, value as number);

export class MortalLocks implements SessionLocking {
  readonly #memory: SessionLocksMemory;
  readonly #worker: number;
  readonly #locks: SessionLocks;
  readonly #waits = new Set<Promise<boolean>>();
  #isDead = false;

  constructor(memory: SessionLocksMemory, worker: number) {
    this.#memory = memory;
    this.#worker = worker;
    // To who is dead all waits have been too long.
    this.#locks = new SessionLocks(memory, worker, () =>
      this.#isDead ? Number.POSITIVE_INFINITY : performance.now(),
    );
  }

  stripeOf(keyWords: Int32Array): number {
    return this.#locks.stripeOf(keyWords);
  }

  isWanted(stripe: number): boolean {
    return this.#locks.isWanted(stripe);
  }

  tryAcquire(stripe: number): boolean {
    return !this.#isDead && this.#locks.tryAcquire(stripe);
  }

  async acquire(stripe: number, timeoutMs: number): Promise<boolean> {
    if (this.#isDead) return false;
    const wait = this.#locks.acquire(stripe, timeoutMs);
    this.#waits.add(wait);
    const isOurs = await wait;
    this.#waits.delete(wait);
    if (!this.#isDead) return isOurs;
    // Woken by its own death, or in the place of another, who is woken now.
    if (isOurs) this.#locks.release(stripe);
    return false;
  }

  release(stripe: number): void {
    if (!this.#isDead) this.#locks.release(stripe);
  }

  /** The worker is dead from here on. */
  die(): void {
    this.#isDead = true;
    const words = new Int32Array(this.#memory.buffer);
    // Whoever sleeps at a stripe looks again: the living find what they found before.
    for (let word = 0; word < words.length; word++) Atomics.notify(words, word);
  }

  /** The thread is gone: frees what it held, as the supervisor does. */
  async bury(): Promise<void> {
    await Promise.all(this.#waits);
    freeLocksOf(this.#memory, this.#worker);
  }
}
