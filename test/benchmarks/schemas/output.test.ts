// The schema of what all benchmarks print: it takes what is right, and says where something is not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeMachine } from "../../../benchmarks/support/machine.js";
import { spreadOf } from "../../../benchmarks/support/spread.js";
import { amount, parseOutput, spread } from "./output.js";

const RIGHT = {
  benchmark: "dispatch",
  machine: describeMachine(),
  options: { seed: 1 },
  took: 1.5,
  figures: spreadOf([1, 2, 3]),
};

function parse(output: object) {
  return parseOutput("dispatch", spread(amount), JSON.stringify(output));
}

test("output, as it must be, is parsed", () => {
  assert.equal(parse(RIGHT), RIGHT);
});

test("output, with a key too many, too few or a figure that is none, is an error that says where", () => {
  assert.throws(() => parse({ ...RIGHT, more: 1 }), /"more"/);
  assert.throws(() => parse({ ...RIGHT, took: undefined }), /"took"/);
  assert.throws(() => parse({ ...RIGHT, benchmark: "http" }), /benchmark/);
  assert.throws(() => parse({ ...RIGHT, machine: { ...RIGHT.machine, cores: 0 } }), /machine\.cores/);
  assert.throws(
    () => parse({ ...RIGHT, figures: { ...RIGHT.figures, median: Number.NaN } }),
    /figures\.median/,
  );
});

test("spread, out of order, is an error", () => {
  assert.throws(() => parse({ ...RIGHT, figures: { median: 5, lowest: 1, highest: 4 } }), /out of order/);
});

test.run();
