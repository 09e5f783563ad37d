// What do connections cost? Those that are open and idle, as most are: bytes that stay for each, in TCP alone and with HTTP. And those
// that come and go, one request each with `Connection: close`: how many a second there can be, over limpet's TUN device and
// its sockets, against node:http and node:cluster in the same run. Must run in a network namespace of its own.
//
// Of the latter the generators are as much a part as the servers: what a generator in Node takes for a connection is the limit on few
// cores. What either takes of the processors is therefore given, too.

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./support/benchmark.js";
import type { ConnectionReport } from "./support/connection-generator.js";
import { IDLE_KINDS, type IdleFigure, measureIdle } from "./support/idle-bytes.js";
import { count, counts, seconds } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { type Spread, scaleSpread, spreadOf, spreadText } from "./support/spread.js";

export interface ConnectionsOptions {
  /** Idle ones. */
  readonly connections: number;
  /** New ones that there are at a time. */
  readonly atOnce: number;
  /** Of new connections, for each figure of a round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Workers of the farms to measure. */
  readonly workers: readonly number[];
  /** Processes that open connections. */
  readonly generators: number;
}

export interface RateFigure {
  readonly server: string;
  readonly connectionsPerSecond: Spread;
  /** Against node:http's in the same round. */
  readonly ratio: Spread;
  /** From the beginning of a connection to its end, which is the server's to begin. */
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  /** Processor time of the server, all its threads and processes, and of the generators, for one connection. */
  readonly serverUsPerConnection: Spread;
  readonly generatorUsPerConnection: Spread;
  /** Those that were not answered with 200, of all rounds. */
  readonly failures: number;
}

export interface ConnectionsFigures {
  readonly idle: readonly IdleFigure[];
  readonly rates: readonly RateFigure[];
}

export async function runConnections(
  options: ConnectionsOptions,
  progress: Progress,
): Promise<ConnectionsFigures> {
  const contenders = contendersOf(options.workers);
  progress.expect(options.rounds * (IDLE_KINDS.length + contenders.length));
  return {
    idle: await measureIdle(options, progress),
    rates: await measureRates(contenders, options, progress),
  };
}

interface Contender {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly script: URL;
  readonly parameters: readonly string[];
}

const NODE_HTTP = "node:http";
/** An address of the kernel's own; the generators' are beside it. */
const KERNEL_HOST = "198.19.0.1";
const TUN_HOST = "198.18.0.1";
const limpet = new URL("../core/cli/limpet.js", import.meta.url);
const generator = new URL("./support/connection-generator.js", import.meta.url);
const app = fileURLToPath(new URL("./peers/limpet-app.js", import.meta.url));

function contendersOf(workers: readonly number[]): Contender[] {
  const farm = ["serve", "--app", app, "--log-level", "warn", "--database", ":memory:", "--admin", "none"];
  const limpets = workers.flatMap((n): Contender[] => {
    const parameters = [...farm, "--workers", String(n)];
    const threads = `${n} worker${n === 1 ? "" : "s"}`;
    return [
      {
        name: `limpet, TUN, ${threads}`,
        host: TUN_HOST,
        port: 80,
        script: limpet,
        parameters: [...parameters, "--tun", "on", "--socket", "none"],
      },
      {
        name: `limpet, sockets, ${threads}`,
        host: KERNEL_HOST,
        port: 8003,
        script: limpet,
        parameters: [...parameters, "--tun", "off", "--socket", `${KERNEL_HOST}:8003`],
      },
    ];
  });
  return [
    ...limpets,
    {
      name: NODE_HTTP,
      host: KERNEL_HOST,
      port: 8001,
      script: new URL("./peers/node-http.js", import.meta.url),
      parameters: ["8001"],
    },
    {
      name: "node:cluster, 2 workers",
      host: KERNEL_HOST,
      port: 8002,
      script: new URL("./peers/node-cluster.js", import.meta.url),
      parameters: ["8002", "2"],
    },
  ];
}

interface RateRound {
  readonly connectionsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly serverUsPerConnection: number;
  readonly generatorUsPerConnection: number;
  readonly failures: number;
}

/** In rounds that alternate, so that a noisy neighbour hits all alike. */
async function measureRates(
  contenders: readonly Contender[],
  options: ConnectionsOptions,
  progress: Progress,
): Promise<RateFigure[]> {
  const rounds: Map<string, RateRound>[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const measured = new Map<string, RateRound>();
    for (const contender of contenders) {
      progress.next(`round ${round} of ${options.rounds}: new connections, ${contender.name}`);
      measured.set(contender.name, await rateRound(contender, options));
    }
    rounds.push(measured);
  }
  return contenders.map(({ name: server }) => {
    const of = (figure: (one: RateRound, nodeHttp: RateRound) => number) =>
      spreadOf(rounds.map((round) => figure(round.get(server)!, round.get(NODE_HTTP)!)));
    return {
      server,
      connectionsPerSecond: of((one) => one.connectionsPerSecond),
      ratio: of((one, nodeHttp) => one.connectionsPerSecond / nodeHttp.connectionsPerSecond),
      p50Us: of((one) => one.p50Us),
      p99Us: of((one) => one.p99Us),
      serverUsPerConnection: of((one) => one.serverUsPerConnection),
      generatorUsPerConnection: of((one) => one.generatorUsPerConnection),
      failures: rounds.reduce((sum, round) => sum + round.get(server)!.failures, 0),
    };
  });
}

async function rateRound(
  { host, port, script, parameters }: Contender,
  { atOnce, seconds, generators }: ConnectionsOptions,
): Promise<RateRound> {
  const server = await ServerProcess.start(script, parameters);
  const loads: ServerProcess[] = [];
  try {
    const each = Math.max(1, Math.round(atOnce / generators));
    const started = Array.from({ length: generators }, async (_, n) => {
      const load = [host, port, each, seconds, n].map(String);
      loads.push(await ServerProcess.start(generator, load));
    });
    await Promise.all(started);
    const beforeUs = server.processorUs();
    const reports = await Promise.all(loads.map(reportOf));
    const tookUs = server.processorUs() - beforeUs;
    const sum = (of: (report: ConnectionReport) => number) =>
      reports.reduce((all, report) => all + of(report), 0);
    const answered = Math.max(
      1,
      sum(({ connections, failures }) => connections - failures),
    );
    return {
      connectionsPerSecond: sum((one) => (one.connections - one.failures) / one.seconds),
      p50Us: Math.max(...reports.map(({ answerP50Us }) => answerP50Us)),
      p99Us: Math.max(...reports.map(({ answerP99Us }) => answerP99Us)),
      serverUsPerConnection: tookUs / answered,
      generatorUsPerConnection: sum(({ processorUs }) => processorUs) / answered,
      failures: sum(({ failures }) => failures),
    };
  } finally {
    for (const load of loads) await load.stop();
    await server.stop();
  }
}

async function reportOf(load: ServerProcess): Promise<ConnectionReport> {
  const lines = (await load.printed).trim().split("\n");
  return JSON.parse(lines.at(-1)!) as ConnectionReport;
}

export const connections: Benchmark<ConnectionsOptions, ConnectionsFigures> = {
  name: "connections",
  question: "bytes that an idle connection costs a worker, and new connections a second, against node:http",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--connections <n>", "idle connections to open", count, 100_000)
      .option("--at-once <n>", "new connections that there are at a time", count, 64)
      .option("--seconds <n>", "seconds of new connections for each figure of a round", seconds, 5)
      .option("--rounds <n>", "rounds, which the spread is of", count, 3)
      .option("--workers <n,…>", "workers of the farms to measure", counts, [1, 2])
      .option(
        "--generators <n>",
        "processes that open connections; default: one for each core but one",
        count,
        Math.max(1, availableParallelism() - 1),
      ),
  run: runConnections,
  tables: ({ idle, rates }) => [
    idle.map((figure) => ({
      "idle connections": figure.what,
      "heap bytes": spreadText(figure.heapBytes),
      "bytes in arrays": spreadText(figure.arrayBytes),
      "µs to open and ask once": spreadText(figure.openUs, 1),
    })),
    rates.map((figure) => ({
      "new connections": figure.server,
      "a second": spreadText(figure.connectionsPerSecond),
      "× node:http": spreadText(figure.ratio, 2),
      "p50 ms": spreadText(scaleSpread(figure.p50Us, 1e-3), 1),
      "p99 ms": spreadText(scaleSpread(figure.p99Us, 1e-3), 1),
      "server µs/connection": spreadText(figure.serverUsPerConnection, 1),
      "generators'": spreadText(figure.generatorUsPerConnection, 1),
      failures: figure.failures,
    })),
  ],
};
