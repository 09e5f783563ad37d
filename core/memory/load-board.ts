// The load board: what the balancer knows of every worker. Policies are pure functions of it.
// Two cache lines a worker, one for each writer, so that they do not take each other's line away.
//
//   line 0, writer main:    state · flows assigned (+1 at assignment, -1 when the flow ends) · weight · command ·
//                           sources pinned to it · turn: number of the last new source that a policy gave it
//   line 1, writer worker (main, while its number has no thread):
//                           heartbeat · requests in flight · connections

import { CACHE_LINE_WORDS } from "./layout.js";

/** Most workers that a farm can have. */
export const MAX_WORKERS = 64;
/** Number of the stand-in, the worker that answers with 503 while no other serves. */
export const STAND_IN = MAX_WORKERS;
/** Numbers that a worker can have. */
export const WORKER_NUMBERS = MAX_WORKERS + 1;

const WORKER_WORDS = 2 * CACHE_LINE_WORDS;

// Line 0, written by main.
export const BOARD_STATE = 0;
export const BOARD_FLOWS = 1;
export const BOARD_WEIGHT = 2;
export const BOARD_COMMAND = 3;
export const BOARD_SOURCES = 4;
/** Counts over all workers, 32 bits that wrap: the worker with the oldest turn is the next in a round. */
export const BOARD_TURN = 5;
// Line 1, written by the worker.
export const BOARD_HEARTBEAT = CACHE_LINE_WORDS;
export const BOARD_IN_FLIGHT = CACHE_LINE_WORDS + 1;
export const BOARD_CONNECTIONS = CACHE_LINE_WORDS + 2;

/** States of a worker, as the director sees it. */
export const WORKER_ABSENT = 0;
export const WORKER_STARTING = 1;
export const WORKER_SERVING = 2;
export const WORKER_DRAINING = 3;

/** Commands from main to a worker. */
export const COMMAND_RUN = 0;
export const COMMAND_STOP = 1;
/** Each answer is the last of its connection; the worker goes on until the farm says stop. */
export const COMMAND_DRAIN = 2;

/** The weight of a worker that takes its full share. */
export const FULL_WEIGHT = 100;

export function allocateLoadBoard(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORKER_NUMBERS * WORKER_WORDS * 4);
}

/** Typed access to the board; words are read and written with Atomics because both threads hold them in registers otherwise. */
export class LoadBoard {
  readonly words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer);
  }

  get(worker: number, word: number): number {
    return Atomics.load(this.words, worker * WORKER_WORDS + word);
  }

  /**
   * The same for a word that the caller's thread alone writes: a plain load, which costs a fifth of an atomic one. A policy reads
   * some hundred words.
   */
  getOwn(worker: number, word: number): number {
    return this.words[worker * WORKER_WORDS + word]!;
  }

  set(worker: number, word: number, value: number): void {
    Atomics.store(this.words, worker * WORKER_WORDS + word, value);
  }

  /** Adds to a word whose only writer is the caller: a load and a store, which is cheaper than an atomic addition. */
  add(worker: number, word: number, amount: number): void {
    const index = worker * WORKER_WORDS + word;
    Atomics.store(this.words, index, (Atomics.load(this.words, index) + amount) | 0);
  }
}
