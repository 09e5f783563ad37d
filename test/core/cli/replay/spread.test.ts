// Spread over workers, by hand.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { spreadOf } from "../../../../core/cli/replay/spread.js";

test("spread, of the same for all, is none", () => {
  assert.equal(spreadOf([3, 3, 3]), { mean: 3, most: 3, coefficientOfVariation: 0, mostByMean: 1 });
});

test("spread, of all with one of two, is as large as its mean", () => {
  assert.equal(spreadOf([8, 0]), { mean: 4, most: 8, coefficientOfVariation: 1, mostByMean: 2 });
});

test("spread, of nothing, cannot be told", () => {
  assert.equal(spreadOf([0, 0]), { mean: 0, most: 0, coefficientOfVariation: null, mostByMean: null });
});

test.run();
