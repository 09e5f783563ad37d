// What is recommended, and what is said about it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { recommend } from "../../../benchmarks/tune/reason.js";
import { figureOf } from "./figure-samples.js";

const CORES = 2;

test("an app that burns CPU, gets no more workers than cores help", () => {
  const burning = (workers: number, requestsPerSecond: number, p99Us: number, workerThreads: number) =>
    figureOf({ workers, requestsPerSecond, p99Us, workerThreads, workersWanted: 0.98 });
  const figures = [
    burning(1, 230, 90_000, 0.98),
    burning(2, 400, 60_000, 1.75),
    burning(4, 412, 84_000, 1.8),
  ];
  const { workers, limit, reason, doubts } = recommend(figures, CORES);
  assert.equal([workers, limit, doubts], [2, "cores", []]);
  assert.is(
    reason,
    "2 workers: 4 workers give 3 % more requests/s for 40 % more p99; the cores are busy 98 % and a worker wants a core " +
      "98 % of the time: the app burns CPU, and there is no more of it.",
  );
});

test("an app that waits, gets as many workers as wait side by side", () => {
  const waiting = (workers: number) =>
    figureOf({
      workers,
      requestsPerSecond: 49 * workers,
      p99Us: 1e6 / workers,
      workerThreads: 0.02 * workers,
      workersWanted: 0.03,
    });
  const { workers, limit, reason } = recommend([1, 2, 4, 8].map(waiting), CORES);
  assert.equal([workers, limit], [8, "waiting"]);
  assert.is(
    reason,
    "8 workers: 4 workers give 50 % fewer requests/s with 2.0 times the p99 (more were not tried: --workers 8,16,32); " +
      "a worker wants a core 3 % of the time, the cores are busy 18 %: the app waits, and more workers wait side by side.",
  );
});

test("limits, are told apart by who is busy", () => {
  const limitOf = (sample: Parameters<typeof figureOf>[0]) => recommend([figureOf(sample)], CORES).limit;
  assert.is(limitOf({ director: 0.95, workerThreads: 0.6 }), "director");
  assert.is(limitOf({ client: 1.2, workerThreads: 0.6 }), "client");
  assert.is(limitOf({ clientWanted: 0.95, workerThreads: 0.6, workersWanted: 0.3 }), "client");
  assert.is(limitOf({ clientWanted: 0.95, workerThreads: 1.6, workersWanted: 0.8 }), "cores");
  assert.is(limitOf({ others: 1.2 }), "others");
  assert.is(limitOf({ others: 1.2, clientWanted: 0.95 }), "others");
  assert.is(limitOf({}), "load");
  // On a machine with cores to spare.
  assert.match(
    recommend([figureOf({ workersWanted: 0.99, workerThreads: 0.99 })], 8).reason,
    "and cores are left",
  );
});

test("a client that has no time left, is the limit, or a doubt where it only kept more workers from showing more", () => {
  const asked = (workers: number, requestsPerSecond: number, clientWanted: number) =>
    figureOf({ workers, requestsPerSecond, clientWanted, client: clientWanted, workerThreads: 1.2 });
  const few = recommend([asked(1, 100, 0.4), asked(2, 200, 0.97)], 8);
  assert.equal([few.workers, few.limit, few.doubts], [2, "client", []]);
  assert.match(
    few.reason,
    "the load generator's one thread wants a core 97 % of the time: it cannot ask for more",
  );
  const more = recommend([asked(1, 190, 0.8), asked(2, 192, 0.99)], 8);
  assert.equal([more.workers, more.limit, more.doubts.length], [1, "load", 1]);
  assert.match(
    more.doubts[0]!,
    /^With 2 workers the client's one thread was at its end \(it wants a core 99 %/,
  );
});

test("settings, are named by what was swept, and compared with more workers of the same kind", () => {
  const figures = [1, 2].flatMap((workers) =>
    (["least-loaded", "hash"] as const).map((policy) =>
      figureOf({ workers, policy, requestsPerSecond: 100 * workers }),
    ),
  );
  const { workers, policy, reason } = recommend(figures, CORES);
  assert.equal([workers, policy], [2, "least-loaded"]);
  assert.match(
    reason,
    /^2 workers with least-loaded: 2 workers with hash give as many requests\/s with the same p99/,
  );
  const first = recommend(
    figures.map((one) => ({ ...one, undisturbedPerSecond: figures[0]!.undisturbedPerSecond })),
    CORES,
  );
  assert.match(first.reason, /^1 worker with least-loaded: 2 workers with least-loaded give as many/);
});

test("doubts, are told of neighbours, noise, failures and workers without requests", () => {
  const noisy = { median: 100, lowest: 80, highest: 120 };
  const failing = {
    failures: 3,
    failureShare: 0.0003,
    firstFailure: "GET /: answered with 500",
    workerFailures: 1,
  };
  const figure = { ...figureOf({ others: 0.5, idleWorkers: 1, ...failing }), requestsPerSecond: noisy };
  const faster = figureOf({
    workers: 2,
    requestsPerSecond: 500,
    failures: 9,
    failureShare: 0.1,
    firstFailure: "x",
  });
  const { workers, doubts } = recommend([figure, faster], CORES);
  assert.is(workers, 1);
  for (const [index, words] of [
    /^Other programs took up to 0\.5 of the 2 cores/,
    /^Its rounds differ by 40 %/,
    /^2 workers would be faster, but requests failed\.$/,
    /^3 requests failed, the first: GET \/: answered with 500\.$/,
    /--hang-seconds/,
    /^1 worker had no request/,
  ].entries())
    assert.match(doubts[index]!, words);
  assert.is(doubts.length, 6);
});

test.run();
