// A report as one HTML page that needs nothing else: no script, no font, no request to anywhere. It opens from a file, by day
// and by night, on a phone and on paper. Who makes one describes it (`Report`) and writes what `renderReport` returns.
//
// All text is escaped (markup.ts). Should markup of an enemy's get in nevertheless, the page's own policy lets nothing run or load.

import { type Column, printable } from "../table.js";
import { type Markup, markup } from "./markup.js";
import { axisTitle, drawPlot, formatFigure, type Plot, seriesClass } from "./plot.js";
import { REPORT_STYLE } from "./style.js";

export type { Axis, Plot, Series } from "./plot.js";

export interface Table {
  readonly kind: "table";
  readonly title: string;
  /** A sentence about it. */
  readonly about?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Report {
  readonly title: string;
  /** What there is to know or to do first, a paragraph each. */
  readonly summary: readonly string[];
  /** What the figures depend on: machine, date, version, command line, seed. */
  readonly facts: readonly (readonly [name: string, value: string | number])[];
  /** One below the other; plots that follow each other are side by side where there is room. */
  readonly parts: readonly (Table | Plot)[];
}

/** The page, UTF-8 once it is written. */
export function renderReport({ title, summary, facts, parts }: Report): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${printable(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${summary.map((paragraph) => markup`<p class="summary">${paragraph}</p>\n`)}
${renderParts(parts)}
<h2>What it depends on</h2>
<dl>
${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>
</main>
</body>
</html>
`.text;
}

function renderParts(parts: Report["parts"]): Markup[] {
  const rendered: Markup[] = [];
  let plots: Markup[] = [];
  const endPlots = () => {
    if (plots.length > 0) rendered.push(markup`<div class="plots">\n${plots}</div>\n`);
    plots = [];
  };
  for (const part of parts) {
    if (part.kind === "plot") {
      plots.push(renderPlot(part));
    } else {
      endPlots();
      rendered.push(renderTable(part));
    }
  }
  endPlots();
  return rendered;
}

function renderTable({ title, about, columns, rows }: Table): Markup {
  return markup`<section>
<h2>${title}</h2>
${paragraph(about)}${tableOf(columns, rows)}</section>
`;
}

/** The drawing, who is who in it, and its figures. */
function renderPlot(plot: Plot): Markup {
  const { title, about, series } = plot;
  const legend = series.map(
    ({ name }, index) =>
      markup`<li><svg viewBox="0 0 24 10" class="${seriesClass(index)}" aria-hidden="true">${
        plot.marks === "bars"
          ? markup`<rect width="24" height="10"/>`
          : markup`<path class="line" d="M0,5L24,5"/>`
      }</svg>${name}</li>\n`,
  );
  return markup`<figure>
<figcaption><h2>${title}</h2>
${paragraph(about)}</figcaption>
${drawPlot(plot)}
${series.length > 1 ? markup`<ul class="legend">\n${legend}</ul>\n` : undefined}<details>
<summary>Figures</summary>
${figuresOf(plot)}</details>
</figure>
`;
}

/** The figures of a plot: a row for each x, a column for each series and the ends of its spread. */
function figuresOf(plot: Plot): Markup {
  const columns: Column[] = [{ name: axisTitle(plot.x), align: "left" }];
  const figures: (readonly (number | null)[])[] = [];
  for (const { name, values, low, high } of plot.series) {
    columns.push({ name: plot.series.length > 1 ? name : axisTitle(plot.y), align: "right" });
    figures.push(values);
    if (low === undefined || high === undefined) continue;
    columns.push({ name: "from", align: "right" }, { name: "to", align: "right" });
    figures.push(low, high);
  }
  const rows = plot.at.map((place, index) => [
    place,
    ...figures.map((ofSeries) => formatFigure(ofSeries[index])),
  ]);
  return tableOf(columns, rows);
}

function tableOf(columns: readonly Column[], rows: Table["rows"]): Markup {
  return markup`<div class="table"><table>
<thead><tr>${columns.map(({ name, align }) => markup`<th class="${align}" scope="col">${name}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (row) => markup`<tr>${row.map((cell, i) => markup`<td class="${columns[i]?.align}">${cell}</td>`)}</tr>\n`,
)}</tbody>
</table></div>
`;
}

function paragraph(text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : markup`<p>${text}</p>\n`;
}
