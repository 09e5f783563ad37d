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
  rendezvous,
  roundRobin,
} from "../../../core/director/policies.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_TURN,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  MAX_WORKERS,
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
  readonly turn?: number;
  readonly state?: number;
}

function boardOf(workers: readonly WorkerLoad[]): LoadBoard {
  const board = new LoadBoard(allocateLoadBoard());
  for (const [worker, load] of workers.entries()) {
    board.set(worker, BOARD_FLOWS, load.flows ?? 0);
    board.set(worker, BOARD_IN_FLIGHT, load.inFlight ?? 0);
    board.set(worker, BOARD_SOURCES, load.sources ?? 0);
    board.set(worker, BOARD_WEIGHT, load.weight ?? FULL_WEIGHT);
    board.set(worker, BOARD_TURN, load.turn ?? 0);
    board.set(worker, BOARD_STATE, load.state ?? WORKER_SERVING);
  }
  return board;
}

function choose(policy: Policy, workers: readonly WorkerLoad[], hash = 0): number {
  return policy(boardOf(workers), workers.length, hash);
}

function flowsOf(board: LoadBoard, workerCount: number): number[] {
  return Array.from({ length: workerCount }, (_, worker) => board.get(worker, BOARD_FLOWS));
}

/** The hash of source number `n`. */
function hashOf(n: number): number {
  const mixed = Math.imul(n ^ (n >>> 15), 0x2c1b_3c6d);
  return Math.imul(mixed ^ (mixed >>> 12), 0x297a_2d39) >>> 0;
}

const allPolicies = Object.entries(POLICIES);
const anyHash = fc.integer({ min: 0, max: 0xffff_ffff });

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
  assert.equal(flowsOf(board, 3), [400, 200, 100]);
});

test("worker, idle and of little weight, does not take what others of full weight do better", () => {
  // Load by weight alone would be 0 / 10 against 1 / 100, for ever the lesser.
  const board = boardOf([{ weight: 10 }, { flows: 1 }, { flows: 1 }]);
  const chosen = [];
  for (let flow = 0; flow < 19; flow++) {
    const worker = leastLoaded(board, 3, 0);
    board.add(worker, BOARD_FLOWS, 1);
    chosen.push(worker);
  }
  assert.is(chosen.indexOf(0), 16, "when the others have 9 flows each: (0 + 1) / 10 = (9 + 1) / 100");
  assert.equal(flowsOf(board, 3), [1, 10, 10]);
});

test("weights, however small, divide a burst of flows by themselves, within one flow", () => {
  const workers = fc.array(fc.record({ weight: fc.integer({ min: 1, max: FULL_WEIGHT }) }), { minLength: 1 });
  fc.assert(
    fc.property(workers, fc.integer({ min: 1, max: 300 }), (farm, flows) => {
      const board = boardOf(farm);
      for (let flow = 0; flow < flows; flow++) board.add(leastLoaded(board, farm.length, 0), BOARD_FLOWS, 1);
      // No worker could take the last of another's flows and would still have been before it.
      for (const [a, mine] of flowsOf(board, farm.length).entries()) {
        for (const [b, others] of flowsOf(board, farm.length).entries())
          assert.ok((mine + 1) * farm[b]!.weight >= others * farm[a]!.weight);
      }
    }),
    { numRuns: 50 },
  );
});

test("weight below 1, counts as 1", () => {
  assert.is(choose(leastLoaded, [{ weight: 0 }, { flows: 98 }]), 1);
  assert.is(choose(leastLoaded, [{ weight: 0 }, { flows: 100 }]), 0);
});

test("least-loaded, with the largest loads and weights that the board can hold, rounds nothing", () => {
  const most = 0x7fff_ffff;
  const workers = [
    { flows: most, inFlight: most, weight: 99, sources: 1 },
    { flows: most, inFlight: most - 1, weight: 99, sources: 2 },
  ];
  assert.is(choose(leastLoaded, workers), 1);
});

test("burst of new sources before any worker answers, under least-loaded, leaves max - min <= 1", () => {
  const anyCount = fc.integer({ min: 1, max: MAX_WORKERS });
  fc.assert(
    fc.property(anyCount, fc.nat(500), fc.array(anyHash), (workerCount, burst, hashes) => {
      const board = boardOf(Array.from({ length: workerCount }, () => ({})));
      for (let flow = 0; flow < burst; flow++) {
        const worker = leastLoaded(board, workerCount, hashes[flow % hashes.length] ?? 0);
        board.add(worker, BOARD_FLOWS, 1);
        board.add(worker, BOARD_SOURCES, 1);
      }
      const flows = flowsOf(board, workerCount);
      assert.ok(Math.max(...flows) - Math.min(...flows) <= 1, flows.join(", "));
      assert.is(
        flows.reduce((sum, one) => sum + one, 0),
        burst,
      );
    }),
    { numRuns: 200 },
  );
});

const anyWorker = fc.record({
  flows: fc.nat(6),
  inFlight: fc.nat(6),
  sources: fc.nat(4),
  // Divisors of 100: the model's costs are whole numbers.
  weight: fc.constantFrom(FULL_WEIGHT, 50, 25, 20, 10, 1),
  turn: fc.integer({ min: -3, max: 3 }),
  state: fc.constantFrom(WORKER_SERVING, WORKER_SERVING, WORKER_DRAINING, WORKER_ABSENT),
});
const anyFarm = fc.array(anyWorker, { maxLength: 8 });
type AnyWorker = Required<WorkerLoad>;

/** Negative: `a` is before `b`. */
function compare(a: AnyWorker, b: AnyWorker, load: (worker: AnyWorker) => number): number {
  const cost = (worker: AnyWorker) => (load(worker) + 1) * (FULL_WEIGHT / worker.weight);
  return cost(a) - cost(b) || a.sources - b.sources;
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
    fc.property(anyFarm, anyHash, (workers, hash) => {
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
    fc.property(anyWorker, anyWorker, anyHash, (one, two, hash) => {
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
  const flows = flowsOf(board, 8);
  assert.ok(Math.max(...flows) - Math.min(...flows) < 20, flows.join(", "));
});

/** Chooses as the director does: each choice writes its number to the board. Returns the workers chosen. */
function rounds(board: LoadBoard, workerCount: number, firstTurn: number, choices: number): number[] {
  return Array.from({ length: choices }, (_, i) => {
    const worker = roundRobin(board, workerCount, 0);
    board.set(worker, BOARD_TURN, (firstTurn + i) | 0);
    return worker;
  });
}

test("round-robin, from an empty board, goes round all serving workers, whatever their load and weight", () => {
  const board = boardOf([{ flows: 9 }, { weight: 1 }, { state: WORKER_DRAINING }, { inFlight: 7 }]);
  assert.equal(rounds(board, 4, 1, 8), [0, 1, 3, 0, 1, 3, 0, 1]);
});

test("round-robin, when turns wrap, goes on in the same order", () => {
  for (const from of [0x7fff_fffd, -3]) {
    const board = boardOf([{ turn: from - 3 }, { turn: from - 2 }, { turn: from - 1 }]);
    assert.equal(rounds(board, 3, from, 9), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
  }
});

test("round-robin, with a worker that comes back, gives it the next turn and then its place in the round", () => {
  const board = boardOf([{}, { state: WORKER_DRAINING }, {}]);
  rounds(board, 3, 1, 5);
  board.set(1, BOARD_STATE, WORKER_SERVING);
  assert.equal(rounds(board, 3, 6, 6), [1, 2, 0, 1, 2, 0]);
});

test("round-robin, on any board, chooses the first of the serving workers whose turn is the oldest", () => {
  fc.assert(
    fc.property(anyFarm, fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }), (farm, now) => {
      const workers = farm.map((worker) => ({ ...worker, turn: (now + worker.turn) | 0 }));
      const serving = farm.filter(({ state }) => state === WORKER_SERVING);
      const oldest = Math.min(...serving.map(({ turn }) => turn));
      const expected = farm.findIndex(({ state, turn }) => state === WORKER_SERVING && turn === oldest);
      assert.is(choose(roundRobin, workers), expected);
    }),
  );
});

test("hash, on any board, depends on nothing but the hash and who is serving", () => {
  fc.assert(
    fc.property(anyFarm, anyHash, (workers, hash) => {
      const plain = workers.map(({ state }) => ({ state }));
      assert.is(choose(rendezvous, workers, hash), choose(rendezvous, plain, hash));
    }),
  );
});

test("hash, when a worker leaves or comes, moves its own sources and no other", () => {
  const anyStates = fc.array(fc.boolean(), { minLength: 1, maxLength: MAX_WORKERS });
  fc.assert(
    fc.property(anyStates, fc.nat(), anyHash, (states, n, hash) => {
      const away = n % states.length;
      const workers = states.map((serves) => ({ state: serves ? WORKER_SERVING : WORKER_DRAINING }));
      const without = choose(
        rendezvous,
        workers.map((worker, i) => (i === away ? { state: WORKER_ABSENT } : worker)),
        hash,
      );
      const withIt = choose(
        rendezvous,
        workers.map((worker, i) => (i === away ? { state: WORKER_SERVING } : worker)),
        hash,
      );
      assert.ok(withIt === without || withIt === away);
    }),
  );
});

/** Chi-squared of the counts against equal ones, within what chance makes of it: 5 standard deviations above its mean. */
function assertEven(counts: readonly number[], what: string): void {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chiSquared = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  const degrees = counts.length - 1;
  assert.ok(chiSquared <= degrees + 5 * Math.sqrt(2 * degrees), `${what}: ${counts.join(", ")}`);
}

test("hash, over many sources, is as even as chance, and so is what a worker leaves behind", () => {
  const sources = 40_000;
  for (const workerCount of [2, 3, 8, MAX_WORKERS]) {
    const board = boardOf(Array.from({ length: workerCount }, () => ({})));
    const counts = new Array<number>(workerCount).fill(0);
    const inherited = new Array<number>(workerCount).fill(0);
    const leaver = workerCount >> 1;
    for (let n = 0; n < sources; n++) {
      const hash = hashOf(n);
      board.set(leaver, BOARD_STATE, WORKER_SERVING);
      const worker = rendezvous(board, workerCount, hash);
      counts[worker]! += 1;
      if (worker !== leaver) continue;
      board.set(leaver, BOARD_STATE, WORKER_ABSENT);
      inherited[rendezvous(board, workerCount, hash)]! += 1;
    }
    assertEven(counts, `${workerCount} workers`);
    assert.is(inherited[leaver], 0);
    assertEven(
      inherited.filter((_, worker) => worker !== leaver),
      `${workerCount} workers, heirs`,
    );
  }
});

test("hash, of values that differ in few bits, is even too", () => {
  // It is given a keyed hash, but the lots have to be independent of how that came about.
  const board = boardOf(Array.from({ length: 8 }, () => ({})));
  for (const shift of [0, 8, 16]) {
    const counts = new Array<number>(8).fill(0);
    for (let n = 0; n < 8192; n++) counts[rendezvous(board, 8, (n << shift) >>> 0)]! += 1;
    assertEven(counts, `shifted by ${shift}`);
  }
});

test("policies, on any board, change nothing on it and choose the same again", () => {
  fc.assert(
    fc.property(anyFarm, anyHash, (workers, hash) => {
      const board = boardOf(workers);
      const before = board.words.slice();
      for (const [name, policy] of allPolicies) {
        const chosen = policy(board, workers.length, hash);
        assert.is(policy(board, workers.length, hash), chosen, name);
      }
      assert.equal(board.words, before);
    }),
    { numRuns: 50 },
  );
});

test("policies, by the name that the option takes", () => {
  assert.equal(POLICIES, {
    "least-loaded": leastLoaded,
    "least-flows": leastFlows,
    "power-of-two": powerOfTwo,
    "round-robin": roundRobin,
    hash: rendezvous,
  });
});

test.run();
