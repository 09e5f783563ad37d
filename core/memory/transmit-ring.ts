// The transmit ring: packets on their way from one worker to the main thread, for links that a worker cannot write to
// itself. A ring of 32-bit words; a record is a packet with a header, and never wraps: where it would, a filler
// takes the rest of the ring.
//
//   word 0 · 16 · 32   head (writer: worker) · tail (writer: main) · asleep (compare-and-swap), a cache line each
//   word 48 …          records:  bytes of the packet, or -1 for a filler · link number · packet, padded to words

import { assertPowerOfTwo } from "./layout.js";

const HEAD = 0;
const TAIL = 16;
const ASLEEP = 32;
const RECORDS = 48;
const HEADER_WORDS = 2;
const FILLER = -1;

export interface TransmitRingMemory {
  readonly buffer: SharedArrayBuffer;
  /** Words for records, a power of two. */
  readonly capacityWords: number;
}

export function allocateTransmitRing(capacityWords: number): TransmitRingMemory {
  assertPowerOfTwo(capacityWords, "words in a transmit ring");
  return { buffer: new SharedArrayBuffer((RECORDS + capacityWords) * 4), capacityWords };
}

/** The worker's end. */
export class TransmitProducer {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  #head: number;

  constructor(memory: TransmitRingMemory) {
    this.#words = new Int32Array(memory.buffer);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#capacity = memory.capacityWords;
    this.#head = Atomics.load(this.#words, HEAD);
  }

  /**
   * Copies a packet in. False if the ring has no room for it; then nothing was written. An empty ring has room for a record
   * of up to half its words; for a longer one only where the filler before it leaves enough.
   */
  push(link: number, bytes: Uint8Array, start: number, length: number): boolean {
    const needed = HEADER_WORDS + ((length + 3) >>> 2);
    const used = (this.#head - Atomics.load(this.#words, TAIL)) | 0;
    let at = this.#head & (this.#capacity - 1);
    const filler = at + needed > this.#capacity ? this.#capacity - at : 0;
    if (used + filler + needed > this.#capacity) return false;
    if (filler > 0) {
      this.#words[RECORDS + at] = FILLER;
      this.#head = (this.#head + filler) | 0;
      at = 0;
    }
    const record = RECORDS + at;
    this.#words[record] = length;
    this.#words[record + 1] = link;
    this.#bytes.set(bytes.subarray(start, start + length), (record + HEADER_WORDS) * 4);
    this.#head = (this.#head + needed) | 0;
    return true;
  }

  /** Makes what was pushed visible, then wakes main if it sleeps (the race: see `RingProducer.wake`). */
  publish(): void {
    Atomics.store(this.#words, HEAD, this.#head);
    if (Atomics.load(this.#words, ASLEEP) === 1 && Atomics.compareExchange(this.#words, ASLEEP, 1, 0) === 1) {
      Atomics.notify(this.#words, ASLEEP, 1);
    }
  }
}

/** The main thread's end. */
export class TransmitConsumer {
  /** The packet that `next` found is `bytes[offset … offset + length)`, until `release`. */
  readonly bytes: Uint8Array;
  offset = 0;
  length = 0;
  link = 0;
  readonly #words: Int32Array;
  readonly #capacity: number;
  #tail: number;
  #waiting = false;

  constructor(memory: TransmitRingMemory) {
    this.#words = new Int32Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.#capacity = memory.capacityWords;
    this.#tail = Atomics.load(this.#words, TAIL);
  }

  /** Finds the next packet; false when there is none. */
  next(): boolean {
    const head = Atomics.load(this.#words, HEAD);
    while (this.#tail !== head) {
      const at = this.#tail & (this.#capacity - 1);
      const record = RECORDS + at;
      const length = this.#words[record]!;
      if (length === FILLER) {
        this.#tail = (this.#tail + this.#capacity - at) | 0;
        continue;
      }
      this.length = length;
      this.link = this.#words[record + 1]!;
      this.offset = (record + HEADER_WORDS) * 4;
      this.#tail = (this.#tail + HEADER_WORDS + ((length + 3) >>> 2)) | 0;
      return true;
    }
    return false;
  }

  /** Gives the room of the packets seen so far back to the worker. */
  release(): void {
    Atomics.store(this.#words, TAIL, this.#tail);
  }

  /** Calls `wake` once, as soon as there is a packet; nothing if such a call is already due. */
  wait(wake: () => void): void {
    if (this.#waiting) return;
    Atomics.store(this.#words, ASLEEP, 1);
    if (Atomics.load(this.#words, HEAD) !== this.#tail) {
      Atomics.store(this.#words, ASLEEP, 0);
      queueMicrotask(wake);
      return;
    }
    const waiting = Atomics.waitAsync(this.#words, ASLEEP, 1);
    this.#waiting = true;
    void Promise.resolve(waiting.value).then(() => {
      this.#waiting = false;
      wake();
    });
  }

  /** Forgets a pending `wait`: it calls its `wake` now. */
  cancelWait(): void {
    Atomics.store(this.#words, ASLEEP, 0);
    Atomics.notify(this.#words, ASLEEP);
  }
}
