// A single-producer, single-consumer ring of fixed-size records of 32-bit words in shared memory.
// Everything that passes between the director and a worker goes through one of these. The two ends are two classes,
// so that a thread cannot touch the other's words; each keeps a private copy of its own index and of the last value
// it saw of the other's, and looks at the shared one only when that copy is used up.
//
//   word 0          head     written by the producer: records ever published
//   word 16         tail     written by the consumer: records ever released
//   word 32         asleep   1: the consumer sleeps, set by it; 0: awake, set by whoever wakes it (compare-and-swap);
//                            2: it is awake, and is to look around once more before it sleeps
//   word 48 …       records  written by the producer, read by the consumer
//
// Each index word has a cache line (64 bytes) of its own: the producer's stores must not take the consumer's line away.

import { assertPowerOfTwo } from "./layout.js";

const HEAD = 0;
const TAIL = 16;
const ASLEEP = 32;
const RECORDS = 48;

const AWAKE = 0;
const SLEEPING = 1;
const ROUSED = 2;

/** A ring's shared memory and shape; can be sent to another thread. */
export interface RingMemory {
  readonly buffer: SharedArrayBuffer;
  /** Records that fit, a power of two. */
  readonly capacity: number;
  /** Words in one record. */
  readonly recordWords: number;
}

export function allocateRing(capacity: number, recordWords: number): RingMemory {
  assertPowerOfTwo(capacity, "ring capacity");
  return {
    buffer: new SharedArrayBuffer((RECORDS + capacity * recordWords) * 4),
    capacity,
    recordWords,
  };
}

/** The writing end. Use: `reserve`, write `words[index …]`, `commit`; once a burst `publish`, then `wake`. */
export class RingProducer {
  /** The ring's memory; a record's words start at the index that `reserve` gave. */
  readonly words: Int32Array;
  readonly #mask: number;
  readonly #recordWords: number;
  #head: number;
  #tail: number;

  constructor(memory: RingMemory) {
    this.words = new Int32Array(memory.buffer);
    this.#mask = memory.capacity - 1;
    this.#recordWords = memory.recordWords;
    this.#head = Atomics.load(this.words, HEAD);
    this.#tail = Atomics.load(this.words, TAIL);
  }

  /** Index in `words` of the next record to write, or -1 when the ring is full. */
  reserve(): number {
    if (((this.#head - this.#tail) | 0) > this.#mask) {
      // The consumer may have released records since we last looked: an acquiring load, so that its reads of them
      // are over before we overwrite them.
      this.#tail = Atomics.load(this.words, TAIL);
      if (((this.#head - this.#tail) | 0) > this.#mask) return -1;
    }
    return RECORDS + (this.#head & this.#mask) * this.#recordWords;
  }

  /** True if the consumer has released every record that was published. */
  isEmpty(): boolean {
    this.#tail = Atomics.load(this.words, TAIL);
    return this.#head === this.#tail;
  }

  /** Counts the reserved record as written. The consumer sees it only after `publish`. */
  commit(): void {
    this.#head = (this.#head + 1) | 0;
  }

  /** Makes all committed records visible: a releasing store, so that no record is seen before its words are. */
  publish(): void {
    Atomics.store(this.words, HEAD, this.#head);
  }

  /**
   * Wakes the consumer if it has gone to sleep. Call after `publish`: the consumer sets *asleep* and then looks at
   * *head* once more, we store *head* and then look at *asleep*; both are sequentially consistent, so at least one
   * of us sees the other, and no wake-up is lost.
   */
  wake(): void {
    wakeSleeping(this.words, ASLEEP);
  }

  /** Wakes the consumer for something that is not in the ring: see `wakeConsumer`. */
  rouse(): void {
    rouse(this.words);
  }

  /** Whether at least `records` more records fit. */
  hasRoom(records: number): boolean {
    if (((this.#head - this.#tail) | 0) + records <= this.#mask + 1) return true;
    this.#tail = Atomics.load(this.words, TAIL);
    return ((this.#head - this.#tail) | 0) + records <= this.#mask + 1;
  }
}

/** The reading end. Use: `peek` until -1, read `words[index …]`, `advance`; once a burst `release`. */
export class RingConsumer {
  readonly words: Int32Array;
  readonly #mask: number;
  readonly #recordWords: number;
  #head: number;
  #tail: number;

  constructor(memory: RingMemory) {
    this.words = new Int32Array(memory.buffer);
    this.#mask = memory.capacity - 1;
    this.#recordWords = memory.recordWords;
    this.#head = Atomics.load(this.words, HEAD);
    this.#tail = Atomics.load(this.words, TAIL);
  }

  /** Index in `words` of the next record to read, or -1 when there is none. */
  peek(): number {
    if (this.#head === this.#tail) {
      // An acquiring load: the records up to it are wholly written.
      this.#head = Atomics.load(this.words, HEAD);
      if (this.#head === this.#tail) return -1;
    }
    return RECORDS + (this.#tail & this.#mask) * this.#recordWords;
  }

  advance(): void {
    this.#tail = (this.#tail + 1) | 0;
  }

  /** Gives the records read so far back to the producer: a releasing store, so that our reads of them come first. */
  release(): void {
    Atomics.store(this.words, TAIL, this.#tail);
  }

  /**
   * Announces that this thread is about to sleep. Returns false, and takes it back, if a record came in meanwhile, or if
   * somebody has called for us since we last slept: see `RingProducer.wake` and `wakeConsumer` for the races that this closes.
   */
  prepareToSleep(): boolean {
    const isCalm = Atomics.compareExchange(this.words, ASLEEP, AWAKE, SLEEPING) === AWAKE;
    if (isCalm && Atomics.load(this.words, HEAD) === this.#tail) return true;
    this.awake();
    return false;
  }

  /** Blocks this thread until woken or until `timeoutMs` is over. Only after `prepareToSleep`. */
  sleepBlocking(timeoutMs: number): void {
    Atomics.wait(this.words, ASLEEP, SLEEPING, timeoutMs);
    this.awake();
  }

  /** Resolves when woken or when `timeoutMs` is over; the event loop goes on. Only after `prepareToSleep`. */
  async sleep(timeoutMs: number): Promise<void> {
    const waiting = Atomics.waitAsync(this.words, ASLEEP, SLEEPING, timeoutMs);
    if (waiting.async) await waiting.value;
    this.awake();
  }

  /** Takes the announcement of `prepareToSleep` back. */
  awake(): void {
    Atomics.store(this.words, ASLEEP, AWAKE);
  }
}

/**
 * Wakes the consumer of a ring, from any thread, its own too, for something that is not in the ring: a control word, a
 * promise, room elsewhere. A consumer that is awake has perhaps looked for that already and is about to sleep; it finds the
 * word set, and looks once more. Make the thing visible before this call.
 */
export function wakeConsumer(memory: RingMemory): void {
  rouse(new Int32Array(memory.buffer));
}

/** Wakes whoever sleeps at the word `asleep`, if anybody does: 1 while he sleeps. */
export function wakeSleeping(words: Int32Array, asleep: number): void {
  if (
    Atomics.load(words, asleep) === SLEEPING &&
    Atomics.compareExchange(words, asleep, SLEEPING, AWAKE) === SLEEPING
  ) {
    Atomics.notify(words, asleep, 1);
  }
}

function rouse(words: Int32Array): void {
  if (Atomics.exchange(words, ASLEEP, ROUSED) === SLEEPING) Atomics.notify(words, ASLEEP, 1);
}
