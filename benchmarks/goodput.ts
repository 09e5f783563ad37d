// How much gets through where packets are lost? limpet over its TUN device with faults on purpose, against the kernel's Reno over a
// path with the same ones (peers/kernel-path.ts). The same client, the kernel, downloads the same bytes; both ways are equally
// bad; segments are single packets of the same size. Rounds alternate, each with faults of its own. Must run in a network
// namespace of its own.

import { fileURLToPath } from "node:url";
import type { Benchmark } from "./support/benchmark.js";
import { download, downloader } from "./support/download.js";
import { count, countsOrNone, countUpTo, percents } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { type Spread, spreadOf, spreadText } from "./support/spread.js";

export interface GoodputOptions {
  /** Of packets lost in each direction, in percent. */
  readonly loss: readonly number[];
  /** Round trips that the path takes itself, in ms. */
  readonly rttMs: readonly number[];
  readonly megabytes: number;
  readonly rounds: number;
  /** Round n has the faults of this seed + n. */
  readonly seed: number;
}

export interface GoodputFigure {
  readonly lossPercent: number;
  readonly rttMs: number;
  readonly client: string;
  /** In 10^6 bytes a second. */
  readonly limpetMegabytesPerSecond: Spread;
  readonly renoMegabytesPerSecond: Spread;
  /** Limpet's to Reno's of the same round, which had the same faults. */
  readonly ratio: Spread;
}

const MEGABYTE = 1_000_000;
/** What the app sends in one piece, as Reno's server does: a stream's pace would be measured with it. */
const MAX_MEGABYTES = 60;
const PORT = "8003";
/** One download may take so long; a TCP that cannot do it is a result, and ends the benchmark. */
const TIMEOUT_SECONDS = 300;
/** Before it, downloads of so many bytes for so long: until the code is compiled, limpet's and that which carries Reno's packets. */
const WARM_UP_BYTES = 1_000_000;
const WARM_UP_SECONDS = 2;

const app = fileURLToPath(new URL("./peers/download-app.js", import.meta.url));
const limpet = new URL("../core/cli/limpet.js", import.meta.url);
const kernelPath = new URL("./peers/kernel-path.js", import.meta.url);

async function measure(
  script: URL,
  parameters: readonly string[],
  origin: string,
  bytes: number,
): Promise<number> {
  const server = await ServerProcess.start(script, parameters);
  try {
    for (let seconds = 0; seconds < WARM_UP_SECONDS; ) {
      seconds += (await download(`${origin}/bytes?n=${WARM_UP_BYTES}`, TIMEOUT_SECONDS)).seconds;
    }
    const seen = await download(`${origin}/bytes?n=${bytes}`, TIMEOUT_SECONDS);
    if (seen.bytes !== bytes) throw new Error(`${origin} sent ${seen.bytes} bytes`);
    return bytes / MEGABYTE / seen.seconds;
  } finally {
    await server.stop();
  }
}

function measureLimpet(faults: string, bytes: number): Promise<number> {
  const quiet = ["--log-level", "error", "--database", ":memory:", "--socket", "none", "--admin", "none"];
  const parameters = ["serve", "--app", app, "--workers", "1", "--fault", faults, ...quiet];
  return measure(limpet, parameters, "http://198.18.0.1", bytes);
}

function measureReno(faults: string, bytes: number): Promise<number> {
  return measure(kernelPath, [faults, PORT], `http://198.20.0.1:${PORT}`, bytes);
}

/** A figure for each loss and round trip; `progress` is told of each download as it begins. */
export async function runGoodput(options: GoodputOptions, progress: Progress): Promise<GoodputFigure[]> {
  const bytes = options.megabytes * MEGABYTE;
  progress.expect(options.rttMs.length * options.loss.length * options.rounds * 2);
  const figures: GoodputFigure[] = [];
  for (const rttMs of options.rttMs) {
    for (const lossPercent of options.loss) {
      const next = (server: string, round: number) =>
        progress.next(`${lossPercent} % lost, round trip ${rttMs} ms, round ${round}: ${server}`);
      const ofLimpet: number[] = [];
      const ofReno: number[] = [];
      for (let round = 1; round <= options.rounds; round++) {
        const faults = `drop=${lossPercent}%,delay=${rttMs / 2}ms,seed=${options.seed + round}`;
        next("limpet", round);
        ofLimpet.push(await measureLimpet(faults, bytes));
        next("Reno", round);
        ofReno.push(await measureReno(faults, bytes));
      }
      figures.push({
        lossPercent,
        rttMs,
        client: downloader,
        limpetMegabytesPerSecond: spreadOf(ofLimpet),
        renoMegabytesPerSecond: spreadOf(ofReno),
        ratio: spreadOf(ofLimpet.map((speed, round) => speed / ofReno[round]!)),
      });
    }
  }
  return figures;
}

export const goodput: Benchmark<GoodputOptions, GoodputFigure[]> = {
  name: "goodput",
  question: "downloads over a path that loses packets, against the kernel's Reno over the same path",
  isInNamespace: true,
  options: (command) =>
    command
      .option("--loss <percent,…>", "packets lost in each direction, in percent", percents, [0.1, 1, 5])
      .option("--rtt-ms <n,…>", "round trip of the path itself in ms", countsOrNone, [0, 10])
      .option(
        "--megabytes <n>",
        `size of a download in 10^6 bytes, at most ${MAX_MEGABYTES}`,
        countUpTo(MAX_MEGABYTES),
        10,
      )
      .option("--rounds <n>", "rounds, which the spread is of", count, 5)
      .option("--seed <n>", "seed of the faults; each round has the next", count, 1),
  run: runGoodput,
  tables: (figures) => [
    figures.map((figure) => ({
      "loss %": figure.lossPercent,
      "round trip ms": figure.rttMs,
      "limpet MB/s": spreadText(figure.limpetMegabytesPerSecond, 2),
      "Reno MB/s": spreadText(figure.renoMegabytesPerSecond, 2),
      "× Reno": spreadText(figure.ratio, 2),
    })),
  ],
};
