// A keyed hash of a 4-tuple and two words more, for numbers that nobody outside may guess: initial sequence numbers and SYN
// cookies. HalfSipHash-2-4 with 32 bits of result (Aumasson and Bernstein's SipHash, on 32-bit words). Whoever uses it under one
// key gives it words that nobody else gives.

import type { FourTuple } from "./four-tuple.js";

/** Bytes that are hashed: addresses, ports, and the two words. */
const IPV4_BYTES = 20;
const IPV6_BYTES = 44;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

export class TupleHash {
  readonly #key0: number;
  readonly #key1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  /** The key: two random 32-bit words. */
  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** The hash, a signed 32-bit number. */
  of(tuple: FourTuple, word0: number, word1: number): number {
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
    this.#absorb(word0);
    this.#absorb(word1);
    // The last word holds the message's length in its top byte.
    this.#absorb((tuple.ipVersion === 6 ? IPV6_BYTES : IPV4_BYTES) << 24);
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
