// What `limpet replay` tells, as plain data: what became of the capture, how long it took, and all that it depends on.

import type { OptionName } from "../../options/farm-options.js";
import { describeSettings, type FarmSettings } from "../../options.js";
import { formatAddress } from "../../wire/address.js";
import type { MachineFacts } from "../report/machine.js";
import type { PaceName, ReplayRun } from "./run.js";

/** The options of a farm that change what a replay does. */
export const REPLAY_OPTIONS = [
  "workers",
  "policy",
  "affinity",
  "affinitySeconds",
  "affinityPrefix",
  "affinityPrefix6",
  "spillFlows",
  "flowEntries",
  "tableFull",
  "seed",
  "fragments",
  "poolSlots",
] as const satisfies readonly OptionName[];

export interface ReplayTiming {
  readonly runs: number;
  /** Of the fastest run, and of the one in the middle; of all that it takes (`busyMs`). Null without a packet. */
  readonly bestNsPerPacket: number | null;
  readonly medianNsPerPacket: number | null;
  /** In ms, in the order of the runs. */
  readonly busyMs: readonly number[];
}

type Outcome = Omit<ReplayRun, "busyMs">;

/** The JSON of `limpet replay`. */
export interface ReplayResult extends Outcome {
  readonly limpet: string;
  readonly file: string;
  /** ISO 8601. */
  readonly date: string;
  readonly machine: MachineFacts;
  readonly pace: PaceName;
  /** Addresses that were the farm's; empty: all were. */
  readonly ownAddresses: readonly string[];
  readonly settings: Readonly<Record<(typeof REPLAY_OPTIONS)[number], string | number | boolean>>;
  readonly timing: ReplayTiming;
}

type Circumstances = Pick<ReplayResult, "limpet" | "file" | "date" | "machine" | "pace">;

export interface ReplayCircumstances extends Circumstances {
  readonly ownAddresses: readonly Uint8Array[];
  readonly settings: FarmSettings;
}

/** Of runs of one capture, at least one, that are equal but for their times. */
export function resultOf(circumstances: ReplayCircumstances, runs: readonly ReplayRun[]): ReplayResult {
  const { ownAddresses, settings, ...others } = circumstances;
  const { busyMs: _, ...run } = runs[0]!;
  const described = describeSettings(settings);
  return {
    ...others,
    ownAddresses: ownAddresses.map((address) => formatAddress(address, 0, address.length)),
    settings: Object.fromEntries(
      REPLAY_OPTIONS.map((name) => [name, described[name]]),
    ) as ReplayResult["settings"],
    ...run,
    timing: timingOf(
      runs.map(({ busyMs }) => busyMs),
      run.packets,
    ),
  };
}

function timingOf(busyMs: readonly number[], packets: number): ReplayTiming {
  const sorted = [...busyMs].sort((one, other) => one - other);
  const nsPerPacket = (ms: number) => (packets === 0 ? null : (ms * 1e6) / packets);
  const middle = sorted.length >>> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return {
    runs: busyMs.length,
    bestNsPerPacket: nsPerPacket(sorted[0]!),
    medianNsPerPacket: nsPerPacket(median),
    busyMs,
  };
}
