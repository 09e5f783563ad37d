// Which entry has to go when there is no room for a new one: a choice among the slots that the new one could be in,
// and nothing else. Must change nothing. In this order, and within each class the one longest unseen:
//
//   expired   its time is over, and the sweep has not come by yet
//   opening   half-open flows: all that a SYN flood can make, so that it displaces itself
//   closing   flows that the client is done with
//   idle      open flows, and sources without flows
//   source    sources with flows: would cost their other flows the affinity

import {
  PROBE_SLOTS,
  SLOT_LIVE_FLOWS,
  SLOT_SHIFT,
  STATE_CLOSING,
  STATE_OPENING,
  STATE_SOURCE,
  slotAt,
  stateAt,
} from "./flow-entry.js";
import { idleMs, isExpired, type TimeoutByState } from "./flow-timeouts.js";

export const CLASS_EXPIRED = 0;
export const CLASS_OPENING = 1;
export const CLASS_CLOSING = 2;
export const CLASS_IDLE = 3;
export const CLASS_SOURCE = 4;

/** The class of the entry in the slot at `base`, which must not be free. */
export function evictionClass(
  words: Int32Array,
  base: number,
  timeouts: TimeoutByState,
  now: number,
): number {
  if (isExpired(words, base, timeouts, now)) return CLASS_EXPIRED;
  const state = stateAt(words, base);
  if (state === STATE_OPENING) return CLASS_OPENING;
  if (state === STATE_CLOSING) return CLASS_CLOSING;
  return state === STATE_SOURCE && words[base + SLOT_LIVE_FLOWS] !== 0 ? CLASS_SOURCE : CLASS_IDLE;
}

/**
 * The place in the probe sequence of `home` to clear; none of its slots may be free. Never `keep`: the source entry that the
 * new flow is about to belong to (or -1).
 */
export function chooseVictim(
  words: Int32Array,
  home: number,
  slotMask: number,
  timeouts: TimeoutByState,
  now: number,
  keep: number,
): number {
  let victim = -1;
  let victimClass = CLASS_SOURCE + 1;
  let victimIdleMs = 0;
  for (let place = 0; place < PROBE_SLOTS; place++) {
    const entry = slotAt(home, place, slotMask);
    if (entry === keep) continue;
    const base = entry << SLOT_SHIFT;
    const rank = evictionClass(words, base, timeouts, now);
    const idle = idleMs(words, base, now);
    if (rank < victimClass || (rank === victimClass && idle > victimIdleMs)) {
      victim = place;
      victimClass = rank;
      victimIdleMs = idle;
    }
  }
  return victim;
}
