// Handlers that wait and compute: how many at once, and that the work is the processor's.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { burn, stepsPerMs } from "../../../benchmarks/tune/burn.js";
import { handlerApp } from "../../../benchmarks/tune/handler-app.js";

/** How long so many handlers take that begin together, in ms. */
async function durationOf(waitMs: number, concurrency: number, handlers: number): Promise<number> {
  const app = handlerApp({ waitMs, concurrency, burnSteps: 0 });
  // It looks at neither.
  const call = () => Promise.resolve(app.fetch({} as never, {} as never));
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: handlers }, call));
  return performance.now() - startedMs;
}

test("handlers that wait, take turns at what a worker has few of", async () => {
  // No upper bound: a machine may be slow. A timer may be a millisecond early.
  assert.ok((await durationOf(20, 4, 12)) >= 3 * 19);
  assert.ok((await durationOf(20, 1, 3)) >= 3 * 19);
});

test("a handler that blocks, blocks its thread", async () => {
  let hasRun = false;
  setImmediate(() => {
    hasRun = true;
  });
  const app = handlerApp({ waitMs: 5, concurrency: 1, burnSteps: 0 });
  const answer = app.fetch({} as never, {} as never);
  await answer;
  assert.not(hasRun);
});

test("burn, does its steps, and takes the processor for as long as was measured", () => {
  assert.is(burn(1000), burn(1000));
  assert.is.not(burn(1000), burn(1001));
  const steps = stepsPerMs();
  const before = process.cpuUsage();
  burn(steps * 100);
  const { user, system } = process.cpuUsage(before);
  // Processor time, which neighbours do not take; frequencies and caches make it vary.
  const usedMs = (user + system) / 1000;
  assert.ok(usedMs > 40 && usedMs < 250, `${usedMs} ms instead of 100`);
});

test.run();
