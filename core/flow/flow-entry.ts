// The flow table's memory: what stands in which word. One writer, the director (main thread); workers never look into
// it, and whoever else reads it (admin, tests) may see an entry half written, to be shown and never acted upon.
//
// A slot is one cache line. Its first word belongs to the slot, the others to the entry that is in it:
//
//    0  homed        which slots of this slot's probe sequence hold entries whose hash points here: bit 31 for the
//                    first, which is this one, … bit 0 for the 32nd
//    1  hash         of the key
//    2  last seen    tick of the last packet; source entry: of the last time that a flow of it began or ended
//    3  generation   counts the entries that have left this slot, modulo 2^31; outlives them
//    4  source       flow entry: slot of its source entry, or -1     source entry: number of its live flows
//    5  source's generation, without which word 4 means nothing      source entry: 1 once a connection of it was real
//    6  key          words 0-8: addresses and ports
//   15  kind         key word 9 (bits 0-15) · state (bits 16-18) · place in the home's probe sequence (bits 19-23) ·
//                    worker (bits 24-31); 0: the slot is free
//
// Ticks are milliseconds of any steady clock, `| 0`: signed 32-bit numbers that wrap.

import { assertPowerOfTwo, CACHE_LINE_BYTES, CACHE_LINE_WORDS } from "../memory/layout.js";

/** Words of a slot, as a shift. */
export const SLOT_SHIFT = 4;

export const SLOT_HOMED = 0;
export const SLOT_HASH = 1;
export const SLOT_LAST_SEEN = 2;
export const SLOT_GENERATION = 3;
export const SLOT_SOURCE = 4;
export const SLOT_LIVE_FLOWS = 4;
export const SLOT_SOURCE_GENERATION = 5;
export const SLOT_PROVEN = 5;
export const SLOT_KEY = 6;
export const SLOT_KIND = 15;

export const KIND_KEY_MASK = 0xffff;
export const KIND_STATE_SHIFT = 16;
export const KIND_STATE_MASK = 0x7;
export const KIND_PLACE_SHIFT = 19;
export const KIND_PLACE_MASK = 0x1f;
export const KIND_WORKER_SHIFT = 24;

/** No entry: not found, refused, or a flow without a source entry. */
export const NO_ENTRY = -1;

// States of an entry. A flow's tells its timeout and how soon it goes when room is needed.
/** TCP: SYNs only; nothing says that the source is who it says it is. */
export const STATE_OPENING = 1;
export const STATE_ESTABLISHED = 2;
/** TCP: the client has sent FIN or RST. */
export const STATE_CLOSING = 3;
/** Any protocol without connections. */
export const STATE_DATAGRAM = 4;
/** A source entry. */
export const STATE_SOURCE = 5;
export const STATE_COUNT = 6;

/** Slots that an entry can be in: as many as `homed` has bits. */
export const PROBE_SLOTS = 32;

/** Most slots of a table: 1 GiB. */
export const MAX_CAPACITY = 2 ** 24;

/**
 * Bytes left free before the first slot. The C library hands out large blocks 16 bytes behind a page's start, and a
 * slot that lies across two cache lines costs two misses (measured: half of all the time that 1 M flows take). Where an
 * allocator does otherwise, the table is slower and nothing else.
 */
const LEAD_BYTES = CACHE_LINE_BYTES - 16;

/** The table's shared memory and shape; can be sent to another thread. */
export interface FlowTableMemory {
  readonly buffer: SharedArrayBuffer;
  /** Slots: a power of two. */
  readonly capacity: number;
}

/**
 * Memory for a table of `capacity` entries, flows and sources together, a power of two from 32 to 2^24; 64 bytes each.
 * Twice the number of entries expected at once is ample.
 * @throws RangeError if `capacity` is none of these.
 */
export function allocateFlowTable(capacity: number): FlowTableMemory {
  assertPowerOfTwo(capacity, "flow table capacity");
  if (capacity < PROBE_SLOTS || capacity > MAX_CAPACITY) {
    throw new RangeError(`flow table capacity must be ${PROBE_SLOTS} to ${MAX_CAPACITY}, not ${capacity}`);
  }
  return { buffer: new SharedArrayBuffer(LEAD_BYTES + capacity * CACHE_LINE_BYTES), capacity };
}

/** The slots' words: slot `n` begins at `n << SLOT_SHIFT`. */
export function slotWords(memory: FlowTableMemory): Int32Array {
  return new Int32Array(memory.buffer, LEAD_BYTES, memory.capacity * CACHE_LINE_WORDS);
}

/**
 * Slot at `place` (0 … 31) of a home's probe sequence: home, and then 1, 3, 6, 10 … slots on. Near at first, for the
 * memory's sake, and then ever further, so that homes do not share their later slots with their neighbours: with 32 slots
 * in a row, crowds grow together, and there is no room a thousand times as often. All 32 are different, as triangular
 * numbers are modulo a power of two.
 */
export function slotAt(home: number, place: number, slotMask: number): number {
  return (home + ((place * (place + 1)) >> 1)) & slotMask;
}

/** State of the entry in the slot whose words begin at `base`; 0 if the slot is free. */
export function stateAt(words: Int32Array, base: number): number {
  return (words[base + SLOT_KIND]! >>> KIND_STATE_SHIFT) & KIND_STATE_MASK;
}
