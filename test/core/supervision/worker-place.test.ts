// One worker number: its thread begins, is watched, drains, stops and is replaced. Played: a clock and threads.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BOARD_COMMAND,
  BOARD_CONNECTIONS,
  BOARD_IN_FLIGHT,
  BOARD_STATE,
  BOARD_WEIGHT,
  COMMAND_DRAIN,
  COMMAND_RUN,
  COMMAND_STOP,
  FULL_WEIGHT,
  WORKER_ABSENT,
  WORKER_DRAINING,
  WORKER_SERVING,
  WORKER_STARTING,
} from "../../../core/memory/load-board.js";
import {
  type PlaceFailure,
  type PlaceOwner,
  type PlaceParts,
  WorkerPlace,
} from "../../../core/supervision/worker-place.js";
import { settle } from "../../support/settle.js";
import { PlayedFarm, type PlayedOptions, type PlayedThread } from "./played-farm.js";

const WORKER = 3;

/** A place, and an owner that only remembers. */
class Played implements PlaceOwner<PlayedThread> {
  readonly farm: PlayedFarm;
  readonly parts: PlaceParts<PlayedThread>;
  readonly place: WorkerPlace<PlayedThread>;
  readonly told: string[] = [];

  constructor(options: PlayedOptions = {}) {
    this.farm = new PlayedFarm(0, options);
    this.parts = this.farm.parts(options);
    this.place = new WorkerPlace(WORKER, this.parts, this);
  }

  get thread(): PlayedThread {
    return this.farm.threads.at(-1)!;
  }

  serving(): void {
    this.told.push("serving");
  }
  gone(_: WorkerPlace<PlayedThread>, error?: unknown): void {
    this.told.push(error === undefined ? "gone" : `gone: ${(error as Error).message}`);
  }
  failed(_: WorkerPlace<PlayedThread>, { error, retryMs, hasServed }: PlaceFailure): void {
    this.told.push(`${hasServed ? "failed" : "no start"}: ${(error as Error).message}, ${retryMs}`);
  }
  stuck(): void {
    this.told.push("stuck");
  }

  async begin(isSlow = false): Promise<void> {
    this.place.begin(isSlow);
    await settle();
  }

  /** Time passes in steps of a tick; the thread has its turns. */
  async pass(ms: number, lateMs = 0): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      this.farm.nowMs += 100;
      for (const thread of this.farm.threads) thread.turn();
      await settle();
      this.place.watch(this.farm.nowMs, lateMs);
      await settle();
    }
  }

  word(word: number): number {
    return this.farm.board.get(WORKER, word);
  }
}

test("a place, starts its thread, and the director and the board know it once it serves", async () => {
  const played = new Played();
  played.farm.starts = "wait";
  played.farm.board.set(WORKER, BOARD_CONNECTIONS, 9);
  played.farm.board.set(WORKER, BOARD_IN_FLIGHT, 9);
  await played.begin();
  assert.is(played.place.state, "starting");
  assert.is(played.word(BOARD_STATE), WORKER_STARTING);
  assert.is(played.word(BOARD_COMMAND), COMMAND_RUN);
  // What the thread before it left there is nobody's.
  assert.is(played.word(BOARD_CONNECTIONS), 0);
  assert.is(played.word(BOARD_IN_FLIGHT), 0);
  assert.equal([...played.farm.known], []);
  assert.is(played.place.thread, played.thread);
  played.thread.serve();
  await settle();
  assert.is(played.place.state, "serving");
  assert.is(played.word(BOARD_STATE), WORKER_SERVING);
  assert.is(played.word(BOARD_WEIGHT), FULL_WEIGHT);
  assert.equal([...played.farm.known], [WORKER]);
  assert.equal(played.told, ["serving"]);
});

test("a thread that begins slowly, has a weight that grows with its time of serving, not of starting", async () => {
  const played = new Played({ slowStartMs: 1_000 });
  played.farm.starts = "wait";
  await played.begin(true);
  await played.pass(5_000);
  assert.is(played.word(BOARD_WEIGHT), 10);
  played.thread.serve();
  await settle();
  await played.pass(500);
  assert.is(played.word(BOARD_WEIGHT), 55);
  await played.pass(500);
  assert.is(played.word(BOARD_WEIGHT), FULL_WEIGHT);
});

test("a thread that cannot start, is tried again when its time has come, and never had been the director's", async () => {
  const played = new Played();
  played.farm.starts = "fail";
  await played.begin();
  assert.equal(played.told, ["no start: no catalogue, 0"]);
  assert.is(played.place.state, "absent");
  assert.is(played.word(BOARD_STATE), WORKER_ABSENT);
  await played.pass(100);
  assert.is(played.told.at(-1), "no start: no catalogue, 100");
  assert.is(played.farm.threads.length, 2);
  await played.pass(100);
  assert.is(played.told.at(-1), "no start: no catalogue, 200");
  await played.pass(100);
  assert.is(played.farm.threads.length, 3);
  await played.pass(100);
  assert.is(played.farm.threads.length, 4);
  assert.is(played.place.failuresInARow, 4);
});

test("a thread that fails, is destroyed, and forgotten by the director only then", async () => {
  const played = new Played();
  await played.begin();
  const first = played.thread;
  first.isStuck = true;
  first.fail();
  await settle();
  assert.is(played.place.state, "absent");
  assert.is(played.word(BOARD_STATE), WORKER_ABSENT);
  assert.ok(first.wasDestroyed);
  assert.equal([...played.farm.known], [WORKER]);
  assert.equal(played.told, ["serving"]);
  first.release();
  await settle();
  assert.equal([...played.farm.known], []);
  assert.equal(played.told, ["serving", "failed: out of luck, 0"]);
});

test("a thread that ends by itself, has failed", async () => {
  const played = new Played();
  await played.begin();
  played.thread.finish();
  await settle();
  assert.is(played.told.at(-1), "failed: it has ended without being told to, 0");
});

test("a thread without a heartbeat, is woken first, and hangs after the time for that, not before", async () => {
  const played = new Played({ hangTimeoutMs: 2_000 });
  await played.begin();
  await played.pass(1_000);
  played.thread.isHanging = true;
  played.farm.woken.clear();
  await played.pass(1_900);
  assert.ok(played.farm.woken.has(WORKER));
  assert.equal(played.told, ["serving"]);
  await played.pass(100);
  assert.ok(played.thread.wasDestroyed);
  assert.is(played.told.at(-1), "failed: it has not answered for 2000 ms: an endless loop in the app?, 0");
});

test("the thread after one that hung, has its own time, though the board has the old heartbeat", async () => {
  const played = new Played({ hangTimeoutMs: 2_000 });
  await played.begin();
  await played.pass(500);
  played.thread.isHanging = true;
  await played.pass(2_000);
  await played.begin(true);
  played.thread.isHanging = true;
  await played.pass(1_900);
  assert.not(played.thread.wasDestroyed);
  await played.pass(100);
  assert.ok(played.thread.wasDestroyed);
});

test("a clock that has jumped, is no time without a heartbeat", async () => {
  const played = new Played({ hangTimeoutMs: 2_000 });
  await played.begin();
  await played.pass(100);
  played.thread.isHanging = true;
  played.farm.nowMs += 60_000;
  await played.pass(100, 60_000);
  await played.pass(1_800);
  assert.not(played.thread.wasDestroyed);
  await played.pass(100);
  assert.ok(played.thread.wasDestroyed);
});

test("a jump of the clock before a thread began to serve, gives it no more time than others have", async () => {
  const played = new Played({ hangTimeoutMs: 2_000 });
  await played.begin();
  played.thread.isHanging = true;
  await played.pass(100, 3_600_000);
  await played.pass(2_000);
  assert.ok(played.thread.wasDestroyed);
});

test("a worker that leaves, drains until its connections have ended, and stops then", async () => {
  const played = new Played();
  await played.begin();
  played.farm.connections(WORKER, 2);
  played.place.leave();
  assert.is(played.place.state, "draining");
  assert.is(played.word(BOARD_STATE), WORKER_DRAINING);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  assert.ok(played.farm.woken.has(WORKER));
  await played.pass(3_000);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  played.farm.connections(WORKER, 0);
  played.farm.board.set(WORKER, BOARD_IN_FLIGHT, 1);
  await played.pass(1_000);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  played.farm.board.set(WORKER, BOARD_IN_FLIGHT, 0);
  played.farm.busy.add(WORKER);
  await played.pass(1_000);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  played.farm.busy.delete(WORKER);
  await played.pass(100);
  assert.is(played.word(BOARD_COMMAND), COMMAND_STOP);
  await played.pass(100);
  assert.equal(played.told, ["serving", "gone"]);
  assert.equal(played.farm.living, []);
});

test("a worker that has no connections, is not stopped before it knows that it drains", async () => {
  const played = new Played();
  await played.begin();
  await played.pass(200);
  played.place.leave();
  // Without a turn of its own since: connections may be on their way to the board.
  played.farm.nowMs += 100;
  played.place.watch(played.farm.nowMs, 0);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  await played.pass(100);
  assert.is(played.word(BOARD_COMMAND), COMMAND_STOP);
});

test("a worker that drains, is stopped when its time is over, whatever it holds", async () => {
  const played = new Played({ drainTimeoutMs: 10_000 });
  await played.begin();
  played.farm.connections(WORKER, 2);
  played.place.leave();
  await played.pass(9_900);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  await played.pass(100);
  assert.is(played.word(BOARD_COMMAND), COMMAND_STOP);
  await played.pass(100);
  assert.is(played.told.at(-1), "gone");
});

test("a jump of the clock, takes nothing of the time to drain and to stop", async () => {
  const played = new Played({ drainTimeoutMs: 10_000, hangTimeoutMs: 100_000 });
  await played.begin();
  played.farm.connections(WORKER, 2);
  played.place.leave();
  await played.pass(1_000);
  played.farm.nowMs += 60_000;
  await played.pass(100, 60_000);
  await played.pass(8_800);
  assert.is(played.word(BOARD_COMMAND), COMMAND_DRAIN);
  played.thread.isHanging = true;
  await played.pass(100);
  assert.is(played.word(BOARD_COMMAND), COMMAND_STOP);
  played.farm.nowMs += 60_000;
  await played.pass(100, 60_000);
  await played.pass(4_800);
  assert.not(played.thread.wasDestroyed);
  await played.pass(100);
  assert.ok(played.thread.wasDestroyed);
});

test("a worker that hangs while it drains, is ended at once, and that is told", async () => {
  const played = new Played({ hangTimeoutMs: 2_000 });
  await played.begin();
  played.farm.connections(WORKER, 1);
  played.place.leave();
  await played.pass(1_000);
  played.thread.isHanging = true;
  await played.pass(2_000);
  assert.ok(played.thread.wasDestroyed);
  assert.match(played.told.at(-1)!, /^gone: it has not answered for 2000 ms/);
});

test("a worker that does not stop, is ended after 5 s, and that is told", async () => {
  const played = new Played({ hangTimeoutMs: 60_000 });
  await played.begin();
  played.thread.isHanging = true;
  played.place.stop();
  await played.pass(4_900);
  assert.not(played.thread.wasDestroyed);
  await played.pass(100);
  assert.ok(played.thread.wasDestroyed);
  assert.is(played.told.at(-1), "gone: it does not stop");
});

test("a worker whose teardown fails, has left, and that is told", async () => {
  const played = new Played();
  await played.begin();
  played.place.stop();
  played.thread.fail(new Error("no teardown"));
  await settle();
  assert.is(played.told.at(-1), "gone: no teardown");
});

test("a worker that is to leave while it starts, is ended, and that is no failure", async () => {
  for (const how of ["leave", "stop"] as const) {
    const played = new Played();
    played.farm.starts = "wait";
    await played.begin();
    played.place[how]();
    await settle();
    assert.ok(played.thread.wasDestroyed);
    assert.equal(played.told, ["gone"]);
    assert.equal([...played.farm.known], []);
  }
});

test("a worker that is to leave just when it serves, is ended, and the director forgets it again", async () => {
  const played = new Played();
  played.farm.starts = "wait";
  await played.begin();
  played.thread.serve();
  played.place.leave();
  await settle();
  assert.equal(played.told, ["gone"]);
  assert.equal([...played.farm.known], []);
});

test("a worker whose thread nobody told of, is stopped as soon as it serves, and does not serve meanwhile", async () => {
  const played = new Played({ tellsOfThreads: false });
  played.farm.starts = "wait";
  await played.begin();
  played.place.leave();
  played.place.stop();
  assert.equal(played.told, []);
  played.thread.serve();
  await settle();
  assert.is(played.place.state, "draining");
  assert.is(played.word(BOARD_STATE), WORKER_DRAINING);
  assert.is(played.word(BOARD_COMMAND), COMMAND_STOP);
  await played.pass(100);
  assert.equal(played.told, ["gone"]);
});

test("a worker whose thread nobody told of, and that cannot start, has left", async () => {
  const played = new Played({ tellsOfThreads: false });
  played.farm.starts = "wait";
  await played.begin();
  played.place.stop();
  played.thread.failToStart();
  await settle();
  assert.equal(played.told, ["gone"]);
});

test("a worker that is to leave while it waits for its next thread, has left at once", async () => {
  const played = new Played();
  played.farm.starts = "fail";
  await played.begin();
  await played.pass(100);
  played.place.leave();
  assert.is(played.told.at(-1), "gone");
  await played.pass(1_000);
  assert.is(played.farm.threads.length, 2);
});

test("a worker that is to leave while its thread is being ended, leaves when that is gone, once", async () => {
  const played = new Played();
  await played.begin();
  played.thread.isStuck = true;
  played.thread.fail();
  await settle();
  played.place.leave();
  played.place.stop();
  assert.equal(played.told, ["serving"]);
  played.thread.release();
  await settle();
  assert.equal(played.told, ["serving", "gone: out of luck"]);
});

test("a thread that cannot be ended, is given up after 5 s, and has left when it is gone after all", async () => {
  const played = new Played();
  await played.begin();
  played.thread.isStuck = true;
  played.thread.fail();
  await settle();
  await played.pass(4_900);
  assert.equal(played.told, ["serving"]);
  await played.pass(1_000);
  assert.equal(played.told, ["serving", "stuck"]);
  assert.ok(played.place.isStuck && played.place.isLeaving);
  assert.is(played.farm.threads.length, 1);
  played.thread.release();
  await settle();
  assert.equal(played.told, ["serving", "stuck", "gone: out of luck"]);
  assert.equal([...played.farm.known], []);
});

test("a worker that is told to stop again, gets no more time for it", async () => {
  const played = new Played({ hangTimeoutMs: 60_000 });
  await played.begin();
  played.thread.isHanging = true;
  played.place.stop();
  await played.pass(4_000);
  played.place.stop();
  await played.pass(1_000);
  assert.ok(played.thread.wasDestroyed);
});

test("a place, has a thread from its creation until it is gone", async () => {
  const played = new Played();
  played.farm.starts = "wait";
  assert.is(played.place.thread, undefined);
  await played.begin();
  assert.is(played.place.thread, played.thread);
  played.thread.serve();
  await settle();
  assert.is(played.place.thread, played.thread);
  played.thread.fail();
  await settle();
  assert.is(played.place.thread, undefined);
  await played.pass(100);
  played.thread.failToStart();
  await settle();
  assert.is(played.place.thread, undefined);
});

test("a worker that fails and hangs at once, is ended once", async () => {
  const played = new Played({ hangTimeoutMs: 500 });
  await played.begin();
  played.thread.isHanging = true;
  played.thread.isStuck = true;
  await played.pass(600);
  played.thread.fail();
  await settle();
  played.thread.release();
  await settle();
  assert.is(played.told.length, 2);
  assert.is(played.place.failuresInARow, 1);
});

test.run();
