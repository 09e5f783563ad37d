// The two stores of a connection: send queue and receive buffer; each against a model of plain arrays.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_RANGES, ReceiveBuffer } from "../../../workers/tcp/receive-buffer.js";
import { SendQueue } from "../../../workers/tcp/send-queue.js";

test("send queue, any order of writes, copies and acknowledgments, holds the stream", () => {
  const step = fc.record({
    action: fc.constantFrom("enqueue", "dequeue", "copy"),
    a: fc.integer({ min: 0, max: 400 }),
    b: fc.integer({ min: 0, max: 400 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const queue = new SendQueue();
      let model: number[] = [];
      let next = 0;
      for (const { action, a, b } of steps) {
        if (action === "enqueue" && a > 0) {
          const bytes = Uint8Array.from({ length: a + 4 }, () => next++ & 0xff);
          queue.enqueue(bytes, 2, 2 + a);
          model.push(...bytes.subarray(2, 2 + a));
        } else if (action === "dequeue") {
          const count = Math.min(a, model.length);
          queue.dequeue(count);
          model = model.slice(count);
        } else if (action === "copy" && model.length > 0) {
          const position = a % model.length;
          const length = Math.min(b, model.length - position);
          if (length === 0) continue;
          const target = new Uint8Array(length + 2);
          queue.copy(position, length, target, 1);
          assert.equal([...target], [0, ...model.slice(position, position + length), 0]);
        }
        assert.is(queue.length, model.length);
      }
    }),
  );
});

test("receive buffer, segments in any order with overlaps, give the stream in order and once", () => {
  const stream = Uint8Array.from({ length: 12_000 }, (_, index) => (index * 7 + (index >>> 8)) & 0xff);
  const segment = fc.record({
    from: fc.integer({ min: 0, max: 11_999 }),
    length: fc.integer({ min: 1, max: 3000 }),
    read: fc.integer({ min: 0, max: 3000 }),
  });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 80, size: "max" }), (segments) => {
      const buffer = new ReceiveBuffer();
      const has = new Uint8Array(stream.length);
      let next = 0;
      let read = 0;
      for (const { from, length, read: most } of segments) {
        const to = Math.min(from + length, stream.length);
        if (from > next) {
          if (buffer.insert(from - next, stream, from, to)) has.fill(1, from, to);
          assert.ok(buffer.holds(from - next, to - from) || buffer.rangeStarts.length === MAX_RANGES);
        } else if (to > next) {
          has.fill(1, next, to);
          next += buffer.append(stream, next, to);
        }
        let expected = read;
        while (expected < stream.length && has[expected] === 1) expected++;
        assert.is(next, Math.max(next, expected), "everything that is in order counts");
        assert.is(buffer.unreadBytes, next - read);
        const kept = buffer.bytes.subarray(buffer.start, buffer.end);
        assert.ok(Buffer.compare(kept, stream.subarray(read, next)) === 0);
        const count = Math.min(most, next - read);
        buffer.consume(count);
        read += count;
        for (let range = 0; range < buffer.rangeStarts.length; range++) {
          const start = next + buffer.rangeStarts[range]! - buffer.end;
          const end = next + buffer.rangeEnds[range]! - buffer.end;
          assert.ok(
            start > next && end > start && has[start - 1] === 0 && has[end] !== 1,
            "ranges are apart",
          );
        }
      }
    }),
  );
});

test("receive buffer, one range too many, is refused and a range that grows is not", () => {
  const buffer = new ReceiveBuffer();
  const bytes = new Uint8Array(4);
  for (let index = 1; index <= MAX_RANGES; index++) assert.ok(buffer.insert(10 * index, bytes, 0, 4));
  assert.not(buffer.insert(5000, bytes, 0, 4));
  assert.ok(buffer.insert(14, bytes, 0, 4));
  assert.is(buffer.rangeStarts.length, MAX_RANGES);
});

test("receive buffer, of a small window that is filled again and again, does not grow without bound", () => {
  const buffer = new ReceiveBuffer();
  const bytes = new Uint8Array(1000);
  for (let round = 0; round < 1000; round++) {
    buffer.append(bytes, 0, 1000);
    if (buffer.unreadBytes > 10_000) buffer.consume(1000);
    if (round % 3 === 0 && buffer.rangeStarts.length === 0) buffer.insert(500, bytes, 0, 100);
  }
  assert.ok(buffer.bytes.length <= 32_768, `${buffer.bytes.length} bytes`);
});

test.run();
