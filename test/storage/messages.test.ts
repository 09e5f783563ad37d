// Messages between workers and storage: what is sent arrives, and bytes from anywhere are refused without a throw.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeReplies,
  decodeRequests,
  decodeValue,
  encodeReplies,
  encodeRequests,
  encodeValue,
  MAX_STATE_BYTES,
  NO_REQUEST_ID,
  type Reply,
  type Request,
} from "../../storage/messages.js";

const key = "0123456789abcdef0123456789abcdef";
const otherKey = "f123456789abcdef0123456789abcdef";

const valid: Request[] = [
  ["load", 0, key],
  ["version", 1, otherKey],
  ["commit", 2, key, 0, Uint8Array.of(1, 2), 1_700_000_000_000, null, null, null],
  ["commit", 3, key, 7, null, 0, otherKey, "placeOrder", Uint8Array.of(0xc0)],
  ["call", 4, "products", null],
];

test("requests, arrive as they were sent, with their deadline", () => {
  const { deadlineMs, requests, refusals } = decodeRequests(encodeRequests(123_456.5, valid));
  assert.is(deadlineMs, 123_456.5);
  assert.is(refusals.length, 0);
  assert.equal(
    requests.map((request) => request.map((item) => (item instanceof Uint8Array ? [...item] : item))),
    valid.map((request) => request.map((item) => (item instanceof Uint8Array ? [...item] : item))),
  );
});

test("replies, arrive as they were sent", () => {
  const replies: Reply[] = [
    [0, "done", null, 0, 0, 0],
    [1, "done", 7],
    [2, "conflict", "somebody else was faster"],
  ];
  assert.equal(decodeReplies(encodeReplies(replies)), replies);
});

test("an encoded value, has a buffer of its own, that can be transferred", () => {
  const first = encodeValue({ cart: [1, 2] });
  const second = encodeValue({ cart: [3] });
  assert.is.not(first.buffer, second.buffer);
  assert.is(first.buffer.byteLength, first.byteLength);
  assert.equal(decodeValue(first), { cart: [1, 2] });
});

test("a bad request, is refused under its ID, and its neighbours are not", () => {
  const bad: unknown[] = [
    ["load", 10, "short"],
    ["load", 11, key.toUpperCase()],
    ["version", 12, null],
    ["drop", 13, key],
    ["call", 14, "", null],
    ["call", 15, "x".repeat(201), null],
    ["call", 16, "products", "text"],
    ["commit", 17, key, -1, null, 0, null, null, null],
    ["commit", 18, key, 1.5, null, 0, null, null, null],
    ["commit", 19, key, 1, "text", 0, null, null, null],
    ["commit", 20, key, 1, null, Number.NaN, null, null, null],
    ["commit", 21, key, 1, null, 0, key, null, null],
    ["commit", 22, key, 1, null, 0, null, 5, null],
    ["commit", 23, key, 1, null, 0, null, null, 5],
    ["commit", 24, key],
    ["commit", 25, key, 1, new Uint8Array(MAX_STATE_BYTES + 1), 0, null, null, null],
  ];
  const mixed = bad.flatMap((request, index) => [request, ["load", 100 + index, key]]);
  const { requests, refusals } = decodeRequests(encodeValue([1, ...mixed]));
  assert.equal(
    refusals.map(([id, code]) => [id, code]),
    bad.map((request) => [(request as unknown[])[1], "invalid_request"]),
  );
  assert.is(requests.length, bad.length);
});

test("a request without an ID, is refused under none", () => {
  for (const value of [null, 5, "load", {}, [], ["load"], ["load", -1, key], ["load", "1", key]]) {
    const { requests, refusals } = decodeRequests(encodeValue([1, value]));
    assert.is(requests.length, 0);
    assert.equal([refusals[0]![0], refusals[0]![1]], [NO_REQUEST_ID, "invalid_request"]);
  }
});

test("decodeRequests, refuses and never throws, for any value and any bytes", () => {
  for (const message of [
    undefined,
    null,
    "text",
    7,
    {},
    new Uint8Array(0),
    encodeValue(null),
    encodeValue([]),
  ]) {
    assert.equal(decodeRequests(message).requests, []);
    assert.is(decodeRequests(message).refusals.length, 1);
  }
  const wellFormed = encodeRequests(1, valid);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodeRequests(bytes);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.nat(wellFormed.length - 1), fc.nat(255), fc.nat(wellFormed.length), (at, byte, length) => {
      const mutated = wellFormed.slice(0, length);
      if (at < length) mutated[at] = byte;
      const { requests, refusals } = decodeRequests(mutated);
      assert.ok(requests.length + refusals.length <= 200);
    }),
    { numRuns: 2_000 },
  );
});

test.run();
