// Policies: which worker gets a new flow whose source has no worker yet. Each is a pure function of the load board, so
// that two directors with the same board decide alike, and nothing hidden has to survive a reconfiguration.

import {
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  type LoadBoard,
  WORKER_SERVING,
} from "../memory/load-board.js";

/**
 * Chooses among workers 0 … `workerCount`-1 that are serving; -1 if none is. `hash` is that of the source's key, for
 * policies that need chance: it is as good as random to anyone without the seed, and the same in every run with it.
 */
export type Policy = (board: LoadBoard, workerCount: number, hash: number) => number;

/** Flows that a worker holds for each flow that its weight allows it, in thousandths. */
function weighted(board: LoadBoard, worker: number, load: number): number {
  const weight = board.get(worker, BOARD_WEIGHT);
  return weight === FULL_WEIGHT ? load * 1000 : (load * 1000 * FULL_WEIGHT) / Math.max(1, weight);
}

/**
 * `a` before `b`: less load, then fewer sources pinned. Without the second a farm that is visited by one source after
 * the other, each gone before the next comes, would pin them all to one worker.
 */
function better(board: LoadBoard, a: number, loadA: number, b: number, loadB: number): boolean {
  return loadA < loadB || (loadA === loadB && board.get(a, BOARD_SOURCES) < board.get(b, BOARD_SOURCES));
}

function least(
  board: LoadBoard,
  workerCount: number,
  loadOf: (board: LoadBoard, worker: number) => number,
): number {
  let best = -1;
  let bestLoad = 0;
  for (let worker = 0; worker < workerCount; worker++) {
    if (board.get(worker, BOARD_STATE) !== WORKER_SERVING) continue;
    const load = weighted(board, worker, loadOf(board, worker));
    if (best < 0 || better(board, worker, load, best, bestLoad)) {
      best = worker;
      bestLoad = load;
    }
  }
  return best;
}

function flowsOf(board: LoadBoard, worker: number): number {
  return board.get(worker, BOARD_FLOWS);
}

function loadOf(board: LoadBoard, worker: number): number {
  return board.get(worker, BOARD_FLOWS) + board.get(worker, BOARD_IN_FLIGHT);
}

/** Fewest flows and requests in flight together, by weight. */
export const leastLoaded: Policy = (board, workerCount) => least(board, workerCount, loadOf);

/** Fewest flows, by weight. */
export const leastFlows: Policy = (board, workerCount) => least(board, workerCount, flowsOf);

/** The less loaded of two workers chosen by chance (Mitzenmacher 2001). */
export const powerOfTwo: Policy = (board, workerCount, hash) => {
  let serving = 0;
  for (let worker = 0; worker < workerCount; worker++) {
    if (board.get(worker, BOARD_STATE) === WORKER_SERVING) serving++;
  }
  if (serving === 0) return -1;
  const first = hash % serving;
  // Any of the others, so that the two are never one.
  const second = serving === 1 ? first : (first + 1 + ((hash >>> 16) % (serving - 1))) % serving;
  const a = nthServing(board, first);
  const b = nthServing(board, second);
  const loadA = weighted(board, a, loadOf(board, a));
  const loadB = weighted(board, b, loadOf(board, b));
  return better(board, b, loadB, a, loadA) ? b : a;
};

function nthServing(board: LoadBoard, n: number): number {
  let seen = 0;
  for (let worker = 0; ; worker++) {
    if (board.get(worker, BOARD_STATE) === WORKER_SERVING && seen++ === n) return worker;
  }
}

/** The policies by the name that `--policy` takes. */
export const POLICIES = {
  "least-loaded": leastLoaded,
  "least-flows": leastFlows,
  "power-of-two": powerOfTwo,
} as const satisfies Record<string, Policy>;

export type PolicyName = keyof typeof POLICIES;
