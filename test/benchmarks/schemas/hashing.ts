// The figures of the hashing benchmark.

import * as v from "valibot";
import type { HashingFigure } from "../../../benchmarks/hashing.js";
import { amount, part, spread, wholeCount } from "./output.js";

const figure = v.strictObject({
  method: v.picklist(["rendezvous", "maglev"]),
  workers: v.pipe(wholeCount, v.minValue(2)),
  choiceNs: spread(amount),
  maxToMean: v.pipe(amount, v.minValue(1)),
  moved: part,
  movedNeedlessly: part,
  readyMs: spread(amount),
}) satisfies v.GenericSchema<HashingFigure>;

export const hashingFigures = v.array(figure);
