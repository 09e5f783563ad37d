// The transmit ring: what goes from one worker to the main thread, for links that a worker cannot write to itself: packets,
// and events of relayed connections (descriptor.ts). A ring of 32-bit words; a record has a header, and never wraps:
// where it would, a filler takes the rest of the ring.
//
//   word 0 · 16 · 32   head (writer: worker) · tail (writer: main) · asleep (compare-and-swap), a cache line each
//   word 33            starved (compare-and-swap): the worker has something that found no room
//   word 48 …          records:  payload bytes, or -1 for a filler · link (bits 0-7) and event (bits 8-15) ·
//                                connection · value · payload, padded to words

import { copyBytes } from "./copy-bytes.js";
import { EVENT_PACKET } from "./descriptor.js";
import { assertPowerOfTwo } from "./layout.js";
import { wakeSleeping } from "./ring.js";

const HEAD = 0;
const TAIL = 16;
const ASLEEP = 32;
const STARVED = 33;
const RECORDS = 48;
const HEADER_WORDS = 4;
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
  /** The ring's memory: a record's payload is written where `reserve` says. */
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #capacity: number;
  #head: number;
  #published: number;
  /** As `reserve` last saw it. */
  #tail = 0;

  constructor(memory: TransmitRingMemory) {
    this.#words = new Int32Array(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    this.#capacity = memory.capacityWords;
    this.#head = Atomics.load(this.#words, HEAD);
    this.#published = this.#head;
  }

  /** Longest payload of a record of which `parts` fill the ring, in bytes; with 2 or more, an empty ring has room for it. */
  payloadBytes(parts: number): number {
    return (Math.floor(this.#capacity / parts) - HEADER_WORDS) * 4;
  }

  /**
   * Room for a record with a payload of `length` bytes: the index in `bytes` where that is to be written before `publish`,
   * or -1 if there is none; then nothing was written. An empty ring has room for a record of up to half its words; for a
   * longer one only where the filler before it leaves enough.
   */
  reserve(link: number, event: number, connection: number, value: number, length: number): number {
    const needed = HEADER_WORDS + ((length + 3) >>> 2);
    this.#tail = Atomics.load(this.#words, TAIL);
    const used = (this.#head - this.#tail) | 0;
    let at = this.#head & (this.#capacity - 1);
    const filler = at + needed > this.#capacity ? this.#capacity - at : 0;
    if (used + filler + needed > this.#capacity) return -1;
    if (filler > 0) {
      this.#words[RECORDS + at] = FILLER;
      this.#head = (this.#head + filler) | 0;
      at = 0;
    }
    const record = RECORDS + at;
    this.#words[record] = length;
    this.#words[record + 1] = link | (event << 8);
    this.#words[record + 2] = connection;
    this.#words[record + 3] = value;
    this.#head = (this.#head + needed) | 0;
    return (record + HEADER_WORDS) * 4;
  }

  /** Copies a packet in. False if the ring has no room for it; then nothing was written. */
  push(link: number, bytes: Uint8Array, start: number, length: number): boolean {
    const at = this.reserve(link, EVENT_PACKET, 0, 0, length);
    if (at < 0) return false;
    copyBytes(bytes, start, start + length, this.bytes, at);
    return true;
  }

  /** Makes what was pushed visible, then wakes main if it sleeps (the race: see `RingProducer.wake`). */
  publish(): void {
    if (this.#published === this.#head) return;
    this.#published = this.#head;
    Atomics.store(this.#words, HEAD, this.#head);
    wakeSleeping(this.#words, ASLEEP);
  }

  /**
   * Asks main to wake this worker once it has made room. False if it has made some since `reserve` failed, which is then to be
   * tried again: we set *starved* and then look at *tail*, main moves *tail* and then looks at *starved*.
   */
  awaitRoom(): boolean {
    Atomics.store(this.#words, STARVED, 1);
    return Atomics.load(this.#words, TAIL) === this.#tail;
  }
}

/** The main thread's end. */
export class TransmitConsumer {
  /** The packet that `next` found is `bytes[offset … offset + length)`, until `release`. */
  readonly bytes: Uint8Array;
  offset = 0;
  length = 0;
  link = 0;
  event = EVENT_PACKET;
  connection = 0;
  value = 0;
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

  /** Finds the next record; false when there is none. */
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
      const target = this.#words[record + 1]!;
      this.link = target & 0xff;
      this.event = target >>> 8;
      this.connection = this.#words[record + 2]!;
      this.value = this.#words[record + 3]!;
      this.offset = (record + HEADER_WORDS) * 4;
      this.#tail = (this.#tail + HEADER_WORDS + ((length + 3) >>> 2)) | 0;
      return true;
    }
    return false;
  }

  /** Gives the room of the records seen so far back to the worker. True if the worker waits for it, and is to be woken. */
  release(): boolean {
    Atomics.store(this.#words, TAIL, this.#tail);
    return Atomics.load(this.#words, STARVED) === 1 && Atomics.exchange(this.#words, STARVED, 0) === 1;
  }

  /**
   * Calls `wake` once, as soon as there is a record; nothing if such a call is already due. Where there is one already the
   * event loop goes round first: a worker that is always a record ahead would otherwise keep it from all else.
   */
  wait(wake: () => void): void {
    if (this.#waiting) return;
    this.#waiting = true;
    const awake = () => {
      this.#waiting = false;
      wake();
    };
    Atomics.store(this.#words, ASLEEP, 1);
    if (Atomics.load(this.#words, HEAD) !== this.#tail) {
      Atomics.store(this.#words, ASLEEP, 0);
      setImmediate(awake);
      return;
    }
    void Promise.resolve(Atomics.waitAsync(this.#words, ASLEEP, 1).value).then(awake);
  }

  /** Forgets a pending `wait`: it calls its `wake` now. */
  cancelWait(): void {
    Atomics.store(this.#words, ASLEEP, 0);
    Atomics.notify(this.#words, ASLEEP);
  }
}
