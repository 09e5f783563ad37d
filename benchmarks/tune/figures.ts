// What a setting has shown, from what each of its rounds has: plain data, for the table, --json and the report alike.

import type { PolicyName } from "../../core/director/policies.js";
import { type Spread, spreadOf } from "../support/spread.js";
import type { Candidate } from "./knee.js";
import type { LoadFigures } from "./load.js";
import type { Limit } from "./reason.js";
import { disturbance, type Usage } from "./usage.js";

export interface Setting {
  readonly workers: number;
  readonly policy: PolicyName;
  /** Of each worker. */
  readonly cacheMib: number;
}

/** What one measurement of a setting has seen. */
export interface Round {
  readonly load: LoadFigures;
  readonly usage: Usage;
  /** Of every worker, warm-up included: its sources stay with it. */
  readonly requestsByWorker: readonly number[];
  /** Of sessions, and how many of them were up to date in the worker's cache. */
  readonly cacheLookups: number;
  readonly cacheHits: number;
  /** Workers that failed or hung and were replaced. */
  readonly workerFailures: number;
}

export interface SettingFigure extends Setting {
  readonly requestsPerSecond: Spread;
  /** Of the medians, against the first setting's. */
  readonly ratio: number;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  /** The same without what other programs took of the cores; it is what settings are compared by. */
  readonly undisturbedPerSecond: Spread;
  readonly undisturbedP99Us: Spread;
  /** In cores. */
  readonly director: Spread;
  readonly workerThreads: Spread;
  readonly storage: Spread;
  readonly client: Spread;
  /** How much of the time the client's one thread ran or waited for a core, 0 … 1. */
  readonly clientWanted: Spread;
  readonly others: Spread;
  /** How much of the time a worker ran or waited for a core, 0 … 1. */
  readonly workersWanted: Spread;
  /** How uneven the workers' requests are: standard deviation and maximum, as multiples of the mean. */
  readonly variation: Spread;
  readonly peak: Spread;
  /** Workers that no request came to, in the worst round. */
  readonly idleWorkers: number;
  /** 0 … 1; absent where no session was looked up. */
  readonly cacheHits?: Spread;
  /** Requests that came to nothing (errors, timeouts, answers from 400 on), and of what they are this part. Of all rounds. */
  readonly failures: number;
  readonly failureShare: number;
  readonly firstFailure?: string;
  readonly workerFailures: number;
}

export interface Recommendation extends Setting {
  /** What keeps it from more. */
  readonly limit: Limit;
  /** One or two sentences. */
  readonly reason: string;
  /** What may be wrong with it, a sentence each. */
  readonly doubts: readonly string[];
}

export interface TuneFigures {
  readonly cores: number;
  /** What the farm was put under. */
  readonly load: string;
  /** In the order of their price: workers, then caches, then policies as they were named. */
  readonly settings: readonly SettingFigure[];
  readonly recommendation: Recommendation;
}

/** `reference`: the rounds of the first setting. */
export function summarize(
  setting: Setting,
  rounds: readonly Round[],
  reference: readonly Round[],
  cores: number,
): SettingFigure {
  const over = (of: (round: Round) => number) => spreadOf(rounds.map(of));
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const rate = ({ load }: Round) => load.requestsPerSecond;
  const disturbed = ({ usage }: Round) => disturbance(usage, setting.workers, cores);
  const first = spreadOf(reference.map(rate)).median;
  const failures = sum(({ load }) => load.failures);
  const [firstFailure] = rounds.flatMap(({ load }) => load.firstFailure ?? []);
  const attempts = sum(({ load }) => load.requests) + failures;
  return {
    ...setting,
    requestsPerSecond: over(rate),
    ratio: first === 0 ? 0 : over(rate).median / first,
    p50Us: over(({ load }) => load.p50Us),
    p99Us: over(({ load }) => load.p99Us),
    undisturbedPerSecond: over((round) => rate(round) * disturbed(round)),
    // Where the cores are short, waiting for one is all that takes time.
    undisturbedP99Us: over((round) => round.load.p99Us / disturbed(round)),
    director: over(({ usage }) => usage.director),
    workerThreads: over(({ usage }) => usage.workers),
    storage: over(({ usage }) => usage.storage),
    client: over(({ usage }) => usage.client),
    clientWanted: over(({ usage }) => usage.clientWanted),
    others: over(({ usage }) => usage.others),
    workersWanted: over(({ usage }) => usage.workersWanted),
    variation: over(({ requestsByWorker }) => unevenness(requestsByWorker).variation),
    peak: over(({ requestsByWorker }) => unevenness(requestsByWorker).peak),
    idleWorkers: Math.max(
      ...rounds.map(({ requestsByWorker }) => requestsByWorker.filter((n) => n === 0).length),
    ),
    ...(rounds.every(({ cacheLookups }) => cacheLookups > 0)
      ? { cacheHits: over(({ cacheHits, cacheLookups }) => cacheHits / cacheLookups) }
      : {}),
    failures,
    failureShare: attempts === 0 ? 0 : failures / attempts,
    ...(firstFailure === undefined ? {} : { firstFailure }),
    workerFailures: sum((round) => round.workerFailures),
  };
}

/** Of loads: 0 and 1 where all are the same, and where there are none. */
export function unevenness(loads: readonly number[]): { variation: number; peak: number } {
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  if (loads.length === 0 || mean === 0) return { variation: 0, peak: 1 };
  const variance = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0) / loads.length;
  return { variation: Math.sqrt(variance) / mean, peak: Math.max(...loads) / mean };
}

export function candidateOf(figure: SettingFigure): Candidate {
  const { undisturbedPerSecond, undisturbedP99Us, failureShare } = figure;
  return { requestsPerSecond: undisturbedPerSecond, p99Us: undisturbedP99Us, failureShare };
}
