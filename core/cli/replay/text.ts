// What a replay has shown, in words and tables: the parts that the terminal and the page have in common, and the terminal's.

import { keyOf } from "../../options/option-table.js";
import { bold, byCount, type Column, formatDuration, formatShare, printable, renderTable } from "../table.js";
import { REPLAY_OPTIONS, type ReplayResult } from "./result.js";
import { sum } from "./run.js";
import type { Spread } from "./spread.js";

const WORKER_COLUMNS: readonly Column[] = [
  { name: "worker", align: "left" },
  { name: "packets", align: "right" },
  { name: "bytes", align: "right" },
  { name: "flows", align: "right" },
  { name: "sources", align: "right" },
];

const SPREAD_COLUMNS: readonly Column[] = [
  { name: "spread of", align: "left" },
  { name: "mean", align: "right" },
  { name: "most", align: "right" },
  { name: "most/mean", align: "right" },
  { name: "coefficient of variation", align: "right" },
];

export interface Lines {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export function workerLines({ workers }: ReplayResult): Lines {
  const rows = workers.map(({ worker, packets, bytes, flows, sources }) => [
    worker,
    packets,
    bytes,
    flows,
    sources,
  ]);
  return { columns: WORKER_COLUMNS, rows };
}

export function spreadLines({ spread }: ReplayResult): Lines {
  const rows = Object.entries(spread).map(([name, one]) => [
    name,
    decimals(one.mean, 1),
    one.most,
    decimals(one.mostByMean, 3),
    decimals(one.coefficientOfVariation, 3),
  ]);
  return { columns: SPREAD_COLUMNS, rows };
}

function decimals(figure: Spread["mostByMean"], digits: number): string {
  return figure === null ? "-" : figure.toFixed(digits);
}

/** What is true of the capture as a whole, a sentence each. */
export function findings(result: ReplayResult): string[] {
  const { records, packets, drops, verdicts, handedOver, unaccounted, isWhole } = result;
  const dropped = sum(Object.values(drops));
  const judged = sum(Object.values(verdicts));
  const adds = `${records} records = ${dropped} not delivered + ${judged} with a verdict`;
  return [
    unaccounted === 0
      ? `Every record is counted exactly once: ${adds}; of these, workers took ${handedOver}.`
      : `The counts do not add up, which is a mistake of limpet's: ${adds}; ${unaccounted} unaccounted for.`,
    ...(isWhole ? [] : ["The replay was ended early: these are the packets up to then."]),
    ...(drops.truncatedRecord > 0 ? ["The file ends within a record: what lies before it is here."] : []),
    ...(drops.malformedRecord > 0
      ? [
          `${drops.malformedRecord} records or blocks make no sense; what lies behind one of which the length is wrong cannot be read.`,
        ]
      : []),
    ...(packets === 0 ? ["There is no IP packet in it."] : []),
  ];
}

export function flowsInWords({ table }: ReplayResult): string {
  const { counts, most, entries, flowsAtEnd, sourcesAtEnd } = table;
  return (
    `${counts.flows_started} began, of ${counts.sources_started} sources; at most ${most} of the table's ${entries} entries were used ` +
    `(${formatShare(most, entries)}), ${flowsAtEnd + sourcesAtEnd} at the end`
  );
}

export function timeInWords({ timing, pace }: ReplayResult): string {
  const { runs, bestNsPerPacket, medianNsPerPacket, busyMs } = timing;
  if (bestNsPerPacket === null || medianNsPerPacket === null) return "no packet to time";
  const perPacket = `${medianNsPerPacket.toFixed(0)} ns a packet`;
  const wholeMs = sum(busyMs);
  const work = `${wholeMs.toFixed(1)} ms of work${pace === "recorded" ? " without the waits" : ""}`;
  return runs === 1
    ? `${perPacket}, ${work}`
    : `${perPacket} (median of ${runs} runs; best ${bestNsPerPacket.toFixed(0)}), ${work}`;
}

export function destinationsInWords({ ownAddresses }: ReplayResult): string {
  return ownAddresses.length === 0 ? "every address is the farm's" : ownAddresses.join(", ");
}

/** The drops under names like those of verdicts. */
export function dropCounts({ drops }: ReplayResult): Record<string, number> {
  return Object.fromEntries(Object.entries(drops).map(([name, count]) => [keyOf(name), count]));
}

export function settingPairs({ settings }: ReplayResult): [string, string][] {
  return REPLAY_OPTIONS.map((name) => [keyOf(name), String(settings[name])]);
}

/** For the terminal. */
export function replayText(result: ReplayResult, hasColors: boolean): string {
  const { file, records, recordedSeconds, pace, packets, bytes, verdicts } = result;
  const title = printable(
    `${file}: ${records} records of ${formatDuration(recordedSeconds)}, ${pace === "full" ? "at full speed" : "at their recorded pace"}`,
  );
  const settings = settingPairs(result).map((pair) => pair.join(" "));
  const lines = [
    `  packets   ${packets}, ${bytes} bytes`,
    `  dropped   ${byCount(dropCounts(result)) || "none by the link"}`,
    `  verdicts  ${byCount(verdicts) || "none"}`,
    `  flows     ${flowsInWords(result)}`,
    `  time      ${timeInWords(result)}`,
    `  answers   at: ${destinationsInWords(result)}`,
    `  settings  ${settings.join(", ")}`,
  ];
  const [workers, spread] = [workerLines(result), spreadLines(result)];
  return [
    `${hasColors ? bold(title) : title}\n`,
    ...lines.map((line) => `${printable(line)}\n`),
    "\n",
    renderTable(workers.columns, workers.rows, hasColors),
    "\n",
    renderTable(spread.columns, spread.rows, hasColors),
    "\n",
    ...findings(result).map((sentence) => `${sentence}\n`),
  ].join("");
}
