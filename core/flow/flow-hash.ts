// The hash of a key: HalfSipHash-1-3 with 32 bits of result (Aumasson and Bernstein's SipHash, on 32-bit words), under a
// random seed, so that nobody outside can choose addresses and ports that meet in one place of the flow table. It is the
// hash that Linux uses for the same end; as there, "1-3" is for tables only, and not for anything that must be secret.
//
// What is hashed are the key's bytes without the zeros that IPv4 leaves in it:
//
//   IPv4, 14 bytes   source 4 · destination 4 · ports 4 · kind 2 (low bytes of the key's last word)
//   IPv6, 38 bytes   source 16 · destination 16 · ports 4 · kind 2
//
// The two last bytes fall into the block that carries the length, which spares a round.

import { randomFillSync } from "node:crypto";
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE } from "./flow-key.js";

/** The key of the hash, 64 bits in two signed 32-bit numbers. Has to stay within the process. */
export interface HashSeed {
  readonly k0: number;
  readonly k1: number;
}

/** A seed that nobody can guess. */
export function createSeed(): HashSeed {
  const words = randomFillSync(new Int32Array(2));
  return { k0: words[0]!, k1: words[1]! };
}

/** The seed with the given 64 bits: runs with the same one place every flow alike. For tests and measurements. */
export function seedFrom(bits: bigint): HashSeed {
  return { k0: Number(BigInt.asIntN(32, bits)), k1: Number(BigInt.asIntN(32, bits >> 32n)) };
}

// The round is written out wherever it is needed, because a function could not return its four words without garbage, and
// IPv4's blocks stand one after the other, because a loop over them costs a third more. A round is, in this order:
//   v0 += v1, v1 <<<= 5, v1 ^= v0, v0 <<<= 16      v2 += v3, v3 <<<= 8, v3 ^= v2
//   v0 += v3, v3 <<<= 7, v3 ^= v0                  v2 += v1, v1 <<<= 13, v1 ^= v2, v2 <<<= 16

const INITIAL_V2 = 0x6c796765;
const INITIAL_V3 = 0x74656462;
const IPV4_BYTES = 14;
const IPV6_BYTES = 38;
const FINAL_ROUNDS = 3;

/** The hash of the flow or source key at `keys[at …]`, a signed 32-bit number. */
export function hashKey(seed: HashSeed, keys: Int32Array, at: number): number {
  const isIpv4 = ((keys[at + KEY_KIND]! >>> 8) & 0xf) === 4;
  return isIpv4 ? hashIpv4Key(seed.k0, seed.k1, keys, at) : hashIpv6Key(seed.k0, seed.k1, keys, at);
}

function hashIpv4Key(k0: number, k1: number, keys: Int32Array, at: number): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = INITIAL_V2 ^ k0;
  let v3 = INITIAL_V3 ^ k1;

  const source = keys[at + KEY_SOURCE]!;
  v3 ^= source;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  v0 ^= source;

  const destination = keys[at + KEY_DESTINATION]!;
  v3 ^= destination;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  v0 ^= destination;

  const ports = keys[at + KEY_PORTS]!;
  v3 ^= ports;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  v0 ^= ports;

  return finish(v0, v1, v2, v3, (IPV4_BYTES << 24) | keys[at + KEY_KIND]!);
}

function hashIpv6Key(k0: number, k1: number, keys: Int32Array, at: number): number {
  let v0 = k0;
  let v1 = k1;
  let v2 = INITIAL_V2 ^ k0;
  let v3 = INITIAL_V3 ^ k1;

  for (let i = at + KEY_SOURCE; i <= at + KEY_PORTS; i++) {
    const block = keys[i]!;
    v3 ^= block;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= block;
  }

  return finish(v0, v1, v2, v3, (IPV6_BYTES << 24) | keys[at + KEY_KIND]!);
}

/** The round for the last block, and the final ones. */
function finish(a: number, b: number, c: number, d: number, last: number): number {
  let v0 = a;
  let v1 = b;
  let v2 = c;
  let v3 = d ^ last;
  v0 = (v0 + v1) | 0;
  v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
  v0 = (v0 << 16) | (v0 >>> 16);
  v2 = (v2 + v3) | 0;
  v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
  v0 = (v0 + v3) | 0;
  v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
  v2 = (v2 + v1) | 0;
  v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
  v2 = (v2 << 16) | (v2 >>> 16);
  v0 ^= last;

  v2 ^= 0xff;
  for (let round = 0; round < FINAL_ROUNDS; round++) {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  }
  return v1 ^ v3;
}
