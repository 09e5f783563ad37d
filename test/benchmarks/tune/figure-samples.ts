// What a setting has shown, made up: every figure of one value, without noise.

import type { Spread } from "../../../benchmarks/support/spread.js";
import type { SettingFigure } from "../../../benchmarks/tune/figures.js";

type Sample = {
  readonly [Name in keyof SettingFigure]?: SettingFigure[Name] extends Spread | undefined
    ? number
    : SettingFigure[Name];
};

export function figureOf(sample: Sample): SettingFigure {
  const { requestsPerSecond = 100, p99Us = 20_000 } = sample;
  const numbers = {
    director: 0.1,
    workerThreads: 0.5,
    storage: 0,
    client: 0.1,
    clientWanted: 0.1,
    others: 0,
    workersWanted: 0.5,
    variation: 0,
    peak: 1,
    p50Us: 10_000,
    undisturbedPerSecond: requestsPerSecond,
    undisturbedP99Us: p99Us,
  };
  const plain = {
    workers: 1,
    policy: "least-loaded",
    cacheMib: 64,
    ratio: 1,
    idleWorkers: 0,
    failures: 0,
    failureShare: 0,
    workerFailures: 0,
  };
  const isPlain = new Set([...Object.keys(plain), "firstFailure"]);
  const all = { ...plain, ...numbers, requestsPerSecond, p99Us, ...sample };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [
      name,
      typeof value === "number" && !isPlain.has(name)
        ? { median: value, lowest: value, highest: value }
        : value,
    ]),
  ) as unknown as SettingFigure;
}
