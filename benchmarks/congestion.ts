// How much arrives over a path that loses packets, how long short responses take on it, and how two flows share it? Our TCP
// sends to a model client over a simulated path (support/simulated-transfer.ts) with a bottleneck and a queue of one product of
// bandwidth and delay, but never below 64 KiB. Virtual time: figures are of the algorithms, not of the machine.

import type { CongestionName } from "../workers/tcp/congestion-algorithms.js";
import type { Benchmark } from "./support/benchmark.js";
import { count, counts, percents, someOf } from "./support/parameters.js";
import { measureEach, type Progress } from "./support/progress.js";
import { Random } from "./support/random.js";
import { SimulatedTransfer } from "./support/simulated-transfer.js";
import { type Spread, scaleSpread, spreadOf, spreadText } from "./support/spread.js";

export const CONGESTION_CONTROLS = ["new-reno", "cubic"] as const satisfies CongestionName[];

export interface CongestionOptions {
  readonly algorithms: readonly CongestionName[];
  /** Packets that are lost by chance, each by itself. */
  readonly lossPercent: readonly number[];
  readonly roundTripMs: readonly number[];
  readonly megabitsPerSecond: number;
  /** Simulated seconds of each transfer. */
  readonly seconds: number;
  /** Runs of each transfer, with seeds of their own. */
  readonly rounds: number;
  readonly responses: number;
  readonly responseKib: readonly number[];
  readonly seed: number;
}

/** One flow that sends without end. */
export interface TransferFigure {
  readonly algorithm: CongestionName;
  readonly roundTripMs: number;
  readonly lossPercent: number;
  /** That arrived in order. */
  readonly megabitsPerSecond: Spread;
  readonly timeouts: Spread;
  /** Parts of the packets: dropped for want of room in the queue, and there already when they arrived. */
  readonly dropped: Spread;
  readonly needless: Spread;
}

/** Requests one after the other on one connection, each answered at once: time from a request to its whole response. */
export interface ResponseFigure {
  readonly algorithm: CongestionName;
  readonly roundTripMs: number;
  readonly lossPercent: number;
  readonly kib: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Two flows on one path without chance losses, the second of which begins when the first has had it for an eighth of the time; in
 * the later half.
 */
export interface SharingFigure {
  readonly first: CongestionName;
  readonly second: CongestionName;
  readonly roundTripMs: number;
  /** Goodput of the second flow as a multiple of the first one's. */
  readonly ratio: Spread;
  /** Of both. */
  readonly megabitsPerSecond: Spread;
}

export interface CongestionFigures {
  readonly transfers: TransferFigure[];
  readonly responses: ResponseFigure[];
  readonly sharing: SharingFigure[];
}

const MIN_QUEUE_BYTES = 65_536;
/** Longer than any connection can need that is not given up. */
const LONGEST_MS = 86_400_000;

/** Throws Error if a connection was given up. */
export async function runCongestion(
  options: CongestionOptions,
  progress: Progress,
): Promise<CongestionFigures> {
  const { algorithms, roundTripMs, lossPercent, responseKib } = options;
  const paths = roundTripMs.flatMap((trip) => lossPercent.map((loss) => [trip, loss] as const));
  const transfers = paths.flatMap(([trip, loss]) =>
    algorithms.map((name) => ({
      what: `${name}, ${trip} ms, ${loss} % loss`,
      measure: () => transfer(options, name, trip, loss),
    })),
  );
  const responses = paths.flatMap(([trip, loss]) =>
    responseKib.flatMap((kib) =>
      algorithms.map((name) => ({
        what: `responses of ${kib} KiB, ${name}, ${trip} ms, ${loss} % loss`,
        measure: () => respond(options, name, trip, loss, kib),
      })),
    ),
  );
  const sharing = roundTripMs.flatMap((trip) =>
    algorithms.flatMap((first) =>
      algorithms.map((second) => ({
        what: `${first} and ${second}, ${trip} ms`,
        measure: () => share(options, first, second, trip),
      })),
    ),
  );
  progress.expect(transfers.length + responses.length + sharing.length);
  return {
    transfers: await measureEach(transfers, progress),
    responses: await measureEach(responses, progress),
    sharing: await measureEach(sharing, progress),
  };
}

function overPath(options: CongestionOptions, roundTripMs: number, lossPercent: number, seed: number) {
  const { megabitsPerSecond } = options;
  return new SimulatedTransfer({
    roundTripMs,
    megabitsPerSecond,
    queueBytes: Math.max(MIN_QUEUE_BYTES, megabitsPerSecond * 125 * roundTripMs),
    loss: lossPercent / 100,
    random: new Random(seed),
  });
}

/** A run for each seed; of each number that it returns what the runs lay between. */
function spreads<Name extends string>(
  { seed, rounds }: CongestionOptions,
  run: (seed: number) => Record<Name, number>,
): Record<Name, Spread> {
  const runs = Array.from({ length: rounds }, (_, round) => run(seed + round));
  const names = Object.keys(runs[0]!) as Name[];
  const spread = (name: Name) => spreadOf(runs.map((one) => one[name]));
  return Object.fromEntries(names.map((name) => [name, spread(name)])) as Record<Name, Spread>;
}

function transfer(
  options: CongestionOptions,
  algorithm: CongestionName,
  roundTripMs: number,
  lossPercent: number,
): TransferFigure {
  const numbers = spreads(options, (seed) => {
    const simulation = overPath(options, roundTripMs, lossPercent, seed);
    const { client, stack } = simulation.addFlow(algorithm, Infinity);
    client.connect(simulation.nowMs);
    simulation.run(simulation.nowMs + options.seconds * 1000);
    const { sent, dropped } = simulation.path;
    return {
      megabitsPerSecond: (client.received * 8) / 1e6 / options.seconds,
      timeouts: stack.counters.retransmissionTimeouts,
      dropped: dropped / sent,
      needless: client.duplicates / sent,
    };
  });
  return { algorithm, roundTripMs, lossPercent, ...numbers };
}

function respond(
  options: CongestionOptions,
  algorithm: CongestionName,
  roundTripMs: number,
  lossPercent: number,
  kib: number,
): ResponseFigure {
  const bytes = kib * 1024;
  const simulation = overPath(options, roundTripMs, lossPercent, options.seed);
  const { client } = simulation.addFlow(algorithm, bytes);
  const timesMs: number[] = [];
  let askedMs = 0;
  const ask = (nowMs: number) => {
    askedMs = nowMs;
    client.request(nowMs);
  };
  client.onOpen = ask;
  client.onReceived = (nowMs, received) => {
    if (received < bytes * (timesMs.length + 1)) return;
    timesMs.push(nowMs - askedMs);
    if (timesMs.length < options.responses) ask(nowMs);
  };
  client.connect(simulation.nowMs);
  simulation.run(simulation.nowMs + LONGEST_MS);
  if (timesMs.length < options.responses) throw new Error(`only ${timesMs.length} responses came`);
  timesMs.sort((a, b) => a - b);
  return {
    algorithm,
    roundTripMs,
    lossPercent,
    kib,
    meanMs: timesMs.reduce((sum, time) => sum + time, 0) / timesMs.length,
    p50Ms: timesMs[timesMs.length >> 1]!,
    p99Ms: timesMs[Math.floor(timesMs.length * 0.99)]!,
  };
}

function share(
  options: CongestionOptions,
  first: CongestionName,
  second: CongestionName,
  roundTripMs: number,
): SharingFigure {
  const numbers = spreads(options, (seed) => {
    const simulation = overPath(options, roundTripMs, 0, seed);
    const startMs = simulation.nowMs;
    const spanMs = options.seconds * 1000;
    const clients = [first, second].map((name) => simulation.addFlow(name, Infinity).client);
    clients[0]!.connect(startMs);
    simulation.run(startMs + spanMs / 8);
    clients[1]!.connect(simulation.nowMs);
    simulation.run(startMs + spanMs / 2);
    const before = clients.map(({ received }) => received);
    simulation.run(startMs + spanMs);
    const [one, two] = clients.map(({ received }, index) => received - before[index]!);
    return { ratio: two! / one!, megabitsPerSecond: ((one! + two!) * 16) / 1e6 / options.seconds };
  });
  return { first, second, roundTripMs, ...numbers };
}

function pathColumns({ roundTripMs, lossPercent }: { roundTripMs: number; lossPercent: number }) {
  return { "round trip ms": roundTripMs, "loss %": lossPercent };
}

const percentText = (part: Spread) => `${spreadText(scaleSpread(part, 100), 2)} %`;

export const congestion: Benchmark<CongestionOptions, CongestionFigures> = {
  name: "congestion",
  question: "goodput, response times and fairness of the workers' TCP over a lossy path, by simulation",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--algorithms <name,…>", CONGESTION_CONTROLS.join(", "), someOf(CONGESTION_CONTROLS), [
        ...CONGESTION_CONTROLS,
      ])
      .option("--loss-percent <n,…>", "packets lost by chance", percents, [0, 0.1, 1, 5])
      .option("--round-trip-ms <n,…>", "delay of the path, both ways", counts, [1, 20, 100])
      .option("--megabits-per-second <n>", "bandwidth of the path", count, 100)
      .option("--seconds <n>", "simulated seconds of a transfer", count, 20)
      .option("--rounds <n>", "runs of each transfer, each with the next seed", count, 5)
      .option("--responses <n>", "responses of each size", count, 2000)
      .option("--response-kib <n,…>", "sizes of responses", counts, [1, 16, 128])
      .option("--seed <n>", "seed of losses and delays", count, 1),
  run: runCongestion,
  tables: (figures) => [
    figures.transfers.map((figure) => ({
      "one flow": figure.algorithm,
      ...pathColumns(figure),
      "goodput Mbit/s": spreadText(figure.megabitsPerSecond, 2),
      timeouts: spreadText(figure.timeouts),
      "dropped by the queue": percentText(figure.dropped),
      "sent needlessly": percentText(figure.needless),
    })),
    figures.responses.map((figure) => ({
      responses: figure.algorithm,
      ...pathColumns(figure),
      KiB: figure.kib,
      "mean ms": figure.meanMs.toFixed(1),
      "p50 ms": figure.p50Ms.toFixed(1),
      "p99 ms": figure.p99Ms.toFixed(1),
    })),
    figures.sharing.map((figure) => ({
      "two flows": `${figure.first}, then ${figure.second}`,
      "round trip ms": figure.roundTripMs,
      "second's part × first's": spreadText(figure.ratio, 2),
      "goodput Mbit/s": spreadText(figure.megabitsPerSecond, 2),
    })),
  ],
};
