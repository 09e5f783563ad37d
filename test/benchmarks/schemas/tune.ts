// What `limpet tune --json` must look like, to the last key: a key too many is an error, as is one too few.

import * as v from "valibot";
import type { Spread } from "../../../benchmarks/support/spread.js";
import type { Recommendation, SettingFigure, TuneFigures } from "../../../benchmarks/tune/figures.js";
import { POLICIES, type PolicyName } from "../../../core/director/policies.js";

const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const part = v.pipe(amount, v.maxValue(1));
const wholeCount = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.nonEmpty());

function spread(figure: v.GenericSchema<number>) {
  return v.pipe(
    v.strictObject({ median: figure, lowest: figure, highest: figure }),
    v.check(({ lowest, median, highest }) => lowest <= median && median <= highest, "a spread out of order"),
  ) satisfies v.GenericSchema<Spread>;
}

const setting = {
  workers: v.pipe(wholeCount, v.minValue(1), v.maxValue(64)),
  policy: v.picklist(Object.keys(POLICIES) as PolicyName[]),
  cacheMib: v.pipe(wholeCount, v.minValue(1)),
};

const settingFigure = v.strictObject({
  ...setting,
  requestsPerSecond: spread(amount),
  ratio: amount,
  p50Us: spread(amount),
  p99Us: spread(amount),
  undisturbedPerSecond: spread(amount),
  undisturbedP99Us: spread(amount),
  director: spread(amount),
  workerThreads: spread(amount),
  storage: spread(amount),
  client: spread(amount),
  clientWanted: spread(part),
  others: spread(amount),
  workersWanted: spread(part),
  variation: spread(amount),
  peak: spread(v.pipe(amount, v.minValue(1))),
  idleWorkers: wholeCount,
  cacheHits: v.exactOptional(spread(part)),
  failures: wholeCount,
  failureShare: part,
  firstFailure: v.exactOptional(text),
  workerFailures: wholeCount,
}) satisfies v.GenericSchema<SettingFigure>;

const recommendation = v.strictObject({
  ...setting,
  limit: v.picklist(["cores", "director", "client", "waiting", "others", "load"]),
  reason: text,
  doubts: v.array(text),
}) satisfies v.GenericSchema<Recommendation>;

export const tuneFigures = v.strictObject({
  cores: v.pipe(wholeCount, v.minValue(1)),
  load: text,
  settings: v.pipe(v.array(settingFigure), v.minLength(1)),
  recommendation,
}) satisfies v.GenericSchema<TuneFigures>;
