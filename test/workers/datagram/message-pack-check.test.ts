// The check before the decoder: it takes whatever msgpackr encodes of plain values, and nothing else.

import * as fc from "fast-check";
import { Packr } from "msgpackr";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isPlainMessagePack, MAX_DEPTH } from "../../../workers/datagram/message-pack-check.js";

const SEED = 20260103;
const packr = new Packr({ useRecords: false, mapsAsObjects: true, copyBuffers: true });

function accepts(...bytes: number[]): boolean {
  return isPlainMessagePack(Uint8Array.from(bytes), 0, bytes.length);
}

test("every kind of plain value is taken, and no prefix and no extension of it", () => {
  const kinds: number[][] = [
    [0x00],
    [0x7f],
    [0xff],
    [0xc0],
    [0xc2],
    [0xc3],
    [0xc4, 1, 9],
    [0xc5, 0, 1, 9],
    [0xc6, 0, 0, 0, 1, 9],
    [0xca, 0, 0, 0, 0],
    [0xcb, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xcc, 0],
    [0xcd, 0, 0],
    [0xce, 0, 0, 0, 0],
    [0xcf, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xd0, 0],
    [0xd1, 0, 0],
    [0xd2, 0, 0, 0, 0],
    [0xd3, 0, 0, 0, 0, 0, 0, 0, 0],
    [0xa0],
    [0xa2, 0x61, 0x62],
    [0xd9, 1, 0x61],
    [0xda, 0, 1, 0x61],
    [0xdb, 0, 0, 0, 1, 0x61],
    [0x90],
    [0x92, 0x01, 0x90],
    [0xdc, 0, 1, 0x01],
    [0xdd, 0, 0, 0, 1, 0x01],
    [0x80],
    [0x81, 0xa1, 0x61, 0x81, 0xa0, 0x92, 1, 2],
    [0xde, 0, 1, 0xa0, 0x01],
    [0xdf, 0, 0, 0, 1, 0xa0, 0x01],
  ];
  for (const kind of kinds) {
    assert.ok(accepts(...kind), `${kind}`);
    assert.not(accepts(...kind, 0xc0), `${kind} and nil`);
    for (let length = 0; length < kind.length; length++) assert.not(accepts(...kind.slice(0, length)));
  }
});

test("what is not plain is refused: extensions, the unused byte, keys that are no strings", () => {
  for (const first of [0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
    assert.not(accepts(first, ...Array<number>(20).fill(0)));
    for (let length = 0; length < 20; length++) assert.not(accepts(first, ...Array<number>(length).fill(0)));
  }
  assert.not(accepts(0x81, 0x01, 0x01));
  assert.not(accepts(0x81, 0x90, 0x01));
  assert.not(accepts(0x82, 0xa0, 0x01, 0xc0, 0x01), "the second key");
});

test("sizes that the bytes cannot hold are refused at once", () => {
  assert.not(accepts(0xdd, 0xff, 0xff, 0xff, 0xff, 0x01));
  assert.not(accepts(0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0));
  assert.not(accepts(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61));
  assert.not(accepts(0xc6, 0x80, 0x00, 0x00, 0x00, 0x61));
  assert.not(accepts(0xdc, 0x00, 0x02, 0x01));
  assert.not(accepts(0xde, 0x00, 0x01, 0xa0));
});

test("nesting is taken to its limit and no further", () => {
  const nested = (depth: number) => [...Array<number>(depth).fill(0x91), 0xc0];
  assert.ok(accepts(...nested(MAX_DEPTH)));
  assert.not(accepts(...nested(MAX_DEPTH + 1)));
  assert.not(accepts(...nested(60_000)));
});

test("any plain value that msgpackr encodes is taken, within whatever else", () => {
  const plain = fc.object({
    maxDepth: 4,
    values: [
      fc.string({ unit: "grapheme" }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
    ],
    key: fc.string(),
  });
  fc.assert(
    fc.property(plain, (value) => {
      const packed = packr.pack(value);
      const bytes = new Uint8Array(packed.length + 6).fill(0xc1);
      bytes.set(packed, 3);
      assert.ok(isPlainMessagePack(bytes, 3, 3 + packed.length));
    }),
    { seed: SEED, numRuns: 500 },
  );
});

test("any bytes that are taken, msgpackr decodes without throwing", () => {
  const first = fc.constantFrom(
    0x90,
    0x91,
    0x92,
    0x81,
    0x82,
    0xa1,
    0xa2,
    0xdc,
    0xde,
    0xd9,
    0xc4,
    0xcb,
    0xcf,
    0x01,
  );
  const bytes = fc
    .array(fc.oneof(first, fc.nat(255)), { maxLength: 12 })
    .map((list) => Uint8Array.from(list));
  let taken = 0;
  fc.assert(
    fc.property(bytes, (candidate) => {
      if (!isPlainMessagePack(candidate, 0, candidate.length)) return;
      taken++;
      packr.unpack(candidate);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
  assert.ok(taken > 500, `${taken} taken`);
});

test.run();
