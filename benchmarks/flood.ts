// What does a flood of forged packets do to those who are served? A farm over TUN, first left alone, then flooded with SYNs, then with
// ACKs, and under each the same three loads: keep-alive clients; clients that were never seen before, an address each; and one
// client that opens connections as fast as it can reuse its few ports. Must run in a network namespace of its own.
//
// Generator, clients and farm share the machine: what a load has lost under a flood is also what the generator has taken, so
// each figure says where the processor time went.

import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./support/benchmark.js";
import { type FloodCount, lostPackets, readFloodCounts } from "./support/flood-counts.js";
import type { FloodReport } from "./support/flood-generator.js";
import { runAutocannon } from "./support/load.js";
import { clientAddress } from "./support/namespace.js";
import { count, seconds, someOf } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { runShortConnections } from "./support/short-connections.js";
import { type Spread, scaleSpread, spreadOf, spreadText } from "./support/spread.js";
import { runWrk } from "./support/wrk.js";

export const FLOODS = ["none", "syn", "ack"] as const;
export type Flood = (typeof FLOODS)[number];

export interface FloodOptions {
  readonly floods: readonly Flood[];
  readonly packetsPerSecond: number;
  /** Of each load, and so of each flood three times that. */
  readonly seconds: number;
  readonly rounds: number;
  readonly workers: number;
  /** Keep-alive connections. */
  readonly connections: number;
  /** New clients a second, each at an address of its own. */
  readonly newClients: number;
  /** New connections a second from one address. */
  readonly newConnections: number;
  /** Ports that these are made from. */
  readonly ports: number;
  readonly seed: number;
}

export const LOADS = ["keep-alive", "new clients", "reused ports"] as const;

/** Of one load under one flood, in a round. */
interface Measured {
  readonly requestsPerSecond: number;
  /** Until the answer; of new connections from their beginning. */
  readonly p99Us: number;
  /** The longest that a connection took to be open; undefined for those that are kept. */
  readonly connectMaxUs?: number;
  readonly failures: number;
  /** Packets a second that the generator sent, and that the device had no room for. */
  readonly floodPacketsPerSecond: number;
  readonly lostPacketsPerSecond: number;
  /** Processor time by second, of which a core has 1: of the generator, the farm's main thread, and its other threads. */
  readonly generatorCores: number;
  readonly directorCores: number;
  readonly workerCores: number;
  /** Memory of the farm at the end. */
  readonly residentMib: number;
  /** What has been counted meanwhile. */
  readonly cookiesSent: number;
  readonly cookiesAccepted: number;
  readonly cookiesRejected: number;
  /** Packets that were dropped because too many flows are half open. */
  readonly synLimited: number;
  /** At the end. */
  readonly flows: number;
  readonly sources: number;
}

export type FloodFigure = { readonly flood: Flood; readonly load: (typeof LOADS)[number] } & {
  readonly [Name in keyof Measured]: Name extends "failures" ? number : Spread;
};

const HOST = "198.18.0.1";
const HTTP_PORT = 80;
const ADMIN = "127.0.0.1:9091";
const PORT_RANGE = "/proc/sys/net/ipv4/ip_local_port_range";
const FIRST_PORT = 40_000;
/** New clients that wait for their answers at a time. */
const MAX_NEW_CLIENTS = 5000;
/** A generator that nobody ends, ends itself. */
const MAX_FLOOD_SECONDS = 600;
/** Workers publish what they count about once a second. */
const PUBLISHED_MS = 1200;

const limpet = new URL("../core/cli/limpet.js", import.meta.url);
const app = fileURLToPath(new URL("./peers/limpet-app.js", import.meta.url));
const generatorProgram = new URL("./support/flood-generator.js", import.meta.url);

/** One figure for each load under each flood; rounds go through all of them in turn. Throws if the farm cannot be started. */
export async function runFlood(options: FloodOptions, progress: Progress): Promise<FloodFigure[]> {
  const farm = await ServerProcess.start(limpet, [
    ...["serve", "--app", app, "--workers", String(options.workers), "--log-level", "warn"],
    ...["--database", ":memory:", "--socket", "none", "--admin", ADMIN],
  ]);
  const phases = options.floods.flatMap((flood) => LOADS.map((load) => ({ flood, load })));
  progress.expect(phases.length * options.rounds);
  const rounds = phases.map((): Measured[] => []);
  let newClients = 0;
  const loads: Readonly<Record<FloodFigure["load"], () => Promise<Served>>> = {
    "keep-alive": () => keepAlive(options),
    "new clients": () =>
      shortConnections(options, options.newClients, MAX_NEW_CLIENTS, () => clientAddress(newClients++)),
    "reused ports": () =>
      withFewPorts(options.ports, () => shortConnections(options, options.newConnections, options.ports / 2)),
  };
  try {
    // Until the code on both sides is compiled.
    await runAutocannon({ urls: [`http://${HOST}`], connections: options.connections, seconds: 1 });
    for (let round = 1; round <= options.rounds; round++) {
      for (const [phase, { flood, load }] of phases.entries()) {
        progress.next(`round ${round} of ${options.rounds}: flood ${flood}, load ${load}`);
        rounds[phase]!.push(await measure(farm, flood, options, loads[load]));
      }
    }
  } finally {
    await farm.stop();
  }
  return phases.map(({ flood, load }, phase) => ({ flood, load, ...summarize(rounds[phase]!) }));
}

function summarize(rounds: readonly Measured[]): Omit<FloodFigure, "flood" | "load"> {
  const of = (name: keyof Measured) => spreadOf(rounds.map((round) => round[name]!));
  return {
    requestsPerSecond: of("requestsPerSecond"),
    p99Us: of("p99Us"),
    ...(rounds[0]!.connectMaxUs === undefined ? {} : { connectMaxUs: of("connectMaxUs") }),
    failures: rounds.reduce((sum, round) => sum + round.failures, 0),
    floodPacketsPerSecond: of("floodPacketsPerSecond"),
    lostPacketsPerSecond: of("lostPacketsPerSecond"),
    generatorCores: of("generatorCores"),
    directorCores: of("directorCores"),
    workerCores: of("workerCores"),
    residentMib: of("residentMib"),
    cookiesSent: of("cookiesSent"),
    cookiesAccepted: of("cookiesAccepted"),
    cookiesRejected: of("cookiesRejected"),
    synLimited: of("synLimited"),
    flows: of("flows"),
    sources: of("sources"),
  };
}

type Served = Pick<Measured, "requestsPerSecond" | "p99Us" | "connectMaxUs" | "failures">;

async function keepAlive({ connections, seconds }: FloodOptions): Promise<Served> {
  const load = { urls: [`http://${HOST}`], connections, seconds };
  const { requestsPerSecond, p99Us, failures } = (await runWrk(load)) ?? (await runAutocannon(load));
  return { requestsPerSecond, p99Us, failures };
}

async function shortConnections(
  { seconds }: FloodOptions,
  perSecond: number,
  atOnce: number,
  sourceOf?: () => string,
): Promise<Served> {
  const result = await runShortConnections({
    ...{ host: HOST, port: HTTP_PORT, perSecond, seconds, atOnce },
    ...(sourceOf && { sourceOf }),
  });
  const { connections, failures, answerP99Us, connectMaxUs } = result;
  return {
    requestsPerSecond: (connections - failures) / seconds,
    p99Us: answerP99Us,
    connectMaxUs,
    failures,
  };
}

/** The namespace's kernel chooses ports among few meanwhile. */
async function withFewPorts<T>(ports: number, run: () => Promise<T>): Promise<T> {
  const usual = readFileSync(PORT_RANGE, "utf8");
  writeFileSync(PORT_RANGE, `${FIRST_PORT} ${FIRST_PORT + ports - 1}`);
  try {
    return await run();
  } finally {
    writeFileSync(PORT_RANGE, usual);
  }
}

async function measure(
  farm: ServerProcess,
  flood: Flood,
  options: FloodOptions,
  run: () => Promise<Served>,
): Promise<Measured> {
  const generator = flood === "none" ? undefined : await startGenerator(flood, options);
  const before = await readFloodCounts(ADMIN);
  const look = () =>
    [performance.now() * 1000, farm.processorUs(), farm.mainThreadUs(), lostPackets("limpet0")] as const;
  const [startUs, allStartUs, mainStartUs, lostBefore] = look();
  const served = await run();
  const [endUs, allEndUs, mainEndUs, lostAfter] = look();
  const report = generator && (await endGenerator(generator));
  await sleep(PUBLISHED_MS);
  const after = await readFloodCounts(ADMIN);
  const tookUs = endUs - startUs;
  const directorUs = mainEndUs - mainStartUs;
  const counted = (name: FloodCount) => after[name] - before[name];
  return {
    ...served,
    floodPacketsPerSecond: report === undefined ? 0 : report.sent / report.seconds,
    lostPacketsPerSecond: ((lostAfter - lostBefore) * 1e6) / tookUs,
    generatorCores: report === undefined ? 0 : report.processorSeconds / report.seconds,
    directorCores: directorUs / tookUs,
    workerCores: (allEndUs - allStartUs - directorUs) / tookUs,
    residentMib: farm.residentBytes() / 2 ** 20,
    cookiesSent: counted("cookiesSent"),
    cookiesAccepted: counted("cookiesAccepted"),
    cookiesRejected: counted("cookiesRejected"),
    synLimited: counted("synLimited"),
    flows: after.flows,
    sources: after.sources,
  };
}

/** A flood that lasts until it is ended. */
function startGenerator(kind: Exclude<Flood, "none">, options: FloodOptions): Promise<ServerProcess> {
  const { packetsPerSecond, seed } = options;
  const parameters = [kind, HOST, HTTP_PORT, packetsPerSecond, MAX_FLOOD_SECONDS, seed];
  return ServerProcess.start(generatorProgram, parameters.map(String));
}

/** Throws if it has ended itself, which it does in time only if nobody ends it. */
async function endGenerator(generator: ServerProcess): Promise<FloodReport> {
  await generator.stop();
  const lines = (await generator.printed).trim().split("\n");
  const report = JSON.parse(lines.at(-1)!) as FloodReport;
  if (!report.isToldToEnd) throw new Error(`the flood has ended early: ${lines.at(-1)}`);
  return report;
}

export const flood: Benchmark<FloodOptions, FloodFigure[]> = {
  name: "flood",
  question: "what floods of forged SYNs and ACKs over the TUN device do to real clients, and what they cost",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--floods <kind,…>", FLOODS.join(", "), someOf(FLOODS), [...FLOODS])
      .option("--packets-per-second <n>", "forged packets", count, 100_000)
      .option("--seconds <n>", "seconds of each load under each flood", seconds, 20)
      .option("--rounds <n>", "rounds, which the spread is of", count, 1)
      .option("--workers <n>", "workers of the farm", count, 2)
      .option("--connections <n>", "connections that are kept", count, 32)
      .option(
        "--new-clients <n>",
        "clients a second that were never seen, an address and a connection each",
        count,
        200,
      )
      .option("--new-connections <n>", "new connections a second from one address", count, 1000)
      .option("--ports <n>", "ports that these are made from", count, 512)
      .option("--seed <n>", "seed of the forged packets", count, 1),
  run: runFlood,
  tables: (figures) => [
    figures.map((figure) => ({
      flood: figure.flood,
      load: figure.load,
      "requests/s": spreadText(figure.requestsPerSecond),
      "p99 ms": spreadText(scaleSpread(figure.p99Us, 1e-3), 1),
      "connect max ms":
        figure.connectMaxUs === undefined ? "-" : spreadText(scaleSpread(figure.connectMaxUs, 1e-3), 1),
      failures: figure.failures,
      "flood packets/s": spreadText(figure.floodPacketsPerSecond),
      "lost packets/s": spreadText(figure.lostPacketsPerSecond),
      "generator cores": spreadText(figure.generatorCores, 2),
      director: spreadText(figure.directorCores, 2),
      workers: spreadText(figure.workerCores, 2),
      "RSS MiB": spreadText(figure.residentMib),
      flows: spreadText(figure.flows),
      sources: spreadText(figure.sources),
      "cookies sent": spreadText(figure.cookiesSent),
      accepted: spreadText(figure.cookiesAccepted),
      rejected: spreadText(figure.cookiesRejected),
      "syn-limited": spreadText(figure.synLimited),
    })),
  ],
};
