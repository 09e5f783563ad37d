// Keys of flows and sources: every bit in its place, whatever the alignment, and no two kinds of key alike.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  createAffinityMasks,
  KEY_KIND_MASK,
  KEY_WORDS,
  writeAnsweredFlowKey,
  writeFlowKey,
  writeSourceKey,
} from "../../../core/flow/flow-key.js";

/** A buffer whose bytes are all different, and its two views. */
function patternMemory() {
  const bytes = Uint8Array.from({ length: 128 }, (_, index) => (index * 37 + 11) & 0xff);
  return { bytes, words: new Int32Array(bytes.buffer) };
}

function bytesOf(key: Int32Array, firstWord: number, wordCount: number): number[] {
  return [...new Uint8Array(key.buffer, firstWord * 4, wordCount * 4)];
}

test("flow key of IPv4, holds addresses and ports in network order and zeros else", () => {
  const { bytes, words } = patternMemory();
  const key = new Int32Array(KEY_WORDS).fill(-1);
  writeFlowKey(words, bytes, 12, 16, 20, 4, 6, key, 0);
  assert.equal(bytesOf(key, 0, 1), [...bytes.subarray(12, 16)]);
  assert.equal(bytesOf(key, 4, 1), [...bytes.subarray(16, 20)]);
  assert.equal(bytesOf(key, 8, 1), [...bytes.subarray(20, 24)]);
  assert.equal(
    [1, 2, 3, 5, 6, 7].map((word) => key[word]),
    [0, 0, 0, 0, 0, 0],
  );
  assert.is(key[9], 0x406);
});

test("flow key of IPv6, holds whole addresses", () => {
  const { bytes, words } = patternMemory();
  const key = new Int32Array(KEY_WORDS).fill(-1);
  writeFlowKey(words, bytes, 8, 24, 40, 6, 17, key, 0);
  assert.equal(bytesOf(key, 0, 4), [...bytes.subarray(8, 24)]);
  assert.equal(bytesOf(key, 4, 4), [...bytes.subarray(24, 40)]);
  assert.equal(bytesOf(key, 8, 1), [...bytes.subarray(40, 44)]);
  assert.is(key[9], 0x611);
});

test("flow key, is the same whatever the alignment of its parts", () => {
  const offsets = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3));
  fc.assert(
    fc.property(
      offsets,
      fc.constantFrom(4, 6),
      fc.uint8Array({ minLength: 36, maxLength: 36 }),
      ([a, b, c], ipVersion, content) => {
        const length = ipVersion === 4 ? 4 : 16;
        const aligned = new Uint8Array(128);
        const shifted = new Uint8Array(128);
        const place = (to: Uint8Array, source: number, destination: number, ports: number) => {
          to.set(content.subarray(0, length), source);
          to.set(content.subarray(16, 16 + length), destination);
          to.set(content.subarray(32, 36), ports);
        };
        place(aligned, 0, 32, 64);
        place(shifted, a, 32 + b, 64 + c);
        const expected = new Int32Array(KEY_WORDS).fill(-1);
        const key = new Int32Array(KEY_WORDS).fill(-1);
        writeFlowKey(new Int32Array(aligned.buffer), aligned, 0, 32, 64, ipVersion, 6, expected, 0);
        writeFlowKey(new Int32Array(shifted.buffer), shifted, a, 32 + b, 64 + c, ipVersion, 6, key, 0);
        assert.equal(key, expected);
      },
    ),
  );
});

test("flow key, written at an index, leaves its neighbours alone", () => {
  const { bytes, words } = patternMemory();
  const keys = new Int32Array(3 * KEY_WORDS).fill(99);
  writeFlowKey(words, bytes, 8, 24, 40, 6, 6, keys, KEY_WORDS);
  assert.ok(keys.subarray(0, KEY_WORDS).every((word) => word === 99));
  assert.ok(keys.subarray(2 * KEY_WORDS).every((word) => word === 99));
});

test("key of an answered flow, is that of the packet that was answered", () => {
  for (const ipVersion of [4, 6]) {
    const { bytes, words } = patternMemory();
    const length = ipVersion === 4 ? 4 : 16;
    const inbound = new Int32Array(KEY_WORDS);
    writeFlowKey(words, bytes, 0, 16, 32, ipVersion, 6, inbound, 0);
    // The answer: addresses and ports have changed places.
    const answer = bytes.slice();
    answer.copyWithin(64, 16, 16 + length);
    answer.copyWithin(80, 0, length);
    answer.set([bytes[34]!, bytes[35]!, bytes[32]!, bytes[33]!], 96);
    const key = new Int32Array(KEY_WORDS);
    writeAnsweredFlowKey(new Int32Array(answer.buffer), answer, 64, 80, 96, ipVersion, 6, key, 0);
    assert.equal(key, inbound);
  }
});

test("flow key, of an IPv4 address and of the IPv6 address that maps it, are different", () => {
  const bytes = new Uint8Array(64);
  bytes.set([10, 1, 2, 3], 0);
  bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3], 16);
  const words = new Int32Array(bytes.buffer);
  const v4 = new Int32Array(KEY_WORDS);
  const v6 = new Int32Array(KEY_WORDS);
  writeFlowKey(words, bytes, 0, 0, 48, 4, 6, v4, 0);
  writeFlowKey(words, bytes, 16, 16, 48, 6, 6, v6, 0);
  assert.not.equal(v4, v6);
  // Even where all the words of addresses and ports agree.
  writeFlowKey(words, bytes, 32, 32, 48, 4, 6, v4, 0);
  writeFlowKey(words, bytes, 32, 32, 48, 6, 6, v6, 0);
  assert.equal(v4.subarray(0, 9), v6.subarray(0, 9));
  assert.not.equal(v4, v6);
});

/** The first `length` bits of `address`, the others 0. */
function prefixOf(address: Uint8Array, length: number): Uint8Array {
  return address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * index))));
}

test("source key, keeps the affinity prefix of the address and nothing else", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(4, 6),
      fc.nat(128),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (ipVersion, prefix, address) => {
        const length = ipVersion === 4 ? 4 : 16;
        const prefixLength = ipVersion === 4 ? prefix % 33 : prefix;
        const memory = new Uint8Array(64).fill(0xa5);
        memory.set(address, 0);
        const keys = new Int32Array(2 * KEY_WORDS).fill(-1);
        writeFlowKey(new Int32Array(memory.buffer), memory, 0, 16, 32, ipVersion, 6, keys, 0);
        const masks =
          ipVersion === 4 ? createAffinityMasks(prefixLength, 0) : createAffinityMasks(0, prefixLength);
        writeSourceKey(keys, 0, masks, keys, KEY_WORDS);
        const written = bytesOf(keys, KEY_WORDS, 9);
        assert.equal(written.slice(0, length), [...prefixOf(address.subarray(0, length), prefixLength)]);
        assert.ok(written.slice(length).every((byte) => byte === 0));
      },
    ),
  );
});

test("source key, is never a flow key, and fits the bits that the table compares", () => {
  const { bytes, words } = patternMemory();
  const keys = new Int32Array(2 * KEY_WORDS);
  for (const ipVersion of [4, 6]) {
    for (const protocol of [0, 6, 255]) {
      writeFlowKey(words, bytes, 8, 24, 40, ipVersion, protocol, keys, 0);
      writeSourceKey(keys, 0, createAffinityMasks(32, 128), keys, KEY_WORDS);
      assert.is.not(keys[9], keys[KEY_WORDS + 9]);
      assert.is(keys[9]! & ~KEY_KIND_MASK, 0);
      assert.is(keys[KEY_WORDS + 9]! & ~KEY_KIND_MASK, 0);
    }
  }
});

test("affinity prefix, out of range, is refused", () => {
  for (const [ipv4, ipv6] of [
    [-1, 64],
    [33, 64],
    [1.5, 64],
    [32, -1],
    [32, 129],
    [Number.NaN, 64],
  ] as const) {
    assert.throws(() => createAffinityMasks(ipv4, ipv6), /prefix length must be/);
  }
});

test.run();
