// Range fields, of a representation of 10 000 bytes as in RFC 9110 section 14.1.2, and of small ones.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ByteRange, parseRange } from "../../../workers/files/byte-range.js";

type Expected = ByteRange | null | "unsatisfiable";
const NO_SUCH = "unsatisfiable";

function part(start: number, end: number): ByteRange {
  return { start, end };
}

const CASES: readonly (readonly [field: string | null, expected: Expected, size?: number])[] = [
  ["bytes=0-499", part(0, 499)],
  ["bytes=500-999", part(500, 999)],
  ["bytes=-500", part(9500, 9999)],
  ["bytes=9500-", part(9500, 9999)],
  ["bytes=0-", part(0, 9999)],
  ["bytes=0-0", part(0, 0)],
  ["bytes=-1", part(9999, 9999)],
  ["bytes=9999-", part(9999, 9999)],
  ["bytes=9000-20000", part(9000, 9999)],
  ["bytes=-20000", part(0, 9999)],
  [`bytes=1-${"9".repeat(400)}`, part(1, 9999)],
  [`bytes=-${"9".repeat(400)}`, part(0, 9999)],
  ["Bytes= 1-2\t", part(1, 2)],
  ["bytes=10000-", NO_SUCH],
  ["bytes=10000-10001", NO_SUCH],
  [`bytes=${"9".repeat(400)}-`, NO_SUCH],
  ["bytes=-0", NO_SUCH],
  ["bytes=0-", NO_SUCH, 0],
  ["bytes=-1", NO_SUCH, 0],
  ["bytes=0-0", part(0, 0), 1],
  ["bytes=-5", part(0, 0), 1],
  // Passed over
  [null, null],
  ["", null],
  ["bytes", null],
  ["bytes=", null],
  ["bytes=-", null],
  ["bytes=2-1", null],
  ["bytes=1 -2", null],
  ["bytes=0x1-2", null],
  ["bytes=+1-2", null],
  ["bytes=--1", null],
  ["bytes=1-2-3", null],
  ["bytes 1-2", null],
  ["lines=1-2", null],
  // Several
  ["bytes=0-0,-1", null],
  ["bytes=500-600,601-999", null],
  [`bytes=${"0-,".repeat(1000)}0-`, null],
];

for (const [field, expected, size = 10_000] of CASES) {
  test(`Range: ${field?.slice(0, 40) ?? "(none)"}, of ${size}`, () => {
    assert.equal(parseRange(field, size), expected);
  });
}

test.run();
