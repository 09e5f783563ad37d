// As many workers as there should be: started, more, fewer, drained, and all of them ended. Played: a clock, threads, a director.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  MAX_WORKERS,
  STAND_IN,
  WORKER_SERVING,
} from "../../../core/memory/load-board.js";
import { OptionError } from "../../../core/options.js";
import { settle } from "../../support/settle.js";
import { Outcome, PlayedFarm, rejection, startedFarm } from "./played-farm.js";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

// ---- Start -----------------------------------------------------------------------------------------------------------

test("start, resolves when all workers serve, with their full share", async () => {
  const farm = new PlayedFarm(3);
  farm.starts = "wait";
  const start = new Outcome(farm.supervisor.start());
  await farm.pass(500);
  assert.equal(farm.supervisor.workers, [0, 1, 2]);
  assert.is(farm.supervisor.servingCount, 0);
  farm.threadOf(0)!.serve();
  farm.threadOf(2)!.serve();
  await farm.pass(100);
  assert.is(start.now, "pending");
  farm.threadOf(1)!.serve();
  await settle();
  assert.is(start.now, "resolved");
  for (const worker of [0, 1, 2]) {
    assert.is(farm.word(worker, BOARD_STATE), WORKER_SERVING);
    assert.is(farm.word(worker, BOARD_WEIGHT), FULL_WEIGHT);
  }
  assert.equal(farm.events, ["0 serves", "2 serves", "1 serves"]);
});

test("a start that fails, rejects with why, and nothing is begun again before who waited can stop all", async () => {
  const farm = new PlayedFarm(2);
  farm.starts = "wait";
  const start = rejection(farm.supervisor.start());
  farm.threadOf(1)!.failToStart(new Error("no setup"));
  assert.is((await start).message, "no setup");
  await farm.supervisor.stopAll();
  assert.is(farm.threads.length, 2);
  assert.equal(farm.living, []);
  assert.equal(farm.warnings, []);
});

test("a start that fails, is tried again if nobody stops all", async () => {
  const farm = new PlayedFarm(1);
  farm.starts = "fail";
  await rejection(farm.supervisor.start());
  farm.starts = "serve";
  await farm.pass(100);
  assert.is(farm.supervisor.servingCount, 1);
});

test("a start, rejects when all are drained or stopped meanwhile", async () => {
  for (const [end, why] of [
    ["drainAll", "the farm is being drained"],
    ["stopAll", "the farm is being closed"],
  ] as const) {
    const farm = new PlayedFarm(2);
    farm.starts = "wait";
    const start = rejection(farm.supervisor.start());
    await farm.supervisor[end]();
    assert.is((await start).message, why);
    assert.equal(farm.living, []);
  }
});

// ---- Resize ----------------------------------------------------------------------------------------------------------

test("more workers, start slowly, and the others stay as they are", async () => {
  const farm = await startedFarm(1);
  await farm.supervisor.resize(3);
  assert.equal(farm.living, [0, 1, 2]);
  assert.is(farm.word(0, BOARD_WEIGHT), FULL_WEIGHT);
  assert.is(farm.word(2, BOARD_WEIGHT), 10);
  assert.is(farm.threads.length, 3);
});

test("fewer workers, drain the highest numbers, and it resolves when they are gone", async () => {
  const farm = await startedFarm(4);
  farm.connections(3, 1);
  const resize = new Outcome(farm.supervisor.resize(2));
  assert.equal(
    numbers(4).map((worker) => farm.stateOf(worker)),
    ["serving", "serving", "draining", "draining"],
  );
  await farm.pass(500);
  assert.equal(farm.living, [0, 1, 3]);
  assert.is(resize.now, "pending");
  farm.connections(3, 0);
  await farm.pass(300);
  assert.is(resize.now, "resolved");
  assert.equal(farm.living, [0, 1]);
});

test("the same number of workers, changes nothing", async () => {
  const farm = await startedFarm(2);
  await farm.supervisor.resize(2);
  assert.is(farm.threads.length, 2);
});

test("more workers while some drain, get free numbers, and it resolves when those that drain are gone", async () => {
  const farm = await startedFarm(3);
  farm.connections(2, 1);
  const fewer = new Outcome(farm.supervisor.resize(2));
  const more = new Outcome(farm.supervisor.resize(3));
  await farm.pass(200);
  assert.equal(farm.living, [0, 1, 2, 3]);
  assert.equal([fewer.now, more.now], ["pending", "pending"]);
  farm.connections(2, 0);
  await farm.pass(300);
  assert.equal(farm.living, [0, 1, 3]);
  // Both: what they waited for is as the later one wanted it.
  assert.equal([fewer.now, more.now], ["resolved", "resolved"]);
});

test("64 workers, while one drains, wait for its number", async () => {
  const farm = await startedFarm(MAX_WORKERS);
  farm.connections(63, 1);
  const fewer = new Outcome(farm.supervisor.resize(63));
  const more = new Outcome(farm.supervisor.resize(64));
  await farm.pass(1_000);
  assert.is(farm.threads.length, 64);
  farm.connections(63, 0);
  await farm.pass(500);
  assert.is(farm.threads.length, 65);
  assert.is(farm.supervisor.servingCount, 64);
  assert.equal([fewer.now, more.now], ["resolved", "resolved"]);
});

test("more workers of which one cannot start, rejects, and it is tried again", async () => {
  const farm = await startedFarm(1);
  farm.starts = "fail";
  assert.is((await rejection(farm.supervisor.resize(2))).message, "no catalogue");
  assert.is(farm.supervisor.target, 2);
  farm.starts = "serve";
  await farm.pass(200);
  assert.is(farm.supervisor.servingCount, 2);
});

test("a worker that has served and fails, does not end the wait for others that start", async () => {
  const farm = await startedFarm(1);
  farm.starts = "wait";
  const resize = new Outcome(farm.supervisor.resize(2));
  farm.threadOf(0)!.fail();
  await settle();
  assert.is(resize.now, "pending");
  farm.threadOf(0)!.serve();
  farm.threadOf(1)!.serve();
  await settle();
  assert.is(resize.now, "resolved");
});

// ---- Drain -----------------------------------------------------------------------------------------------------------

test("a drained worker, leaves when its connections have ended, and there is one less from now on", async () => {
  const farm = await startedFarm(3);
  farm.connections(1, 4);
  const drain = new Outcome(farm.supervisor.drain(1));
  assert.is(farm.supervisor.target, 2);
  await farm.pass(2_000);
  assert.is(drain.now, "pending");
  assert.is(farm.stateOf(1), "draining");
  farm.connections(1, 0);
  await farm.pass(300);
  assert.is(drain.now, "resolved");
  await farm.pass(1_000);
  assert.equal(farm.living, [0, 2]);
  assert.equal(farm.events.at(-1), "1 has left");
});

test("a drained worker whose connections do not end, leaves when its time is over", async () => {
  const farm = await startedFarm(2, { drainTimeoutMs: 3_000 });
  farm.connections(1, 4);
  const drain = new Outcome(farm.supervisor.drain(1));
  await farm.pass(2_900);
  assert.is(drain.now, "pending");
  await farm.pass(300);
  assert.is(drain.now, "resolved");
});

test("drain, refuses the last worker, one that is not there, one that drains already, and the stand-in", async () => {
  const farm = await startedFarm(2);
  farm.connections(1, 1);
  const drain = new Outcome(farm.supervisor.drain(1));
  for (const [worker, why] of [
    [0, "worker 0 cannot be drained: it is the last one"],
    [1, "there is no worker 1 to drain; there are 0, 1"],
    [7, "there is no worker 7 to drain; there are 0, 1"],
    [STAND_IN, "there is no worker 64 to drain; there are 0, 1"],
  ] as const) {
    const error = await rejection(farm.supervisor.drain(worker));
    assert.instance(error, OptionError);
    assert.is(error.message, why);
  }
  assert.is(farm.supervisor.target, 1);
  assert.is(drain.now, "pending");
});

test("a worker that fails while it drains, has left, and that is told", async () => {
  const farm = await startedFarm(2);
  farm.connections(1, 1);
  const drain = new Outcome(farm.supervisor.drain(1));
  farm.threadOf(1)!.fail(new Error("out of luck\nat line 5"));
  await farm.pass(100);
  assert.is(drain.now, "resolved");
  assert.equal(farm.warnings, ["worker 1 has failed while it was to leave: out of luck"]);
  assert.equal(farm.supervisor.failuresOf(1), { count: 1, last: "out of luck" });
  await farm.pass(1_000);
  assert.equal(farm.living, [0]);
});

// ---- Ending ----------------------------------------------------------------------------------------------------------

test("stopping all, in every state of a worker, resolves when they are gone", async () => {
  const farm = await startedFarm(5, { hangTimeoutMs: 60_000 });
  farm.connections(4, 1);
  const drain = new Outcome(farm.supervisor.drain(4));
  farm.starts = "fail";
  farm.threadOf(3)!.fail();
  await farm.pass(300);
  farm.starts = "wait";
  farm.threadOf(2)!.fail();
  await settle();
  farm.threadOf(1)!.isHanging = true;
  assert.equal(
    numbers(5).map((worker) => farm.stateOf(worker)),
    ["serving", "serving", "starting", "absent", "draining"],
  );
  const stops = [new Outcome(farm.supervisor.stopAll()), new Outcome(farm.supervisor.stopAll())];
  await farm.pass(300);
  assert.equal(farm.living, [1]);
  assert.is(drain.now, "resolved");
  assert.is(stops[0]!.now, "pending");
  await farm.pass(5_000);
  assert.equal(
    stops.map(({ now }) => now),
    ["resolved", "resolved"],
  );
  assert.equal(farm.living, []);
  assert.equal([...farm.known], []);
  assert.equal(farm.supervisor.workers, []);
});

test("stopping all, ends the stand-in, too", async () => {
  const farm = await startedFarm(1);
  farm.starts = "fail";
  farm.threadOf(0)!.fail();
  await farm.pass(500);
  farm.starts = "serve";
  await farm.pass(800);
  farm.starts = "wait";
  const stop = new Outcome(farm.supervisor.stopAll());
  await farm.pass(200);
  assert.is(stop.now, "resolved");
  assert.equal(farm.living, []);
});

test("draining all and then stopping all, resolves both", async () => {
  const farm = await startedFarm(3);
  farm.connections(0, 1);
  const drain = new Outcome(farm.supervisor.drainAll());
  await farm.pass(1_000);
  assert.equal(farm.living, [0]);
  assert.is(drain.now, "pending");
  const stop = new Outcome(farm.supervisor.stopAll());
  await farm.pass(100);
  assert.equal([drain.now, stop.now], ["resolved", "resolved"]);
});

test("draining all, waits for connections, at the latest until their time is over", async () => {
  const farm = await startedFarm(2, { drainTimeoutMs: 4_000 });
  farm.connections(1, 3);
  const drain = new Outcome(farm.supervisor.drainAll());
  await farm.pass(3_900);
  assert.is(drain.now, "pending");
  await farm.pass(300);
  assert.is(drain.now, "resolved");
  assert.is(farm.supervisor.target, 0);
});

test("once all are to end, nothing is started, and nobody waits", async () => {
  for (const end of ["drainAll", "stopAll"] as const) {
    const farm = await startedFarm(2);
    farm.connections(0, 1);
    const ended = new Outcome(farm.supervisor[end]());
    const why = end === "drainAll" ? "the farm is being drained" : "the farm is being closed";
    assert.is((await rejection(farm.supervisor.resize(4))).message, why);
    assert.is((await rejection(farm.supervisor.replaceAll())).message, why);
    assert.instance(await rejection(farm.supervisor.drain(1)), OptionError);
    farm.connections(0, 0);
    await farm.pass(1_000);
    assert.is(ended.now, "resolved");
    assert.is(farm.threads.length, 2);
    assert.is((await rejection(farm.supervisor.resize(4))).message, why);
  }
});

test("threads, are all that there are, those that start included", async () => {
  const farm = await startedFarm(1);
  farm.starts = "wait";
  const resize = farm.supervisor.resize(2);
  assert.is(farm.supervisor.threads.length, 2);
  farm.threadOf(1)!.serve();
  await resize;
});

test.run();
