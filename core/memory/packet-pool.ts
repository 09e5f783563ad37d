// The packet pool: fixed slots in shared memory that packets are received into and that workers read in place.
// Only a slot's index travels between threads. The director (main thread) owns every slot that no worker holds and
// keeps them on a private stack; a worker gives a slot back through its return ring.
//
//   slot      0        6                 16                                   slotBytes
//             | unused | virtio_net_hdr  | IP packet …                          |
//
// The IP header begins at a multiple of 4, so that addresses and ports can be loaded as 32-bit words. The ten bytes
// before it are where a TUN device with IFF_VNET_HDR puts its own header, in the same read.
//
// Behind the slots lie the large ones, for TCP segments that the device has not cut and packets that came in fragments: as many
// slots in a row each, and known by the number of the first. To a worker they are slots like any other.
// writer: the link, and of large ones the reassembly, on the main thread, between `acquire` and the descriptor's publication ·
// readers: main, then the one worker that the descriptor went to.

import { assertPowerOfTwo } from "./layout.js";

/** Bytes in a slot before the IP packet. */
export const SLOT_HEADROOM_BYTES = 16;

/** Slots that make a large one: 64 KiB with slots of 2 KiB. */
const LARGE_SLOT_SLOTS = 32;
/** A worker holds at most one large slot in so many, so that one that hangs does not keep packets from the others. */
const SHARE_OF_LARGE_SLOTS = 4;

/** The pool's shared memory and shape; can be sent to another thread. */
export interface PacketPoolMemory {
  readonly buffer: SharedArrayBuffer;
  readonly slotCount: number;
  /** Bytes in a slot, headroom included; a power of two. */
  readonly slotBytes: number;
  /** Large slots, which `slotCount` does not count. */
  readonly largeSlotCount: number;
}

/** Slots of both sizes: as many as can be held at once. */
export function slotsOf({
  slotCount,
  largeSlotCount,
}: Pick<PacketPoolMemory, "slotCount" | "largeSlotCount">): number {
  return slotCount + largeSlotCount;
}

/** Numbers that slots of both sizes take. */
function numbersOf(slotCount: number, largeSlotCount: number): number {
  return slotCount + largeSlotCount * LARGE_SLOT_SLOTS;
}

export function allocatePacketPool(
  slotCount: number,
  slotBytes: number,
  largeSlotCount = 0,
): PacketPoolMemory {
  assertPowerOfTwo(slotBytes, "bytes in a packet slot");
  const bytes = numbersOf(slotCount, largeSlotCount) * slotBytes;
  return { buffer: new SharedArrayBuffer(bytes), slotCount, slotBytes, largeSlotCount };
}

/** A view of the pool for reading packets; every thread has one of its own. */
export class PacketPool {
  readonly bytes: Uint8Array;
  /** The same memory as 16-bit words of the machine's byte order, for checksums. */
  readonly halves: Uint16Array;
  /** The same memory as 32-bit words of the machine's byte order, for keys. */
  readonly words: Int32Array;
  readonly slotCount: number;
  readonly slotBytes: number;
  readonly largeSlotCount: number;
  /** Longest IP packet that a slot, and a large one, can hold, in bytes. */
  readonly maxPacketBytes: number;
  readonly maxLargePacketBytes: number;

  constructor(memory: PacketPoolMemory) {
    this.bytes = new Uint8Array(memory.buffer);
    this.halves = new Uint16Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.slotCount = memory.slotCount;
    this.slotBytes = memory.slotBytes;
    this.largeSlotCount = memory.largeSlotCount;
    this.maxPacketBytes = memory.slotBytes - SLOT_HEADROOM_BYTES;
    this.maxLargePacketBytes = memory.slotBytes * LARGE_SLOT_SLOTS - SLOT_HEADROOM_BYTES;
  }

  /** Whether the packet at this offset is in a large slot. */
  isInLargeSlot(packetOffset: number): boolean {
    return packetOffset >= this.slotCount * this.slotBytes;
  }

  /** Byte offset of a slot's IP packet; a multiple of 4. */
  packetOffset(slot: number): number {
    return slot * this.slotBytes + SLOT_HEADROOM_BYTES;
  }
}

/** The free slots: private to the main thread. Last in, first out, so that a slot in use is one still in the cache. */
export class FreeSlots {
  readonly #stack: Int32Array;
  #count: number;
  readonly #firstLarge: number;
  readonly #largeStack: Int32Array;
  #largeCount: number;

  constructor({ slotCount, largeSlotCount }: Pick<PacketPoolMemory, "slotCount" | "largeSlotCount">) {
    this.#stack = Int32Array.from({ length: slotCount }, (_, index) => slotCount - 1 - index);
    this.#count = slotCount;
    this.#firstLarge = slotCount;
    this.#largeStack = Int32Array.from(
      { length: largeSlotCount },
      (_, index) => slotCount + (largeSlotCount - 1 - index) * LARGE_SLOT_SLOTS,
    );
    this.#largeCount = largeSlotCount;
  }

  /** A slot for one packet, or -1 when all are in use. */
  acquire(): number {
    return this.#count === 0 ? -1 : this.#stack[--this.#count]!;
  }

  /** A large slot, or -1 when all are in use. */
  acquireLarge(): number {
    return this.#largeCount === 0 ? -1 : this.#largeStack[--this.#largeCount]!;
  }

  /** Takes a slot, or a large one, back. */
  release(slot: number): void {
    if (slot < this.#firstLarge) this.#stack[this.#count++] = slot;
    else this.#largeStack[this.#largeCount++] = slot;
  }

  /** Free slots, without the large ones; and those. */
  get count(): number {
    return this.#count;
  }

  get largeCount(): number {
    return this.#largeCount;
  }
}

const NOBODY = -1;

/** Which worker holds which slot, so that the slots of one that is gone come back. Private to the main thread. */
export class HeldSlots {
  readonly #holders: Int8Array;
  readonly #free: FreeSlots;
  readonly #firstLarge: number;
  /** Large slots, by the worker that holds them, whose number is that of a holder; and the most that one may hold. */
  readonly #largeCounts = new Int32Array(128);
  readonly #largeShare: number;

  constructor({ slotCount, largeSlotCount }: PacketPoolMemory, free: FreeSlots) {
    this.#firstLarge = slotCount;
    this.#largeShare = Math.ceil(largeSlotCount / SHARE_OF_LARGE_SLOTS);
    this.#holders = new Int8Array(numbersOf(slotCount, largeSlotCount)).fill(NOBODY);
    this.#free = free;
  }

  /** Whether the worker may have this slot as well: a large one only while it has less than its share of them. */
  mayHand(slot: number, worker: number): boolean {
    return slot < this.#firstLarge || this.#largeCounts[worker]! < this.#largeShare;
  }

  /** The slot is on its way to the worker, 0 … 127. */
  hand(slot: number, worker: number): void {
    this.#holders[slot] = worker;
    if (slot >= this.#firstLarge) this.#largeCounts[worker]!++;
  }

  /** Takes the slot back from its holder; from anyone else, whatever number it is, nothing. */
  giveBack(slot: number, worker: number): void {
    if (this.#holders[slot] !== worker) return;
    this.#holders[slot] = NOBODY;
    if (slot >= this.#firstLarge) this.#largeCounts[worker]!--;
    this.#free.release(slot);
  }

  /** Takes all slots of a worker back that is gone, and will not touch them any more. */
  giveBackAll(worker: number): void {
    for (let slot = 0; slot < this.#holders.length; slot++) this.giveBack(slot, worker);
  }
}
