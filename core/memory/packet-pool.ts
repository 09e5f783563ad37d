// The packet pool: fixed slots in shared memory that packets are received into and that workers read in place.
// Only a slot's index travels between threads. The director (main thread) owns every slot that no worker holds and
// keeps them on a private stack; a worker gives a slot back through its return ring.
//
//   slot      0        6                 16                                   slotBytes
//             | unused | virtio_net_hdr  | IP packet …                          |
//
// The IP header begins at a multiple of 4, so that addresses and ports can be loaded as 32-bit words. The ten bytes
// before it are where a TUN device with IFF_VNET_HDR puts its own header, in the same read.
// writer: the link, on the main thread, between `acquire` and the descriptor's publication · readers: main, then the
// one worker that the descriptor went to.

import { assertPowerOfTwo } from "./layout.js";

/** Bytes in a slot before the IP packet. */
export const SLOT_HEADROOM_BYTES = 16;

/** The pool's shared memory and shape; can be sent to another thread. */
export interface PacketPoolMemory {
  readonly buffer: SharedArrayBuffer;
  readonly slotCount: number;
  /** Bytes in a slot, headroom included; a power of two. */
  readonly slotBytes: number;
}

export function allocatePacketPool(slotCount: number, slotBytes: number): PacketPoolMemory {
  assertPowerOfTwo(slotBytes, "bytes in a packet slot");
  return { buffer: new SharedArrayBuffer(slotCount * slotBytes), slotCount, slotBytes };
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
  /** Longest IP packet that a slot can hold, in bytes. */
  readonly maxPacketBytes: number;

  constructor(memory: PacketPoolMemory) {
    this.bytes = new Uint8Array(memory.buffer);
    this.halves = new Uint16Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.slotCount = memory.slotCount;
    this.slotBytes = memory.slotBytes;
    this.maxPacketBytes = memory.slotBytes - SLOT_HEADROOM_BYTES;
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

  constructor(slotCount: number) {
    this.#stack = Int32Array.from({ length: slotCount }, (_, index) => slotCount - 1 - index);
    this.#count = slotCount;
  }

  /** A slot for one packet, or -1 when all are in use. */
  acquire(): number {
    return this.#count === 0 ? -1 : this.#stack[--this.#count]!;
  }

  release(slot: number): void {
    this.#stack[this.#count++] = slot;
  }

  get count(): number {
    return this.#count;
  }
}

const NOBODY = -1;

/** Which worker holds which slot, so that the slots of one that is gone come back. Private to the main thread. */
export class HeldSlots {
  readonly #holders: Int8Array;
  readonly #free: FreeSlots;

  constructor(slotCount: number, free: FreeSlots) {
    this.#holders = new Int8Array(slotCount).fill(NOBODY);
    this.#free = free;
  }

  /** The slot is on its way to the worker, 0 … 63. */
  hand(slot: number, worker: number): void {
    this.#holders[slot] = worker;
  }

  /** Takes the slot back from its holder; from anyone else, whatever number it is, nothing. */
  giveBack(slot: number, worker: number): void {
    if (this.#holders[slot] !== worker) return;
    this.#holders[slot] = NOBODY;
    this.#free.release(slot);
  }

  /** Takes all slots of a worker back that is gone, and will not touch them any more. */
  giveBackAll(worker: number): void {
    for (let slot = 0; slot < this.#holders.length; slot++) this.giveBack(slot, worker);
  }
}
