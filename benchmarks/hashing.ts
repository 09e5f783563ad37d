// Why is the `hash` policy no Maglev table? Both choose a worker by the source's hash alone. What one choice costs, how evenly
// they spread sources, how many move when a worker leaves, and what it costs to make Maglev's table anew each time. The
// table is made for the workers that serve, so its choice does not even look at the board: it is measured at its best.

import { POLICIES } from "../core/director/policies.js";
import { hashKey, seedFrom } from "../core/flow/flow-hash.js";
import { KEY_KIND, KEY_KIND_SOURCE, KEY_SOURCE, KEY_WORDS } from "../core/flow/flow-key.js";
import {
  allocateLoadBoard,
  BOARD_STATE,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_SERVING,
} from "../core/memory/load-board.js";
import type { Benchmark } from "./support/benchmark.js";
import { MAGLEV_PLACES, maglevTable } from "./support/maglev.js";
import { count, farmSizes } from "./support/parameters.js";
import { measureEach, type Progress } from "./support/progress.js";
import { type Spread, spreadOf, spreadText } from "./support/spread.js";

export interface HashingOptions {
  /** Sources to be spread, which is also how many choices are timed in each round. */
  readonly sources: number;
  readonly workers: readonly number[];
  /** Rounds of timing. */
  readonly rounds: number;
  readonly seed: number;
}

export interface HashingFigure {
  readonly method: "rendezvous" | "maglev";
  readonly workers: number;
  readonly choiceNs: Spread;
  /** Sources of the worker that has the most, as a multiple of the mean. */
  readonly maxToMean: number;
  /** Parts of the sources that move when one worker leaves: all of them, and those whose own worker stayed. */
  readonly moved: number;
  readonly movedNeedlessly: number;
  /** Time to be ready for other workers. */
  readonly readyMs: Spread;
}

/** A way to choose: makes itself ready for the workers that serve, and chooses for each hash. */
interface Method {
  readonly name: HashingFigure["method"];
  ready(board: LoadBoard, workerCount: number): void;
  chooseAll(board: LoadBoard, workerCount: number, hashes: Uint32Array, chosen: Uint8Array): void;
}

// The loops are written out twice, so that each choice can be compiled into its own.

const rendezvousMethod: Method = {
  name: "rendezvous",
  ready() {},
  chooseAll(board, workerCount, hashes, chosen) {
    const { hash } = POLICIES;
    for (let i = 0; i < hashes.length; i++) chosen[i] = hash(board, workerCount, hashes[i]!);
  },
};

function maglevMethod(): Method {
  let table: Uint8Array = new Uint8Array(0);
  return {
    name: "maglev",
    ready(board, workerCount) {
      const numbers = Array.from({ length: workerCount }, (_, worker) => worker);
      table = maglevTable(numbers.filter((worker) => board.get(worker, BOARD_STATE) === WORKER_SERVING));
    },
    chooseAll(_board, _workerCount, hashes, chosen) {
      for (let i = 0; i < hashes.length; i++) chosen[i] = table[hashes[i]! % MAGLEV_PLACES]!;
    },
  };
}

/** The hashes, as the director takes them, of as many IPv4 sources that follow each other. */
function hashesOf(sources: number, seed: number): Uint32Array {
  const key = new Int32Array(KEY_WORDS);
  key[KEY_KIND] = KEY_KIND_SOURCE | (4 << 8);
  const flowSeed = seedFrom(BigInt(seed));
  return Uint32Array.from({ length: sources }, (_, n) => {
    key[KEY_SOURCE] = n;
    return hashKey(flowSeed, key, 0);
  });
}

/** Milliseconds of each round. */
function timeRounds(rounds: number, work: () => void): number[] {
  return Array.from({ length: rounds }, () => {
    const started = performance.now();
    work();
    return performance.now() - started;
  });
}

function measure(
  method: Method,
  workers: number,
  hashes: Uint32Array,
  { rounds }: HashingOptions,
): HashingFigure {
  const board = new LoadBoard(allocateLoadBoard());
  for (let worker = 0; worker < workers; worker++) board.set(worker, BOARD_STATE, WORKER_SERVING);
  const before = new Uint8Array(hashes.length);
  const after = new Uint8Array(hashes.length);
  const readyMs = timeRounds(rounds, () => method.ready(board, workers));
  const choose = () => method.chooseAll(board, workers, hashes, before);
  choose();
  const chooseMs = timeRounds(rounds, choose);

  const leaver = workers >> 1;
  board.set(leaver, BOARD_STATE, WORKER_ABSENT);
  method.ready(board, workers);
  method.chooseAll(board, workers, hashes, after);
  const counts = new Array<number>(workers).fill(0);
  let moved = 0;
  let movedNeedlessly = 0;
  for (const [i, worker] of before.entries()) {
    counts[worker]! += 1;
    if (worker === after[i]) continue;
    moved++;
    if (worker !== leaver) movedNeedlessly++;
  }
  return {
    method: method.name,
    workers,
    choiceNs: spreadOf(chooseMs.map((ms) => (ms * 1e6) / hashes.length)),
    maxToMean: (Math.max(...counts) * workers) / hashes.length,
    moved: moved / hashes.length,
    movedNeedlessly: movedNeedlessly / hashes.length,
    readyMs: spreadOf(readyMs),
  };
}

/** One figure for each number of workers (2 … 64) and method. */
export async function runHashing(options: HashingOptions, progress: Progress): Promise<HashingFigure[]> {
  const hashes = hashesOf(options.sources, options.seed);
  const measurements = options.workers.flatMap((workers) =>
    [rendezvousMethod, maglevMethod()].map((method) => ({
      what: `${method.name}, ${workers} workers`,
      measure: () => measure(method, workers, hashes, options),
    })),
  );
  progress.expect(measurements.length);
  return measureEach(measurements, progress);
}

export const hashing: Benchmark<HashingOptions, HashingFigure[]> = {
  name: "hashing",
  question: "the hash policy's rendezvous hashing against a Maglev table",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--sources <n>", "sources to spread, and choices to time in a round", count, 1_000_000)
      .option("--workers <n,…>", "workers to choose from", farmSizes(2), [2, 4, 8, 64])
      .option("--rounds <n>", "rounds of timing", count, 5)
      .option("--seed <n>", "seed of the sources' hash", count, 1),
  run: runHashing,
  tables: (figures) => [
    figures.map((figure) => ({
      method: figure.method,
      workers: figure.workers,
      "ns/choice": spreadText(figure.choiceNs, 1),
      "max/mean": figure.maxToMean.toFixed(4),
      "moved when one leaves": `${(figure.moved * 100).toFixed(2)} %`,
      ideal: `${(100 / figure.workers).toFixed(2)} %`,
      needlessly: `${(figure.movedNeedlessly * 100).toFixed(2)} %`,
      "ready after ms": spreadText(figure.readyMs, 2),
    })),
  ],
};
