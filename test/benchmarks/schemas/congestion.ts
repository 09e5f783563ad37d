// The figures of the congestion benchmark.

import * as v from "valibot";
import {
  CONGESTION_CONTROLS,
  type CongestionFigures,
  type ResponseFigure,
  type SharingFigure,
  type TransferFigure,
} from "../../../benchmarks/congestion.js";
import { amount, part, spread, wholeCount } from "./output.js";

const algorithm = v.picklist(CONGESTION_CONTROLS);
const path = { roundTripMs: wholeCount, lossPercent: amount };

const transfer = v.strictObject({
  algorithm,
  ...path,
  megabitsPerSecond: spread(amount),
  timeouts: spread(wholeCount),
  dropped: spread(part),
  needless: spread(part),
}) satisfies v.GenericSchema<TransferFigure>;

const response = v.strictObject({
  algorithm,
  ...path,
  kib: wholeCount,
  meanMs: amount,
  p50Ms: amount,
  p99Ms: amount,
}) satisfies v.GenericSchema<ResponseFigure>;

const sharing = v.strictObject({
  first: algorithm,
  second: algorithm,
  roundTripMs: wholeCount,
  ratio: spread(amount),
  megabitsPerSecond: spread(amount),
}) satisfies v.GenericSchema<SharingFigure>;

export const congestionFigures = v.strictObject({
  transfers: v.array(transfer),
  responses: v.array(response),
  sharing: v.array(sharing),
}) satisfies v.GenericSchema<CongestionFigures>;
