// The Internet checksum against a plain reference, and against the numbers of RFC 1071 and RFC 1624.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  addSums,
  foldSum,
  fromNetwork16,
  sumBytes,
  sumHalves,
  sumPseudoHeader,
  updateChecksum,
} from "../../../core/wire/checksum.js";
import { referenceChecksum } from "../../support/packets.js";

const same = (a: number, b: number) => a % 0xffff === b % 0xffff;

test("sumBytes, sums the example of RFC 1071 section 3", () => {
  assert.is(sumBytes(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7), 0, 8), 0xddf2);
});

test("sumBytes and sumHalves, agree with the reference, for any bytes, offset and length", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 200 }), fc.nat(), fc.nat(), (given, a, b) => {
      const bytes = new Uint8Array((given.length + 1) & ~1);
      bytes.set(given);
      const offset = (a % given.length) & ~1;
      const length = b % (given.length - offset + 1);
      const expected = ~referenceChecksum(bytes.subarray(offset, offset + length)) & 0xffff;
      assert.ok(same(sumBytes(bytes, offset, length), expected));
      assert.is(
        sumHalves(new Uint16Array(bytes.buffer), bytes, offset, length),
        sumBytes(bytes, offset, length),
      );
    }),
  );
});

test("sumHalves and sumBytes, do not overflow, at the longest packet of ones", () => {
  const bytes = new Uint8Array(65_536).fill(0xff);
  assert.is(sumHalves(new Uint16Array(bytes.buffer), bytes, 0, 65_535), sumBytes(bytes, 0, 65_535));
  assert.is(sumBytes(bytes, 0, 65_536), 0xffff);
});

test("foldSum, brings any sum below 2^32 to 16 bits, without changing it modulo 65535", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (sum) => {
      const folded = foldSum(sum);
      assert.ok(folded <= 0xffff && same(folded, sum));
    }),
  );
});

test("addSums, carries around the end", () => {
  assert.is(addSums(0xffff, 0xffff), 0xffff);
  assert.is(addSums(0x8000, 0x8001), 2);
});

test("sumPseudoHeader, is the sum of the header that it stands for, with lengths above 65535", () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 200);
  const header = [...bytes, 0, 1, 0x23, 0x45, 0, 0, 0, 58];
  const expected = ~referenceChecksum(header) & 0xffff;
  assert.ok(same(sumPseudoHeader(bytes, 0, 16, 16, 58, 0x12345), expected));
});

test("updateChecksum, gives what computing anew gives, also in the case of RFC 1624 section 4", () => {
  assert.is(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.nat(8),
      fc.nat(0xffff),
      (bytes, index, after) => {
        bytes[0] = 0x45; // A header is never all zeros, the one sum that has two checksums.
        const before = (bytes[2 * index + 2]! << 8) | bytes[2 * index + 3]!;
        const checksum = referenceChecksum(bytes);
        bytes[2 * index + 2] = after >> 8;
        bytes[2 * index + 3] = after & 0xff;
        assert.is(updateChecksum(checksum, before, after), referenceChecksum(bytes));
      },
    ),
  );
});

test("fromNetwork16, reads a half as the bytes are", () => {
  const bytes = Uint8Array.of(0x12, 0x34);
  assert.is(fromNetwork16(new Uint16Array(bytes.buffer)[0]!), 0x1234);
});

test.run();
