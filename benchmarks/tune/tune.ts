// `limpet tune`: how many workers, with which policy and caches, an app is to have on this machine.

import { type Command, InvalidArgumentError, Option } from "commander";
import type { AdminClient } from "../../core/cli/admin-client.js";
import { clientOf } from "../../core/cli/admin-command.js";
import { POLICIES, type PolicyName } from "../../core/director/policies.js";
import { wholeNumber } from "../../core/options/option-kinds.js";
import { OPTIONS } from "../../core/options/option-table.js";
import { OptionError } from "../../core/options.js";
import { MAX_SHOPPERS } from "../shoppers/shoppers.js";
import type { Benchmark } from "../support/benchmark.js";
import {
  count,
  countOrNone,
  countUpTo,
  farmSizes,
  ofKind,
  path,
  seconds,
  severalOfKind,
  someOf,
} from "../support/parameters.js";
import { spreadText } from "../support/spread.js";
import type { Rows } from "../support/text-table.js";
import { apply, flagsOf, type Swept } from "./apply.js";
import type { SettingFigure, TuneFigures } from "./figures.js";
import { counted } from "./reason.js";
import { checkWritable, writeReport } from "./report.js";
import { planSweep, runSweep, type TuneOptions } from "./sweep.js";

export interface TuneFlags extends TuneOptions {
  readonly html?: string;
  readonly apply?: true;
  readonly admin?: string;
}

/** A minute. All must have come before anything is measured. */
const MAX_THINK_MS = 60_000;
const policyNames = Object.keys(POLICIES) as PolicyName[];

export const tune: Benchmark<TuneFlags, TuneFigures> = {
  name: "tune",
  question: "Find out how many workers an app is to have on this machine, by measuring it, and why.",
  isInNamespace: ({ link }) => link === "tun",
  options: addOptions,
  async run(flags, progress) {
    const farm = flags.apply === true ? farmToSet(flags) : undefined;
    // Better now than after all has been measured.
    await farm?.get("/status");
    if (flags.html !== undefined) checkWritable(flags.html);
    const sweep = planSweep(flags);
    const what = `${counted(sweep.settings.length, "setting")}, ${counted(flags.rounds, "round")} of ${flags.seconds} s each`;
    process.stderr.write(`${what}: this takes about ${durationText(sweep.expectedSeconds)}\n`);
    return runSweep(sweep, progress);
  },
  tables: (figures) => [tableOf(figures)],
  notes: ({ settings, load, recommendation }) => [
    `Load: ${load}.`,
    "",
    recommendation.reason,
    ...recommendation.doubts,
    "",
    `limpet serve ${flagsOf(recommendation, sweptIn(settings))}`,
  ],
  async finish(output, flags) {
    const { figures } = output;
    if (flags.html !== undefined) await writeReport(flags.html, output, tableOf(figures));
    const written = flags.html === undefined ? [] : [`The report is in ${flags.html}`];
    if (flags.apply !== true) return written;
    return [
      ...written,
      ...(await apply(farmToSet(flags), figures.recommendation, sweptIn(figures.settings))),
    ];
  },
};

function addOptions(command: Command): Command {
  return command
    .option(
      "--workers <n,…>",
      "numbers of workers to try (default: 1,2,4 … up to four times the cores)",
      farmSizes(1),
    )
    .option("--policies <name,…>", `policies to try: ${policyNames.join(", ")}`, someOf(policyNames), [
      "least-loaded" as const,
    ])
    .option(
      "--cache-mib <n,…>",
      "session caches of a worker to try, in MiB",
      severalOfKind(OPTIONS.cacheMib.kind),
      [OPTIONS.cacheMib.default],
    )
    .addOption(
      new Option("--app <file>", "module of the app (default: the shop that limpet brings along)")
        .env("LIMPET_APP")
        .argParser(path),
    )
    .option(
      "--requests <file>",
      "JSON list of requests: {method, path, headers, body, weight}, all but path optional (default: people who shop; GET / of an own app)",
      path,
    )
    .option("--handler-wait-ms <n>", "instead of an app: a handler that waits so long", countOrNone)
    .option(
      "--handler-concurrency <n>",
      "how many of a worker's handlers wait at once, as with a pool of connections; 1 blocks its thread",
      count,
      4,
    )
    .option("--handler-burn-ms <n>", "instead of an app: a handler that computes so long", milliseconds)
    .addOption(
      new Option("--link <link>", "way in; tun: in a network namespace of its own")
        .choices(["socket", "tun"])
        .default("socket"),
    )
    .option(
      "--connections <n>",
      "connections or shoppers, each from an address of its own (default: 64, or 4 for each worker)",
      countUpTo(MAX_SHOPPERS),
    )
    .option(
      "--think-ms <n>",
      "how long shoppers think before each step, on average (default: 0)",
      ofKind(wholeNumber(0, MAX_THINK_MS)),
    )
    .option("--seconds <n>", "seconds of load for each setting of a round", seconds, 5)
    .option("--rounds <n>", "rounds, of which the median counts", count, 3)
    .option("--seed <n>", "seed of the requests' order", countOrNone, 1)
    .option("--html <file>", "write a report to this file, one page that needs nothing else", path)
    .option("--apply", "set what is recommended on a farm that is running")
    .option("--admin <url>", "its admin interface (default: LIMPET_ADMIN, else http://127.0.0.1:9090)")
    .addHelpText(
      "after",
      `
Examples:
  limpet tune                                            the shop, full of people
  limpet tune --app ./app.js --requests requests.json --workers 1,2,4,8
  limpet tune --handler-burn-ms 4                        an app that computes
  limpet tune --handler-wait-ms 20 --handler-concurrency 1   one that blocks on something
  limpet tune --policies least-loaded,hash --cache-mib 16,64
  limpet tune --app ./app.js --apply --admin http://127.0.0.1:9090

requests.json: [{"path": "/", "weight": 9}, {"method": "POST", "path": "/notes", "body": {"text": "hello"}}]
Options of limpet serve that are not tuned are taken from LIMPET_… variables.`,
    );
}

/** Above 0, in any fraction. */
function milliseconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0) throw new InvalidArgumentError("It takes a number above 0.");
  return value;
}

/** Throws `OptionError`. */
function farmToSet({ admin, link }: TuneFlags): AdminClient {
  if (link === "tun" && !(admin ?? process.env.LIMPET_ADMIN ?? "").startsWith("unix:")) {
    throw new OptionError(
      "--apply with --link tun needs --admin unix:/path: a namespace reaches no other farm",
    );
  }
  return clientOf(admin === undefined ? {} : { admin }, process.env);
}

/** What differs between the settings. */
export function sweptIn(settings: readonly SettingFigure[]): Swept {
  return {
    policy: new Set(settings.map(({ policy }) => policy)).size > 1,
    cacheMib: new Set(settings.map(({ cacheMib }) => cacheMib)).size > 1,
  };
}

export function durationText(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

export function tableOf({ settings, recommendation }: TuneFigures): Rows {
  const swept = sweptIn(settings);
  return settings.map((one) => ({
    workers: `${isRecommended(one, recommendation) ? "►" : " "} ${one.workers}`,
    ...(swept.policy ? { policy: one.policy } : {}),
    ...(swept.cacheMib ? { "cache MiB": one.cacheMib } : {}),
    "requests/s": spreadText(one.requestsPerSecond),
    "× first": one.ratio.toFixed(2),
    "p50 ms": (one.p50Us.median / 1000).toFixed(1),
    "p99 ms": (one.p99Us.median / 1000).toFixed(1),
    director: one.director.median.toFixed(2),
    "worker threads": one.workerThreads.median.toFixed(2),
    client: one.client.median.toFixed(2),
    others: one.others.median.toFixed(2),
    "wants a core": percent(one.workersWanted.median),
    uneven: `${percent(one.variation.median)}, max ${one.peak.median.toFixed(2)}`,
    "cache hits": one.cacheHits === undefined ? "-" : percent(one.cacheHits.median),
    failures: one.failures,
  }));
}

export function isRecommended(
  one: SettingFigure,
  { workers, policy, cacheMib }: TuneFigures["recommendation"],
): boolean {
  return one.workers === workers && one.policy === policy && one.cacheMib === cacheMib;
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
