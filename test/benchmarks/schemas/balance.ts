// The figures of the balance benchmark.

import * as v from "valibot";
import { BALANCE_TRAFFIC, type BalanceFigure } from "../../../benchmarks/balance.js";
import { POLICIES, type PolicyName } from "../../../core/director/policies.js";
import { amount, part, spread, wholeCount } from "./output.js";

const figure = v.strictObject({
  traffic: v.picklist(BALANCE_TRAFFIC),
  workers: v.pipe(wholeCount, v.minValue(1)),
  policy: v.picklist(Object.keys(POLICIES) as PolicyName[]),
  burstSpread: spread(wholeCount),
  variation: spread(amount),
  maxToMean: spread(v.pipe(amount, v.minValue(1))),
  spilled: spread(part),
  leaverFlows: spread(part),
  leaverSources: spread(part),
  idealMoved: part,
  flowsMovedNeedlessly: wholeCount,
  sourcesMovedNeedlessly: wholeCount,
  newcomerSources: spread(amount),
  newcomerMs: spread(amount),
  refused: wholeCount,
}) satisfies v.GenericSchema<BalanceFigure>;

export const balanceFigures = v.array(figure);
