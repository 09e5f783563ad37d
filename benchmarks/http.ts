// How many requests does a farm answer, against what people use now? limpet over its TUN device, node:http and
// node:cluster over the kernel's loopback, all with the same response and the same load, in one run and in rounds that
// alternate, so that a noisy neighbour hits all alike. Must run in a network namespace of its own.
//
// A source is pinned to one worker, and a load generator is one source for each address that it asks: half of the connections
// go to an IPv4 and half to an IPv6 address, for every server, and each figure says how many workers that has reached.

import { fileURLToPath } from "node:url";
import { hasIpv6 } from "../core/link/interface-address.js";
import { HELLO, SESSION_READ } from "./peers/response.js";
import type { Benchmark } from "./support/benchmark.js";
import { type Load, type LoadResult, runAutocannon } from "./support/load.js";
import { count, counts } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { median } from "./support/spread.js";
import { runWrk } from "./support/wrk.js";

export interface HttpOptions {
  readonly connections: number;
  readonly pipelining: number;
  /** Of load for each figure of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Workers of the farms to measure. */
  readonly workers: readonly number[];
}

/** What one load generator saw: medians of the rounds, but for the failures. */
export interface LoadFigure {
  readonly requestsPerSecond: number;
  /** Against node:http's in the same run. */
  readonly ratio: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time of the server, all its threads and processes, for one request. */
  readonly serverUsPerRequest: number;
  /** Errors, timeouts, and answers other than 2xx, of all rounds. */
  readonly failures: number;
}

export interface HttpFigure {
  readonly server: string;
  /** Workers that the load's sources are pinned to; absent for the peers, which know no sources. */
  readonly workersReached?: number;
  /** autocannon's; it tells latencies in whole milliseconds. */
  readonly autocannon: LoadFigure;
  /** wrk's, with one thread for each source; absent where wrk is not installed, and with pipelining, which it does not have. */
  readonly wrk?: LoadFigure;
}

interface Contender {
  readonly name: string;
  /** One for each source of the load. */
  readonly origins: readonly string[];
  readonly path: string;
  readonly script: URL;
  readonly parameters: readonly string[];
  /** The answer's body, to be seen from each source before the load. */
  readonly body: string;
  /** Path that is asked once before that; its cookie goes with every request. */
  readonly cookieFrom?: string;
  /** Path that says which worker answers. */
  readonly workerAt?: string;
}

const NODE_HTTP = "node:http";
const LOADS = ["autocannon", "wrk"] as const;
const TUN_ORIGINS = ["http://198.18.0.1", ...(hasIpv6() ? ["http://[fd98:18::1]"] : [])];
const limpet = new URL("../core/cli/limpet.js", import.meta.url);
const app = fileURLToPath(new URL("./peers/limpet-app.js", import.meta.url));
/** How long one answer may take that is no load, in ms. */
const ANSWER_TIMEOUT_MS = 5000;

function limpetContender(workers: number): Contender {
  const quiet = ["--log-level", "warn", "--database", ":memory:", "--socket", "none", "--admin", "none"];
  return {
    name: `limpet, ${workers} worker${workers === 1 ? "" : "s"}`,
    origins: TUN_ORIGINS,
    path: "/",
    script: limpet,
    parameters: ["serve", "--app", app, "--workers", String(workers), ...quiet],
    body: HELLO,
    workerAt: "/worker",
  };
}

function sessionContender(workers: number): Contender {
  const farm = limpetContender(workers);
  return {
    ...farm,
    name: `${farm.name}, session read`,
    path: "/session",
    body: SESSION_READ,
    cookieFrom: "/put",
  };
}

function loopback(port: number): string[] {
  return [`http://127.0.0.1:${port}`, ...(hasIpv6() ? [`http://[::1]:${port}`] : [])];
}

const PEERS: readonly Contender[] = [
  {
    name: NODE_HTTP,
    origins: loopback(8001),
    path: "/",
    script: new URL("./peers/node-http.js", import.meta.url),
    parameters: ["8001"],
    body: HELLO,
  },
  {
    name: "node:cluster, 2 workers",
    origins: loopback(8002),
    path: "/",
    script: new URL("./peers/node-cluster.js", import.meta.url),
    parameters: ["8002", "2"],
    body: HELLO,
  },
];

interface Measured {
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly serverUsPerRequest: number;
  readonly failures: number;
}

async function ask(url: string, headers: Record<string, string>): Promise<{ body: string; cookie?: string }> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  const cookie = answer.headers.getSetCookie()[0]?.split(";")[0];
  return { body: await answer.text(), ...(cookie === undefined ? {} : { cookie }) };
}

/** The headers of every request; throws unless the server answers each source what is to be measured. */
async function prepare({
  name,
  origins,
  path,
  body,
  cookieFrom,
}: Contender): Promise<Record<string, string>> {
  const cookie = cookieFrom === undefined ? undefined : (await ask(origins[0]! + cookieFrom, {})).cookie;
  const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
  for (const origin of origins) {
    // The first request of a session brings it into the worker's cache.
    await ask(origin + path, headers);
    const answer = await ask(origin + path, headers);
    if (answer.body !== body) throw new Error(`${name} answers ${JSON.stringify(answer.body)}`);
  }
  return headers;
}

async function countWorkers({ origins, workerAt }: Contender): Promise<number | undefined> {
  if (workerAt === undefined) return undefined;
  const workers = new Set<string>();
  for (const origin of origins) workers.add((await ask(origin + workerAt, {})).body);
  return workers.size;
}

/** Undefined where there is no such load. */
async function underLoad(
  server: ServerProcess,
  load: () => Promise<LoadResult | undefined>,
): Promise<Measured | undefined> {
  const before = server.processorUs();
  const result = await load();
  if (result === undefined) return undefined;
  const { requests, ...seen } = result;
  return { ...seen, serverUsPerRequest: (server.processorUs() - before) / Math.max(1, requests) };
}

type Round = Readonly<Record<(typeof LOADS)[number], Measured | undefined>> & {
  readonly workersReached: number | undefined;
};

async function measure(contender: Contender, options: HttpOptions): Promise<Round> {
  const urls = contender.origins.map((origin) => origin + contender.path);
  const { connections, pipelining, seconds } = options;
  const server = await ServerProcess.start(contender.script, contender.parameters);
  try {
    const load: Load = { urls, headers: await prepare(contender), connections, pipelining, seconds };
    // Until the code on both sides is compiled.
    await runAutocannon({ ...load, seconds: Math.min(2, seconds) });
    const workersReached = await countWorkers(contender);
    return {
      workersReached,
      autocannon: await underLoad(server, () => runAutocannon(load)),
      wrk: await underLoad(server, () => runWrk(load)),
    };
  } finally {
    await server.stop();
  }
}

function summarize(all: readonly Measured[], nodeHttp: readonly Measured[]): LoadFigure {
  const middle = (rounds: readonly Measured[], of: (one: Measured) => number) => median(rounds.map(of));
  const requestsPerSecond = middle(all, (one) => one.requestsPerSecond);
  return {
    requestsPerSecond: Math.round(requestsPerSecond),
    ratio: requestsPerSecond / middle(nodeHttp, (one) => one.requestsPerSecond),
    p50Us: middle(all, (one) => one.p50Us),
    p99Us: middle(all, (one) => one.p99Us),
    serverUsPerRequest: middle(all, (one) => one.serverUsPerRequest),
    failures: all.reduce((sum, one) => sum + one.failures, 0),
  };
}

/**
 * One figure for each server; `progress` is told of each measurement as it begins. Throws if a server cannot be started,
 * ends early or gives another answer than it is to.
 */
export async function runHttp(options: HttpOptions, progress: Progress): Promise<HttpFigure[]> {
  const contenders = [
    ...options.workers.map(limpetContender),
    sessionContender(options.workers[0]!),
    ...PEERS,
  ];
  progress.expect(options.rounds * contenders.length);
  const rounds = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const contender of contenders) {
      progress.next(`round ${round} of ${options.rounds}: ${contender.name}`);
      rounds.get(contender.name)!.push(await measure(contender, options));
    }
  }
  const seenBy = (load: (typeof LOADS)[number], server: string) =>
    rounds.get(server)!.flatMap((round) => round[load] ?? []);
  return contenders.map(({ name: server }) => {
    const wrk = seenBy("wrk", server);
    const reached = rounds.get(server)!.flatMap((round) => round.workersReached ?? []);
    return {
      server,
      ...(reached.length === 0 ? {} : { workersReached: Math.min(...reached) }),
      autocannon: summarize(seenBy("autocannon", server), seenBy("autocannon", NODE_HTTP)),
      ...(wrk.length === 0 ? {} : { wrk: summarize(wrk, seenBy("wrk", NODE_HTTP)) }),
    };
  });
}

export const http: Benchmark<HttpOptions, HttpFigure[]> = {
  name: "http",
  question: "requests a second over the TUN device, against node:http and node:cluster in the same run",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--connections <n>", "keep-alive connections", count, 64)
      .option("--pipelining <n>", "requests that a connection has on their way", count, 1)
      .option("--seconds <n>", "seconds of load for each figure of a round", count, 5)
      .option("--rounds <n>", "rounds, of which the median counts", count, 3)
      .option("--workers <n,…>", "workers of the farms to measure", counts, [1, 2]),
  run: runHttp,
  tables: (figures) => [
    figures.flatMap((figure) =>
      (["autocannon", "wrk"] as const).flatMap((load) => {
        const seen = figure[load];
        if (seen === undefined) return [];
        return {
          server: figure.server,
          "workers reached": figure.workersReached ?? "-",
          load,
          "requests/s": seen.requestsPerSecond,
          "× node:http": seen.ratio.toFixed(2),
          "p50 ms": (seen.p50Us / 1000).toFixed(2),
          "p99 ms": (seen.p99Us / 1000).toFixed(2),
          "server µs/request": seen.serverUsPerRequest.toFixed(1),
          failures: seen.failures,
        };
      }),
    ),
  ],
};
