// What `limpet bench throughput --json` says of a server.

import * as v from "valibot";
import type { ThroughputFigure } from "../../../benchmarks/throughput.js";
import { amount, spread } from "./output.js";

export const throughputFigures = v.array(
  v.strictObject({
    server: v.string(),
    client: v.picklist(["curl", "node:http"]),
    megabytesPerSecond: spread(amount),
    ratio: spread(amount),
    serverUsPerMegabyte: spread(amount),
  }),
) satisfies v.GenericSchema<ThroughputFigure[]>;
