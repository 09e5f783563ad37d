// `npm run chaos`: the crash test at any size, with its report. Exit code 1 after a violation. In a namespace of its own, over both
// links and with a disk to fill, where one can be made; over sockets alone and without the disk elsewhere.

import { Command, Option } from "commander";
import { exitOnSignals } from "../../benchmarks/support/children.js";
import { describeMachine } from "../../benchmarks/support/machine.js";
import { isInside, reenter, refusal } from "../../benchmarks/support/namespace.js";
import { count, someOf } from "../../benchmarks/support/parameters.js";
import { median } from "../../benchmarks/support/spread.js";
import { formatTable } from "../../benchmarks/support/text-table.js";
import { type BreakableDatabase, makeDatabase } from "./breakable-database.js";
import { type ChaosReport, runChaos } from "./chaos.js";
import { DATABASES, type DatabaseName, FAULT_KINDS, type FaultKind, kindsOf, planFaults } from "./faults.js";

const machine = describeMachine();

interface Options {
  readonly database: DatabaseName;
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

/** The kinds to inject: those that are asked for, or all that can be had. Throws if one that is asked for cannot. */
function kindsFor(database: BreakableDatabase, name: DatabaseName, asked: Options["kinds"]): FaultKind[] {
  const kinds = kindsOf(name);
  const whyNot = (kind: FaultKind) =>
    kinds.includes(kind) ? database.lacking[kind] : `a farm on ${name} does not suffer it`;
  for (const kind of asked ?? []) {
    const reason = whyNot(kind);
    if (reason !== undefined) command.error(`error: ${kind} cannot be injected: ${reason}`);
  }
  return [...(asked ?? kinds.filter((kind) => whyNot(kind) === undefined))];
}

async function runOn(database: BreakableDatabase, options: Options): Promise<void> {
  const { seed, faults, clients, workers, tun, json, database: name } = options;
  const kinds = kindsFor(database, name, options.kinds);
  const withTun = tun && isInside();
  const report = await runChaos({
    ...{ seed, database, clients, workers, withTun },
    schedule: planFaults(seed, faults, clients, kinds),
    onFault: (number, { kind, recovery }) => {
      const served =
        recovery === undefined ? "" : `, all served again after ${recovery.allServedMs.toFixed(0)} ms`;
      process.stderr.write(`${number} of ${faults}: ${kind}${served}\n`);
    },
  });
  const links = withTun ? "sockets and TUN" : `sockets (${tun ? refusal() : "--no-tun"})`;
  const leftOut = options.kinds === undefined ? database.lacking : {};
  if (json) {
    process.stdout.write(`${JSON.stringify({ machine, options, links, leftOut, report }, null, 2)}\n`);
  } else {
    const verdict = report.violation === undefined ? "PASS" : `FAIL: ${report.violation}`;
    process.stdout.write(`chaos ${JSON.stringify(options)} over ${links}\n${JSON.stringify(machine)}\n\n`);
    process.stdout.write(`${describe(report)}`);
    for (const [kind, reason] of Object.entries(leftOut))
      process.stdout.write(`left out: ${kind} (${reason})\n`);
    process.stdout.write(`${verdict}\n`);
  }
  if (report.violation !== undefined) process.exitCode = 1;
}

/** The kinds, and which database alone has them. */
const allKinds = FAULT_KINDS.map((kind) => {
  const [only, other] = DATABASES.filter((name) => kindsOf(name).includes(kind));
  return other === undefined ? `${kind} (${only})` : kind;
}).join(", ");

const command = new Command("chaos")
  .description("breaks a farm under load over and over, and checks that nothing acknowledged is lost")
  .addOption(
    new Option("--database <name>", "the farm's database, made for the test")
      .choices(DATABASES)
      .default("sqlite"),
  )
  .option("--seed <n>", "seed of the schedule and of what clients do", count, 1)
  .option("--faults <n>", "faults", count, 100)
  .option("--kinds <name,…>", `kinds of faults, if not all; of ${allKinds}`, someOf(FAULT_KINDS))
  .option("--clients <n>", "clients", count, 32)
  .option("--workers <n>", "workers of the farm", count, 3)
  .option("--no-tun", "over sockets alone")
  .option("--json", "print JSON")
  .action(async (options: Options) => {
    if (!isInside() && refusal() === undefined) {
      process.exitCode = reenter();
      return;
    }
    exitOnSignals();
    const database = await makeDatabase(options.database).catch((error: Error) =>
      command.error(`error: ${error.message}`),
    );
    try {
      await runOn(database, options);
    } finally {
      await database.remove();
    }
  });
await command.parseAsync();
