// `npm run chaos`: the crash test at any size, with its report. Exit code 1 after a violation. In a network namespace of its own,
// and over both links, where one can be made; over sockets alone elsewhere.

import { Command } from "commander";
import { exitOnSignals } from "../../benchmarks/support/children.js";
import { describeMachine, formatTable, median } from "../../benchmarks/support/machine.js";
import { isInside, reenter, refusal } from "../../benchmarks/support/namespace.js";
import { count, someOf } from "../../benchmarks/support/parameters.js";
import { type ChaosReport, runChaos } from "./chaos.js";
import { FAULT_KINDS, type FaultKind } from "./faults.js";

const machine = describeMachine();

interface Options {
  readonly seed: number;
  readonly faults: number;
  readonly kinds?: readonly FaultKind[];
  readonly clients: number;
  readonly workers: number;
  readonly tun: boolean;
  readonly json?: boolean;
}

/** The report for people. */
function describe(report: ChaosReport): string {
  const { tally, database } = report;
  const rows = report.faults.map(({ kind, count, recoveries }) => {
    const all = recoveries.map((recovery) => recovery.allServedMs);
    const nobody = recoveries.map((recovery) => recovery.nobodyServedMs);
    const ms = (figure: number) => (all.length === 0 ? "-" : figure.toFixed(0));
    return {
      fault: kind,
      count,
      alone: all.length,
      "all served again, median ms": ms(median(all)),
      "longest ms": ms(Math.max(...all)),
      "nobody served, longest ms": ms(Math.max(...nobody)),
    };
  });
  const { unavailableBy, slowestAnswerMs, ...counts } = tally;
  const figures = {
    seconds: report.seconds.toFixed(0),
    ...counts,
    slowestAnswerMs: slowestAnswerMs.toFixed(0),
    visitors: report.visitors,
    ...database,
    workersFailed: report.workersFailed,
    storagesFailed: report.storagesFailed,
    deaths: JSON.stringify(report.deaths),
    failedStarts: report.failedStarts,
  };
  const lines = Object.entries(figures).map(([figure, value]) => ({ figure, value }));
  const reasons = Object.entries(unavailableBy).map(([said, times]) => ({
    "503 said": JSON.stringify(said),
    times,
  }));
  return `${formatTable(rows)}\n${formatTable(lines)}\n${reasons.length > 0 ? `${formatTable(reasons)}\n` : ""}`;
}

const command = new Command("chaos")
  .description("breaks a farm under load over and over, and checks that nothing acknowledged is lost")
  .option("--seed <n>", "seed of the schedule and of what clients do", count, 1)
  .option("--faults <n>", "faults", count, 100)
  .option("--kinds <name,…>", `kinds of faults, of ${FAULT_KINDS.join(", ")}`, someOf(FAULT_KINDS))
  .option("--clients <n>", "clients", count, 32)
  .option("--workers <n>", "workers of the farm", count, 3)
  .option("--no-tun", "over sockets alone")
  .option("--json", "print JSON")
  .action(async ({ tun, json, ...options }: Options) => {
    const reason = tun ? refusal() : "--no-tun";
    if (!isInside() && reason === undefined) {
      process.exitCode = reenter();
      return;
    }
    exitOnSignals();
    const report = await runChaos({
      ...options,
      withTun: isInside(),
      onFault: (number, { kind, recovery }) => {
        const served =
          recovery === undefined ? "" : `, all served again after ${recovery.allServedMs.toFixed(0)} ms`;
        process.stderr.write(`${number} of ${options.faults}: ${kind}${served}\n`);
      },
    });
    const links = isInside() ? "sockets and TUN" : `sockets (${reason})`;
    const verdict = report.violation === undefined ? "PASS" : `FAIL: ${report.violation}`;
    process.stdout.write(
      json
        ? `${JSON.stringify({ machine, options, links, report }, null, 2)}\n`
        : `chaos ${JSON.stringify(options)} over ${links}\n${JSON.stringify(machine)}\n\n${describe(report)}${verdict}\n`,
    );
    if (report.violation !== undefined) process.exitCode = 1;
  });
await command.parseAsync();
