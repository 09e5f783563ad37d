// `limpet bench`: every benchmark is a subcommand, and one compares what they have printed. Everything is bounded in time and
// leaves nothing behind.

import { Command } from "commander";
import { balance } from "./balance.js";
import { compareCommand } from "./compare.js";
import { congestion } from "./congestion.js";
import { connections } from "./connections.js";
import { dispatch } from "./dispatch.js";
import { failover } from "./failover.js";
import { flood } from "./flood.js";
import { goodput } from "./goodput.js";
import { hashing } from "./hashing.js";
import { http } from "./http.js";
import { sessions } from "./sessions.js";
import { benchmarkCommand } from "./support/benchmark.js";
import { throughput } from "./throughput.js";

export function benchCommand(): Command {
  return new Command("bench")
    .description("Limpet's benchmarks, one question each.")
    .addCommand(benchmarkCommand(dispatch))
    .addCommand(benchmarkCommand(http))
    .addCommand(benchmarkCommand(throughput))
    .addCommand(benchmarkCommand(goodput))
    .addCommand(benchmarkCommand(flood))
    .addCommand(benchmarkCommand(failover))
    .addCommand(benchmarkCommand(balance))
    .addCommand(benchmarkCommand(hashing))
    .addCommand(benchmarkCommand(congestion))
    .addCommand(benchmarkCommand(connections))
    .addCommand(benchmarkCommand(sessions))
    .addCommand(compareCommand());
}
