// Spill: when a new flow of a hot source may leave the source's worker, and, above all, when not.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isSpillDue, SPILL_ALLOWANCE_FLOWS } from "../../../core/director/spill.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_STATE,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_DRAINING,
  WORKER_SERVING,
  WORKER_STARTING,
} from "../../../core/memory/load-board.js";

function boardOf(flows: readonly number[], states: readonly number[] = []): LoadBoard {
  const board = new LoadBoard(allocateLoadBoard());
  for (const [worker, count] of flows.entries()) {
    board.set(worker, BOARD_FLOWS, count);
    board.set(worker, BOARD_STATE, states[worker] ?? WORKER_SERVING);
  }
  return board;
}

const HOT = 100;

test("spill, with the option at 0, is never due", () => {
  assert.not.ok(isSpillDue(boardOf([100_000, 0]), 2, 0, 100_000, 0));
});

test("spill, is due from exactly as many flows of the source as the option says", () => {
  const board = boardOf([1000, 10]);
  assert.not.ok(isSpillDue(board, 2, 0, HOT - 1, HOT));
  assert.ok(isSpillDue(board, 2, 0, HOT, HOT));
});

test("spill, of a worker with more than twice the others' mean and the allowance, is due; with just as much, not", () => {
  // Mean of the others: 50.
  const limit = 2 * 50 + SPILL_ALLOWANCE_FLOWS;
  assert.not.ok(isSpillDue(boardOf([40, limit, 60]), 3, 1, HOT, HOT));
  assert.ok(isSpillDue(boardOf([40, limit + 1, 60]), 3, 1, HOT, HOT));
});

test("spill, with a mean that is no whole number, is not rounded", () => {
  // Mean of the others: 10/3, so the limit is 6 2/3 above the allowance.
  const others = [3, 3, 4];
  assert.not.ok(isSpillDue(boardOf([SPILL_ALLOWANCE_FLOWS + 6, ...others]), 4, 0, 1, 1));
  assert.ok(isSpillDue(boardOf([SPILL_ALLOWANCE_FLOWS + 7, ...others]), 4, 0, 1, 1));
});

test("spill, of one of two workers, is judged by the other alone", () => {
  // Of both the mean is 150, and nobody could ever have more than twice that.
  assert.ok(isSpillDue(boardOf([300, 0]), 2, 0, HOT, HOT));
});

test("spill, where others are idle, is not due within the allowance", () => {
  assert.not.ok(isSpillDue(boardOf([SPILL_ALLOWANCE_FLOWS, 0, 0]), 3, 0, 1, 1));
  assert.ok(isSpillDue(boardOf([SPILL_ALLOWANCE_FLOWS + 1, 0, 0]), 3, 0, 1, 1));
});

test("spill, where no other worker serves, is not due", () => {
  const states = [WORKER_SERVING, WORKER_DRAINING, WORKER_STARTING, WORKER_ABSENT];
  assert.not.ok(isSpillDue(boardOf([5000, 0, 0, 0], states), 4, 0, HOT, HOT));
  assert.not.ok(isSpillDue(boardOf([5000]), 1, 0, HOT, HOT));
});

test("spill, counts only workers that serve, among those of the farm", () => {
  // The draining worker's 0 would halve the mean; the fourth is beyond the farm.
  const board = boardOf([200, 0, 100, 0], [WORKER_SERVING, WORKER_DRAINING]);
  assert.not.ok(isSpillDue(board, 3, 0, HOT, HOT));
  assert.ok(isSpillDue(board, 4, 0, HOT, HOT));
});

test("spill, on any board, is due as the rule in plain words says", () => {
  const anyWorkers = fc.array(
    fc.record({ flows: fc.nat(60), state: fc.constantFrom(WORKER_SERVING, WORKER_SERVING, WORKER_DRAINING) }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(anyWorkers, fc.nat(), fc.nat(4), fc.nat(4), (workers, n, sourceFlows, spillFlows) => {
      const worker = n % workers.length;
      const others = workers.filter(({ state }, i) => i !== worker && state === WORKER_SERVING);
      const sum = others.reduce((total, { flows }) => total + flows, 0);
      const isHot = spillFlows > 0 && sourceFlows >= spillFlows;
      const isFar =
        others.length > 0 &&
        workers[worker]!.flows * others.length > 2 * sum + SPILL_ALLOWANCE_FLOWS * others.length;
      const board = boardOf(
        workers.map(({ flows }) => flows),
        workers.map(({ state }) => state),
      );
      assert.is(isSpillDue(board, workers.length, worker, sourceFlows, spillFlows), isHot && isFar);
    }),
    { numRuns: 500 },
  );
});

test.run();
