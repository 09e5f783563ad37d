// A plot as SVG, drawn here and not in the page, which needs no script: lines or bars of several series over numbers or
// categories. Scales and paths are d3's; colours, dashes and sizes of text are the page's (style.ts), by class.

import { scaleBand, scaleLinear, scalePoint } from "d3-scale";
import { area, line } from "d3-shape";
import { type Markup, markup } from "./markup.js";

export interface Axis {
  readonly title: string;
  readonly unit?: string;
}

export interface Series {
  readonly name: string;
  /** One for each of the plot's x; null where there is none. */
  readonly values: readonly (number | null)[];
  /** The spread of each value, shaded behind lines and a whisker on bars. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
}

export interface Plot {
  readonly kind: "plot";
  readonly title: string;
  /** A sentence about it. */
  readonly about?: string;
  readonly marks: "lines" | "bars";
  readonly x: Axis;
  readonly y: Axis;
  /** Two numbers or more, in ascending order, make an axis of numbers for lines; anything else makes categories. */
  readonly at: readonly number[] | readonly string[];
  readonly series: readonly Series[];
}

/** Looks of series, in style.ts: from the next one on they begin anew. */
export const SERIES_LOOKS = 8;

const WIDTH = 460;
const HEIGHT = 280;
const LEFT = 58;
const RIGHT = WIDTH - 14;
const TOP = 12;
const BOTTOM = HEIGHT - 52;
/** Room below for labels that are tilted. */
const TILTED_BOTTOM = HEIGHT - 84;
const TICKS = 5;
/** Most labels below an axis of categories; every second, third … is written if there are more. */
const MAX_LABELS = 16;
const MAX_LABEL_CHARACTERS = 14;
const CHARACTER_WIDTH = 7.5;
const MAX_FIGURE = 1e150;

interface Tick {
  readonly at: number;
  readonly label: string;
}

interface XScale {
  /** Where the mark number `index` has its middle. */
  readonly middle: (index: number) => number;
  /** Width for the bars at one place. */
  readonly band: number;
  readonly ticks: readonly Tick[];
  readonly isTilted: boolean;
}

export function axisTitle({ title, unit }: Axis): string {
  return unit === undefined ? title : `${title} (${unit})`;
}

/** The class of series number `index`. */
export function seriesClass(index: number): string {
  return `s${index % SERIES_LOOKS}`;
}

export function drawPlot(plot: Plot): Markup {
  const figures = plot.series.flatMap(({ values, low = [], high = [] }) =>
    [...values, ...low, ...high].filter(isFigure),
  );
  if (figures.length === 0) return markup`<p class="none">There are no figures to show.</p>`;
  const x = xScaleOf(plot);
  const bottom = x.isTilted ? TILTED_BOTTOM : BOTTOM;
  const y = scaleLinear([Math.min(0, ...figures), Math.max(0, ...figures)], [bottom, TOP]).nice(TICKS);
  // A domain of nothing but 0 would have no height.
  if (y.domain()[0] === y.domain()[1]) y.domain([0, 1]);
  const largest = Math.max(...y.domain().map(Math.abs));
  const format = y.tickFormat(TICKS, largest >= 10_000 ? "~s" : undefined);
  const yTicks = y.ticks(TICKS).map((value) => ({ at: y(value), label: format(value) }));
  const marks = plot.series.map((series, index) =>
    plot.marks === "bars" ? drawBars(plot, series, index, x, y) : drawLine(plot, series, index, x, y),
  );
  return markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${plot.title}">
${drawAxes(plot, x, yTicks, bottom)}${marks}</svg>`;
}

/** What can be drawn: a number that is one, of less than half of a double's digits, as scales calculate with it. */
function isFigure(value: number | null | undefined): value is number {
  return typeof value === "number" && Math.abs(value) < MAX_FIGURE;
}

function xScaleOf({ at, marks }: Plot): XScale {
  const numbers = at.filter((place) => typeof place === "number");
  if (
    marks === "lines" &&
    new Set(numbers).size > 1 &&
    numbers.length === at.length &&
    numbers.every(isFigure)
  ) {
    const scale = scaleLinear([Math.min(...numbers), Math.max(...numbers)], [LEFT, RIGHT]);
    const format = scale.tickFormat(TICKS, Math.max(...numbers.map(Math.abs)) >= 10_000 ? "~s" : undefined);
    const ticks = scale.ticks(TICKS).map((value) => ({ at: scale(value), label: format(value) }));
    return { middle: (index) => scale(numbers[index]!), band: 0, ticks, isTilted: false };
  }
  const places = at.map((_, index) => index);
  const scale =
    marks === "bars"
      ? scaleBand(places, [LEFT, RIGHT]).paddingInner(0.25).paddingOuter(0.15)
      : scalePoint(places, [LEFT, RIGHT]).padding(0.3);
  const middle = (index: number) => scale(index)! + scale.bandwidth() / 2;
  const step = Math.ceil(at.length / MAX_LABELS);
  const labels = at.map((place) => shortened(String(place)));
  const widest = Math.max(0, ...labels.map((label) => label.length)) * CHARACTER_WIDTH;
  const ticks = places
    .filter((index) => index % step === 0)
    .map((index) => ({ at: middle(index), label: labels[index]! }));
  return { middle, band: scale.bandwidth(), ticks, isTilted: widest > scale.step() * step };
}

function shortened(text: string): string {
  return text.length > MAX_LABEL_CHARACTERS ? `${text.slice(0, MAX_LABEL_CHARACTERS - 1)}…` : text;
}

function drawAxes(plot: Plot, x: XScale, yTicks: readonly Tick[], bottom: number): Markup {
  const rows = yTicks.map(
    ({
      at,
      label,
    }) => markup`<line class="grid" x1="${LEFT}" x2="${RIGHT}" y1="${round(at)}" y2="${round(at)}"/>
<text class="tick" x="${LEFT - 6}" y="${round(at + 4)}" text-anchor="end">${label}</text>
`,
  );
  const columns = x.ticks.map(({ at, label }) =>
    x.isTilted
      ? markup`<text class="tick" transform="translate(${round(at + 4)} ${bottom + 14}) rotate(-35)" text-anchor="end">${label}</text>
`
      : markup`<text class="tick" x="${round(at)}" y="${bottom + 18}" text-anchor="middle">${label}</text>
`,
  );
  const middle = (TOP + bottom) / 2;
  return markup`${rows}${columns}<line class="axis" x1="${LEFT}" x2="${RIGHT}" y1="${bottom}" y2="${bottom}"/>
<text class="title" x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${axisTitle(plot.x)}</text>
<text class="title" transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${axisTitle(plot.y)}</text>
`;
}

type YScale = (value: number) => number;

/** What a mark says when it is pointed at. */
function caption(plot: Plot, series: Series, index: number): Markup {
  const { low, high } = series;
  const [from, to] = [low?.[index], high?.[index]];
  const spread = isFigure(from) && isFigure(to) ? ` (${formatFigure(from)} to ${formatFigure(to)})` : "";
  const value = formatFigure(series.values[index]);
  const text = `${series.name}, ${plot.x.title} ${plot.at[index]}: ${value}${spread} ${plot.y.unit ?? ""}`;
  return markup`<title>${text.trimEnd()}</title>`;
}

function drawLine(plot: Plot, series: Series, index: number, x: XScale, y: YScale): Markup {
  const places = series.values.slice(0, plot.at.length).map((_, place) => place);
  const isThere = (place: number) => isFigure(series.values[place]);
  const path = line<number>()
    .defined(isThere)
    .x((place) => round(x.middle(place)))
    .y((place) => round(y(series.values[place]!)));
  const points = places.filter(isThere).map(
    (place) =>
      markup`<circle cx="${round(x.middle(place))}" cy="${round(y(series.values[place]!))}" r="3">${caption(plot, series, place)}</circle>
`,
  );
  return markup`<g class="${seriesClass(index)}">
${drawSpread(series, places, x, y)}<path class="line" d="${path(places) ?? ""}"/>
${points}</g>
`;
}

function drawSpread({ low, high }: Series, places: readonly number[], x: XScale, y: YScale): Markup {
  if (low === undefined || high === undefined) return markup``;
  const path = area<number>()
    .defined((place) => isFigure(low[place]) && isFigure(high[place]))
    .x((place) => round(x.middle(place)))
    .y0((place) => round(y(low[place]!)))
    .y1((place) => round(y(high[place]!)));
  return markup`<path class="spread" d="${path([...places]) ?? ""}"/>
`;
}

function drawBars(plot: Plot, series: Series, index: number, x: XScale, y: YScale): Markup {
  const width = x.band / plot.series.length;
  const bars = plot.at.map((_, place) => {
    const value = series.values[place];
    if (!isFigure(value)) return undefined;
    const left = x.middle(place) - x.band / 2 + index * width;
    const [top, base] = [Math.min(y(value), y(0)), Math.max(y(value), y(0))];
    return markup`<rect x="${round(left)}" y="${round(top)}" width="${round(width * 0.92)}" height="${round(base - top)}">${caption(plot, series, place)}</rect>
${drawWhisker(series, place, left + width * 0.46, y)}`;
  });
  return markup`<g class="${seriesClass(index)}">
${bars}</g>
`;
}

function drawWhisker({ low, high }: Series, place: number, at: number, y: YScale): Markup | undefined {
  const [from, to] = [low?.[place], high?.[place]];
  if (!isFigure(from) || !isFigure(to)) return undefined;
  return markup`<line class="whisker" x1="${round(at)}" x2="${round(at)}" y1="${round(y(from))}" y2="${round(y(to))}"/>
`;
}

/** Six digits, as nobody reads more; nothing for what is no figure. */
export function formatFigure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** A hundredth of a pixel is enough. */
function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}
