// The two paces of a replay. Both deliver each packet at its recorded time; they differ in what passes the time in between: the
// machine's clock, or nothing but a number that leaps to where the next packets are due.

import type { ThreadlessFarm } from "../../director/threadless-farm.js";
import type { PcapLink, ReplayClock } from "../../link/pcap.js";

/** Recorded time that is played at once, at full speed. What lies in it is not told apart: all times of a farm are whole seconds. */
const LEAP_MS = 1000;
/** How often a farm without packets does its housekeeping. */
const HOUSEKEEPING_MS = 100;
/** Time that is enough for housekeeping to have gone through the whole flow table, as in DirectorLoop's farm. */
const HOUSEKEEPING_ROUND_MS = 10_000;

export interface Pace {
  /** The link's clock, and the director's. */
  readonly clock: ReplayClock;
  readonly nowMs: () => number;
  /** Called when no packet is due: lets the time pass until one is, or until the farm wants to do its housekeeping. */
  pass(link: PcapLink, farm: ThreadlessFarm, signal: AbortSignal): Promise<void> | undefined;
}

/** As fast as packets are taken. What the farm does follows from the capture alone, so that runs are equal. */
export function fullSpeed(): Pace {
  let linkMs = 0;
  let farmMs = 0;
  return {
    // The link is never waited for.
    clock: { nowMs: () => linkMs, setTimer: () => () => {} },
    nowMs: () => farmMs,
    pass(link, farm) {
      const dueInMs = link.dueInMs;
      // Only records that are no packets were looked at.
      if (dueInMs <= 0) return undefined;
      const untilMs = linkMs + Math.max(dueInMs, LEAP_MS);
      // A longer silence is cut: after a whole round of it nothing changes any more. Counted, as a time that a broken record
      // claims may be so large that adding to it changes nothing.
      const fromMs = Math.max(farmMs, untilMs - HOUSEKEEPING_ROUND_MS);
      const steps = Math.ceil((untilMs - fromMs) / HOUSEKEEPING_MS);
      for (let step = 1; step <= steps; step++) {
        farmMs = step === steps ? untilMs : fromMs + step * HOUSEKEEPING_MS;
        farm.turn();
      }
      linkMs = untilMs;
      return undefined;
    },
  };
}

/** With the capture's own gaps, on a clock that passes by itself. */
export function recordedPace(clock: ReplayClock): Pace {
  const startMs = clock.nowMs();
  return {
    clock,
    nowMs: () => clock.nowMs() - startMs,
    pass: (link, _farm, signal) =>
      new Promise((resolve) => {
        const goOn = () => {
          cancel();
          signal.removeEventListener("abort", goOn);
          resolve();
        };
        const cancel = clock.setTimer(goOn, Math.min(Math.max(0, link.dueInMs), HOUSEKEEPING_MS));
        signal.addEventListener("abort", goOn);
      }),
  };
}

export const SYSTEM_CLOCK: ReplayClock = {
  nowMs: () => performance.now(),
  setTimer(wake, delayMs) {
    const timer = setTimeout(wake, delayMs);
    return () => clearTimeout(timer);
  },
};
