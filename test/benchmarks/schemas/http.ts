// What `limpet bench http --json` says of a server under a workload.

import * as v from "valibot";
import { SERVERS } from "../../../benchmarks/http/contenders.js";
import { LOADS } from "../../../benchmarks/http/measurement.js";
import { WORKLOADS } from "../../../benchmarks/http/workloads.js";
import type { HttpFigures } from "../../../benchmarks/http.js";
import { amount, spread, wholeCount } from "./output.js";

const atLeastOne = v.pipe(wholeCount, v.minValue(1));

export const httpFigures = v.strictObject({
  figures: v.array(
    v.strictObject({
      workload: v.picklist(WORKLOADS),
      server: v.picklist(SERVERS),
      workers: atLeastOne,
      workersReached: v.exactOptional(atLeastOne),
      isDurable: v.exactOptional(v.boolean()),
      load: v.picklist(LOADS),
      requestsPerSecond: spread(amount),
      ratio: v.exactOptional(spread(amount)),
      p50Us: spread(amount),
      p90Us: spread(amount),
      p99Us: spread(amount),
      p999Us: spread(amount),
      serverUsPerRequest: spread(amount),
      failures: wholeCount,
      lost: v.exactOptional(wholeCount),
    }),
  ),
  sources: atLeastOne,
  syncUs: v.exactOptional(spread(amount)),
  leftOut: v.array(v.strictObject({ what: v.string(), reason: v.string() })),
}) satisfies v.GenericSchema<HttpFigures>;
