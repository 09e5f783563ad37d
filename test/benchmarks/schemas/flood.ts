// What `limpet bench flood --json` says of a load under a flood.

import * as v from "valibot";
import { FLOODS, type FloodFigure, LOADS } from "../../../benchmarks/flood.js";
import { amount, spread, wholeCount } from "./output.js";

export const floodFigures = v.array(
  v.strictObject({
    flood: v.picklist(FLOODS),
    load: v.picklist(LOADS),
    requestsPerSecond: spread(amount),
    p99Us: spread(amount),
    connectMaxUs: v.exactOptional(spread(amount)),
    failures: wholeCount,
    floodPacketsPerSecond: spread(amount),
    lostPacketsPerSecond: spread(amount),
    generatorCores: spread(amount),
    directorCores: spread(amount),
    workerCores: spread(amount),
    residentMib: spread(amount),
    cookiesSent: spread(amount),
    cookiesAccepted: spread(amount),
    cookiesRejected: spread(amount),
    synLimited: spread(amount),
    flows: spread(amount),
    sources: spread(amount),
  }),
) satisfies v.GenericSchema<FloodFigure[]>;
