// What `limpet bench goodput --json` says of a path.

import * as v from "valibot";
import type { GoodputFigure } from "../../../benchmarks/goodput.js";
import { amount, spread } from "./output.js";

export const goodputFigures = v.array(
  v.strictObject({
    lossPercent: amount,
    rttMs: amount,
    client: v.picklist(["curl", "node:http"]),
    limpetMegabytesPerSecond: spread(amount),
    renoMegabytesPerSecond: spread(amount),
    ratio: spread(amount),
  }),
) satisfies v.GenericSchema<GoodputFigure[]>;
