// Initial sequence numbers (RFC 6528 section 3): ISN = M + F(4-tuple, secret), M a clock of 4 µs ticks, F a keyed
// hash, here HalfSipHash-2-4. Off-path attackers cannot guess them, and a new connection of one 4-tuple begins after
// the old one.

import type { FourTuple } from "./four-tuple.js";

const TICKS_PER_MS = 250;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

export class InitialSequence {
  readonly #key0: number;
  readonly #key1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  /** `secret`: two random 32-bit words. */
  constructor(secret: readonly [number, number]) {
    this.#key0 = secret[0] | 0;
    this.#key1 = secret[1] | 0;
  }

  /** ISS for a connection of this tuple that begins now. */
  next(tuple: FourTuple, nowMs: number): number {
    return (this.#hash(tuple) + Math.imul(nowMs, TICKS_PER_MS)) | 0;
  }

  #hash(tuple: FourTuple): number {
    this.#v0 = this.#key0;
    this.#v1 = this.#key1;
    this.#v2 = 0x6c796765 ^ this.#key0;
    this.#v3 = 0x74656462 ^ this.#key1;
    this.#absorb(tuple.ports);
    this.#absorb(tuple.remote0);
    this.#absorb(tuple.local0);
    if (tuple.ipVersion === 6) {
      this.#absorb(tuple.remote1);
      this.#absorb(tuple.remote2);
      this.#absorb(tuple.remote3);
      this.#absorb(tuple.local1);
      this.#absorb(tuple.local2);
      this.#absorb(tuple.local3);
    }
    // The last word holds the message's length in its top byte.
    this.#absorb((tuple.ipVersion === 6 ? 36 : 12) << 24);
    this.#v2 ^= 0xff;
    for (let round = 0; round < 4; round++) this.#round();
    return this.#v1 ^ this.#v3;
  }

  #absorb(word: number): void {
    this.#v3 ^= word;
    this.#round();
    this.#round();
    this.#v0 ^= word;
  }

  #round(): void {
    this.#v0 = (this.#v0 + this.#v1) | 0;
    this.#v1 = rotate(this.#v1, 5) ^ this.#v0;
    this.#v0 = rotate(this.#v0, 16);
    this.#v2 = (this.#v2 + this.#v3) | 0;
    this.#v3 = rotate(this.#v3, 8) ^ this.#v2;
    this.#v0 = (this.#v0 + this.#v3) | 0;
    this.#v3 = rotate(this.#v3, 7) ^ this.#v0;
    this.#v2 = (this.#v2 + this.#v1) | 0;
    this.#v1 = rotate(this.#v1, 13) ^ this.#v2;
    this.#v2 = rotate(this.#v2, 16);
  }
}
