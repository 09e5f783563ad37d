// Which of the measured settings to take: the cheapest that no dearer one is worth its price over. Pure, and apart from measuring.
//
// Throughput alone cannot decide. People who think between their requests ask for no more than they ask for, and two settings that
// both answer them differ in nothing but how long it takes. So a dearer setting can be worth it for either; and neither counts for
// what chance makes of it: a small difference must be clear of the rounds' spread, whatever the spread a tiny one is none, and
// no noise of the machine's can hide a large one.

import type { Spread } from "../support/spread.js";

/** A setting by what it has shown. */
export interface Candidate {
  readonly requestsPerSecond: Spread;
  readonly p99Us: Spread;
  /** Of all requests, 0 … 1. */
  readonly failureShare: number;
}

/** Less throughput than that is no difference. */
export const SMALL_GAIN = 0.05;
/** From here on it is one even where the rounds of both overlap: noise may not talk anybody into half a farm. */
export const LARGE_GAIN = 0.15;
/** How much of the p99 must go for that alone to count, and how much it must be for anybody to notice. */
const P99_GAIN = 0.25;
export const NOTICEABLE_US = 2000;
/** More throughput may cost so many times as much p99, in proportion: 10 % more requests for 30 % more p99. */
const MAX_P99_PER_GAIN = 3;
/** A setting that fails by so much more of all requests than the most reliable one is none. */
const FAILURE_TOLERANCE = 0.001;

/** The index of the setting to take. They must come in the order of their price, the cheapest first; throws RangeError for none. */
export function findKnee(candidates: readonly Candidate[]): number {
  const fewest = Math.min(...candidates.map(({ failureShare }) => failureShare));
  const isReliable = ({ failureShare }: Candidate) => failureShare <= fewest + FAILURE_TOLERANCE;
  const knee = candidates.findIndex(
    (one, index) =>
      isReliable(one) &&
      // All of them, not only the next: what is gained in small steps is gained, too.
      !candidates.slice(index + 1).some((dearer) => isReliable(dearer) && isWorthIt(dearer, one)),
  );
  if (knee === -1) throw new RangeError("no setting was measured");
  return knee;
}

/** Whether what the dearer setting gives beyond the cheaper one is worth having. */
export function isWorthIt(dearer: Candidate, cheaper: Candidate): boolean {
  const gain = excess(dearer.requestsPerSecond, cheaper.requestsPerSecond);
  const isClearlyMore = dearer.requestsPerSecond.lowest > cheaper.requestsPerSecond.highest;
  if (gain >= LARGE_GAIN || (gain >= SMALL_GAIN && isClearlyMore)) {
    const cost = excess(dearer.p99Us, cheaper.p99Us);
    return !(cost > MAX_P99_PER_GAIN * gain && isClearlyLater(dearer.p99Us, cheaper.p99Us));
  }
  if (gain <= -SMALL_GAIN) return false;
  const isShorter = dearer.p99Us.median <= (1 - P99_GAIN) * cheaper.p99Us.median;
  return isShorter && isClearlyLater(cheaper.p99Us, dearer.p99Us);
}

function isClearlyLater(late: Spread, early: Spread): boolean {
  return late.lowest > early.highest && late.median - early.median >= NOTICEABLE_US;
}

/** By what part the one is more than the other: 0.1 for a tenth, negative for less. */
export function excess(one: Spread, other: Spread): number {
  if (other.median === 0) return one.median === 0 ? 0 : Number.POSITIVE_INFINITY;
  return one.median / other.median - 1;
}
