// `limpet replay`, run in this process, and what its JSON must be: a schema that does not compile once it is not that of the type.

import * as v from "valibot";
import type { ReplayResult } from "../../core/cli/replay/result.js";
import { replayCommand } from "../../core/cli/replay.js";
import { VERDICTS } from "../../core/director/verdict.js";
import { FLOW_COUNTERS } from "../../core/flow/flow-counters.js";
import { REASSEMBLY_COUNTERS } from "../../core/flow/fragment-fates.js";
import type { ReplayClock } from "../../core/link/pcap.js";
import { runCommand } from "../core/cli/command-fixture.js";

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const figure = v.pipe(v.number(), v.finite(), v.minValue(0));
const text = v.pipe(v.string(), v.nonEmpty());

function countsOf<const Name extends string>(names: readonly Name[]) {
  return v.strictObject(
    Object.fromEntries(names.map((name) => [name, count])) as { readonly [key in Name]: typeof count },
  );
}

const spread = v.strictObject({
  mean: figure,
  most: count,
  coefficientOfVariation: v.nullable(figure),
  mostByMean: v.nullable(figure),
});

export const replaySchema = v.strictObject({
  limpet: text,
  file: v.string(),
  date: v.pipe(v.string(), v.isoTimestamp()),
  machine: v.strictObject({ node: text, system: text, processor: text, cores: count, memoryGib: count }),
  pace: v.picklist(["full", "recorded"]),
  ownAddresses: v.array(v.pipe(v.string(), v.ip())),
  settings: v.strictObject({
    workers: count,
    policy: text,
    affinity: v.picklist(["source", "connection"]),
    affinitySeconds: count,
    affinityPrefix: count,
    affinityPrefix6: count,
    spillFlows: count,
    flowEntries: count,
    tableFull: v.picklist(["evict", "refuse"]),
    seed: count,
    fragments: v.picklist(["drop", "reassemble"]),
    poolSlots: count,
  }),
  isWhole: v.boolean(),
  records: count,
  recordedSeconds: figure,
  packets: count,
  bytes: count,
  drops: countsOf([
    "oversize",
    "noSlot",
    "nonIp",
    "shortFrame",
    "unknownLinkType",
    "truncatedRecord",
    "malformedRecord",
  ]),
  verdicts: countsOf(VERDICTS),
  handedOver: count,
  unaccounted: v.literal(0),
  table: v.strictObject({
    entries: count,
    most: count,
    flowsAtEnd: count,
    sourcesAtEnd: count,
    counts: countsOf(FLOW_COUNTERS),
  }),
  reassembly: countsOf(REASSEMBLY_COUNTERS),
  workers: v.array(
    v.strictObject({ worker: count, packets: count, bytes: count, flows: count, sources: count }),
  ),
  spread: v.strictObject({ packets: spread, flows: spread, sources: spread }),
  timing: v.strictObject({
    runs: count,
    bestNsPerPacket: v.nullable(figure),
    medianNsPerPacket: v.nullable(figure),
    busyMs: v.array(figure),
  }),
}) satisfies v.GenericSchema<ReplayResult>;

export interface ReplayCircumstances {
  readonly environment?: Record<string, string>;
  readonly clock?: ReplayClock;
  readonly signal?: AbortSignal;
}

/** What the command prints. Rejects with what it throws. */
export function replayOutput(parameters: readonly string[], how: ReplayCircumstances = {}): Promise<string> {
  const { environment = {}, signal = new AbortController().signal } = how;
  return runCommand(replayCommand(environment, how.clock, signal), parameters);
}

/** The same as checked JSON. */
export async function replayResult(
  parameters: readonly string[],
  how?: ReplayCircumstances,
): Promise<ReplayResult> {
  return v.parse(replaySchema, JSON.parse(await replayOutput([...parameters, "--json"], how)));
}
