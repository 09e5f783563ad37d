// What every benchmark's --json must look like, to the last key: a key too many is an error, as is one too few. The figures' own
// schemas are beside this one, one for each benchmark.

import * as v from "valibot";
import type { Output } from "../../../benchmarks/support/benchmark.js";
import type { Machine } from "../../../benchmarks/support/machine.js";
import type { Spread } from "../../../benchmarks/support/spread.js";

/** A number that JSON can hold: what is NaN or infinite is printed as null, and refused here. */
export const finite = v.pipe(v.number(), v.finite());

/** Not below 0: a time, a rate, a ratio. */
export const amount = v.pipe(finite, v.minValue(0));

/** Whole, and not below 0. */
export const wholeCount = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** A part of something: 0 … 1. */
export const part = v.pipe(amount, v.maxValue(1));

const text = v.pipe(v.string(), v.nonEmpty());

/** A timed figure, over rounds, each of which `figure` fits. */
export function spread(figure: v.GenericSchema<number>) {
  return v.pipe(
    v.strictObject({ median: figure, lowest: figure, highest: figure }),
    v.check(({ lowest, median, highest }) => lowest <= median && median <= highest, "a spread out of order"),
  ) satisfies v.GenericSchema<Spread>;
}

const machine = v.strictObject({
  limpet: v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+/)),
  commit: text,
  date: v.pipe(v.string(), v.isoDate()),
  node: v.pipe(v.string(), v.regex(/^v\d+\.\d+\.\d+/)),
  kernel: text,
  processor: text,
  cores: v.pipe(wholeCount, v.minValue(1)),
  memoryGib: wholeCount,
  load: amount,
}) satisfies v.GenericSchema<Machine>;

/** The whole output of the benchmark of that name, whose figures fit `figures`. */
export function outputOf<Figures>(benchmark: string, figures: v.GenericSchema<Figures>) {
  return v.strictObject({
    benchmark: v.literal(benchmark),
    machine,
    options: v.record(v.string(), v.unknown()),
    took: amount,
    figures,
  }) satisfies v.GenericSchema<Output<Figures>>;
}

/** What the benchmark printed, if it is as it must be. Throws an Error that says where it is not. */
export function parseOutput<Figures>(
  benchmark: string,
  figures: v.GenericSchema<Figures>,
  stdout: string,
): Output<Figures> {
  const parsed = v.safeParse(outputOf(benchmark, figures), JSON.parse(stdout));
  if (!parsed.success) throw new Error(v.summarize(parsed.issues));
  return parsed.output;
}
