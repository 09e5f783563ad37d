// The table and the page that are made of figures.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Output } from "../../../benchmarks/support/benchmark.js";
import { describeMachine } from "../../../benchmarks/support/machine.js";
import type { TuneFigures } from "../../../benchmarks/tune/figures.js";
import { recommend } from "../../../benchmarks/tune/reason.js";
import { reportOf } from "../../../benchmarks/tune/report.js";
import { durationText, tableOf } from "../../../benchmarks/tune/tune.js";
import { renderReport } from "../../../core/cli/report/report.js";
import { figureOf } from "./figure-samples.js";

const settings = [1, 2].flatMap((workers) =>
  (["least-loaded", "hash"] as const).map((policy) =>
    figureOf({
      workers,
      policy,
      requestsPerSecond: 100 * workers,
      ...(workers === 2 ? { cacheHits: 0.9 } : {}),
    }),
  ),
);
const figures: TuneFigures = {
  cores: 2,
  load: "64 connections, <b>",
  settings,
  recommendation: recommend(settings, 2),
};

test("table, has a row for each setting, with a mark at the recommended one and a column for what was swept", () => {
  const rows = tableOf(figures);
  assert.equal(
    rows.map((row) => [row.workers, row.policy, row["requests/s"], row["cache hits"]]),
    [
      ["  1", "least-loaded", "100", "-"],
      ["  1", "hash", "100", "-"],
      ["► 2", "least-loaded", "200", "90 %"],
      ["  2", "hash", "200", "90 %"],
    ],
  );
  assert.not("cache MiB" in rows[0]!);
});

test("page, plots each figure over the workers, a line for each policy, and escapes what it was told", () => {
  const output: Output<TuneFigures> = {
    benchmark: "tune",
    machine: describeMachine(),
    options: { seed: 7 },
    took: 1.5,
    figures,
  };
  const report = reportOf(output, tableOf(figures));
  const plots = report.parts.filter((one) => one.kind === "plot");
  assert.equal(
    plots.map(({ title, series }) => [title, series.length]),
    [
      ["Throughput", 2],
      ["Latency", 4],
      ["Cores in use", 10],
      ["How uneven the workers' load is", 4],
      ["Sessions found in the cache", 2],
    ],
  );
  const [throughput, , , , hits] = plots;
  assert.equal(
    [throughput!.at, throughput!.series[0]!.values],
    [
      ["1", "2"],
      [100, 200],
    ],
  );
  assert.equal(hits!.series[1]!.values, [null, 90]);
  const page = renderReport(report);
  assert.match(page, "64 connections, &lt;b&gt;");
  assert.match(page, "2 workers with least-loaded: 2 workers with hash give as many");
  assert.not.match(page, "NaN");
});

test("duration, is in seconds, and in minutes where there are some", () => {
  assert.equal([40, 99, 100, 125].map(durationText), ["40 s", "99 s", "1 min 40 s", "2 min 5 s"]);
});

test.run();
