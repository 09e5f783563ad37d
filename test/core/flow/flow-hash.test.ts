// The flow hash against a reference HalfSipHash in the plainest way, itself held to the published test vectors.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createSeed, hashKey, seedFrom } from "../../../core/flow/flow-hash.js";
import { KEY_WORDS } from "../../../core/flow/flow-key.js";
import { halfSipHash } from "../../support/half-sip-hash.js";

// Published answers for the key 00 01 … 07 and the message 00 01 …, by the message's length in bytes: HalfSipHash-2-4
// with 32 bits of result from its authors' vectors.h, HalfSipHash-1-3 from Linux's siphash_kunit.c (32-bit machines).
const HALF_SIP_HASH_2_4 = [
  0x5b9f35a9, 0xb85a4727, 0x03a662fa, 0x04e7fe8a, 0x89466e2a, 0x69b6fac5, 0x23fc6358, 0xc563cf8b, 0x8f84b8d0,
  0x79e706f8, 0x3479b094, 0x50300808, 0x2f87f057, 0xff63e677, 0x7cf8ffd6, 0x972bfe74,
];
const HALF_SIP_HASH_1_3 = [
  0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6, 0x577999b1,
  0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04, 0x8b31d501, 0x2b1cd04b,
  0x06712339, 0x522aca67, 0x911bb605, 0x90a65f0e, 0xf826ef7b, 0x62512deb, 0x57150ad7, 0x5d473507, 0x1ec47442,
  0xab64afd3, 0x0a4100d0, 0x6d2ce652, 0x2331b6a3, 0x08d8791a, 0xbc6dda8d, 0xe0f6c934, 0xb0652033, 0x9b9851cc,
  0x7c46fb7f, 0x732ba8cb, 0xf142997a,
];

const ascending = (length: number) => Uint8Array.from({ length }, (_, index) => index);

test("reference HalfSipHash, agrees with the published answers for 2-4 and 1-3", () => {
  for (const [length, answer] of HALF_SIP_HASH_2_4.entries()) {
    assert.is(halfSipHash(0x03020100, 0x07060504, ascending(length), 2, 4) >>> 0, answer);
  }
  for (const [length, answer] of HALF_SIP_HASH_1_3.entries()) {
    assert.is(halfSipHash(0x03020100, 0x07060504, ascending(length), 1, 3) >>> 0, answer);
  }
});

/** The bytes that a key's hash is of: flow-hash.ts draws them. */
function hashedBytes(key: Int32Array): Uint8Array {
  const words = ((key[9]! >>> 8) & 0xf) === 4 ? [0, 4, 8] : [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const bytes = new DataView(new ArrayBuffer(words.length * 4 + 2));
  for (const [index, word] of words.entries()) bytes.setInt32(index * 4, key[word]!, true);
  bytes.setUint16(words.length * 4, key[9]!, true);
  return new Uint8Array(bytes.buffer);
}

test("hash of a key, is HalfSipHash-1-3 of its bytes under the seed", () => {
  const anyKey = fc
    .tuple(
      fc.array(fc.integer(), { minLength: 9, maxLength: 9 }),
      fc.nat(255),
      fc.constantFrom(4, 6),
      fc.boolean(),
    )
    .map(([words, protocol, ipVersion, isSource]) => {
      const key = Int32Array.from([...words, protocol | (ipVersion << 8) | (isSource ? 0x1000 : 0)]);
      if (ipVersion === 4) for (const word of [1, 2, 3, 5, 6, 7]) key[word] = 0;
      return key;
    });
  fc.assert(
    fc.property(anyKey, fc.integer(), fc.integer(), fc.nat(20), (key, k0, k1, at) => {
      const keys = new Int32Array(at + KEY_WORDS);
      keys.set(key, at);
      assert.is(hashKey({ k0, k1 }, keys, at), halfSipHash(k0, k1, hashedBytes(key), 1, 3));
    }),
    { numRuns: 500 },
  );
});

test("hash of a key, spreads ports that follow each other over slots", () => {
  const key = new Int32Array(KEY_WORDS);
  key[9] = 0x406;
  const slots = new Int32Array(1024);
  for (let port = 0; port < 65_536; port++) {
    key[8] = port;
    slots[hashKey(seedFrom(42n), key, 0) & 1023]! += 1;
  }
  // 64 to be expected in each, standard deviation 8: seven of them either way.
  assert.ok(slots.every((count) => count > 8 && count < 120));
});

test("seed, given, is the same in every run, and random otherwise", () => {
  assert.equal(seedFrom(0x8000000280000001n), { k0: 0x80000001 | 0, k1: 0x80000002 | 0 });
  const seeds = new Set(Array.from({ length: 8 }, () => JSON.stringify(createSeed())));
  assert.is(seeds.size, 8);
});

test.run();
