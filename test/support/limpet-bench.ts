// Runs a benchmark as people do, `limpet bench NAME … --json`, and holds what it prints to its schema.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { GenericSchema } from "valibot";
import type { Output } from "../../benchmarks/support/benchmark.js";
import { parseOutput } from "../benchmarks/schemas/output.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));
const TIMEOUT_MS = 120_000;

/** What it printed and its exit code, whatever that is. */
export function runBench(...words: string[]) {
  return spawnSync(process.execPath, [limpet, "bench", ...words], { encoding: "utf8", timeout: TIMEOUT_MS });
}

/** Its output; throws if it fails, or prints anything that the schema of its figures does not know. */
export function bench<Figures>(
  name: string,
  figures: GenericSchema<Figures>,
  ...options: string[]
): Output<Figures> {
  const { status, stdout, stderr } = runBench(name, ...options, "--json");
  assert.is(status, 0, stderr);
  return parseOutput(name, figures, stdout);
}
