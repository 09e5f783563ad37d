// Where entries stand: open addressing over slots of one cache line (flow-entry.ts draws them). Must not know what flows
// and sources are to each other, nor count them.
//
// An entry stands in one of 32 slots, the probe sequence of the slot that its hash points to, its home. Each home says in
// one word (`homed`) which of its 32 slots hold entries of its own: a lookup goes to those and to no others, most often
// one or none, and a removal clears a bit. So there are no tombstones, and no history makes lookups longer.

import {
  KIND_KEY_MASK,
  KIND_PLACE_MASK,
  KIND_PLACE_SHIFT,
  KIND_STATE_SHIFT,
  KIND_WORKER_SHIFT,
  NO_ENTRY,
  PROBE_SLOTS,
  SLOT_GENERATION,
  SLOT_HASH,
  SLOT_HOMED,
  SLOT_KEY,
  SLOT_KIND,
  SLOT_LAST_SEEN,
  SLOT_SHIFT,
  SLOT_SOURCE,
  SLOT_SOURCE_GENERATION,
  slotAt,
} from "./flow-entry.js";
import { KEY_KIND, KEY_WORDS } from "./flow-key.js";

/** No free place in a probe sequence. */
export const NO_PLACE = -1;

const GENERATION_MASK = 0x7fffffff;

/** Bit of `homed` for a place, so that `Math.clz32` gives the nearest one first. */
function bitOf(place: number): number {
  return 1 << (31 - place);
}

/** The entry with the key at `keys[at …]`, whose hash is `hash`; NO_ENTRY if there is none. */
export function findEntry(
  words: Int32Array,
  slotMask: number,
  keys: Int32Array,
  at: number,
  hash: number,
): number {
  const home = hash & slotMask;
  let homed = words[(home << SLOT_SHIFT) + SLOT_HOMED]!;
  while (homed !== 0) {
    const place = Math.clz32(homed);
    const entry = slotAt(home, place, slotMask);
    const base = entry << SLOT_SHIFT;
    if (words[base + SLOT_HASH] === hash && hasKey(words, base, keys, at)) return entry;
    homed ^= bitOf(place);
  }
  return NO_ENTRY;
}

/** Whether the entry at `base` has the key, all of it. The words that IPv4 uses come first: most often they are all. */
function hasKey(words: Int32Array, base: number, keys: Int32Array, at: number): boolean {
  const key = base + SLOT_KEY;
  const kind = keys[at + KEY_KIND]!;
  const difference =
    (words[key]! ^ keys[at]!) |
    (words[key + 4]! ^ keys[at + 4]!) |
    (words[key + 8]! ^ keys[at + 8]!) |
    ((words[key + 9]! ^ kind) & KIND_KEY_MASK);
  if (difference !== 0) return false;
  if (((kind >>> 8) & 0xf) === 4) return true;
  return (
    ((words[key + 1]! ^ keys[at + 1]!) |
      (words[key + 2]! ^ keys[at + 2]!) |
      (words[key + 3]! ^ keys[at + 3]!) |
      (words[key + 5]! ^ keys[at + 5]!) |
      (words[key + 6]! ^ keys[at + 6]!) |
      (words[key + 7]! ^ keys[at + 7]!)) ===
    0
  );
}

/** The first free place in the probe sequence of `home`; NO_PLACE if all 32 are taken. */
export function findFreePlace(words: Int32Array, slotMask: number, home: number): number {
  for (let place = 0; place < PROBE_SLOTS; place++) {
    if (words[(slotAt(home, place, slotMask) << SLOT_SHIFT) + SLOT_KIND] === 0) return place;
  }
  return NO_PLACE;
}

/**
 * Writes a new entry, without source or flows, into the free slot at `place` of its home's probe sequence. Returns the
 * slot.
 */
export function fillSlot(
  words: Int32Array,
  slotMask: number,
  place: number,
  keys: Int32Array,
  at: number,
  hash: number,
  worker: number,
  state: number,
  now: number,
): number {
  const home = hash & slotMask;
  const entry = slotAt(home, place, slotMask);
  const base = entry << SLOT_SHIFT;
  words[base + SLOT_HASH] = hash;
  words[base + SLOT_LAST_SEEN] = now;
  words[base + SLOT_SOURCE] = 0;
  words[base + SLOT_SOURCE_GENERATION] = 0;
  for (let i = 0; i < KEY_WORDS - 1; i++) words[base + SLOT_KEY + i] = keys[at + i]!;
  words[base + SLOT_KIND] =
    keys[at + KEY_KIND]! |
    (state << KIND_STATE_SHIFT) |
    (place << KIND_PLACE_SHIFT) |
    (worker << KIND_WORKER_SHIFT);
  words[(home << SLOT_SHIFT) + SLOT_HOMED]! |= bitOf(place);
  return entry;
}

/** Empties the slot of a live entry. Its next entry has the next generation. */
export function freeSlot(words: Int32Array, slotMask: number, entry: number): void {
  const base = entry << SLOT_SHIFT;
  const home = words[base + SLOT_HASH]! & slotMask;
  const place = (words[base + SLOT_KIND]! >>> KIND_PLACE_SHIFT) & KIND_PLACE_MASK;
  words[(home << SLOT_SHIFT) + SLOT_HOMED]! &= ~bitOf(place);
  words[base + SLOT_KIND] = 0;
  words[base + SLOT_GENERATION] = (words[base + SLOT_GENERATION]! + 1) & GENERATION_MASK;
}
