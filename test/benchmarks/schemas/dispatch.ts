// The figures of the dispatch benchmark.

import * as v from "valibot";
import type { DispatchFigure, DispatchFigures } from "../../../benchmarks/dispatch.js";
import { TRAFFIC } from "../../../benchmarks/support/dispatch-traffic.js";
import type { Yardstick } from "../../../benchmarks/support/yardsticks.js";
import { VERDICTS } from "../../../core/director/verdict.js";
import { amount, finite, part, spread, wholeCount } from "./output.js";

const path = v.strictObject({
  traffic: v.picklist(TRAFFIC),
  flows: wholeCount,
  packets: wholeCount,
  totalNs: spread(amount),
  linkNs: spread(amount),
  standInNs: spread(amount),
  // A difference of what was measured apart.
  directorNs: spread(finite),
  millionPacketsPerSecond: spread(amount),
  allocatedBytes: spread(finite),
  retainedBytes: spread(finite),
  collections: wholeCount,
  tableBytes: wholeCount,
  flowBytes: amount,
  taken: part,
  longestProbe: v.pipe(wholeCount, v.minValue(1), v.maxValue(32)),
  openFlowsEvicted: wholeCount,
  drops: v.record(v.picklist(VERDICTS), wholeCount),
  unexpected: wholeCount,
}) satisfies v.GenericSchema<DispatchFigure>;

const yardstick = v.strictObject({
  system: v.pipe(v.string(), v.nonEmpty()),
  figure: v.pipe(v.string(), v.nonEmpty()),
  nsPerPacket: amount,
  what: v.pipe(v.string(), v.nonEmpty()),
  source: v.pipe(v.string(), v.nonEmpty()),
}) satisfies v.GenericSchema<Yardstick>;

export const dispatchFigures = v.strictObject({
  paths: v.array(path),
  yardsticks: v.array(yardstick),
}) satisfies v.GenericSchema<DispatchFigures>;
