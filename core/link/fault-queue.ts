// One direction of a faulty path: packets go in as they were sent and come out as they arrive: some never, some twice, some
// damaged, some late or after others. It copies them into memory of its own, and knows of them only how many bytes they have.
//
// What is done to packet number n follows from the plan's seed, the queue's stream and n alone: no clock and no other
// packet has a part in it, and one chance changed leaves what the others do as it was.

import { copyBytes } from "../memory/copy-bytes.js";
import type { FaultPlan } from "./fault-plan.js";

/** What can happen to a packet. "overflowed": more packets were under way than there is room for, and it was lost. */
export const FAULT_KINDS = ["dropped", "duplicated", "corrupted", "reordered", "overflowed"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];
export type FaultCounts = Record<FaultKind, number>;

export function noFaults(): FaultCounts {
  return { dropped: 0, duplicated: 0, corrupted: 0, reordered: 0, overflowed: 0 };
}

/** Most packets under way in one direction: as many as the kernel queues for a TUN device. A power of two. */
const HELD_PACKETS = 8192;
/** A reordered packet is overtaken by 1 … 8 others; TCP takes three for a loss (RFC 5681 section 3.2). */
const MAX_OVERTAKES = 8;
/** It goes on after this time in ms, though too few have come to overtake it. */
const OVERTAKE_MS = 10;

// What a number is drawn for: each purpose has a number of its own for each packet.
const DROP = 0;
const DUPLICATE = 1;
const CORRUPT = 2;
const REORDER = 3;
const DAMAGED_BIT = 4;
const OVERTAKES = 5;
const JITTER = 6;
const PURPOSES = 8;

/** MurmurHash3's finalizer. */
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

export class FaultQueue {
  readonly counts = noFaults();
  readonly #plan: FaultPlan;
  /** Seed of the stream. */
  readonly #seed: number;
  /** The number of the last packet. */
  #number = 0;

  // Room for packets, one a slot, and the free slots.
  readonly #bytes: Uint8Array;
  readonly #slotBytes: number;
  readonly #lengths = new Int32Array(HELD_PACKETS);
  readonly #free = Int32Array.from({ length: HELD_PACKETS }, (_, slot) => slot);
  #freeCount = HELD_PACKETS;

  // Slots under way and when they arrive, the earliest first: a ring.
  readonly #line = new Int32Array(HELD_PACKETS);
  readonly #dueMs = new Float64Array(HELD_PACKETS);
  #head = 0;
  #tail = 0;

  // Slots that wait to be overtaken, in the order that they came in. Few: each packet overtakes all of them.
  readonly #kept: { slot: number; overtakes: number; untilMs: number }[] = [];

  /** Queues of one plan differ by `stream`. A packet has at most `maxPacketBytes`. */
  constructor(plan: FaultPlan, stream: number, maxPacketBytes: number) {
    this.#plan = plan;
    this.#seed = mix(plan.seed ^ mix(stream + 1));
    this.#slotBytes = maxPacketBytes;
    this.#bytes = new Uint8Array(HELD_PACKETS * maxPacketBytes);
  }

  /** Takes a copy of the packet that is sent at `nowMs`. */
  enqueue(bytes: Uint8Array, offset: number, length: number, nowMs: number): void {
    const { dropPercent, duplicatePercent, corruptPercent, reorderPercent } = this.#plan;
    this.#number++;
    if (this.#happens(DROP, dropPercent)) {
      this.counts.dropped++;
      return;
    }
    const slot = this.#keep(bytes, offset, length);
    if (slot < 0) return;
    const dueMs = nowMs + this.#delayMs();
    if (this.#happens(CORRUPT, corruptPercent)) this.#damage(slot);
    if (this.#happens(REORDER, reorderPercent)) this.#keepBack(slot, nowMs);
    else this.#schedule(slot, dueMs);
    if (this.#happens(DUPLICATE, duplicatePercent)) this.#duplicate(bytes, offset, length, dueMs);
    this.#overtake(dueMs);
  }

  /** Whether `dequeue` has a packet that arrives by `nowMs`. */
  isDue(nowMs: number): boolean {
    this.#letGo(nowMs);
    return this.#head !== this.#tail && this.#dueMs[this.#head & (HELD_PACKETS - 1)]! <= nowMs;
  }

  /** Copies the packet that arrives first to `target` at `at`, and forgets it. Returns its length. One must be there. */
  dequeue(target: Uint8Array, at: number): number {
    const slot = this.#line[this.#head++ & (HELD_PACKETS - 1)]!;
    const length = this.#lengths[slot]!;
    const from = slot * this.#slotBytes;
    copyBytes(this.#bytes, from, from + length, target, at);
    this.#free[this.#freeCount++] = slot;
    return length;
  }

  /** When to ask for a packet next, on the clock of `nowMs`; Infinity if never. */
  nextDueMs(): number {
    const keptMs = this.#kept[0]?.untilMs ?? Number.POSITIVE_INFINITY;
    if (this.#head === this.#tail) return keptMs;
    return Math.min(keptMs, this.#dueMs[this.#head & (HELD_PACKETS - 1)]!);
  }

  /** The packet's number for a purpose: 0 … 1, without the 1. */
  #draw(purpose: number): number {
    return (mix(this.#seed + Math.imul(this.#number * PURPOSES + purpose, 0x9e37_79b9)) >>> 0) / 2 ** 32;
  }

  #happens(purpose: number, percent: number): boolean {
    return this.#draw(purpose) * 100 < percent;
  }

  #delayMs(): number {
    const { delayMs, jitterMs } = this.#plan;
    return jitterMs === 0 ? delayMs : delayMs + (2 * this.#draw(JITTER) - 1) * jitterMs;
  }

  /** A slot with a copy of the packet, or -1. */
  #keep(bytes: Uint8Array, offset: number, length: number): number {
    if (this.#freeCount === 0) {
      this.counts.overflowed++;
      return -1;
    }
    const slot = this.#free[--this.#freeCount]!;
    copyBytes(bytes, offset, offset + length, this.#bytes, slot * this.#slotBytes);
    this.#lengths[slot] = length;
    return slot;
  }

  /** No checksum in it is made right again. */
  #damage(slot: number): void {
    this.counts.corrupted++;
    const bit = Math.floor(this.#draw(DAMAGED_BIT) * this.#lengths[slot]! * 8);
    this.#bytes[slot * this.#slotBytes + (bit >>> 3)]! ^= 1 << (bit & 7);
  }

  #duplicate(bytes: Uint8Array, offset: number, length: number, dueMs: number): void {
    const slot = this.#keep(bytes, offset, length);
    if (slot < 0) return;
    this.counts.duplicated++;
    this.#schedule(slot, dueMs);
  }

  #keepBack(slot: number, nowMs: number): void {
    this.counts.reordered++;
    // One more than overtake it, because the packet itself is the first that is counted.
    const overtakes = 2 + Math.floor(this.#draw(OVERTAKES) * MAX_OVERTAKES);
    this.#kept.push({ slot, overtakes, untilMs: nowMs + OVERTAKE_MS });
  }

  /** A packet has passed those that are kept back; some of them follow it. */
  #overtake(dueMs: number): void {
    const kept = this.#kept;
    for (let index = 0; index < kept.length; ) {
      const { slot } = kept[index]!;
      if (--kept[index]!.overtakes > 0) {
        index++;
        continue;
      }
      kept.splice(index, 1);
      this.#schedule(slot, dueMs);
    }
  }

  /** Those that have been kept back for long enough. */
  #letGo(nowMs: number): void {
    const kept = this.#kept;
    // The earliest is the first.
    while (kept.length > 0 && kept[0]!.untilMs <= nowMs) {
      const { slot, untilMs } = kept.shift()!;
      this.#schedule(slot, untilMs + this.#plan.delayMs);
    }
  }

  /** Puts the slot behind all that arrive no later. */
  #schedule(slot: number, dueMs: number): void {
    const mask = HELD_PACKETS - 1;
    let at = this.#tail++;
    for (; at !== this.#head && this.#dueMs[(at - 1) & mask]! > dueMs; at--) {
      this.#dueMs[at & mask] = this.#dueMs[(at - 1) & mask]!;
      this.#line[at & mask] = this.#line[(at - 1) & mask]!;
    }
    this.#dueMs[at & mask] = dueMs;
    this.#line[at & mask] = slot;
  }
}
