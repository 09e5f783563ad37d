// How a report looks: the page's style sheet, which has nothing to fetch. Colours are those of Okabe and Ito, which most people
// can tell apart; series differ by their dashes as well, for all others and for paper.

import { Markup } from "./markup.js";

/** In the order of the series; by night, on black, some are lighter. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#3a86c8", "#5b5b5b", "#a03030"];
const COLOURS_BY_NIGHT = [
  "#56b4e9",
  "#ff8c42",
  "#2fc79a",
  "#e39ac5",
  "#f0e442",
  "#9ecbff",
  "#bdbdbd",
  "#ff8080",
];
const DASHES = ["none", "7 3", "2 3", "9 3 2 3", "none", "7 3", "2 3", "9 3 2 3"];

const looks = COLOURS.map((_, i) => `.s${i}{--series:var(--colour-${i});--dash:${DASHES[i]}}`).join("\n");

function variables(colours: readonly string[]): string {
  return colours.map((colour, i) => `--colour-${i}:${colour}`).join(";");
}

export const REPORT_STYLE = new Markup(`
:root { color-scheme: light dark; --ground: #fff; --text: #1b1b1b; --quiet: #5c5c5c; --rule: #d8d8d8; --raised: #f5f6f7; ${variables(COLOURS)} }
@media (prefers-color-scheme: dark) {
  :root { --ground: #131416; --text: #e8e8e8; --quiet: #a3a3a3; --rule: #3a3c40; --raised: #1e2023; ${variables(COLOURS_BY_NIGHT)} }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 66rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 1rem; overflow-wrap: anywhere }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; overflow-wrap: anywhere }
p { max-width: 46rem; margin: .5rem 0; overflow-wrap: anywhere }
figcaption p, section > p { color: var(--quiet); font-size: .9rem }
.summary { background: var(--raised); border-left: 4px solid var(--colour-0); padding: .6rem .8rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem }
figure { margin: 0; min-width: 0 }
figure > svg { display: block; width: 100%; max-width: 36rem; height: auto; overflow: visible }
svg text { fill: var(--text); font: 12px system-ui, sans-serif }
svg .tick { fill: var(--quiet) }
.grid { stroke: var(--rule); stroke-width: 1 }
.axis { stroke: var(--quiet); stroke-width: 1 }
.line { fill: none; stroke: var(--series); stroke-width: 2; stroke-dasharray: var(--dash) }
.spread { fill: var(--series); opacity: .18; stroke: none }
circle, rect { fill: var(--series) }
.whisker { stroke: var(--text); stroke-width: 1.5 }
${looks}
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: .3rem 0; padding: 0; font-size: .9rem }
.legend svg { width: 24px; height: 10px; margin-right: .4rem }
details { margin: .4rem 0; font-size: .9rem }
summary { cursor: pointer; color: var(--quiet) }
.table { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--rule); vertical-align: top }
th { color: var(--quiet); font-weight: 600 }
td, dd, li { unicode-bidi: isolate }
.left { text-align: left }
.right { text-align: right }
td.right { white-space: nowrap }
dl { margin: 0; font-size: .9rem }
dl div { display: grid; grid-template-columns: minmax(6rem, 11rem) minmax(0, 1fr); gap: 0 1rem; border-bottom: 1px solid var(--rule); padding: .2rem 0 }
dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
@media print {
  :root { color-scheme: light; --ground: #fff; --text: #000; --quiet: #444; --rule: #bbb; --raised: #fff; ${variables(COLOURS)} }
  body { font-size: 11pt }
  main { max-width: none; padding: 0 }
  figure, tr, dl div { break-inside: avoid }
  h2 { break-after: avoid }
  * { print-color-adjust: exact }
}
`);
