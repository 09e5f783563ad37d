// How long entries live without being seen. The worker reports the end of most flows, so these are for the others: a
// client that vanished, a report that a full ring lost, a protocol without an end.

import {
  SLOT_LAST_SEEN,
  SLOT_LIVE_FLOWS,
  STATE_CLOSING,
  STATE_COUNT,
  STATE_DATAGRAM,
  STATE_ESTABLISHED,
  STATE_OPENING,
  STATE_SOURCE,
  stateAt,
} from "./flow-entry.js";

/** All in milliseconds, 1 to MAX_TIMEOUT_MS. */
export interface FlowTimeouts {
  /** A TCP flow of which only SYNs were seen. */
  readonly openingTimeoutMs: number;
  /** An open TCP connection. */
  readonly establishedTimeoutMs: number;
  /** A TCP flow after the client's FIN or RST. */
  readonly closingTimeoutMs: number;
  /** A flow without connections (UDP). */
  readonly datagramTimeoutMs: number;
  /** A source, after its last flow has ended. */
  readonly affinityTimeMs: number;
}

export const DEFAULT_FLOW_TIMEOUTS: FlowTimeouts = {
  // Longer than the 63 s that a worker's five retransmitted SYN-ACKs take (RFC 6298 back-off from 1 s): the worker, who knows
  // that no connection came of it, reports first.
  openingTimeoutMs: 75_000,
  // RFC 5382 REQ-5: not less than 2 hours 4 minutes, so that keep-alives of 2 hours (RFC 9293 section 3.8.4) are in time.
  establishedTimeoutMs: 7_440_000,
  // RFC 5382 REQ-5: not less than 4 minutes for connections that are partly open or closing: two MSL.
  closingTimeoutMs: 240_000,
  // RFC 4787 REQ-5: not less than 2 minutes, 5 recommended; IPVS's is 5 too.
  datagramTimeoutMs: 300_000,
  // IPVS's for persistence (ipvsadm -p).
  affinityTimeMs: 300_000,
};

/** Ticks are compared as signed 32-bit numbers: half their circle, halved again so that a late sweep harms nothing. */
export const MAX_TIMEOUT_MS = 2 ** 30;

/** The timeouts, in milliseconds, by state. */
export type TimeoutByState = Int32Array;

/** @throws RangeError that names the timeout which is no integer from 1 to MAX_TIMEOUT_MS. */
export function timeoutsByState(timeouts: FlowTimeouts): TimeoutByState {
  for (const [name, value] of Object.entries(timeouts)) {
    if (!Number.isInteger(value) || value < 1 || value > MAX_TIMEOUT_MS) {
      throw new RangeError(`${name} must be 1 to ${MAX_TIMEOUT_MS}, not ${value}`);
    }
  }
  const byState = new Int32Array(STATE_COUNT);
  byState[STATE_OPENING] = timeouts.openingTimeoutMs;
  byState[STATE_ESTABLISHED] = timeouts.establishedTimeoutMs;
  byState[STATE_CLOSING] = timeouts.closingTimeoutMs;
  byState[STATE_DATAGRAM] = timeouts.datagramTimeoutMs;
  byState[STATE_SOURCE] = timeouts.affinityTimeMs;
  return byState;
}

/** Milliseconds since the entry was last seen; signed, so that a clock which steps back makes entries young, not old. */
export function idleMs(words: Int32Array, base: number, now: number): number {
  return (now - words[base + SLOT_LAST_SEEN]!) | 0;
}

/** Whether the time of the entry in the slot at `base` is over. A source does not age while it has flows. */
export function isExpired(words: Int32Array, base: number, timeouts: TimeoutByState, now: number): boolean {
  const state = stateAt(words, base);
  if (state === STATE_SOURCE && words[base + SLOT_LIVE_FLOWS] !== 0) return false;
  return idleMs(words, base, now) >= timeouts[state]!;
}
