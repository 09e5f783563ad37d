// Rates a second from looks at a farm's counters. Workers come and go between the looks; what each has done is counted from one look to
// the next as long as it is there, so that a farm that is resized or reloaded does not seem to do less. Pure: no clock, no farm.

import type { StatusAnswer, WorkersAnswer } from "./admin-command.js";

/** One look at a farm. */
export interface Look {
  /** When, in ms of any steady clock. */
  readonly atMs: number;
  readonly status: StatusAnswer;
  readonly workers: WorkersAnswer["workers"];
}

export interface WorkerRates {
  readonly requestsPerSecond: number;
  /** Responses of class 5xx. */
  readonly errorsPerSecond: number;
}

export interface Rates {
  readonly packetsPerSecond: number;
  /** Flows that began. */
  readonly flowsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** By worker number; those that were not there before the last look have none. */
  readonly workers: ReadonlyMap<number, WorkerRates>;
}

/** What a worker has done, and in what time. */
interface Work {
  seconds: number;
  requests: number;
  errors: number;
}

/**
 * From the first of the looks to the last. Undefined if no rate can be told: no time between them, or another farm's look, which
 * counts from 0 again.
 */
export function ratesOver(looks: readonly Look[]): Rates | undefined {
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const seconds = (last.atMs - first.atMs) / 1000;
  if (seconds <= 0 || last.status.uptimeSeconds < first.status.uptimeSeconds) return undefined;
  const work = workBetween(looks);
  const rate = (before: number, after: number): number => increase(before, after) / seconds;
  const sum = (of: (one: Work) => number) => [...work.values()].reduce((total, one) => total + of(one), 0);
  const present = last.workers.flatMap(({ worker }) => {
    const done = work.get(worker);
    return done === undefined ? [] : [[worker, ratesOf(done)] as const];
  });
  return {
    packetsPerSecond: rate(packetsOf(first), packetsOf(last)),
    flowsPerSecond: rate(first.status.flowCounters.flows_started, last.status.flowCounters.flows_started),
    requestsPerSecond: sum(({ requests }) => requests) / seconds,
    errorsPerSecond: sum(({ errors }) => errors) / seconds,
    workers: new Map(present),
  };
}

/** By worker number, of all that were there in two looks in a row. */
function workBetween(looks: readonly Look[]): Map<number, Work> {
  const work = new Map<number, Work>();
  for (const [n, look] of looks.slice(1).entries()) {
    const before = looks[n]!;
    const past = new Map(before.workers.map((one) => [one.worker, one]));
    for (const after of look.workers) {
      const own = past.get(after.worker);
      if (own === undefined) continue;
      const done = work.get(after.worker) ?? { seconds: 0, requests: 0, errors: 0 };
      done.seconds += (look.atMs - before.atMs) / 1000;
      done.requests += increase(own.requests, after.requests);
      done.errors += increase(own.counts?.responses_5xx, after.counts?.responses_5xx);
      work.set(after.worker, done);
    }
  }
  return work;
}

function ratesOf({ seconds, requests, errors }: Work): WorkerRates {
  return { requestsPerSecond: requests / seconds, errorsPerSecond: errors / seconds };
}

function increase(before = 0, after = 0): number {
  return Math.max(0, after - before);
}

function packetsOf({ status }: Look): number {
  return Object.values(status.verdicts).reduce((sum, count) => sum + count, 0);
}
