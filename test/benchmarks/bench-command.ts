// Runs a benchmark as a command, as people do.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type * as v from "valibot";
import type { Output } from "../../benchmarks/support/benchmark.js";
import { parseOutput } from "./schemas/output.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));

/** `limpet bench` with these parameters, until it ends. */
export function runBench(...parameters: string[]) {
  return spawnSync(process.execPath, [limpet, "bench", ...parameters], {
    encoding: "utf8",
    timeout: 120_000,
  });
}

/** What the benchmark prints with --json, every figure as its schema says. */
export function benchOutput<Figures>(
  benchmark: string,
  figures: v.GenericSchema<Figures>,
  ...parameters: string[]
): Output<Figures> {
  const result = runBench(benchmark, ...parameters, "--json");
  assert.is(result.status, 0, result.stderr);
  return parseOutput(benchmark, figures, result.stdout);
}
