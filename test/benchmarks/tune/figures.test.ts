// From rounds to figures: spreads, evenness, and what neighbours took.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Round, summarize, unevenness } from "../../../benchmarks/tune/figures.js";
import { defaultWorkers } from "../../../benchmarks/tune/sweep.js";
import { disturbance, type Usage } from "../../../benchmarks/tune/usage.js";

const CORES = 2;
const quiet: Usage = {
  director: 0.1,
  workers: 1.7,
  storage: 0,
  client: 0.2,
  clientWanted: 0.2,
  others: 0,
  workersWanted: 1,
};

test("unevenness, is that of standard deviation and maximum to the mean", () => {
  assert.equal(unevenness([5, 5, 5]), { variation: 0, peak: 1 });
  assert.equal(unevenness([0, 10]), { variation: 1, peak: 2 });
  assert.equal(unevenness([0, 0]), { variation: 0, peak: 1 });
  assert.equal(unevenness([]), { variation: 0, peak: 1 });
});

test("disturbance, is what others took of cores that workers were short of", () => {
  assert.is(disturbance(quiet, 2, CORES), 1);
  // Half of the machine is somebody else's: alone, it would be twice as much.
  const halved = { ...quiet, director: 0.05, workers: 0.85, client: 0.1, others: 1 };
  assert.is(disturbance(halved, 2, CORES), 2);
  // One worker cannot use more than one core, however many there were.
  const single = { ...quiet, director: 0.05, workers: 0.5, client: 0.05, others: 1.4 };
  assert.is(disturbance(single, 1, CORES), 2);
  // Who waits for something else is not short of cores, and where some are left nobody is.
  assert.is(disturbance({ ...halved, workersWanted: 0.5 }, 2, CORES), 1);
  assert.is(disturbance({ ...halved, others: 0.5 }, 2, CORES), 1);
  assert.is(disturbance({ ...halved, workers: 0 }, 2, CORES), 1);
});

function round(requestsPerSecond: number, more: Partial<Round> = {}): Round {
  const load = { requests: requestsPerSecond * 2, requestsPerSecond, p50Us: 1000, p99Us: 8000, failures: 0 };
  return {
    load,
    usage: quiet,
    requestsByWorker: [10, 30],
    cacheLookups: 0,
    cacheHits: 0,
    workerFailures: 0,
    ...more,
  };
}

test("summary, has spreads of the rounds, and sums of what must not happen", () => {
  const setting = { workers: 2, policy: "hash", cacheMib: 64 } as const;
  const failed = round(90, { workerFailures: 2 });
  const withFailures = { ...failed, load: { ...failed.load, failures: 20, firstFailure: "GET /: reset" } };
  const figure = summarize(setting, [round(100), withFailures, round(120)], [round(50)], CORES);
  assert.equal(figure.requestsPerSecond, { median: 100, lowest: 90, highest: 120 });
  assert.equal([figure.ratio, figure.variation.median, figure.peak.median], [2, 0.5, 1.5]);
  assert.equal([figure.failures, figure.firstFailure, figure.workerFailures], [20, "GET /: reset", 2]);
  assert.is(figure.failureShare, 20 / 640);
  assert.not("cacheHits" in figure, "no session was looked up");
  const hits = summarize(setting, [round(1, { cacheLookups: 4, cacheHits: 3 })], [round(1)], CORES).cacheHits;
  assert.equal(hits, { median: 0.75, lowest: 0.75, highest: 0.75 });
});

test("summary, gives back what neighbours took, of throughput and of p99", () => {
  const usage = { ...quiet, director: 0.05, workers: 0.85, client: 0.1, others: 1 };
  const setting = { workers: 2, policy: "hash", cacheMib: 64 } as const;
  const figure = summarize(setting, [round(100, { usage })], [round(100)], CORES);
  assert.equal(
    [figure.requestsPerSecond, figure.undisturbedPerSecond, figure.p99Us, figure.undisturbedP99Us].map(
      (of) => of.median,
    ),
    [100, 200, 8000, 4000],
  );
});

test("numbers of workers, unless they are given, go up to four times the cores, at most 64", () => {
  assert.equal(defaultWorkers(1), [1, 2, 4]);
  assert.equal(defaultWorkers(2), [1, 2, 4, 8]);
  assert.equal(defaultWorkers(6), [1, 2, 4, 8, 16]);
  assert.equal(defaultWorkers(128).at(-1), 64);
});

test.run();
