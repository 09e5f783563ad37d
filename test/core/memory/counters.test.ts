// Counters: exact, by name and by number, and readable by whoever has the block.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Counters } from "../../../core/memory/counters.js";

const NAMES = ["received", "sent", "dropped"] as const;

test("counters, new, are all 0, in the order of their names", () => {
  const counters = new Counters(NAMES);
  assert.equal(Object.entries(counters.snapshot()), [
    ["received", 0],
    ["sent", 0],
    ["dropped", 0],
  ]);
  assert.is(counters.buffer.byteLength, 3 * 8);
});

test("counters, added to by number, are read by name", () => {
  const counters = new Counters(NAMES);
  counters.add(0);
  counters.add(2, 40);
  counters.add(2, 2);
  assert.equal(counters.snapshot(), { received: 1, sent: 0, dropped: 42 });
  assert.equal([counters.get("received"), counters.get("sent"), counters.get("dropped")], [1, 0, 42]);
});

test("counters, past 32 bits, still count by one", () => {
  const counters = new Counters(NAMES);
  counters.add(1, 2 ** 32 - 1);
  counters.add(1);
  counters.add(1);
  assert.is(counters.get("sent"), 2 ** 32 + 1);
  counters.add(0, Number.MAX_SAFE_INTEGER - 1);
  counters.add(0);
  assert.is(counters.get("received"), Number.MAX_SAFE_INTEGER);
});

test("counters, over the same block, are the same; over another, are not", () => {
  const writer = new Counters(NAMES);
  const reader = new Counters(NAMES, writer.buffer);
  const other = new Counters(NAMES);
  writer.add(1, 7);
  assert.is(reader.get("sent"), 7);
  assert.is(other.get("sent"), 0);
});

test("snapshot of counters, stays as it was", () => {
  const counters = new Counters(NAMES);
  const before = counters.snapshot();
  counters.add(0);
  assert.is(before.received, 0);
});

test.run();
