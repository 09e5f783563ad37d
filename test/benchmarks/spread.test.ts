// What figures of several rounds come to, and whether two outputs agree.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  compareSpreads,
  median,
  scaleSpread,
  spreadOf,
  spreadText,
} from "../../benchmarks/support/spread.js";

test("median, is the middle one, or the mean of the middle two", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
});

test("spread, has the median and what the rounds lay between", () => {
  assert.equal(spreadOf([5, 1, 3]), { median: 3, lowest: 1, highest: 5 });
  assert.throws(() => spreadOf([]), /no round/);
  assert.is(spreadText(spreadOf([5, 1, 3])), "3 (1…5)");
  assert.is(spreadText(spreadOf([2.04, 2.04]), 1), "2.0");
});

test("spread, in another unit, has all of it so many times", () => {
  assert.equal(scaleSpread({ median: 3, lowest: 1, highest: 5 }, 100), {
    median: 300,
    lowest: 100,
    highest: 500,
  });
});

const output = (rate: readonly number[]) => ({
  benchmark: "http",
  figures: [{ server: "limpet", loads: { wrk: { rate: spreadOf(rate), failures: 0 } } }],
});

test("comparison, finds every spread by its path, and whether they overlap", () => {
  const [near, failures] = compareSpreads(output([10, 11, 12]), output([12, 13, 14]));
  assert.is(near!.path, "figures.0.loads.wrk.rate");
  assert.ok(near!.agrees);
  assert.is(near!.ratio, 13 / 11);
  assert.ok(near!.isSpread && !failures!.isSpread);
  const [far] = compareSpreads(output([10, 11, 12]), output([13, 14, 15]));
  assert.not(far!.agrees);
});

test("comparison, finds every plain number, which must be the same", () => {
  const [same, other] = compareSpreads({ sent: 1, lost: 0 }, { sent: 1, lost: 2 });
  assert.ok(same!.agrees);
  assert.is(other!.path, "lost");
  assert.not(other!.agrees);
});

test("comparison, refuses outputs of different shapes", () => {
  const other = { benchmark: "http", figures: [] };
  assert.throws(() => compareSpreads(output([1]), other), /figures\.0 is not in both/);
  assert.throws(() => compareSpreads({ server: "a" }, { server: "b" }), /server is not the same/);
});

test.run();
