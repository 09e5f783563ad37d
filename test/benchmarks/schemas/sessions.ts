// What `limpet bench sessions --json` says.

import * as v from "valibot";
import type { SessionsFigures } from "../../../benchmarks/sessions.js";
import { amount, part, spread, wholeCount } from "./output.js";

const writes = {
  clients: wholeCount,
  writesPerSecond: spread(amount),
  ratio: spread(amount),
  p50Us: spread(amount),
  p99Us: spread(amount),
};

export const sessionsFigures = v.strictObject({
  writes: v.array(v.strictObject({ ...writes, writesPerTransaction: spread(amount) })),
  misses: v.strictObject({ misses: wholeCount, statements: spread(amount), loadsPerSecond: spread(amount) }),
  httpWrites: v.array(v.strictObject({ load: v.picklist(["autocannon", "wrk"]), ...writes })),
  reads: v.strictObject({ reads: wholeCount, statements: wholeCount }),
  cache: v.array(v.strictObject({ cacheMib: wholeCount, held: wholeCount, hitRatio: part })),
}) satisfies v.GenericSchema<SessionsFigures>;
