// How many requests does a farm answer, against what people use now? limpet over its TUN device and over sockets, node:http alone, in
// clusters and behind HAProxy, express with sessions in a database, nginx: with the same answers, the same load and from the
// same sources, in one run and in rounds that alternate, so that a noisy neighbour hits all alike. In a network namespace of its own.
//
// A source is pinned to one worker (by limpet and others): there are as many sources as workers, each with a load generator of its
// own, and each figure says how many workers they have reached.

import { spawnSync } from "node:child_process";
import {
  type Contender,
  findContenders,
  isFor,
  type LeftOut,
  SERVERS,
  type ServerName,
} from "./http/contenders.js";
import { measureSyncUs } from "./http/disk.js";
import {
  LOADS,
  type LoadName,
  type Measured,
  type Measurement,
  type MeasurementOptions,
  measure,
  WARM_UP_SECONDS,
} from "./http/measurement.js";
import { WORKLOADS, type Workload, type WorkloadName, workloadOf } from "./http/workloads.js";
import type { Benchmark } from "./support/benchmark.js";
import { count, farmSizes, path, seconds, someOf } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { makeSources } from "./support/sources.js";
import { type Spread, spreadOf, spreadText } from "./support/spread.js";
import type { Rows } from "./support/text-table.js";

export interface HttpOptions extends MeasurementOptions {
  readonly workloads: readonly WorkloadName[];
  readonly servers: readonly ServerName[];
  readonly rounds: number;
  /** Workers of the farms to measure. */
  readonly workers: readonly number[];
}

/** One server under one workload, as one load generator saw it. */
export interface HttpFigure {
  readonly workload: WorkloadName;
  readonly server: ServerName;
  /** Threads or processes that serve. */
  readonly workers: number;
  /** Workers that the load's sources came to, the fewest of any round; absent where a client does not come to the same one always. */
  readonly workersReached?: number;
  /** Sessions are on the disk before a write is answered; absent without sessions. */
  readonly isDurable?: boolean;
  readonly load: LoadName;
  readonly requestsPerSecond: Spread;
  /** Against the reference's in the same round; absent where that is not measured. */
  readonly ratio?: Spread;
  readonly p50Us: Spread;
  readonly p90Us: Spread;
  readonly p99Us: Spread;
  readonly p999Us: Spread;
  /** Processor time of the server, all its threads and processes, for one request. */
  readonly serverUsPerRequest: Spread;
  /** Errors, timeouts, and answers other than 2xx, of all rounds. */
  readonly failures: number;
  /** Answered writes that the database does not have, of all rounds; of `session-write` only. */
  readonly lost?: number;
}

export interface HttpFigures {
  readonly figures: readonly HttpFigure[];
  /** Addresses that the load came from. */
  readonly sources: number;
  /** What the disk takes for a page and its fsync(2); with `session-write` only. */
  readonly syncUs?: Spread;
  readonly leftOut: readonly LeftOut[];
}

/** There is no load generator, or no server that can do what is asked. */
class NothingToMeasureError extends Error {
  override readonly name = "NothingToMeasureError";
  readonly code = "ERR_NOTHING_TO_MEASURE";
}

/** What starting a server, checking it and ending it takes beside the load, in seconds; for the estimate. */
const AROUND_SECONDS = 2.5;

interface Entry {
  readonly workload: Workload;
  readonly contender: Contender;
  readonly rounds: Measurement[];
}

/**
 * Throws if a server cannot be started, ends early or does not answer or keep what it is to; `progress` is told of each measurement as it
 * begins.
 */
export async function runHttp(options: HttpOptions, progress: Progress): Promise<HttpFigures> {
  const { contenders, leftOut } = findContenders(options.servers, options.workers);
  const { loads, leftOutLoads } = findLoads(options);
  const workloads = WORKLOADS.filter((name) => options.workloads.includes(name)).map(workloadOf);
  const entries: Entry[] = workloads.flatMap((workload) => {
    const able = contenders.filter((contender) => isFor(contender, workload));
    return able.map((contender) => ({ workload, contender, rounds: [] }));
  });
  if (entries.length === 0) {
    const reasons = leftOut.map(({ what, reason }) => `; ${what}: ${reason}`).join("");
    throw new NothingToMeasureError(`none of these servers can do any of these workloads${reasons}`);
  }
  const sources = makeSources(Math.max(2, ...contenders.map(({ workers }) => workers)));
  const writes = workloads.some(({ session }) => session === "write");
  const syncUs = writes ? measureSyncUs(options.folder) : undefined;
  announce({ ...options, loads }, entries.length);
  progress.expect(options.rounds * entries.length);
  for (let round = 1; round <= options.rounds; round++) {
    for (const { workload, contender, rounds } of entries) {
      progress.next(`round ${round} of ${options.rounds}: ${workload.name}, ${nameOf(contender)}`);
      rounds.push(await measure(contender, workload, sources, { ...options, loads }));
    }
  }
  const figures = entries.flatMap((entry) => loads.flatMap((load) => figureOf(entry, load, entries)));
  return {
    figures,
    sources: sources.length,
    ...(syncUs && { syncUs }),
    leftOut: [...leftOut, ...leftOutLoads],
  };
}

/** The load generators that there are. Throws if there is none of those that are wanted. */
function findLoads({ loads, pipelining }: HttpOptions): { loads: LoadName[]; leftOutLoads: LeftOut[] } {
  const refusals: LeftOut[] = [];
  if (loads.includes("wrk") && pipelining > 1) refusals.push({ what: "wrk", reason: "it has no pipelining" });
  else if (loads.includes("wrk") && spawnSync("wrk", ["-v"]).error !== undefined)
    refusals.push({ what: "wrk", reason: "wrk is not installed" });
  const found = LOADS.filter((name) => loads.includes(name) && !refusals.some(({ what }) => what === name));
  if (found.length === 0)
    throw new NothingToMeasureError(`there is no load generator: ${refusals[0]!.reason}`);
  return { loads: found, leftOutLoads: refusals };
}

function nameOf({ server, workers }: Pick<Contender, "server" | "workers">): string {
  return workers === 1 ? server : `${server} × ${workers}`;
}

function announce({ loads, seconds, rounds }: HttpOptions, entries: number): void {
  const each = WARM_UP_SECONDS + loads.length * seconds + AROUND_SECONDS;
  const minutes = Math.max(1, Math.round((entries * rounds * each) / 60));
  process.stderr.write(`This takes about ${minutes} minute${minutes === 1 ? "" : "s"}.\n`);
}

/** Empty where the load generator is not there. */
function figureOf(entry: Entry, load: LoadName, all: readonly Entry[]): HttpFigure[] {
  const { workload, contender } = entry;
  const seen = seenBy(load, entry);
  if (seen.length === 0) return [];
  const spread = (of: (one: Measured) => number) => spreadOf(seen.map(of));
  const reference = all.find((one) => {
    return one.workload === workload && one.contender.server === workload.reference;
  });
  const against = reference && seenBy(load, reference).map((one) => one.requestsPerSecond);
  const reached = entry.rounds.flatMap((round) => round.workersReached ?? []);
  const sum = (of: (one: Measured) => number) => seen.reduce((total, one) => total + of(one), 0);
  return [
    {
      workload: workload.name,
      server: contender.server,
      workers: contender.workers,
      ...(reached.length > 0 && { workersReached: Math.min(...reached) }),
      ...(workload.session !== undefined && { isDurable: contender.sessions === "durable" }),
      load,
      requestsPerSecond: spread((one) => one.requestsPerSecond),
      ...(against && { ratio: spreadOf(seen.map((one, round) => one.requestsPerSecond / against[round]!)) }),
      p50Us: spread((one) => one.p50Us),
      p90Us: spread((one) => one.p90Us),
      p99Us: spread((one) => one.p99Us),
      p999Us: spread((one) => one.p999Us),
      serverUsPerRequest: spread((one) => one.serverUsPerRequest),
      failures: sum((one) => one.failures),
      ...(workload.session === "write" && { lost: sum((one) => one.lost ?? 0) }),
    },
  ];
}

function seenBy(load: LoadName, { rounds }: Entry): Measured[] {
  return rounds.flatMap((round) => round.by.get(load) ?? []);
}

function rowOf(figure: HttpFigure): Record<string, string | number> {
  const ms = ({ median, lowest, highest }: Spread) =>
    spreadText({ median: median / 1000, lowest: lowest / 1000, highest: highest / 1000 }, 2);
  return {
    [`${figure.workload}, ${figure.load}`]:
      nameOf(figure) + (figure.isDurable === false ? ", not durable" : ""),
    reached: figure.workersReached ?? "-",
    "requests/s": spreadText(figure.requestsPerSecond),
    [`× ${workloadOf(figure.workload).reference}`]:
      figure.ratio === undefined ? "-" : spreadText(figure.ratio, 2),
    "p50 ms": ms(figure.p50Us),
    "p90 ms": ms(figure.p90Us),
    "p99 ms": ms(figure.p99Us),
    "p99.9 ms": ms(figure.p999Us),
    "server µs/request": spreadText(figure.serverUsPerRequest, 1),
    failures: figure.failures,
    ...(figure.lost !== undefined && { lost: figure.lost }),
  };
}

/** A table for each workload and load generator. */
function tablesOf({ figures, syncUs, leftOut }: HttpFigures): Rows[] {
  const groups = WORKLOADS.flatMap((workload) => LOADS.map((load) => ({ workload, load })));
  const tables = groups.map(({ workload, load }) =>
    figures.filter((figure) => figure.workload === workload && figure.load === load).map(rowOf),
  );
  const out = leftOut.map(({ what, reason }) => ({ "left out": what, reason }));
  const disk = syncUs === undefined ? [] : [{ disk: "a page and its fsync", µs: spreadText(syncUs) }];
  return [...tables, disk, out].filter((rows) => rows.length > 0);
}

export const http: Benchmark<HttpOptions, HttpFigures> = {
  name: "http",
  question: "requests a second and their latencies, against what people use now in the same run",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--workloads <name,…>", `some of ${WORKLOADS.join(", ")}`, someOf(WORKLOADS), [...WORKLOADS])
      .option("--servers <name,…>", `some of ${SERVERS.join(", ")}`, someOf(SERVERS), [...SERVERS])
      .option("--loads <name,…>", `some of ${LOADS.join(", ")}`, someOf(LOADS), [...LOADS])
      .option("--workers <n,…>", "workers of the farms to measure", farmSizes(1), [1, 2])
      .option("--connections <n>", "keep-alive connections, of all sources", count, 64)
      .option("--pipelining <n>", "requests that a connection has on their way", count, 1)
      .option("--seconds <n>", "seconds of load for each figure of a round", seconds, 3)
      .option("--rounds <n>", "rounds, of which the median counts", count, 3)
      .option("--folder <path>", "where databases are made, which says on what disk", path),
  run: runHttp,
  tables: tablesOf,
  notes: [
    "Medians of the rounds, and what they lay between. Ratios are to the reference of the same round.",
    "reached: how many workers the sources are pinned to. lost: answered writes that the database's file does not have.",
    "wrk's latencies are corrected for coordinated omission, autocannon's are not.",
  ],
};
