// TCP headers and options, emitted and parsed: properties over any fields, and hostile options.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ACK,
  emitMssOption,
  emitSackOption,
  emitSackPermittedOption,
  emitTcpHeader,
  emitTimestampsOption,
  emitWindowScaleOption,
  FIN,
  parseTcpSegment,
  SYN,
  TcpSegment,
} from "../../../core/wire/tcp.js";

/** A segment of nothing but these option bytes, padded with zeros to a multiple of 4. */
function parseOptions(...options: number[]): TcpSegment {
  const headerBytes = 20 + Math.ceil(options.length / 4) * 4;
  const bytes = new Uint8Array(headerBytes);
  bytes.set(options, 20);
  bytes[12] = headerBytes << 2;
  const segment = new TcpSegment();
  parseTcpSegment(bytes, 0, headerBytes, segment);
  return segment;
}

test("tcp header, emitted and parsed, is the same, for any fields", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 65_535 }),
      fc.integer({ min: 0, max: 100 }),
      (sequence, acknowledgment, flags, window, dataLength) => {
        const bytes = new Uint8Array(8 + 20 + dataLength).fill(0xff);
        emitTcpHeader(bytes, 8, sequence, acknowledgment, 20, flags, window);
        const segment = new TcpSegment();
        parseTcpSegment(bytes, 8, bytes.length, segment);
        assert.is(segment.sequence, sequence);
        assert.is(segment.acknowledgment, acknowledgment);
        assert.is(segment.flags, flags);
        assert.is(segment.window, window);
        assert.is(segment.dataStart, 28);
        assert.is(segment.dataEnd - segment.dataStart, dataLength);
        assert.is(segment.length, dataLength + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0));
        assert.equal([...bytes.subarray(24, 28)], [0, 0, 0, 0]);
      },
    ),
  );
});

test("tcp options, all of them emitted and parsed, are the same", () => {
  const bytes = new Uint8Array(20 + 40);
  let at = emitMssOption(bytes, 20, 1460);
  at = emitWindowScaleOption(bytes, at, 7);
  at = emitSackPermittedOption(bytes, at);
  at = emitTimestampsOption(bytes, at, -2, 0x7fff_ffff);
  at = emitSackOption(bytes, at, Int32Array.of(5, 6), 1);
  assert.is(at, 20 + 36);
  emitTcpHeader(bytes, 0, 1, 2, at, ACK, 3);
  const segment = new TcpSegment();
  parseTcpSegment(bytes, 0, at, segment);
  assert.is(segment.mss, 1460);
  assert.is(segment.windowScale, 7);
  assert.is(segment.sackPermitted, 1);
  assert.is(segment.hasTimestamps, 1);
  assert.is(segment.timestampValue, -2);
  assert.is(segment.timestampEcho, 0x7fff_ffff);
  assert.is(segment.sackCount, 1);
  assert.equal([...segment.sackEdges.subarray(0, 2)], [5, 6]);
  assert.is(segment.badOptions, 0);
});

test("tcp options, none after some, leave nothing of the segment before", () => {
  const segment = parseOptions(
    2,
    4,
    5,
    180,
    3,
    3,
    7,
    4,
    2,
    8,
    10,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    5,
    10,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    2,
  );
  assert.is(segment.sackCount, 1);
  const bytes = new Uint8Array(20);
  bytes[12] = 20 << 2;
  parseTcpSegment(bytes, 0, 20, segment);
  assert.equal(
    [segment.mss, segment.windowScale, segment.sackPermitted, segment.hasTimestamps, segment.sackCount],
    [0, -1, 0, 0, 0],
  );
});

test("tcp options, unknown ones, are skipped", () => {
  assert.is(parseOptions(254, 4, 9, 9, 2, 4, 1, 0).mss, 256);
  assert.is(parseOptions(254, 2, 2, 4, 1, 0).badOptions, 0);
});

test("tcp options, after the end of the list, do not count", () => {
  const segment = parseOptions(0, 2, 4, 1, 0);
  assert.is(segment.mss, 0);
  assert.is(segment.badOptions, 0);
});

test("tcp options, a window shift above 14, is 14", () => {
  assert.is(parseOptions(3, 3, 255).windowScale, 14);
});

test("tcp options, of a wrong length, end the list and are reported, and those before them count", () => {
  const malformed: number[][] = [
    [2, 3, 1],
    [2, 0],
    [2, 1],
    [2, 5, 1, 0, 0],
    [3, 4, 7, 0],
    [4, 3, 0],
    [8, 9, 0, 0, 0, 0, 0, 0, 0],
    [5, 2],
    [5, 9, 0, 0, 0, 0, 0, 0, 0],
    [254, 40],
    [1, 1, 1, 254],
    [1, 1, 1, 2],
  ];
  for (const options of malformed) {
    const segment = parseOptions(3, 3, 5, 1, ...options, 2, 4, 9, 9);
    // The last two are cut off by the padding only where the list ends with them.
    if (options.at(-1) === 254 || (options.length === 4 && options.at(-1) === 2)) {
      assert.is(parseOptions(...options).badOptions, 1, String(options));
    } else {
      assert.is(segment.badOptions, 1, String(options));
      assert.is(segment.mss, 0, String(options));
    }
    assert.is(segment.windowScale, 5, String(options));
  }
});

test("tcp options, any bytes, are parsed without reading beyond the header", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      fc.integer({ min: 5, max: 15 }),
      (options, words) => {
        const headerBytes = 4 * words;
        // A view whose reads are watched: an index at or beyond the header's end is a failure.
        const bytes = new Uint8Array(60);
        bytes.set(options, 20);
        bytes[12] = headerBytes << 2;
        const watched = new Proxy(bytes, {
          get(target, key) {
            if (typeof key === "string" && /^\d+$/.test(key))
              assert.ok(Number(key) < headerBytes, `read at ${key}`);
            return Reflect.get(target, key, target);
          },
        });
        const segment = new TcpSegment();
        parseTcpSegment(watched, 0, headerBytes, segment);
        assert.ok(segment.sackCount <= 4 && segment.windowScale <= 14 && segment.mss <= 0xffff);
      },
    ),
  );
});

test.run();
