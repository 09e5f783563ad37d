// Slow start: the weight by age, and what it does to a farm that gets a new worker.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { leastLoaded } from "../../../core/director/policies.js";
import { SLOW_START_MIN_WEIGHT, slowStartWeight } from "../../../core/director/slow-start.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_SERVING,
} from "../../../core/memory/load-board.js";

test("slow start, grows evenly from the least weight to the full one", () => {
  const ages = [0, 2500, 5000, 7500, 10_000];
  assert.equal(
    ages.map((age) => slowStartWeight(age, 10_000)),
    [10, 32, 55, 77, 100],
  );
});

test("slow start, is over at its time and not a moment before", () => {
  assert.is(slowStartWeight(9999, 10_000), FULL_WEIGHT - 1);
  assert.is(slowStartWeight(10_000, 10_000), FULL_WEIGHT);
  assert.is(slowStartWeight(1e12, 10_000), FULL_WEIGHT);
});

test("slow start, of 0 milliseconds, gives the full weight at once", () => {
  assert.is(slowStartWeight(0, 0), FULL_WEIGHT);
});

test("slow start, with an age below 0 from a clock that stepped back, begins", () => {
  assert.is(slowStartWeight(-5, 1000), SLOW_START_MIN_WEIGHT);
});

test("slow start, at any age, is a whole weight between the least and the full, and never falls", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.nat(1_000_000), (age, slowStartMs) => {
      const weight = slowStartWeight(age, slowStartMs);
      assert.ok(Number.isInteger(weight) && weight >= SLOW_START_MIN_WEIGHT && weight <= FULL_WEIGHT);
      assert.ok(slowStartWeight(age + 1, slowStartMs) >= weight);
    }),
  );
});

test("new worker, in a loaded farm under least-loaded, gets flows as fast as its weight grows, not all at once", () => {
  const board = new LoadBoard(allocateLoadBoard());
  for (let worker = 0; worker < 4; worker++) {
    board.set(worker, BOARD_STATE, WORKER_SERVING);
    board.set(worker, BOARD_WEIGHT, FULL_WEIGHT);
    board.set(worker, BOARD_FLOWS, worker === 3 ? 0 : 1000);
  }
  const seen = [];
  for (let age = 0; age <= 1000; age += 100) {
    board.set(3, BOARD_WEIGHT, slowStartWeight(age, 1000));
    for (let flow = 0; flow < 300; flow++) {
      const worker = leastLoaded(board, 4, 0);
      board.add(worker, BOARD_FLOWS, 1);
      // One ends for each that begins among the others, so that only the new worker grows.
      if (worker !== 3) board.add(worker, BOARD_FLOWS, -1);
    }
    seen.push(board.get(3, BOARD_FLOWS));
  }
  assert.equal(seen, [100, 190, 280, 370, 460, 550, 640, 730, 820, 910, 1000]);
});

test.run();
