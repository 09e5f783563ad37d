// Session locks: mutual exclusion between workers, in the order of waiting, whatever happens to those who hold or wait.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateSessionLocks,
  freeLocksOf,
  SessionLocks,
  type SessionLocksMemory,
} from "../../../core/memory/session-locks.js";
import { kept } from "../../support/kept.js";

const STRIPE = 5;

function workers(count: number): { memory: SessionLocksMemory; locks: SessionLocks[] } {
  const memory = allocateSessionLocks(16);
  const locks = Array.from({ length: count }, (_, n) => new SessionLocks(memory, n, () => performance.now()));
  return { memory, locks };
}

function isUnused(memory: SessionLocksMemory): boolean {
  return new Int32Array(memory.buffer).every((word) => word === 0);
}

test("lock, free, is had at once; held, by nobody else; and other stripes are free", () => {
  const { memory, locks } = workers(2);
  assert.ok(locks[0]!.tryAcquire(STRIPE));
  assert.not(locks[1]!.tryAcquire(STRIPE));
  assert.ok(locks[1]!.tryAcquire(STRIPE + 1));
  locks[0]!.release(STRIPE);
  assert.ok(locks[1]!.tryAcquire(STRIPE));
  locks[1]!.release(STRIPE);
  locks[1]!.release(STRIPE + 1);
  assert.ok(isUnused(memory));
});

test("lock, taken several times by one worker, is free after as many releases", () => {
  const { locks } = workers(2);
  assert.ok(locks[0]!.tryAcquire(STRIPE) && locks[0]!.tryAcquire(STRIPE));
  locks[0]!.release(STRIPE);
  assert.not(locks[1]!.tryAcquire(STRIPE));
  locks[0]!.release(STRIPE);
  assert.ok(locks[1]!.tryAcquire(STRIPE));
});

test("lock, waited for by several workers, goes round in their order, and newcomers come last", () =>
  kept(async () => {
    const { memory, locks } = workers(64);
    assert.ok(locks[0]!.tryAcquire(STRIPE));
    const order: number[] = [];
    const waiting = [40, 7, 63].map(async (worker) => {
      assert.ok(await locks[worker]!.acquire(STRIPE, 60_000));
      order.push(worker);
      assert.not(locks[0]!.tryAcquire(STRIPE), "a newcomer");
      locks[worker]!.release(STRIPE);
    });
    assert.ok(locks[0]!.isWanted(STRIPE));
    assert.not(locks[0]!.isWanted(STRIPE + 1));
    locks[0]!.release(STRIPE);
    assert.not(locks[0]!.tryAcquire(STRIPE), "it was let go of for those who wait");
    await Promise.all(waiting);
    assert.equal(order, [40, 7, 63]);
    assert.ok(isUnused(memory));
  }));

test("lock, waited for in vain, leaves no trace", () =>
  kept(async () => {
    const { memory, locks } = workers(2);
    assert.ok(locks[0]!.tryAcquire(STRIPE));
    assert.not(await locks[1]!.acquire(STRIPE, 1));
    assert.not(locks[0]!.isWanted(STRIPE));
    locks[0]!.release(STRIPE);
    assert.ok(isUnused(memory));
  }));

test("two requests of one worker, that wait for one stripe, both have it", () =>
  kept(async () => {
    const { memory, locks } = workers(2);
    assert.ok(locks[0]!.tryAcquire(STRIPE));
    const both = [locks[1]!.acquire(STRIPE, 60_000), locks[1]!.acquire(STRIPE, 60_000)];
    locks[0]!.release(STRIPE);
    for (const one of both) {
      assert.ok(await one);
      locks[1]!.release(STRIPE);
    }
    assert.ok(isUnused(memory));
  }));

test("worker that is gone, holds nothing any more, and nobody waits for it", () =>
  kept(async () => {
    const { memory, locks } = workers(3);
    assert.ok(locks[0]!.tryAcquire(STRIPE));
    // Worker 1 waits, and dies: its bit is all that is left of it. Then the holder dies.
    new Int32Array(memory.buffer)[STRIPE * 4 + 1]! |= 1 << 1;
    const waiting = locks[2]!.acquire(STRIPE, 60_000);
    freeLocksOf(memory, 1);
    freeLocksOf(memory, 0);
    assert.ok(await waiting);
    locks[2]!.release(STRIPE);
    assert.ok(isUnused(memory));
  }));

test("worker that was woken and is gone, does not keep the lock from others", () =>
  kept(async () => {
    const { memory, locks } = workers(3);
    assert.ok(locks[0]!.tryAcquire(STRIPE));
    // A thread that dies between its wake-up and its taking the lock: it has its bit, and its wake-up is gone.
    const words = new Int32Array(memory.buffer);
    words[STRIPE * 4 + 1]! |= 1 << 1;
    const waiting = locks[2]!.acquire(STRIPE, 60_000);
    words[STRIPE * 4] = -1;
    assert.ok(await waiting, "after the time of a hand-over");
    locks[2]!.release(STRIPE);
    freeLocksOf(memory, 1);
    assert.ok(isUnused(memory));
  }));

/** A thread that takes the lock as often as it is told and counts, with a plain load and store, under it. */
const COUNTER = `
const { workerData, parentPort } = require("node:worker_threads");
import(workerData.url).then(async ({ SessionLocks }) => {
  const { memory, worker, rounds, counter } = workerData;
  const alive = setInterval(() => {}, 1000);
  const locks = new SessionLocks(memory, worker, () => performance.now());
  const words = new Int32Array(counter);
  for (let round = 0; round < rounds; round++) {
    if (!(await locks.acquire(2, 60000))) throw new Error("not within a minute");
    const seen = words[0];
    if (round % 3 === 0) await new Promise(setImmediate);
    words[0] = seen + 1;
    locks.release(2);
  }
  clearInterval(alive);
});
`;

test("threads, that count under one lock, lose no count and no wake-up", async () => {
  const memory = allocateSessionLocks(4);
  const counter = new SharedArrayBuffer(4);
  const url = new URL("../../../core/memory/session-locks.js", import.meta.url).href;
  const rounds = 2000;
  const threads = [0, 1, 33].map(
    (worker) => new Worker(COUNTER, { eval: true, workerData: { url, memory, worker, rounds, counter } }),
  );
  await Promise.all(threads.map((thread) => once(thread, "exit")));
  assert.is(new Int32Array(counter)[0], 3 * rounds);
  assert.ok(isUnused(memory));
});

test.run();
