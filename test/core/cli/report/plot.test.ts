// Plots: a mark for each figure at its place, a gap where there is none, and nothing that is no number in the drawing.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { drawPlot, type Plot } from "../../../../core/cli/report/plot.js";

function plotOf(changes: Partial<Plot> = {}): Plot {
  return {
    kind: "plot",
    title: "a plot",
    marks: "lines",
    x: { title: "workers" },
    y: { title: "rate", unit: "1/s" },
    at: [0, 10, 20],
    series: [{ name: "one", values: [0, 5, 10] }],
    ...changes,
  };
}

function draw(changes?: Partial<Plot>): string {
  return drawPlot(plotOf(changes)).text;
}

/** The numbers of an attribute of all elements of a kind. */
function attributes(svg: string, element: string, name: string): number[] {
  return [...svg.matchAll(new RegExp(`<${element} [^>]*?\\b${name}="([^"]*)"`, "g"))].map(([, value]) =>
    Number(value),
  );
}

function lineOf(svg: string): string {
  return /<path class="line" d="([^"]*)"/.exec(svg)![1]!;
}

test("line, goes through a point for each figure, upwards for more, evenly in x", () => {
  const svg = draw();
  const [xs, ys] = [attributes(svg, "circle", "cx"), attributes(svg, "circle", "cy")];
  assert.is(xs[1]! - xs[0]!, xs[2]! - xs[1]!);
  assert.is(ys[0]! - ys[1]!, ys[1]! - ys[2]!);
  assert.ok(ys[0]! > ys[2]!);
  assert.is(lineOf(svg), `M${xs[0]},${ys[0]}L${xs[1]},${ys[1]}L${xs[2]},${ys[2]}`);
});

test("line, over numbers, keeps their distances", () => {
  const xs = attributes(draw({ at: [0, 1, 4] }), "circle", "cx");
  assert.is(Math.round((xs[2]! - xs[0]!) / (xs[1]! - xs[0]!)), 4);
});

test("line, is interrupted where there is no figure", () => {
  for (const none of [null, Number.NaN, Number.POSITIVE_INFINITY]) {
    const svg = draw({ at: [0, 1, 2, 3], series: [{ name: "one", values: [1, none, 2, 3] }] });
    assert.is(lineOf(svg).split("M").length - 1, 2);
    assert.is(attributes(svg, "circle", "r").length, 3);
  }
});

test("spread, is shaded where both of its ends are known, and is within the axis", () => {
  const svg = draw({ series: [{ name: "one", values: [1, 2, 3], low: [0, 1, null], high: [90, 3, 4] }] });
  assert.match(svg, /<path class="spread" d="M[^"]+Z"/);
  // The axis reaches as far as the spread: the largest value is far below the top.
  assert.ok(Math.min(...attributes(svg, "circle", "cy")) > 200);
  assert.not.match(draw(), /class="spread"/);
});

test("bars, stand side by side on 0, also below it, as high as their figures", () => {
  const svg = draw({
    marks: "bars",
    at: ["a", "b"],
    series: [
      { name: "one", values: [4, -2] },
      { name: "two", values: [2, null] },
    ],
  });
  const tops = attributes(svg, "rect", "y");
  const heights = attributes(svg, "rect", "height");
  const lefts = attributes(svg, "rect", "x");
  const widths = attributes(svg, "rect", "width");
  assert.is(tops.length, 3);
  const zero = tops[0]! + heights[0]!;
  assert.is(tops[1], zero);
  assert.is(Math.round(100 * (heights[0]! / heights[1]!)), 200);
  assert.ok(lefts[0]! + widths[0]! <= lefts[2]! && lefts[2]! + widths[2]! < lefts[1]!);
});

test("labels, are tilted and shortened where they have no room, and left out where there are too many", () => {
  const ticks = (at: string[]) => {
    const values = at.map(() => 1);
    const svg = draw({ marks: "bars", at, series: [{ name: "one", values }] });
    return {
      svg,
      labels: [...svg.matchAll(/class="tick"[^>]*>([^<]*)<\/text>/g)].map(([, label]) => label!),
    };
  };
  assert.not.match(ticks(["a", "b"]).svg, /rotate\(-35\)/);
  const long = ticks(Array.from({ length: 12 }, (_, n) => `a-very-long-name-${n}`));
  assert.match(long.svg, /rotate\(-35\)/);
  assert.ok(long.labels.includes("a-very-long-n…"));
  assert.ok(
    ticks(Array.from({ length: 500 }, (_, n) => `n${n}`)).labels.filter((l) => l.startsWith("n")).length <=
      16,
  );
});

test("plot without a figure, says so", () => {
  assert.match(draw({ series: [] }), /no figures/);
  assert.match(draw({ series: [{ name: "one", values: [null, null, Number.NaN] }] }), /no figures/);
});

test("plot, of whatever figures, has only numbers in its drawing, all of them within it", () => {
  const figure = fc.oneof(fc.double(), fc.constant(null), fc.constantFrom(0, -0, 1e-300, 1e300, -1e300));
  const figures = fc.array(figure, { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.constantFrom("lines" as const, "bars" as const),
      fc.oneof(
        fc.array(fc.double({ noNaN: true }), { maxLength: 6 }),
        fc.array(fc.string(), { maxLength: 6 }),
      ),
      fc.array(fc.record({ name: fc.string(), values: figures, low: figures, high: figures }), {
        maxLength: 3,
      }),
      (marks, at, series) => {
        const svg = draw({ marks, at, series });
        const drawn = [...svg.matchAll(/\b(?:d|x|y|x1|x2|y1|y2|cx|cy|width|height)="([^"]*)"/g)].map(
          ([, text]) => text!,
        );
        for (const text of drawn) {
          assert.not.match(text, /NaN|Infinity|undefined/);
          for (const number of text.match(/-?[\d.]+(?:e[+-]?\d+)?/g) ?? [])
            assert.ok(Math.abs(Number(number)) <= 1000, text);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test.run();
