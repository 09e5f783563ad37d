// What `limpet bench connections --json` says.

import * as v from "valibot";
import type { ConnectionsFigures } from "../../../benchmarks/connections.js";
import { IDLE_KINDS } from "../../../benchmarks/support/idle-bytes.js";
import { amount, finite, spread, wholeCount } from "./output.js";

export const connectionsFigures = v.strictObject({
  idle: v.array(
    v.strictObject({
      what: v.picklist(IDLE_KINDS),
      connections: wholeCount,
      heapBytes: spread(finite),
      arrayBytes: spread(finite),
      openUs: spread(amount),
    }),
  ),
  rates: v.array(
    v.strictObject({
      server: v.string(),
      connectionsPerSecond: spread(amount),
      ratio: spread(amount),
      p50Us: spread(amount),
      p99Us: spread(amount),
      serverUsPerConnection: spread(amount),
      generatorUsPerConnection: spread(amount),
      failures: wholeCount,
    }),
  ),
}) satisfies v.GenericSchema<ConnectionsFigures>;
