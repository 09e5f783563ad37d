// What `limpet tune` loads.

import type { Command } from "commander";
import { benchmarkCommand } from "../support/benchmark.js";
import { tune } from "./tune.js";

export function tuneCommand(): Command {
  return benchmarkCommand(tune);
}
