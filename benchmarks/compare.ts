// Do two runs of a benchmark agree? `limpet bench compare A.json B.json`, of what --json has printed: each figure with a spread agrees
// if what the rounds of the two runs lay between overlaps; a figure without one, if it is the same. The figures say so, nobody's eye.

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Command } from "commander";
import * as v from "valibot";
import type { Output } from "./support/benchmark.js";
import { type Comparison, compareSpreads, spreadText } from "./support/spread.js";
import { formatTable } from "./support/text-table.js";

/** There is nothing to compare. */
export class CompareError extends Error {
  override readonly name = "CompareError";
  readonly code = "ERR_COMPARE";
}

const output = v.object({
  benchmark: v.string(),
  machine: v.record(v.string(), v.unknown()),
  options: v.record(v.string(), v.unknown()),
  figures: v.union([v.array(v.unknown()), v.record(v.string(), v.unknown())]),
});

/** What of an output is compared, or decides whether it can be. */
export type Comparable = Pick<Output, "benchmark" | "options" | "figures"> & { readonly machine: object };

/** Every figure of two outputs, side by side. Throws a `CompareError` if they are not of the same benchmark, options and shape. */
export function compareOutputs(first: Comparable, second: Comparable): Comparison[] {
  if (first.benchmark !== second.benchmark)
    throw new CompareError(`these are different benchmarks: ${first.benchmark} and ${second.benchmark}`);
  const differing = differences(first.options, second.options);
  if (differing.length > 0)
    throw new CompareError(`the two runs had different options: ${differing.join(", ")}`);
  let comparisons: Comparison[];
  try {
    comparisons = compareSpreads(first.figures, second.figures);
  } catch (error) {
    throw new CompareError(`the two outputs have different figures: ${(error as Error).message}`);
  }
  if (comparisons.length === 0) throw new CompareError("the two outputs have no figures to compare");
  return comparisons;
}

/** What is not the same in both, each with both values. */
function differences(first: object, second: object): string[] {
  const [one, other] = [new Map(Object.entries(first)), new Map(Object.entries(second))];
  return [...new Set([...one.keys(), ...other.keys()])]
    .filter((name) => !isDeepStrictEqual(one.get(name), other.get(name)))
    .map((name) => `${name} ${JSON.stringify(one.get(name))} and ${JSON.stringify(other.get(name))}`);
}

/** The table and the summary, for people: every spread, and of the plain numbers those that differ. */
function comparisonText(comparisons: readonly Comparison[], first: Comparable, second: Comparable): string {
  const rows = comparisons
    .filter((one) => one.isSpread || !one.agrees)
    .map((one) => ({
      figure: [one.path, ...ownersOf(one.path, first.figures)].join(", "),
      first: textOf(one.first),
      second: textOf(one.second),
      "second ÷ first": Number.isFinite(one.ratio) ? one.ratio.toFixed(2) : "-",
      agrees: one.agrees ? "yes" : "NO",
    }));
  const agreeing = comparisons.filter(({ agrees }) => agrees).length;
  const machines = differences(first.machine, second.machine);
  return [
    ...(rows.length > 0 ? [formatTable(rows)] : []),
    ...(comparisons.every(hasNoWidth)
      ? ["Neither run has a figure that was measured twice, and so a spread: see --rounds.\n"]
      : []),
    ...(machines.length > 0 ? [`Not the same in the machine: ${machines.join(", ")}.\n`] : []),
    `${agreeing} of ${comparisons.length} figures of ${first.benchmark} agree within their spread.\n`,
  ].join("\n");
}

/** What the figures around the one at that path call themselves: a server, a load; indices alone say little to people. */
function ownersOf(path: string, figures: unknown): string[] {
  const owners: string[] = [];
  let at = figures;
  for (const name of path.split(".")) {
    const members = at as Readonly<Record<string, unknown>>;
    if (!Array.isArray(at))
      owners.push(...Object.values(members).filter((value) => typeof value === "string"));
    at = members[name];
  }
  return owners;
}

function hasNoWidth({ first, second }: Comparison): boolean {
  return first.lowest === first.highest && second.lowest === second.highest;
}

/** With as many decimals as make three digits. */
function textOf(spread: Comparison["first"]): string {
  const size = Math.abs(spread.median);
  return spreadText(spread, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4);
}

/** Throws a `CompareError` if there is no such file, or it is no output of a benchmark. */
function readOutput(file: string): Comparable {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CompareError(`${file} cannot be read: ${(error as Error).message}`);
  }
  try {
    return v.parse(output, JSON.parse(text));
  } catch {
    throw new CompareError(`${file} is not what a benchmark prints with --json`);
  }
}

/** Its exit code is 1 if any figure does not agree. */
export function compareCommand(): Command {
  return new Command("compare")
    .description("whether two runs of a benchmark, as --json has printed them, agree within their spread")
    .argument("<first>", "a file")
    .argument("<second>", "a file of the same benchmark with the same options")
    .action((firstFile: string, secondFile: string) => {
      const [first, second] = [readOutput(firstFile), readOutput(secondFile)];
      const comparisons = compareOutputs(first, second);
      process.stdout.write(comparisonText(comparisons, first, second));
      if (comparisons.some(({ agrees }) => !agrees)) process.exitCode = 1;
    });
}
