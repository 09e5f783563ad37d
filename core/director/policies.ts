// Policies: which worker gets a new flow whose source has no worker yet. Each is a pure function of the load board, so
// that two directors with the same board decide alike, and nothing hidden has to survive a reconfiguration. They read
// the board and allocate nothing; who chose what, and when, is written there by the caller.
//
// Weights (slow start) count where load is compared. In a round and by hash a new worker gets its even part of the new
// sources at once and never more, because the others keep those that they have: there is no rush to soften.

import {
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_TURN,
  BOARD_WEIGHT,
  type LoadBoard,
  WORKER_SERVING,
} from "../memory/load-board.js";

/**
 * Chooses among workers 0 … `workerCount`-1 that are serving; -1 if none is. `hash` is that of the source's key (of the
 * flow's, where flows are placed one by one), unsigned: as good as random to anyone without the seed, and the same in
 * every run with it.
 */
export type Policy = (board: LoadBoard, workerCount: number, hash: number) => number;

function isServing(board: LoadBoard, worker: number): boolean {
  return board.getOwn(worker, BOARD_STATE) === WORKER_SERVING;
}

/**
 * `a` before `b`: less load for its weight with the new flow, (load + 1) / weight, then fewer sources pinned. The first is
 * IPVS's "shortest expected delay": without the 1 an idle worker, however small its weight, is before all that have a flow.
 * Without the second a farm that is visited by one source after the other, each gone before the next comes, would pin them
 * all to one worker.
 */
function isBefore(
  board: LoadBoard,
  a: number,
  loadA: number,
  weightA: number,
  b: number,
  loadB: number,
  weightB: number,
): boolean {
  // Multiplied crosswise, so that nothing is rounded: loads are below 2^32, weights hundredths.
  const costA = (loadA + 1) * weightB;
  const costB = (loadB + 1) * weightA;
  return (
    costA < costB || (costA === costB && board.getOwn(a, BOARD_SOURCES) < board.getOwn(b, BOARD_SOURCES))
  );
}

/** At least 1: a worker that is to get nothing is not serving. */
function weightOf(board: LoadBoard, worker: number): number {
  return Math.max(1, board.getOwn(worker, BOARD_WEIGHT));
}

function loadOf(board: LoadBoard, worker: number, countsRequests: boolean): number {
  const flows = board.getOwn(worker, BOARD_FLOWS);
  return countsRequests ? flows + board.get(worker, BOARD_IN_FLIGHT) : flows;
}

function least(board: LoadBoard, workerCount: number, countsRequests: boolean): number {
  let best = -1;
  let bestLoad = 0;
  let bestWeight = 0;
  for (let worker = 0; worker < workerCount; worker++) {
    if (!isServing(board, worker)) continue;
    const load = loadOf(board, worker, countsRequests);
    const weight = weightOf(board, worker);
    if (best < 0 || isBefore(board, worker, load, weight, best, bestLoad, bestWeight)) {
      best = worker;
      bestLoad = load;
      bestWeight = weight;
    }
  }
  return best;
}

/** Fewest flows and requests in flight together, by weight. */
export const leastLoaded: Policy = (board, workerCount) => least(board, workerCount, true);

/** Fewest flows, by weight. */
export const leastFlows: Policy = (board, workerCount) => least(board, workerCount, false);

/** The less loaded, by weight, of two workers chosen by chance (Mitzenmacher 2001). */
export const powerOfTwo: Policy = (board, workerCount, hash) => {
  let serving = 0;
  for (let worker = 0; worker < workerCount; worker++) {
    if (isServing(board, worker)) serving++;
  }
  if (serving === 0) return -1;
  const first = hash % serving;
  // Any of the others, so that the two are never one.
  const second = serving === 1 ? first : (first + 1 + ((hash >>> 16) % (serving - 1))) % serving;
  const a = nthServing(board, first);
  const b = nthServing(board, second);
  const loadA = loadOf(board, a, true);
  const loadB = loadOf(board, b, true);
  return isBefore(board, b, loadB, weightOf(board, b), a, loadA, weightOf(board, a)) ? b : a;
};

function nthServing(board: LoadBoard, n: number): number {
  let seen = 0;
  for (let worker = 0; ; worker++) {
    if (isServing(board, worker) && seen++ === n) return worker;
  }
}

/**
 * The worker whose last turn is the longest ago, whatever its load. Turns are compared as TCP compares sequence numbers
 * (RFC 1982), so they may wrap; a worker that was away for 2^31 choices has to be given a fresh turn when it comes back.
 */
export const roundRobin: Policy = (board, workerCount) => {
  let best = -1;
  let bestTurn = 0;
  for (let worker = 0; worker < workerCount; worker++) {
    if (!isServing(board, worker)) continue;
    const turn = board.getOwn(worker, BOARD_TURN);
    if (best < 0 || ((turn - bestTurn) | 0) < 0) {
      best = worker;
      bestTurn = turn;
    }
  }
  return best;
};

/**
 * The worker for which the hash draws the highest lot (rendezvous hashing, Thaler and Ravishankar 1998). The same source
 * always gets the same worker, and when workers come or go only sources that are theirs move: one in N, the least there can
 * be. Maglev's table chooses faster, but it would be state beside the board; benchmarks/hashing.ts measures both.
 */
export const rendezvous: Policy = (board, workerCount, hash) => {
  let best = -1;
  let bestLot = 0;
  for (let worker = 0; worker < workerCount; worker++) {
    const lot = lotOf(hash, worker);
    // The board is looked at last: few lots are the highest so far.
    if ((best < 0 || lot > bestLot) && isServing(board, worker)) {
      best = worker;
      bestLot = lot;
    }
  }
  return best;
};

/**
 * A signed 32-bit number as good as random: MurmurHash3's finalizer over the hash and a salt of the worker's own. It is
 * one-to-one and the salts differ, so two workers never draw the same.
 */
function lotOf(hash: number, worker: number): number {
  let lot = hash ^ Math.imul(worker + 1, 0x9e37_79b1);
  lot = Math.imul(lot ^ (lot >>> 16), 0x85eb_ca6b);
  lot = Math.imul(lot ^ (lot >>> 13), 0xc2b2_ae35);
  return lot ^ (lot >>> 16);
}

/** The policies by the name that `--policy` takes. */
export const POLICIES = {
  "least-loaded": leastLoaded,
  "least-flows": leastFlows,
  "power-of-two": powerOfTwo,
  "round-robin": roundRobin,
  hash: rendezvous,
} as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof POLICIES;
