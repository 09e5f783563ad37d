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
import { spawnChild } from "./support/children.js";
import type { FloodReport } from "./support/flood-generator.js";
import type { ForgedKind } from "./support/forged-packets.js";
import { runAutocannon } from "./support/load.js";
import { clientAddress } from "./support/namespace.js";
import { count, someOf } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { runShortConnections } from "./support/short-connections.js";
import { runWrk } from "./support/wrk.js";

export const FLOODS = ["none", "syn", "ack"] as const;
export type Flood = (typeof FLOODS)[number];

export interface FloodOptions {
  readonly floods: readonly Flood[];
  readonly packetsPerSecond: number;
  /** Of each load, and so of each flood three times that. */
  readonly seconds: number;
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

const LOADS = ["keep-alive", "new clients", "reused ports"] as const;

export interface FloodFigure {
  readonly flood: Flood;
  readonly load: (typeof LOADS)[number];
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
  readonly generator: number;
  readonly director: number;
  readonly workers: number;
  /** Memory of the farm at the end. */
  readonly residentMib: number;
  /** What has been counted meanwhile, where it was anything: packets by verdict, SYN cookies by event. */
  readonly counted: Readonly<Record<string, number>>;
  /** At the end. */
  readonly flows: number;
  readonly sources: number;
}

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
/** Field of a line of /proc/net/dev, after its name. */
const TRANSMIT_DROPS = 11;
const COUNTED =
  /^limpet_(?:packets_total\{verdict="([^"]+)"\}|tcp_syn_cookies_total\{.*event="(\w+)".*\}) (\d+)$/gm;
const GAUGES = /^limpet_(flows|sources) (\d+)$/gm;

const limpet = new URL("../core/cli/limpet.js", import.meta.url);
const app = fileURLToPath(new URL("./peers/limpet-app.js", import.meta.url));
const generatorProgram = fileURLToPath(new URL("./support/flood-generator.js", import.meta.url));

/** One figure for each load under each flood. Throws if the farm cannot be started. */
export async function runFlood(options: FloodOptions, progress: Progress): Promise<FloodFigure[]> {
  const farm = await ServerProcess.start(limpet, [
    ...["serve", "--app", app, "--workers", String(options.workers), "--log-level", "warn"],
    ...["--database", ":memory:", "--socket", "none", "--admin", ADMIN],
  ]);
  progress.expect(options.floods.length * LOADS.length);
  const figures: FloodFigure[] = [];
  let newClients = 0;
  try {
    // Until the code on both sides is compiled.
    await runAutocannon({ urls: [`http://${HOST}`], connections: options.connections, seconds: 1 });
    for (const flood of options.floods) {
      for (const load of LOADS) {
        progress.next(`flood: ${flood}, load: ${load}`);
        const run = {
          "keep-alive": () => keepAlive(options),
          "new clients": () =>
            shortConnections(options, options.newClients, MAX_NEW_CLIENTS, () => clientAddress(newClients++)),
          "reused ports": () =>
            withFewPorts(options.ports, () =>
              shortConnections(options, options.newConnections, options.ports / 2),
            ),
        }[load];
        figures.push({ flood, load, ...(await measure(farm, flood, options, run)) });
      }
    }
  } finally {
    await farm.stop();
  }
  return figures;
}

type Served = Pick<FloodFigure, "requestsPerSecond" | "p99Us" | "connectMaxUs" | "failures">;

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
): Promise<Omit<FloodFigure, "flood" | "load">> {
  const generator = flood === "none" ? undefined : new Generator(flood, options);
  await generator?.began;
  const before = await readCounts();
  const look = () =>
    [performance.now() * 1000, farm.processorUs(), farm.mainThreadUs(), lostPackets()] as const;
  const [startUs, allStartUs, mainStartUs, lostBefore] = look();
  const served = await run();
  const [endUs, allEndUs, mainEndUs, lostAfter] = look();
  const report = await generator?.end();
  await sleep(PUBLISHED_MS);
  const after = await readCounts();
  const tookUs = endUs - startUs;
  const directorUs = mainEndUs - mainStartUs;
  return {
    ...served,
    floodPacketsPerSecond: report === undefined ? 0 : report.sent / report.seconds,
    lostPacketsPerSecond: ((lostAfter - lostBefore) * 1e6) / tookUs,
    generator: report === undefined ? 0 : report.processorSeconds / report.seconds,
    director: directorUs / tookUs,
    workers: (allEndUs - allStartUs - directorUs) / tookUs,
    residentMib: farm.residentBytes() / 2 ** 20,
    counted: rise(before.counted, after.counted),
    flows: after.flows,
    sources: after.sources,
  };
}

/** A flood that lasts until it is ended. */
class Generator {
  /** Resolves when it floods. */
  readonly began: Promise<void>;
  readonly #child;
  #output = "";

  constructor(kind: ForgedKind, { packetsPerSecond, seed }: FloodOptions) {
    const parameters = [generatorProgram, kind, HOST, HTTP_PORT, packetsPerSecond, MAX_FLOOD_SECONDS, seed];
    this.#child = spawnChild(process.execPath, parameters.map(String), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.began = new Promise((resolve) => {
      this.#child.stdout!.on("data", (chunk) => {
        this.#output += chunk;
        resolve();
      });
    });
  }

  /** Ends it. Throws if it has ended itself, which it does in time only if nobody ends it. */
  async end(): Promise<FloodReport> {
    if (this.#child.exitCode !== null) throw new Error(`the flood has ended early: ${this.#output}`);
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.kill("SIGTERM");
    await closed;
    return JSON.parse(this.#output.trim().split("\n").at(-1)!) as FloodReport;
  }
}

interface Counts {
  readonly counted: Readonly<Record<string, number>>;
  readonly flows: number;
  readonly sources: number;
}

async function readCounts(): Promise<Counts> {
  const text = await (await fetch(`http://${ADMIN}/metrics`)).text();
  const counted: Record<string, number> = {};
  for (const [, verdict, cookies, count] of text.matchAll(COUNTED)) {
    const name = verdict ?? `cookies ${cookies}`;
    counted[name] = (counted[name] ?? 0) + Number(count);
  }
  const gauges = Object.fromEntries(
    [...text.matchAll(GAUGES)].map(([, name, value]) => [name, Number(value)]),
  );
  return { counted, flows: gauges.flows!, sources: gauges.sources! };
}

/** What has risen, by how much. */
function rise(before: Counts["counted"], after: Counts["counted"]): Record<string, number> {
  const risen = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(risen.filter(([, count]) => count > 0));
}

/** Packets that the TUN device had no room for: those that the kernel has dropped on the way to the farm. */
function lostPackets(): number {
  const line = readFileSync("/proc/self/net/dev", "utf8")
    .split("\n")
    .find((one) => /^\s*limpet0:/.test(one));
  const fields = line!
    .slice(line!.indexOf(":") + 1)
    .trim()
    .split(/\s+/);
  return Number(fields[TRANSMIT_DROPS]);
}

export const flood: Benchmark<FloodOptions, FloodFigure[]> = {
  name: "flood",
  question: "what floods of forged SYNs and ACKs over the TUN device do to real clients, and what they cost",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--floods <kind,…>", FLOODS.join(", "), someOf(FLOODS), [...FLOODS])
      .option("--packets-per-second <n>", "forged packets", count, 100_000)
      .option("--seconds <n>", "seconds of each load under each flood", count, 20)
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
      "requests/s": figure.requestsPerSecond.toFixed(0),
      "p99 ms": (figure.p99Us / 1000).toFixed(1),
      "connect max ms": figure.connectMaxUs === undefined ? "-" : (figure.connectMaxUs / 1000).toFixed(1),
      failures: figure.failures,
      "flood packets/s": figure.floodPacketsPerSecond.toFixed(0),
      "lost packets/s": figure.lostPacketsPerSecond.toFixed(0),
      "generator cores": figure.generator.toFixed(2),
      director: figure.director.toFixed(2),
      workers: figure.workers.toFixed(2),
      "RSS MiB": figure.residentMib.toFixed(0),
      flows: figure.flows,
      sources: figure.sources,
      "cookies sent": figure.counted["cookies sent"] ?? 0,
      accepted: figure.counted["cookies accepted"] ?? 0,
      rejected: figure.counted["cookies rejected"] ?? 0,
      "syn-limited": figure.counted["syn-limited"] ?? 0,
    })),
  ],
};
