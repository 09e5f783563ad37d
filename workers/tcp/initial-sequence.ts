// Initial sequence numbers (RFC 6528 section 3): ISN = M + F(4-tuple, secret), M a clock of 4 µs ticks, F a keyed
// hash. Off-path attackers cannot guess them, and a new connection of one 4-tuple begins after the old one.

import type { FourTuple } from "./four-tuple.js";
import type { TupleHash } from "./tuple-hash.js";

const TICKS_PER_MS = 250;

export class InitialSequence {
  readonly #hash: TupleHash;

  constructor(hash: TupleHash) {
    this.#hash = hash;
  }

  /** ISS for a connection of this tuple that begins now. */
  next(tuple: FourTuple, nowMs: number): number {
    // No SYN cookie hashes 0 as its second word.
    return (this.#hash.of(tuple, 0, 0) + Math.imul(nowMs, TICKS_PER_MS)) | 0;
  }
}
