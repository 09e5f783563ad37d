// The policies: pure functions of the load board, against models that say the same in the plainest way.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  leastFlows,
  leastLoaded,
  POLICIES,
  type Policy,
  powerOfTwo,
} from "../../../core/director/policies.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_DRAINING,
  WORKER_SERVING,
  WORKER_STARTING,
} from "../../../core/memory/load-board.js";

interface WorkerLoad {
  readonly flows?: number;
  readonly inFlight?: number;
  readonly sources?: number;
  readonly weight?: number;
  readonly state?: number;
}

function boardOf(workers: readonly WorkerLoad[]): LoadBoard {
  const board = new LoadBoard(allocateLoadBoard());
  for (const [worker, load] of workers.entries()) {
    board.set(worker, BOARD_FLOWS, load.flows ?? 0);
    board.set(worker, BOARD_IN_FLIGHT, load.inFlight ?? 0);
    board.set(worker, BOARD_SOURCES, load.sources ?? 0);
    board.set(worker, BOARD_WEIGHT, load.weight ?? FULL_WEIGHT);
    board.set(worker, BOARD_STATE, load.state ?? WORKER_SERVING);
  }
  return board;
}

function choose(policy: Policy, workers: readonly WorkerLoad[], hash = 0): number {
  return policy(boardOf(workers), workers.length, hash);
}

const allPolicies = Object.entries(POLICIES);

test("every policy, with no worker serving, chooses none", () => {
  for (const [name, policy] of allPolicies) {
    assert.is(choose(policy, []), -1, name);
    const states = [WORKER_ABSENT, WORKER_STARTING, WORKER_DRAINING];
    assert.is(
      choose(
        policy,
        states.map((state) => ({ state })),
        12345,
      ),
      -1,
      name,
    );
  }
});

test("every policy, with one worker serving, chooses it, whatever its load and the hash", () => {
  for (const [name, policy] of allPolicies) {
    for (const hash of [0, 1, 7, 0xffff_ffff]) {
      const workers = [{ state: WORKER_DRAINING }, { flows: 1000, inFlight: 1000 }, { state: WORKER_ABSENT }];
      assert.is(choose(policy, workers, hash), 1, name);
    }
  }
});

test("least-loaded, counts flows and requests in flight together; least-flows, only flows", () => {
  const workers = [{ flows: 3, inFlight: 3 }, { flows: 5 }, { flows: 4, inFlight: 9 }];
  assert.is(choose(leastLoaded, workers), 1);
  assert.is(choose(leastFlows, workers), 0);
});

test("least-loaded, of equal loads, chooses the worker with fewer sources, then the first", () => {
  assert.is(choose(leastLoaded, [{ sources: 2 }, { sources: 1 }, { sources: 1 }]), 1);
  assert.is(choose(leastLoaded, [{}, {}, {}]), 0);
});

test("worker, with half the weight, gets half the flows of one with the full weight", () => {
  const board = boardOf([{ weight: FULL_WEIGHT }, { weight: FULL_WEIGHT / 2 }, { weight: FULL_WEIGHT / 4 }]);
  for (let flow = 0; flow < 700; flow++) board.add(leastFlows(board, 3, 0), BOARD_FLOWS, 1);
  assert.equal(
    [board.get(0, BOARD_FLOWS), board.get(1, BOARD_FLOWS), board.get(2, BOARD_FLOWS)],
    [400, 200, 100],
  );
});

const anyWorker = fc.record({
  flows: fc.nat(6),
  inFlight: fc.nat(6),
  sources: fc.nat(4),
  weight: fc.constantFrom(FULL_WEIGHT, 50, 25),
  state: fc.constantFrom(WORKER_SERVING, WORKER_SERVING, WORKER_DRAINING, WORKER_ABSENT),
});
const anyFarm = fc.array(anyWorker, { maxLength: 8 });
type AnyWorker = Required<WorkerLoad>;

/** Negative: `a` is before `b`. */
function compare(a: AnyWorker, b: AnyWorker, load: (worker: AnyWorker) => number): number {
  return load(a) / a.weight - load(b) / b.weight || a.sources - b.sources;
}

const LOADS = [
  [leastLoaded, ({ flows, inFlight }: AnyWorker) => flows + inFlight],
  [leastFlows, ({ flows }: AnyWorker) => flows],
] as const;

test("least-loaded and least-flows, on any board, choose a serving worker that no other is before", () => {
  fc.assert(
    fc.property(anyFarm, fc.nat(), (workers, hash) => {
      for (const [policy, load] of LOADS) {
        const chosen = choose(policy, workers, hash);
        const serving = workers.filter(({ state }) => state === WORKER_SERVING);
        if (serving.length === 0) {
          assert.is(chosen, -1);
          continue;
        }
        assert.is(workers[chosen]!.state, WORKER_SERVING);
        for (const other of serving) assert.ok(compare(workers[chosen]!, other, load) <= 0);
      }
    }),
  );
});

test("power-of-two, on any board and hash, chooses a serving worker that is before at least one other", () => {
  fc.assert(
    fc.property(anyFarm, fc.integer({ min: 0, max: 0xffff_ffff }), (workers, hash) => {
      const chosen = choose(powerOfTwo, workers, hash);
      const others = workers.filter(({ state }, worker) => state === WORKER_SERVING && worker !== chosen);
      if (chosen < 0) {
        assert.is(others.length, 0);
        return;
      }
      assert.is(workers[chosen]!.state, WORKER_SERVING);
      // It was the better of two different ones, unless there is no other.
      const isBetter = (other: AnyWorker) => compare(workers[chosen]!, other, LOADS[0][1]) <= 0;
      assert.ok(others.length === 0 || others.some(isBetter));
    }),
  );
});

test("power-of-two, with two workers, is least-loaded", () => {
  fc.assert(
    fc.property(anyWorker, anyWorker, fc.integer({ min: 0, max: 0xffff_ffff }), (one, two, hash) => {
      const serving = [one, two].map((worker) => ({ ...worker, state: WORKER_SERVING }));
      const load = LOADS[0][1];
      const chosen = serving[choose(powerOfTwo, serving, hash)]!;
      assert.is(compare(chosen, serving[choose(leastLoaded, serving)]!, load), 0);
    }),
  );
});

test("power-of-two, over many hashes, compares every pair of workers, in both orders", () => {
  const workers = [{}, { state: WORKER_DRAINING }, {}, {}, {}];
  const pairs = new Set<string>();
  for (let n = 0; n < 2000; n++) {
    const hash = Math.imul(n + 1, 0x9e37_79b1) >>> 0;
    const equal = choose(powerOfTwo, workers, hash);
    // Of equals the first of the pair is chosen: give it a load and the second is.
    const loaded = workers.map((worker, i) => (i === equal ? { ...worker, flows: 1 } : worker));
    pairs.add(`${equal} ${choose(powerOfTwo, loaded, hash)}`);
  }
  assert.is(pairs.size, 4 * 3, [...pairs].join(", "));
});

test("power-of-two, with sources by chance, leaves no worker far behind", () => {
  const board = boardOf(Array.from({ length: 8 }, () => ({})));
  for (let n = 0; n < 8000; n++) {
    const hash = Math.imul(n + 1, 0x9e37_79b1) >>> 0;
    board.add(powerOfTwo(board, 8, hash), BOARD_FLOWS, 1);
  }
  const flows = Array.from({ length: 8 }, (_, worker) => board.get(worker, BOARD_FLOWS));
  assert.ok(Math.max(...flows) - Math.min(...flows) < 20, flows.join(", "));
});

test("policies, by the name that the option takes", () => {
  assert.equal(POLICIES, {
    "least-loaded": leastLoaded,
    "least-flows": leastFlows,
    "power-of-two": powerOfTwo,
  });
});

test.run();
