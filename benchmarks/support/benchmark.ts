// What all benchmarks have in common: a question, options, figures for people or (--json) for programs, a progress bar, a limit in
// time, and a network namespace of their own where they need one. A benchmark itself is an object with what is different.

import { Command } from "commander";
import { exitOnSignals } from "./children.js";
import { describeMachine, type Machine } from "./machine.js";
import { isInside, NamespaceError, reenter, refusal } from "./namespace.js";
import { seconds } from "./parameters.js";
import { type Progress, ShownProgress, TimeLimitError } from "./progress.js";
import { formatTable, type Rows } from "./text-table.js";

export interface Benchmark<Options, Figures> {
  readonly name: string;
  /** What it measures, for `--help`. */
  readonly question: string;
  /** Runs in a network namespace that is made for it: it needs a device, or addresses. Always, never, or by its options. */
  readonly isInNamespace: boolean | ((options: Options) => boolean);
  /** Adds its options, whose values become `Options`. */
  options(command: Command): Command;
  run(options: Options, progress: Progress): Figures | Promise<Figures>;
  /** The same figures for people. */
  tables(figures: Figures): readonly Rows[];
  /** What is to be known about the figures, a line each. */
  readonly notes?: readonly string[] | ((figures: Figures) => readonly string[]);
  /** Does more with the figures than to print them; tells what it has done, a line each. */
  finish?(output: Output<Figures>, options: Options): Promise<readonly string[]>;
}

/** What --json prints. */
export interface Output<Figures = unknown> {
  readonly benchmark: string;
  readonly machine: Machine;
  /** Of the command line, defaults included, among them the seed. */
  readonly options: Readonly<Record<string, unknown>>;
  /** In seconds. */
  readonly took: number;
  readonly figures: Figures;
}

/** Of every benchmark, unless it is told otherwise. */
const TIME_LIMIT_SECONDS = 3600;

/**
 * The benchmark as a command. Its action throws a `NamespaceError` where it needs a namespace that cannot be made. When its time is
 * up the process ends, and its children with it.
 */
export function benchmarkCommand<Options, Figures>(benchmark: Benchmark<Options, Figures>): Command {
  const command = new Command(benchmark.name).description(benchmark.question);
  return benchmark
    .options(command)
    .option("--time-limit <seconds>", "when it is given up", seconds, TIME_LIMIT_SECONDS)
    .option("--json", "print JSON")
    .action((options) => begin(benchmark, options));
}

type CommonOptions = { readonly timeLimit: number; readonly json?: true };

async function begin<Options, Figures>(
  benchmark: Benchmark<Options, Figures>,
  options: Options & CommonOptions,
): Promise<void> {
  const { isInNamespace } = benchmark;
  if ((typeof isInNamespace === "function" ? isInNamespace(options) : isInNamespace) && !isInside()) {
    const reason = refusal();
    if (reason !== undefined) throw new NamespaceError(reason);
    process.exitCode = reenter();
    return;
  }
  // Before any load of our own.
  const machine = describeMachine();
  exitOnSignals();
  const startedMs = performance.now();
  const figures = await runWithin(benchmark, options);
  const { json, timeLimit: _, ...own } = options;
  const took = Math.round(performance.now() - startedMs) / 1000;
  const output: Output<Figures> = { benchmark: benchmark.name, machine, options: own, took, figures };
  process.stdout.write(json === true ? `${JSON.stringify(output, null, 2)}\n` : textOf(output, benchmark));
  // Where --json is read by a program, these lines are beside it.
  const told = json === true ? process.stderr : process.stdout;
  for (const line of (await benchmark.finish?.(output, options)) ?? []) told.write(`${line}\n`);
}

async function runWithin<Options, Figures>(
  benchmark: Benchmark<Options, Figures>,
  options: Options & CommonOptions,
): Promise<Figures> {
  const { timeLimit } = options;
  const progress = new ShownProgress(timeLimit);
  // One that waits for something else than its next measurement.
  const timer = setTimeout(() => {
    progress.end();
    process.stderr.write(`limpet: ${new TimeLimitError(timeLimit).message}\n`);
    process.exit(1);
  }, timeLimit * 1000);
  try {
    return await benchmark.run(options, progress);
  } finally {
    clearTimeout(timer);
    progress.end();
  }
}

function textOf<Options, Figures>(output: Output<Figures>, benchmark: Benchmark<Options, Figures>): string {
  const head = `${output.benchmark} ${JSON.stringify(output.options)}\n${JSON.stringify(output.machine)}\n`;
  const tables = benchmark.tables(output.figures).map(formatTable);
  const { notes = [] } = benchmark;
  const lines = typeof notes === "function" ? notes(output.figures) : notes;
  return [head, ...tables, ...(lines.length === 0 ? [] : [`${lines.join("\n")}\n`])].join("\n");
}
