// What goes wrong with workers, and what follows: threads that fail, hang, cannot be ended, a process that stood still, and the
// stand-in while no worker serves. Played: a clock, threads, a director.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BOARD_WEIGHT, FULL_WEIGHT, STAND_IN } from "../../../core/memory/load-board.js";
import { settle } from "../../support/settle.js";
import { Outcome, PlayedFarm, startedFarm } from "./played-farm.js";

// ---- Failures --------------------------------------------------------------------------------------------------------

test("a worker that fails, is replaced at once, by one that starts slowly", async () => {
  const farm = await startedFarm(2);
  farm.threadOf(0)!.fail(new Error("out of luck\nat line 5"));
  await settle();
  assert.is(farm.threads.length, 3);
  assert.is(farm.stateOf(0), "serving");
  assert.is(farm.word(0, BOARD_WEIGHT), 10);
  assert.equal(farm.supervisor.failuresOf(0), { count: 1, last: "out of luck" });
  assert.equal(farm.events.slice(2), ["0 failed: out of luck\nat line 5, again in 0", "0 serves"]);
  await farm.pass(1_000);
  assert.is(farm.word(0, BOARD_WEIGHT), FULL_WEIGHT);
});

test("a worker that hangs, is ended and replaced, and the others are not", async () => {
  const farm = await startedFarm(3, { hangTimeoutMs: 2_000 });
  const [first, second] = farm.threads;
  second!.isHanging = true;
  await farm.pass(2_000);
  assert.ok(second!.wasDestroyed);
  assert.is(farm.supervisor.servingCount, 3);
  await farm.pass(10_000);
  assert.not(first!.wasDestroyed);
  assert.is(farm.threads.length, 4);
});

test("a process that stood still, kills nobody, whatever its workers do", async () => {
  const farm = await startedFarm(4, { drainTimeoutMs: 3_000 });
  farm.connections(3, 1);
  const drain = new Outcome(farm.supervisor.drain(3));
  await farm.pass(200);
  for (let times = 0; times < 5; times++) {
    await farm.standStill(30_000);
    await farm.pass(200);
  }
  assert.ok(farm.threads.every(({ wasDestroyed }) => !wasDestroyed));
  assert.is(farm.stateOf(3), "draining");
  assert.is(drain.now, "pending");
  await farm.pass(3_000);
  assert.is(drain.now, "resolved");
  assert.equal(farm.warnings, []);
});

test("a crash loop, is told once, at its fifth failure, and goes on with longer waits", async () => {
  const farm = await startedFarm(2);
  const healthy = farm.threadOf(1)!;
  farm.starts = "fail";
  farm.threadOf(0)!.fail();
  await farm.pass(10_000);
  assert.equal(farm.warnings, [
    "worker 0 has failed 5 times in a row: no catalogue; it is tried again, less and less often",
  ]);
  const tried = farm.threads.length;
  assert.ok(tried < 12, `tried ${tried} times`);
  assert.is(farm.stateOf(0), "absent");
  assert.not(healthy.wasDestroyed);
  farm.starts = "serve";
  await farm.pass(10_000);
  assert.is(farm.supervisor.servingCount, 2);
  await farm.pass(10_000);
  // Forgiven: the next failure is a first one again.
  farm.threadOf(0)!.fail();
  await settle();
  assert.is(farm.supervisor.servingCount, 2);
});

test("a worker that is replaced a thousand times, leaves nothing behind", async () => {
  const farm = await startedFarm(1);
  for (let times = 0; times < 1_000; times++) {
    await farm.pass(10_000 / 100);
    farm.threadOf(0)!.fail();
    await settle();
    farm.nowMs += 10_100;
    farm.supervisor.tick();
    await settle();
  }
  assert.equal(farm.supervisor.workers, [0]);
  assert.is(farm.supervisor.threads.length, 1);
  assert.is(farm.supervisor.failuresOf(0)!.count, 1_000);
});

test("a thread that cannot be ended, is given up: another number takes its place, and closing does not wait for it", async () => {
  const farm = await startedFarm(2);
  const stuck = farm.threadOf(1)!;
  stuck.isStuck = true;
  await farm.pass(2_000);
  assert.equal(farm.supervisor.servingCount, 1);
  const resize = new Outcome(farm.supervisor.resize(2));
  await farm.pass(5_500);
  assert.equal(farm.living, [0, 1, 2]);
  assert.is(resize.now, "resolved");
  assert.match(farm.warnings.join(), /worker 1 cannot be ended before a call/);
  const stop = new Outcome(farm.supervisor.stopAll());
  await farm.pass(300);
  assert.is(stop.now, "resolved");
  assert.equal(farm.living, [1]);
  stuck.release();
  await settle();
  assert.equal(farm.supervisor.workers, []);
});

test("a worker that is drained and cannot be ended, is not waited for", async () => {
  const farm = await startedFarm(2, { hangTimeoutMs: 1_000 });
  farm.threadOf(1)!.isStuck = true;
  const drain = new Outcome(farm.supervisor.drain(1));
  await farm.pass(1_000 + 4_900);
  assert.is(drain.now, "pending");
  await farm.pass(200);
  assert.is(drain.now, "resolved");
});

// ---- The stand-in ----------------------------------------------------------------------------------------------------

test("the stand-in, appears after a second without a serving worker, with its full share, and leaves when one serves", async () => {
  const farm = await startedFarm(2);
  await farm.pass(100);
  farm.starts = "wait";
  for (const worker of [0, 1]) farm.threadOf(worker)!.fail();
  await farm.pass(900);
  assert.equal(farm.living, [0, 1]);
  await farm.pass(100);
  assert.equal(farm.living, [0, 1, STAND_IN]);
  farm.threadOf(STAND_IN)!.serve();
  await farm.pass(500);
  assert.is(farm.word(STAND_IN, BOARD_WEIGHT), FULL_WEIGHT);
  // It is none of the workers.
  assert.is(farm.supervisor.servingCount, 0);
  assert.equal(farm.supervisor.workers, [0, 1]);
  assert.not(farm.events.some((event) => event.startsWith("64")));
  farm.connections(STAND_IN, 1);
  farm.threadOf(1)!.serve();
  await settle();
  assert.is(farm.stateOf(STAND_IN), "draining");
  farm.connections(STAND_IN, 0);
  await farm.pass(300);
  assert.equal(farm.living, [0, 1]);
});

test("the stand-in, is not started for a gap of less than a second", async () => {
  const farm = await startedFarm(1);
  await farm.pass(100);
  for (let times = 0; times < 5; times++) {
    farm.starts = "wait";
    farm.threadOf(0)!.fail();
    await farm.pass(900);
    farm.threadOf(0)!.serve();
    await farm.pass(200);
  }
  assert.not(farm.threads.some(({ worker }) => worker === STAND_IN));
});

test("the stand-in, is not started before the farm, nor while all leave", async () => {
  const farm = new PlayedFarm(1);
  farm.starts = "wait";
  const start = farm.supervisor.start();
  await farm.pass(5_000);
  assert.equal(farm.living, [0]);
  farm.threadOf(0)!.serve();
  await farm.pass(200);
  farm.connections(0, 1);
  const drain = farm.supervisor.drainAll();
  await farm.pass(5_000);
  assert.equal(farm.living, [0]);
  farm.connections(0, 0);
  await farm.pass(300);
  await Promise.all([start, drain]);
});

test("a stand-in that fails, is told as what it is, is tried again, and ends nobody's wait", async () => {
  const farm = await startedFarm(1);
  farm.starts = "wait";
  farm.threadOf(0)!.fail();
  await farm.pass(1_200);
  const resize = new Outcome(farm.supervisor.resize(1));
  farm.threadOf(STAND_IN)!.failToStart();
  await farm.pass(100);
  assert.is(resize.now, "pending");
  assert.equal(farm.warnings, ["the stand-in has failed: no catalogue"]);
  assert.equal(farm.living, [0, STAND_IN]);
  farm.threadOf(0)!.serve();
  await farm.pass(300);
  assert.is(resize.now, "resolved");
  assert.equal(farm.living, [0]);
});

test.run();
