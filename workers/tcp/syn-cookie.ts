// SYN cookies (RFC 4987 section 3.6): a SYN-ACK's sequence number that says, once the client acknowledges it, that we have sent it,
// to whom, when, and what MSS the SYN had. So nothing needs to be kept of a SYN. Any stack with the same secret can prove it.
// Must not know connections.
//
//    31                                            4     3     2       0
//   |  keyed hash of all else, and of who it is for  | parity |   MSS    |
//
// Time goes in periods of 64 s; the parity of the period in which the cookie was sent tells which of the last two that was. So
// a cookie is good for 64 to 128 s, and a guess comes true once in 2^28. Window scale and SACK have no room in it: they
// travel in the low bits of our timestamp, which the client sends back (RFC 7323 section 3.2); without timestamps they are
// not used.
//
//    timestamp:   31 … 5 of our clock, never ahead of it · bit 4 SACK permitted · bits 0-3 window scale, 15: none

import type { CookiePeriod } from "../../core/memory/cookie-period.js";
import { add, after } from "../../core/wire/sequence.js";
import type { FourTuple } from "./four-tuple.js";
import type { TupleHash } from "./tuple-hash.js";

/** Sizes that a cookie can tell: the largest is taken that is not beyond the client's. Those of Ethernet, PPPoE, and the defaults. */
const MSS_VALUES = [48, 256, 536, 1220, 1360, 1432, 1440, 1460] as const;
const MSS_MASK = 0x7;
const PARITY_SHIFT = 3;
const HASH_MASK = ~0xf;
const PERIOD_MS = 64_000;
/** The one before it has a number above 0, too, and was never. */
const FIRST_PERIOD = 2;

const OPTIONS_MASK = 0x1f;
const SACK_SHIFT = 4;
const SCALE_MASK = 0xf;
const NO_SCALE = 0xf;

/** What `prove` gives instead of an MSS: it is no cookie of ours, or none were sent at the time that it names. */
export const FORGED = 0;
export const NOT_EXPECTED = -1;

export class SynCookies {
  readonly #hash: TupleHash;
  readonly #period: CookiePeriod;

  constructor(hash: TupleHash, period: CookiePeriod) {
    this.#hash = hash;
    this.#period = period;
  }

  /** The ISS for the SYN-ACK that answers a SYN of this tuple with the sequence number `irs` and this MSS, at least 48. */
  make(tuple: FourTuple, irs: number, mss: number, nowMs: number): number {
    const period = periodAt(nowMs);
    this.#period.note(period);
    let size = MSS_VALUES.length - 1;
    while (size > 0 && MSS_VALUES[size]! > mss) size--;
    return this.#cookie(tuple, irs, period, size);
  }

  /** The MSS of a cookie that is acknowledged, by a client of this tuple whose SYN had the number `irs`; or one of the above. */
  prove(tuple: FourTuple, irs: number, cookie: number, nowMs: number): number {
    const now = periodAt(nowMs);
    const period = now - ((now ^ (cookie >>> PARITY_SHIFT)) & 1);
    if (!this.#period.wasSentSince(period)) return NOT_EXPECTED;
    const size = cookie & MSS_MASK;
    return this.#cookie(tuple, irs, period, size) === cookie ? MSS_VALUES[size]! : FORGED;
  }

  #cookie(tuple: FourTuple, irs: number, period: number, size: number): number {
    // The second word is never 0, which initial sequence numbers have there.
    const hash = this.#hash.of(tuple, irs, (period << PARITY_SHIFT) | size);
    return (hash & HASH_MASK) | ((period & 1) << PARITY_SHIFT) | size;
  }
}

function periodAt(nowMs: number): number {
  return FIRST_PERIOD + Math.floor(nowMs / PERIOD_MS);
}

/** Our timestamp `clock`, a few ms older, with the client's window scale (-1: none) and SACK in its low bits. */
export function timestampWithOptions(clock: number, windowScale: number, sackPermitted: number): number {
  const options = (sackPermitted << SACK_SHIFT) | (windowScale < 0 ? NO_SCALE : windowScale);
  const timestamp = (clock & ~OPTIONS_MASK) | options;
  return after(timestamp, clock) ? add(timestamp, -(OPTIONS_MASK + 1)) : timestamp;
}

/** The window scale in a timestamp that came back; -1: none. */
export function windowScaleIn(timestamp: number): number {
  const scale = timestamp & SCALE_MASK;
  return scale === NO_SCALE ? -1 : scale;
}

/** 1 if SACK is permitted by a timestamp that came back. */
export function sackPermittedIn(timestamp: number): number {
  return (timestamp >>> SACK_SHIFT) & 1;
}
