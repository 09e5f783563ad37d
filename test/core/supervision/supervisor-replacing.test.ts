// Every worker replaced by a new one, the new one before the old one leaves, whatever happens meanwhile. Played: a clock,
// threads, a director.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BOARD_COMMAND, COMMAND_STOP, MAX_WORKERS } from "../../../core/memory/load-board.js";
import { settle } from "../../support/settle.js";
import { Outcome, rejection, startedFarm } from "./played-farm.js";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

test("replacing all, starts each new worker before the old one leaves, one after the other", async () => {
  const farm = await startedFarm(3);
  farm.starts = "wait";
  const old = farm.threads.slice(0, 3);
  const replaced = new Outcome(farm.supervisor.replaceAll());
  for (let round = 0; round < 3; round++) {
    await farm.pass(500);
    const next = farm.threads.at(-1)!;
    assert.is(farm.threads.length, 4 + round);
    assert.is(farm.supervisor.servingCount, 3);
    assert.is(old[round]!.state, "serving");
    assert.not(farm.word(old[round]!.worker, BOARD_COMMAND) === COMMAND_STOP);
    next.serve();
    await farm.pass(400);
    assert.is(old[round]!.state, "gone");
  }
  assert.is(replaced.now, "resolved");
  assert.ok(farm.threads.slice(3).every(({ state }) => state === "serving"));
  assert.is(farm.supervisor.target, 3);
  assert.is(farm.supervisor.servingCount, 3);
});

test("replacing all, waits for the connections of each old worker", async () => {
  const farm = await startedFarm(2);
  farm.connections(0, 1);
  const replaced = new Outcome(farm.supervisor.replaceAll());
  await farm.pass(3_000);
  assert.equal(farm.living, [0, 1, 2]);
  farm.connections(0, 0);
  await farm.pass(1_000);
  assert.is(replaced.now, "resolved");
  assert.equal(farm.living, [0, 2]);
  assert.is(farm.threads.length, 4);
});

test("replacing all, with a new one that cannot start, rejects and leaves the old ones", async () => {
  const farm = await startedFarm(3);
  const old = [...farm.threads];
  farm.starts = "fail";
  assert.is((await rejection(farm.supervisor.replaceAll())).message, "no catalogue");
  await farm.pass(5_000);
  assert.is(farm.supervisor.target, 3);
  assert.is(farm.threads.length, 4);
  assert.ok(old.every(({ state }) => state === "serving"));
  assert.equal(
    numbers(3).map((worker) => farm.stateOf(worker)),
    ["serving", "serving", "serving"],
  );
});

test("replacing all, while an old worker fails again and again, replaces it", async () => {
  const farm = await startedFarm(2);
  farm.starts = "wait";
  const replaced = new Outcome(farm.supervisor.replaceAll());
  // The old app's fault, for which somebody has mended it.
  farm.threadOf(1)!.fail();
  await settle();
  farm.threadOf(1)!.failToStart();
  await settle();
  assert.is(replaced.now, "pending");
  farm.threadOf(2)!.serve();
  await farm.pass(300);
  farm.starts = "serve";
  for (const thread of farm.threads) thread.serve();
  await farm.pass(2_000);
  assert.is(replaced.now, "resolved");
  assert.is(farm.supervisor.servingCount, 2);
});

test("replacing all, with all 64 numbers taken, gives each number to its successor", async () => {
  const farm = await startedFarm(MAX_WORKERS);
  const replaced = new Outcome(farm.supervisor.replaceAll());
  for (let ticks = 0; ticks < 400 && replaced.now === "pending"; ticks++) {
    await farm.pass(100);
    assert.ok(farm.supervisor.servingCount >= MAX_WORKERS - 1);
  }
  assert.is(replaced.now, "resolved");
  assert.is(farm.threads.length, 128);
  assert.is(farm.supervisor.servingCount, MAX_WORKERS);
  assert.is(farm.supervisor.target, MAX_WORKERS);
});

test("replacing all, with all 64 numbers taken and a new one that cannot start, rejects and leaves the others", async () => {
  const farm = await startedFarm(MAX_WORKERS);
  farm.starts = "fail";
  const replaced = new Outcome(farm.supervisor.replaceAll());
  await farm.pass(1_000);
  assert.is(replaced.now, "no catalogue");
  assert.is(farm.supervisor.servingCount, MAX_WORKERS - 1);
  farm.starts = "serve";
  await farm.pass(10_000);
  assert.is(farm.supervisor.servingCount, MAX_WORKERS);
});

test("replacing all, when all are drained or stopped meanwhile, rejects, and nothing is begun any more", async () => {
  for (const [end, why] of [
    ["drainAll", "the farm is being drained"],
    ["stopAll", "the farm is being closed"],
  ] as const) {
    for (const startsThen of ["wait", "serve"] as const) {
      const farm = await startedFarm(3);
      farm.starts = startsThen;
      farm.connections(0, 1);
      const replaced = new Outcome(farm.supervisor.replaceAll());
      await farm.pass(300);
      const ended = new Outcome(farm.supervisor[end]());
      await settle();
      farm.connections(0, 0);
      await farm.pass(1_000);
      assert.is(ended.now, "resolved");
      assert.is(replaced.now, why);
      assert.is(farm.supervisor.target, 0);
      assert.equal(farm.living, []);
    }
  }
});

test("replacing all, while fewer are wanted, ends with so many, all of them new", async () => {
  const farm = await startedFarm(4);
  const old = [...farm.threads];
  farm.starts = "wait";
  const replaced = new Outcome(farm.supervisor.replaceAll());
  await farm.pass(200);
  const resize = new Outcome(farm.supervisor.resize(2));
  farm.starts = "serve";
  for (const thread of farm.threads) thread.serve();
  await farm.pass(5_000);
  assert.equal([replaced.now, resize.now], ["resolved", "resolved"]);
  assert.is(farm.supervisor.servingCount, 2);
  assert.ok(old.every(({ state }) => state === "gone"));
});

test("replacing all twice at once, replaces each once or twice, and ends with as many", async () => {
  const farm = await startedFarm(3);
  const outcomes = [new Outcome(farm.supervisor.replaceAll()), new Outcome(farm.supervisor.replaceAll())];
  await farm.pass(10_000);
  assert.equal(
    outcomes.map(({ now }) => now),
    ["resolved", "resolved"],
  );
  assert.is(farm.supervisor.target, 3);
  assert.is(farm.supervisor.servingCount, 3);
  assert.ok(farm.threads.slice(0, 3).every(({ state }) => state === "gone"));
});

test.run();
