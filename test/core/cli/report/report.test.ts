// The report's page: whatever text is put in, its markup is the same, and nothing in it runs or is fetched from anywhere.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Plot, type Report, renderReport } from "../../../../core/cli/report/report.js";

/** A report with all that there can be in one, its texts from `text`. */
function reportOf(text: () => string): Report {
  const bars: Plot = {
    kind: "plot",
    title: text(),
    about: text(),
    marks: "bars",
    x: { title: text(), unit: text() },
    y: { title: text(), unit: text() },
    at: [text(), text()],
    series: [
      { name: text(), values: [1, 2], low: [0.5, null], high: [2, null] },
      { name: text(), values: [3, null] },
    ],
  };
  const lines: Plot = {
    ...bars,
    marks: "lines",
    at: [1, 10],
    series: [{ name: text(), values: [1, 2], low: [0, 1], high: [2, 3] }],
  };
  return {
    title: text(),
    summary: [text(), text()],
    facts: [[text(), text()]],
    parts: [
      {
        kind: "table",
        title: text(),
        about: text(),
        columns: [{ name: text(), align: "left" }],
        rows: [[text()]],
      },
      bars,
      lines,
    ],
  };
}

/** The page's tags, with the values of attributes left out: its markup. */
function tagsOf(page: string): string[] {
  return page.match(/<[^<>]*>/g)!.map((tag) => tag.replaceAll(/"[^"]*"/g, '""'));
}

const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "' onload='alert(1)",
  "</title></style></svg><script>",
  "<!--",
  "]]>",
  "&lt;b&gt; &amp;",
  "javascript:alert(1)",
  "\u0000<\u0000script>\u001b[2J",
  "\u202e<b>",
  "url(https://example.com/a.png)",
];

test("page, has the same markup whatever texts are put in", () => {
  const anyText = fc.oneof(
    fc.constantFrom(...HOSTILE),
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."<>\"'&/=`! -") }),
  );
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 24 }), (texts) => {
      const cycle = (change: (text: string) => string) => {
        let n = 0;
        return () => change(texts[n++ % texts.length]!);
      };
      const hostile = renderReport(reportOf(cycle((text) => text)));
      // As long, as labels on an axis are shortened and tilted by their length.
      const harmless = renderReport(reportOf(cycle((text) => "x".repeat(text.length))));
      assert.equal(tagsOf(hostile), tagsOf(harmless));
      assert.is(hostile.match(/[<>]/g)!.length, harmless.match(/[<>]/g)!.length);
    }),
    { numRuns: 300 },
  );
});

test("page, shows each text as it is, and control characters as blanks", () => {
  for (const text of HOSTILE) {
    const page = renderReport({ title: "t", summary: [text], facts: [], parts: [] });
    const shown = /<p class="summary">([\s\S]*?)<\/p>/.exec(page)![1]!;
    const decoded = shown
      .replaceAll("&lt;", "<")
      .replaceAll("&gt;", ">")
      .replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'")
      .replaceAll("&amp;", "&");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    assert.is(decoded, text.replaceAll(/[\u0000-\u001f]/g, " "));
  }
});

test("page, has nothing that runs, and no address of anything to fetch", () => {
  const page = renderReport(reportOf(() => "text"));
  assert.not.match(page, /<script|<link|<img|<iframe|@import|url\(|https?:|\b(?:src|href)=|\son[a-z]+=/i);
  assert.match(page, `content="default-src 'none'; style-src 'unsafe-inline'"`);
});

test("page, can be read by day, by night, on a phone and on paper", () => {
  const page = renderReport(reportOf(() => "text"));
  for (const part of ["prefers-color-scheme: dark", "@media print", "width=device-width", 'lang="en"'])
    assert.ok(page.includes(part), part);
});

test("plot, has its figures beside it, with units and the ends of each spread", () => {
  const page = renderReport({
    title: "t",
    summary: [],
    facts: [],
    parts: [
      {
        kind: "plot",
        title: "p",
        marks: "lines",
        x: { title: "workers" },
        y: { title: "rate", unit: "1/s" },
        at: [1, 2],
        series: [{ name: "cubic", values: [10, 1 / 3], low: [9, null], high: [11, null] }],
      },
    ],
  });
  const details = /<details>([\s\S]*?)<\/details>/.exec(page)![1]!;
  const cells = (tag: string) =>
    [...details.matchAll(new RegExp(`<${tag} class="(left|right)"[^>]*>([^<]*)</${tag}>`, "g"))].map(
      ([, align, text]) => [align, text],
    );
  assert.equal(cells("th"), [
    ["left", "workers"],
    ["right", "rate (1/s)"],
    ["right", "from"],
    ["right", "to"],
  ]);
  assert.equal(
    cells("td").map(([, text]) => text),
    ["1", "10", "9", "11", "2", "0.333333", "", ""],
  );
});

test("plots that follow each other, are side by side; a table between them is not", () => {
  const { parts } = reportOf(() => "text");
  const page = renderReport({ title: "t", summary: [], facts: [], parts: [...parts, parts[0]!, parts[1]!] });
  assert.is(page.split('<div class="plots">').length - 1, 2);
  assert.is(page.split("<section>").length - 1, 2);
});

test.run();
