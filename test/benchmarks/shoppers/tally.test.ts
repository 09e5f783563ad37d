// What shoppers count: by a clock that the test moves.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Tally } from "../../../benchmarks/shoppers/tally.js";

test("latencies, are what was seen, within a thousandth", () => {
  const tally = new Tally(0);
  for (let ms = 1; ms <= 1000; ms++) tally.answered(200, ms, 0);
  const { latencies } = tally.report(1, 0);
  const within = (value: number, expected: number) =>
    assert.ok(Math.abs(value - expected) <= expected / 1000, `${value} is not ${expected}`);
  within(latencies.p50Us, 500_000);
  within(latencies.p90Us, 900_000);
  within(latencies.p99Us, 990_000);
  within(latencies.p999Us, 999_000);
  within(latencies.maxUs, 1_000_000);
  assert.ok(latencies.p999Us <= latencies.maxUs);
});

test("latency, of whatever length, is counted", () => {
  const tally = new Tally(0);
  for (const ms of [0, 1e9]) tally.answered(200, ms, 0);
  const { latencies, answersBy } = tally.report(1, 0);
  assert.equal(answersBy, { 200: 2 });
  assert.ok(latencies.maxUs >= 59e6);
});

test("answers by the second, are of whole seconds, those without any included", () => {
  const tally = new Tally(5000);
  for (const nowMs of [5000, 5999, 6000, 8000, 9100]) tally.answered(200, 1, nowMs);
  assert.equal(tally.report(1, 9500).perSecond, [2, 1, 0, 1]);
  assert.is(tally.report(1, 9500).seconds, 4.5);
});

test("answers by the second, are of the last ten minutes, however long it goes on and stands still", () => {
  const tally = new Tally(0);
  for (let second = 0; second < 1500; second++) tally.answered(200, 1, second * 1000);
  assert.equal(tally.report(1, 1_500_000).perSecond, new Array(600).fill(1));
  tally.answered(200, 1, 2_300_000);
  const { perSecond } = tally.report(1, 2_302_000);
  assert.is(perSecond.length, 600);
  assert.equal(perSecond.slice(-3), [0, 1, 0]);
  assert.is(
    perSecond.reduce((sum, count) => sum + count, 0),
    1,
  );
});

test("report, has everything by its name, and does not change afterwards", () => {
  const tally = new Tally(0);
  tally.asked("browse");
  tally.asked("browse");
  tally.asked("check-out");
  tally.failed("no connection");
  const report = tally.report(7, 1000);
  tally.asked("look");
  assert.equal(
    [report.shoppers, report.requests, report.requestsBy, report.failures],
    [7, 3, { browse: 2, "check-out": 1 }, { "no connection": 1 }],
  );
});

test.run();
