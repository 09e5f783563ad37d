// What a replay has shown, as a report to keep or to send (report/report.ts).

import { type Plot, type Report, renderReport, type Table } from "../report/report.js";
import { formatDuration } from "../table.js";
import type { ReplayResult, ReplayTiming } from "./result.js";
import {
  destinationsInWords,
  dropCounts,
  findings,
  flowsInWords,
  settingPairs,
  spreadLines,
  timeInWords,
  workerLines,
} from "./text.js";

const COUNT_COLUMNS: Table["columns"] = [
  { name: "what", align: "left" },
  { name: "count", align: "right" },
];

/** `commandLine`: what was typed, for whoever wants to repeat it. */
export function replayPage(result: ReplayResult, commandLine: string): string {
  const { file, timing } = result;
  const report: Report = {
    title: `Replay of ${file}`,
    summary: findings(result),
    facts: factsOf(result, commandLine),
    parts: [
      perWorker("Packets by worker", result, ["packets"]),
      perWorker("Flows and sources by worker", result, ["flows", "sources"]),
      { kind: "table", title: "Workers", ...workerLines(result) },
      {
        kind: "table",
        title: "Spread over the workers",
        about:
          "1.000 and 0.000 are an even spread. Flows are those that began, sources those that were pinned.",
        ...spreadLines(result),
      },
      countTable("Verdicts", "What the director did with each packet.", result.verdicts),
      countTable("Not delivered", "Records that are no packets for a farm.", dropCounts(result)),
      countTable("Flow table", flowsInWords(result), result.table.counts),
      countTable("Packets in fragments", undefined, result.reassembly),
      ...(timing.runs > 1 ? [runPlot(timing, result.packets)] : []),
    ],
  };
  return renderReport(report);
}

function factsOf(result: ReplayResult, commandLine: string): Report["facts"] {
  const { machine } = result;
  return [
    ["capture", result.file],
    ["length", `${result.records} records in ${formatDuration(result.recordedSeconds)}`],
    ["IP packets", `${result.packets}, ${result.bytes} bytes`],
    ["pace", result.pace],
    ["time", timeInWords(result)],
    ["answers at", destinationsInWords(result)],
    ...settingPairs(result),
    ["command line", commandLine],
    ["limpet", result.limpet],
    ["date", result.date],
    ["Node.js", machine.node],
    ["system", machine.system],
    ["processor", `${machine.processor}, ${machine.cores} cores`],
    ["memory", `${machine.memoryGib} GiB`],
  ];
}

function perWorker(
  title: string,
  { workers }: ReplayResult,
  names: readonly ("packets" | "flows" | "sources")[],
): Plot {
  return {
    kind: "plot",
    title,
    marks: "bars",
    x: { title: "worker" },
    y: { title: names.join(", ") },
    at: workers.map(({ worker }) => String(worker)),
    series: names.map((name) => ({ name, values: workers.map((share) => share[name]) })),
  };
}

/** Counts that are not 0, the largest first. */
function countTable(
  title: string,
  about: string | undefined,
  counts: Readonly<Record<string, number>>,
): Table {
  const rows = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one);
  return {
    kind: "table",
    title,
    ...(about !== undefined && { about }),
    columns: COUNT_COLUMNS,
    rows: rows.length > 0 ? rows : [["none", 0]],
  };
}

function runPlot({ busyMs }: ReplayTiming, packets: number): Plot {
  return {
    kind: "plot",
    title: "Time a packet, run by run",
    about:
      "Reading the file, link, director and the workers' stand-ins together. The first runs are of code that is not compiled yet.",
    marks: "lines",
    x: { title: "run" },
    y: { title: "time a packet", unit: "ns" },
    at: busyMs.map((_, run) => run + 1),
    series: [{ name: "time", values: busyMs.map((ms) => (packets === 0 ? null : (ms * 1e6) / packets)) }],
  };
}
