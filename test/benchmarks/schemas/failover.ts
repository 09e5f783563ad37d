// What `limpet bench failover --json` says of a kind of death.

import * as v from "valibot";
import type { FailoverFigure } from "../../../benchmarks/failover.js";
import { DEATH_KINDS } from "../../../benchmarks/peers/failing-app.js";
import { LINKS } from "../../../benchmarks/support/dying-farm.js";
import { amount, spread, wholeCount } from "./output.js";

export const failoverFigures = v.array(
  v.strictObject({
    link: v.picklist(LINKS),
    kind: v.picklist(DEATH_KINDS),
    deaths: wholeCount,
    clients: spread(wholeCount),
    middleMs: spread(amount),
    slowestMs: spread(amount),
    failuresPerClient: spread(amount),
    othersGapMs: v.exactOptional(spread(amount)),
    quietGapMs: spread(amount),
    othersFailures: wholeCount,
    wrongCounts: wholeCount,
  }),
) satisfies v.GenericSchema<FailoverFigure[]>;
