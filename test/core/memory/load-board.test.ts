// The load board: a word for everything of every worker, and no cache line that two threads write to.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { CACHE_LINE_WORDS } from "../../../core/memory/layout.js";
import {
  allocateLoadBoard,
  BOARD_COMMAND,
  BOARD_CONNECTIONS,
  BOARD_FLOWS,
  BOARD_HEARTBEAT,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_WEIGHT,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_NUMBERS,
} from "../../../core/memory/load-board.js";

const MAIN_WORDS = [BOARD_STATE, BOARD_FLOWS, BOARD_WEIGHT, BOARD_COMMAND, BOARD_SOURCES];
const WORKER_WORDS = [BOARD_HEARTBEAT, BOARD_IN_FLIGHT, BOARD_CONNECTIONS];

test("load board, new, says that all workers are absent and have nothing", () => {
  const board = new LoadBoard(allocateLoadBoard());
  assert.is(board.get(WORKER_NUMBERS - 1, BOARD_STATE), WORKER_ABSENT);
  assert.ok(board.words.every((word) => word === 0));
});

test("load board, keeps every word of every worker apart", () => {
  const board = new LoadBoard(allocateLoadBoard());
  const words = [...MAIN_WORDS, ...WORKER_WORDS];
  for (let worker = 0; worker < WORKER_NUMBERS; worker++)
    for (const [i, word] of words.entries()) board.set(worker, word, worker * 100 + i + 1);
  for (let worker = 0; worker < WORKER_NUMBERS; worker++)
    assert.equal(
      words.map((word) => board.get(worker, word)),
      words.map((_, i) => worker * 100 + i + 1),
    );
  assert.is(board.words.filter((word) => word !== 0).length, WORKER_NUMBERS * words.length);
});

test("load board, has no cache line with words of two writers", () => {
  const board = new LoadBoard(allocateLoadBoard());
  const MAIN = -1;
  // Each word is given its writer's number; then each line has one.
  for (let worker = 0; worker < WORKER_NUMBERS; worker++) {
    for (const word of MAIN_WORDS) board.set(worker, word, MAIN);
    for (const word of WORKER_WORDS) board.set(worker, word, worker + 1);
  }
  for (let line = 0; line < board.words.length; line += CACHE_LINE_WORDS) {
    const writers = new Set(board.words.slice(line, line + CACHE_LINE_WORDS).filter((word) => word !== 0));
    assert.is(writers.size, 1, `line ${line / CACHE_LINE_WORDS}`);
  }
});

test("load board, adds up and down, and wraps as 32 bits do", () => {
  const memory = allocateLoadBoard();
  const board = new LoadBoard(memory);
  board.add(3, BOARD_FLOWS, 5);
  board.add(3, BOARD_FLOWS, -2);
  assert.is(new LoadBoard(memory).get(3, BOARD_FLOWS), 3, "another thread's view");
  board.set(3, BOARD_HEARTBEAT, 0x7fff_ffff);
  board.add(3, BOARD_HEARTBEAT, 1);
  assert.is(board.get(3, BOARD_HEARTBEAT), -0x8000_0000);
});

test.run();
