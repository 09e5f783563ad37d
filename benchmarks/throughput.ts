// How fast is one large download? limpet over its TUN device, nginx (where it is installed) and node:http over the kernel's
// loopback, with the same client and in rounds that alternate. Must run in a network namespace of its own.
//
// nginx sends a file from the page cache with sendfile(2), and loopback hands pages from socket to socket without a copy
// or a checksum: it is the most that this machine's kernel can do for one connection, not an equal.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "./support/benchmark.js";
import { download, downloader } from "./support/download.js";
import { count } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { type Spread, spreadOf, spreadText } from "./support/spread.js";

export interface ThroughputOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

export interface ThroughputFigure {
  readonly server: string;
  readonly client: string;
  /** In 10^6 bytes a second. */
  readonly megabytesPerSecond: Spread;
  /** To the first server's of the same round, in which both had the same neighbours. */
  readonly ratio: Spread;
  /** Processor time of the server for 10^6 bytes, all threads and processes, in µs. */
  readonly serverUsPerMegabyte: Spread;
}

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly script: URL;
  readonly parameters: readonly string[];
}

const MEGABYTE = 1_000_000;
const TIMEOUT_SECONDS = 120;
/** Until the code on both sides is compiled and the file is in memory. */
const WARM_UP_DOWNLOADS = 1;

function contenders(bytes: number): Contender[] {
  const app = fileURLToPath(new URL("./peers/download-app.js", import.meta.url));
  const quiet = ["--log-level", "error", "--database", ":memory:", "--socket", "none", "--admin", "none"];
  const nginx: Contender = {
    name: "nginx, loopback",
    url: "http://127.0.0.1:8001/bytes",
    script: new URL("./peers/nginx.js", import.meta.url),
    parameters: ["8001", String(bytes)],
  };
  return [
    ...(spawnSync("nginx", ["-v"]).status === 0 ? [nginx] : []),
    {
      name: "node:http, loopback",
      url: `http://127.0.0.1:8002/bytes?n=${bytes}`,
      script: new URL("./peers/download-node.js", import.meta.url),
      parameters: ["8002"],
    },
    {
      name: "limpet, TUN, 1 worker",
      url: `http://198.18.0.1/bytes?n=${bytes}`,
      script: new URL("../core/cli/limpet.js", import.meta.url),
      parameters: ["serve", "--app", app, "--workers", "1", ...quiet],
    },
  ];
}

interface Measured {
  readonly megabytesPerSecond: number;
  readonly serverUsPerMegabyte: number;
}

async function measure({ name, url, script, parameters }: Contender, bytes: number): Promise<Measured> {
  const server = await ServerProcess.start(script, parameters);
  try {
    for (let n = 0; n < WARM_UP_DOWNLOADS; n++) await download(url, TIMEOUT_SECONDS);
    const before = server.processorUs();
    const seen = await download(url, TIMEOUT_SECONDS);
    if (seen.bytes !== bytes) throw new Error(`${name} sent ${seen.bytes} bytes`);
    const megabytes = bytes / MEGABYTE;
    return {
      megabytesPerSecond: megabytes / seen.seconds,
      serverUsPerMegabyte: (server.processorUs() - before) / megabytes,
    };
  } finally {
    await server.stop();
  }
}

/** One figure for each server, the reference first; `progress` is told of each measurement as it begins. */
export async function runThroughput(
  options: ThroughputOptions,
  progress: Progress,
): Promise<ThroughputFigure[]> {
  const bytes = options.megabytes * MEGABYTE;
  const all = contenders(bytes);
  progress.expect(options.rounds * all.length);
  const rounds: Measured[][] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const measured: Measured[] = [];
    for (const contender of all) {
      progress.next(`round ${round} of ${options.rounds}: ${contender.name}`);
      measured.push(await measure(contender, bytes));
    }
    rounds.push(measured);
  }
  return all.map(({ name: server }, index) => {
    const of = (figure: (one: Measured, first: Measured) => number) =>
      spreadOf(rounds.map((round) => figure(round[index]!, round[0]!)));
    return {
      server,
      client: downloader,
      megabytesPerSecond: of((one) => one.megabytesPerSecond),
      ratio: of((one, first) => one.megabytesPerSecond / first.megabytesPerSecond),
      serverUsPerMegabyte: of((one) => one.serverUsPerMegabyte),
    };
  });
}

export const throughput: Benchmark<ThroughputOptions, ThroughputFigure[]> = {
  name: "throughput",
  question: "one large download over the TUN device, against nginx and node:http over the kernel's loopback",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--megabytes <n>", "size of the download in 10^6 bytes", count, 1000)
      .option("--rounds <n>", "rounds, which the spread is of", count, 5),
  run: runThroughput,
  tables: (figures) => [
    figures.map((figure) => ({
      server: figure.server,
      client: figure.client,
      "MB/s": spreadText(figure.megabytesPerSecond),
      "× the first": spreadText(figure.ratio, 2),
      "server µs/MB": spreadText(figure.serverUsPerMegabyte),
    })),
  ],
};
