// Rates a second from two looks at a farm's counters. Pure: no clock, no farm.

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
  /** By worker number; those that were not there at the first look have none. */
  readonly workers: ReadonlyMap<number, WorkerRates>;
}

/** Undefined if no rate can be told: no time between them, or another farm's second look, which counts from 0 again. */
export function ratesBetween(first: Look, second: Look): Rates | undefined {
  const seconds = (second.atMs - first.atMs) / 1000;
  if (seconds <= 0 || second.status.uptimeSeconds < first.status.uptimeSeconds) return undefined;
  const rate = (before = 0, after = 0): number => Math.max(0, after - before) / seconds;
  const before = new Map(first.workers.map((one) => [one.worker, one]));
  const workers = new Map<number, WorkerRates>();
  for (const after of second.workers) {
    const past = before.get(after.worker);
    if (past === undefined) continue;
    workers.set(after.worker, {
      requestsPerSecond: rate(past.requests, after.requests),
      errorsPerSecond: rate(past.counts?.responses_5xx, after.counts?.responses_5xx),
    });
  }
  const sum = (of: (rates: WorkerRates) => number) =>
    [...workers.values()].reduce((total, one) => total + of(one), 0);
  return {
    packetsPerSecond: rate(packetsOf(first), packetsOf(second)),
    flowsPerSecond: rate(first.status.flowCounters.flows_started, second.status.flowCounters.flows_started),
    requestsPerSecond: sum(({ requestsPerSecond }) => requestsPerSecond),
    errorsPerSecond: sum(({ errorsPerSecond }) => errorsPerSecond),
    workers,
  };
}

function packetsOf({ status }: Look): number {
  return Object.values(status.verdicts).reduce((sum, count) => sum + count, 0);
}
