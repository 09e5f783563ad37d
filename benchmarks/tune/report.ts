// The figures as a page: what to set and why, and plots of what the settings have shown.

import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileProblem } from "../../core/cli/file-problem.js";
import type { Axis, Plot, Report, Series } from "../../core/cli/report/report.js";
import { OptionError } from "../../core/options.js";
import type { Output } from "../support/benchmark.js";
import type { Spread } from "../support/spread.js";
import type { Rows } from "../support/text-table.js";
import type { Setting, SettingFigure, TuneFigures } from "./figures.js";

type Of<Value> = (one: SettingFigure) => Value | undefined;

/** Throws an `OptionError` for a file that nothing can be written to: better before all has been measured. Makes none. */
export function checkWritable(file: string): void {
  try {
    if (existsSync(file) && statSync(file).isDirectory())
      throw Object.assign(new Error(), { code: "EISDIR" });
    accessSync(existsSync(file) ? file : dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    throw new OptionError(`html (--html): ${file} cannot be written: ${fileProblem(error)}`);
  }
}

/** `table` is what is printed. */
export async function writeReport(file: string, output: Output<TuneFigures>, table: Rows): Promise<void> {
  // Loaded by those who want one only.
  const { renderReport } = await import("../../core/cli/report/report.js");
  writeFileSync(file, renderReport(reportOf(output, table)));
}

export function reportOf({ figures, machine, options, took }: Output<TuneFigures>, table: Rows): Report {
  const { recommendation, settings, load } = figures;
  const columns = Object.keys(table[0] ?? {});
  return {
    title: `limpet tune: ${recommendation.workers} worker${recommendation.workers === 1 ? "" : "s"}`,
    summary: [recommendation.reason, ...recommendation.doubts],
    facts: [
      ["load", load],
      ...Object.entries(options).map(([name, value]) => [name, JSON.stringify(value)] as const),
      ...Object.entries(machine),
      ["took", `${took} s`],
    ],
    parts: [
      ...plotsOf(settings),
      {
        kind: "table",
        title: "Figures",
        about:
          "Medians of the rounds, with what they lay between in brackets; director, threads and programs in cores.",
        columns: columns.map((name, i) => ({ name, align: i === 0 ? "left" : "right" })),
        rows: table.map((row) => columns.map((column) => row[column]!)),
      },
    ],
  };
}

function plotsOf(settings: readonly SettingFigure[]): Plot[] {
  const rate: Axis = { title: "throughput", unit: "requests/s" };
  const milliseconds: Axis = { title: "p99", unit: "ms" };
  const plots = [
    plot(settings, "Throughput", rate, [["requests/s", (one) => one.requestsPerSecond, 1]]),
    plot(settings, "Latency", { ...milliseconds, title: "latency" }, [
      ["p50", (one) => one.p50Us, 0.001],
      ["p99", (one) => one.p99Us, 0.001],
    ]),
    plot(settings, "Cores in use", { title: "busy", unit: "cores" }, [
      ["director", (one) => one.director, 1],
      ["workers", (one) => one.workerThreads, 1],
      ["storage", (one) => one.storage, 1],
      ["client", (one) => one.client, 1],
      ["others", (one) => one.others, 1],
    ]),
    plot(settings, "How uneven the workers' load is", { title: "against the mean" }, [
      ["standard deviation", (one) => one.variation, 1],
      ["maximum", (one) => one.peak, 1],
    ]),
  ];
  const hits: Of<Spread> = (one) => one.cacheHits;
  return settings.some((one) => hits(one) !== undefined)
    ? [
        ...plots,
        plot(settings, "Sessions found in the cache", { title: "hits", unit: "%" }, [["hits", hits, 100]]),
      ]
    : plots;
}

/** Lines over the numbers of workers: one for each figure, and for each policy and cache where several were tried. */
function plot(
  settings: readonly SettingFigure[],
  title: string,
  y: Axis,
  figures: readonly (readonly [name: string, of: Of<Spread>, factor: number])[],
): Plot {
  const at = [...new Set(settings.map(({ workers }) => workers))];
  const kinds = kindsOf(settings);
  const series = figures.flatMap(([name, of, factor]) =>
    kinds.map(({ policy, cacheMib }): Series => {
      const spreads = at.map((workers) => {
        const one = settings.find(
          (of) => of.workers === workers && of.policy === policy && of.cacheMib === cacheMib,
        );
        return one === undefined ? undefined : of(one);
      });
      const scaled = (part: keyof Spread) =>
        spreads.map((spread) => (spread === undefined ? null : spread[part] * factor));
      return {
        name: kinds.length === 1 ? name : `${name}, ${policy}, ${cacheMib} MiB`,
        values: scaled("median"),
        low: scaled("lowest"),
        high: scaled("highest"),
      };
    }),
  );
  // Numbers of workers are doubled, mostly: as categories they have the same room each.
  return { kind: "plot", title, marks: "lines", x: { title: "workers" }, y, at: at.map(String), series };
}

/** Settings without their workers. */
function kindsOf(settings: readonly SettingFigure[]): readonly Omit<Setting, "workers">[] {
  const kinds = new Map(
    settings.map(({ policy, cacheMib }) => [`${policy} ${cacheMib}`, { policy, cacheMib }]),
  );
  return [...kinds.values()];
}
