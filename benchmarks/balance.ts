// How evenly does each policy load the workers, and what moves when one comes or goes? A simulation of farms of any size
// (support/simulated-farm.ts) under three kinds of traffic. Each figure is a run of its own, in this order:
//
//   a burst on the idle farm · warm-up · the measurement · the last worker leaves · settling · a new one joins

import { POLICIES, type PolicyName } from "../core/director/policies.js";
import { BOARD_FLOWS, BOARD_SOURCES } from "../core/memory/load-board.js";
import type { Benchmark } from "./support/benchmark.js";
import { count, countOrNone, farmSizes, someOf } from "./support/parameters.js";
import { measureEach, type Progress } from "./support/progress.js";
import { Random, zipf } from "./support/random.js";
import {
  AFFINITY_MS,
  MEAN_IDLE_MS,
  MEAN_REQUEST_MS,
  type Moved,
  SimulatedFarm,
} from "./support/simulated-farm.js";
import { type Spread, scaleSpread, spreadOf, spreadText } from "./support/spread.js";

export const BALANCE_TRAFFIC = ["equal", "zipf", "zipf-spill", "bursty"] as const;
/**
 * "equal": flows come one by one, each of any source as likely as of another. "zipf": the source number n (from 1) is 1/n
 * as likely as the first. "zipf-spill": the same, and hot sources may spill. "bursty": flows come many at once, each of a
 * source that was never seen before. All bring the same number of flows.
 */
export type BalanceTraffic = (typeof BALANCE_TRAFFIC)[number];

export interface BalanceOptions {
  readonly workers: readonly number[];
  readonly traffic: readonly BalanceTraffic[];
  readonly policies: readonly PolicyName[];
  /** Simulated seconds of the measurement. */
  readonly seconds: number;
  /** Runs of each figure, with seeds of their own. */
  readonly rounds: number;
  /** Flows of a source from which on it may spill, in "zipf-spill". */
  readonly spillFlows: number;
  readonly slowStartMs: number;
  readonly seed: number;
}

export interface BalanceFigure {
  readonly traffic: BalanceTraffic;
  readonly workers: number;
  readonly policy: PolicyName;
  /** Most flows of a worker less the fewest, after a burst on the idle farm before any worker answers. */
  readonly burstSpread: Spread;
  /**
   * Standard deviation of the workers' loads, and the highest load, each as a multiple of the mean load at the same moment; means
   * over the moments of a round. Load: flows and requests in flight.
   */
  readonly variation: Spread;
  readonly maxToMean: Spread;
  /** Part of the flows that did not go to their source's worker. */
  readonly spilled: Spread;
  /** Parts of all flows and of all sources that went to other workers when one left: what it had. */
  readonly leaverFlows: Spread;
  readonly leaverSources: Spread;
  /** An even part of them: what has to move at the least if the farm was even. */
  readonly idealMoved: number;
  /** Flows and sources that moved though their worker stayed, when one left and when one joined; of all rounds: 0. */
  readonly flowsMovedNeedlessly: number;
  readonly sourcesMovedNeedlessly: number;
  /** New sources that a worker got in its first second, as a multiple of an even part. */
  readonly newcomerSources: Spread;
  /** Time until it had nine tenths of the mean load of the others; a minute: it had not by then. */
  readonly newcomerMs: Spread;
  /** Flows, and sources, that found no place; of all rounds: 0. */
  readonly refused: number;
}

/** Flows that a worker has on average: as many begin in a mean flow's time. */
export const FLOWS_PER_WORKER = 50;
/** Sources, for each worker, that come again: each begins a flow every 20 s on average, and is mostly forgotten by then. */
const SOURCES_PER_WORKER = 1000;
/** Flows of a burst, for each worker. */
const BURST_PER_WORKER = 20;
const WARM_UP_MS = AFFINITY_MS + 5000;
const SAMPLE_MS = 20;
const SETTLING_MS = AFFINITY_MS;
const LONGEST_JOIN_MS = 60_000;
/** Numbers of sources that are seen once begin here, above all that come again. */
const FIRST_STRANGER = 1 << 24;

const NONE_MOVED: Moved = { flows: 0, sources: 0 };
/** A farm of one worker is left alone. */
const NOBODY_LEFT = { leaverFlows: 0, leaverSources: 0, moved: NONE_MOVED };
const NOBODY_JOINED = { newcomerSources: 1, newcomerMs: 0, moved: NONE_MOVED };

type Arrivals = (tick: number, begin: (source: number) => void) => void;

/** What begins in each millisecond. */
function arrivalsOf(traffic: BalanceTraffic, workers: number, random: Random): Arrivals {
  const meanFlowMs = MEAN_REQUEST_MS + MEAN_IDLE_MS;
  const gapMs = meanFlowMs / (FLOWS_PER_WORKER * workers);
  const sources = SOURCES_PER_WORKER * workers;
  let next = 0;
  if (traffic === "bursty") {
    let stranger = FIRST_STRANGER * 2;
    const size = BURST_PER_WORKER * workers;
    return (tick, begin) => {
      for (; next <= tick; next += random.wait(gapMs * size)) {
        for (let i = 0; i < size; i++) begin(stranger++);
      }
    };
  }
  const source = traffic === "equal" ? () => random.below(sources) : zipf(random, sources);
  return (tick, begin) => {
    for (; next <= tick; next += random.wait(gapMs)) begin(source());
  };
}

/** More flows than workers at once on an idle farm, none a multiple of the other. */
function burstOn(farm: SimulatedFarm, workers: number): number {
  for (let i = 0; i < FLOWS_PER_WORKER * workers + 1; i++) farm.begin(FIRST_STRANGER + i);
  const flows = Array.from({ length: workers }, (_, worker) => farm.board.get(worker, BOARD_FLOWS));
  return Math.max(...flows) - Math.min(...flows);
}

/** How uneven the loads are at this moment. */
function unevenness(farm: SimulatedFarm, workers: number): { variation: number; maxToMean: number } {
  let sum = 0;
  let squares = 0;
  let most = 0;
  for (let worker = 0; worker < workers; worker++) {
    const load = farm.loadOf(worker);
    sum += load;
    squares += load * load;
    if (load > most) most = load;
  }
  const mean = sum / workers;
  // No load at all is even.
  if (sum === 0) return { variation: 0, maxToMean: 1 };
  return {
    variation: Math.sqrt(Math.max(0, squares / workers - mean * mean)) / mean,
    maxToMean: most / mean,
  };
}

/** One run. What is a spread of the figure is a number of it. */
type Round = {
  readonly [Name in keyof Omit<BalanceFigure, "traffic" | "workers" | "policy" | "idealMoved">]: number;
};

function run(
  traffic: BalanceTraffic,
  workers: number,
  policy: PolicyName,
  options: BalanceOptions,
  seed: number,
): Round {
  const random = new Random(seed);
  const spillFlows = traffic === "zipf-spill" ? options.spillFlows : 0;
  const { slowStartMs } = options;
  const farm = new SimulatedFarm({
    workers,
    policy: POLICIES[policy],
    spillFlows,
    slowStartMs,
    seed,
    random,
  });
  const arrivals = arrivalsOf(traffic, workers, random);
  const go = (ms: number) => {
    for (let i = 0; i < ms; i++) farm.step(arrivals);
  };
  const burstSpread = burstOn(farm, workers);
  go(WARM_UP_MS);
  const evenness = measure(farm, workers, options.seconds * 1000, go);
  const leaving = workers > 1 ? leave(farm, workers - 1, go) : NOBODY_LEFT;
  const joining = workers > 1 ? join(farm, workers, go) : NOBODY_JOINED;
  const { leaverFlows, leaverSources } = leaving;
  const { newcomerSources, newcomerMs } = joining;
  return {
    burstSpread,
    ...evenness,
    leaverFlows,
    leaverSources,
    flowsMovedNeedlessly: leaving.moved.flows + joining.moved.flows,
    sourcesMovedNeedlessly: leaving.moved.sources + joining.moved.sources,
    newcomerSources,
    newcomerMs,
    refused: farm.refused,
  };
}

function measure(farm: SimulatedFarm, workers: number, ms: number, go: (ms: number) => void) {
  const samples = Math.ceil(ms / SAMPLE_MS);
  const begun = farm.begun;
  const spilled = farm.spilled;
  let variation = 0;
  let maxToMean = 0;
  for (let sample = 0; sample < samples; sample++) {
    go(SAMPLE_MS);
    const seen = unevenness(farm, workers);
    variation += seen.variation;
    maxToMean += seen.maxToMean;
  }
  return {
    variation: variation / samples,
    maxToMean: maxToMean / samples,
    // In a short run nothing may have begun.
    spilled: (farm.spilled - spilled) / Math.max(1, farm.begun - begun),
  };
}

function leave(farm: SimulatedFarm, leaver: number, go: (ms: number) => void) {
  const before = farm.holdings();
  const leaverFlows = farm.board.get(leaver, BOARD_FLOWS) / farm.table.flows;
  const leaverSources = farm.board.get(leaver, BOARD_SOURCES) / farm.table.sources;
  farm.leave(leaver);
  go(1000);
  const moved = farm.movedSince(before);
  go(SETTLING_MS);
  return { leaverFlows, leaverSources, moved };
}

function join(farm: SimulatedFarm, workers: number, go: (ms: number) => void) {
  const newcomer = workers - 1;
  const before = farm.holdings();
  const placedBefore = farm.placed.slice();
  const joined = farm.tick;
  let newcomerMs = Number.POSITIVE_INFINITY;
  let newcomerSources = 0;
  let moved = NONE_MOVED;
  farm.join(newcomer);
  for (let ms = 1; ms <= LONGEST_JOIN_MS && (ms <= 1000 || newcomerMs > LONGEST_JOIN_MS); ms++) {
    go(1);
    if (ms === 1000) {
      moved = farm.movedSince(before);
      const placed = farm.placed.map((count, worker) => count - placedBefore[worker]!);
      const all = placed.reduce((sum, count) => sum + count, 0);
      newcomerSources = (placed[newcomer]! / Math.max(1, all)) * workers;
    }
    let others = 0;
    for (let worker = 0; worker < newcomer; worker++) others += farm.loadOf(worker);
    const isEven = farm.loadOf(newcomer) >= (0.9 * others) / newcomer;
    if (isEven && newcomerMs > LONGEST_JOIN_MS) newcomerMs = farm.tick - joined;
  }
  return { newcomerSources, newcomerMs: Math.min(newcomerMs, LONGEST_JOIN_MS), moved };
}

async function figureOf(
  traffic: BalanceTraffic,
  workers: number,
  policy: PolicyName,
  options: BalanceOptions,
  progress: Progress,
): Promise<BalanceFigure> {
  const measurements = Array.from({ length: options.rounds }, (_, round) => ({
    what: `${policy}, ${workers} workers, ${traffic}, round ${round + 1}`,
    measure: () => run(traffic, workers, policy, options, options.seed + round),
  }));
  const rounds = await measureEach(measurements, progress);
  const spread = (name: keyof Round) => spreadOf(rounds.map((round) => round[name]));
  const sum = (name: keyof Round) => rounds.reduce((total, round) => total + round[name], 0);
  return {
    traffic,
    workers,
    policy,
    burstSpread: spread("burstSpread"),
    variation: spread("variation"),
    maxToMean: spread("maxToMean"),
    spilled: spread("spilled"),
    leaverFlows: spread("leaverFlows"),
    leaverSources: spread("leaverSources"),
    idealMoved: workers > 1 ? 1 / workers : 0,
    flowsMovedNeedlessly: sum("flowsMovedNeedlessly"),
    sourcesMovedNeedlessly: sum("sourcesMovedNeedlessly"),
    newcomerSources: spread("newcomerSources"),
    newcomerMs: spread("newcomerMs"),
    refused: sum("refused"),
  };
}

/** One figure for each kind of traffic, size of farm and policy. */
export async function runBalance(options: BalanceOptions, progress: Progress): Promise<BalanceFigure[]> {
  const { traffic, workers, policies, rounds } = options;
  progress.expect(traffic.length * workers.length * policies.length * rounds);
  const figures: BalanceFigure[] = [];
  for (const kind of traffic) {
    for (const size of workers) {
      for (const policy of policies) figures.push(await figureOf(kind, size, policy, options, progress));
    }
  }
  return figures;
}

const policyNames = Object.keys(POLICIES) as PolicyName[];
const percentText = (part: Spread) => `${spreadText(scaleSpread(part, 100), 1)} %`;

export const balance: Benchmark<BalanceOptions, BalanceFigure[]> = {
  name: "balance",
  question: "how evenly each policy loads the workers, and what moves when one comes or goes, by simulation",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--workers <n,…>", "workers of the simulated farms", farmSizes(1), [2, 4, 8, 16, 64])
      .option("--traffic <kind,…>", BALANCE_TRAFFIC.join(", "), someOf(BALANCE_TRAFFIC), [...BALANCE_TRAFFIC])
      .option("--policies <name,…>", policyNames.join(", "), someOf(policyNames), policyNames)
      .option("--seconds <n>", "simulated seconds of the measurement", count, 20)
      .option("--rounds <n>", "runs of each figure, each with the next seed", count, 5)
      .option("--spill-flows <n>", "flows from which on a source may spill, in zipf-spill", count, 16)
      .option(
        "--slow-start-ms <n>",
        "time in which a new worker grows to its full weight",
        countOrNone,
        10_000,
      )
      .option("--seed <n>", "seed of traffic and flow hash", count, 1),
  run: runBalance,
  tables: (figures) => [
    figures.map((figure) => ({
      traffic: figure.traffic,
      workers: figure.workers,
      policy: figure.policy,
      variation: spreadText(figure.variation, 3),
      "max/mean": spreadText(figure.maxToMean, 2),
      "burst max-min": spreadText(figure.burstSpread),
      spilled: percentText(figure.spilled),
      refused: figure.refused,
    })),
    figures.map((figure) => ({
      traffic: figure.traffic,
      workers: figure.workers,
      policy: figure.policy,
      "moved flows when one leaves": percentText(figure.leaverFlows),
      sources: percentText(figure.leaverSources),
      ideal: `${(figure.idealMoved * 100).toFixed(1)} %`,
      "needlessly, also when one joins": `${figure.flowsMovedNeedlessly} and ${figure.sourcesMovedNeedlessly}`,
      "newcomer's new sources ×": spreadText(figure.newcomerSources, 2),
      "its share after s": spreadText(scaleSpread(figure.newcomerMs, 1 / 1000), 1),
    })),
  ],
  notes: [
    "Medians of the rounds, which have a seed each, and in brackets what they lay between. 60 s: no even share within a minute.",
    "Ideal: an even part. Moved needlessly: flows and sources whose worker stayed.",
  ],
};
