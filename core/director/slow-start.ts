// Slow start: the weight of a worker that has just begun to serve. It holds nothing yet, so by load alone it would get
// every new source of the farm at once, with cold caches and code that is not compiled. A pure function of its age.

import { FULL_WEIGHT } from "../memory/load-board.js";

/** The weight at age 0. Above 0, because a worker that gets nothing never warms up. */
export const SLOW_START_MIN_WEIGHT = 10;

/**
 * The weight, for BOARD_WEIGHT, of a worker that has been serving for `ageMs` milliseconds: a whole number of hundredths that
 * grows evenly from SLOW_START_MIN_WEIGHT to FULL_WEIGHT at `slowStartMs`. With `slowStartMs` 0 it is full at once.
 */
export function slowStartWeight(ageMs: number, slowStartMs: number): number {
  if (ageMs >= slowStartMs) return FULL_WEIGHT;
  // A clock that steps back makes no age negative.
  const age = Math.max(0, ageMs);
  return SLOW_START_MIN_WEIGHT + Math.floor(((FULL_WEIGHT - SLOW_START_MIN_WEIGHT) * age) / slowStartMs);
}
