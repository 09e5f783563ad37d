// Tables and figures as they are printed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatDuration, formatRate, formatShare, printable, renderTable } from "../../../core/cli/table.js";

test("table, has columns as wide as they must be, texts left, numbers right, no blanks at the ends", () => {
  const columns = [
    { name: "name", align: "left" },
    { name: "n", align: "right" },
    { name: "note", align: "left" },
  ] as const;
  const table = renderTable(
    columns,
    [
      ["a", 1, ""],
      ["longer", 1234, "x"],
    ],
    false,
  );
  assert.is(table, "name       n  note\na          1\nlonger  1234  x\n");
  assert.is(renderTable(columns, [], false), "name  n  note\n");
  assert.is(renderTable(columns, [], true), "\u001b[1mname  n  note\u001b[22m\n");
});

test("text of others, in a table, moves no cursor and breaks no line", () => {
  assert.is(printable("a\u001b[2J\nb\u009b31m"), "a [2J b 31m");
  assert.is(renderTable([{ name: "x", align: "left" }], [["a\nb\u001b[0m"]], false), "x\na b [0m\n");
});

test("duration, is told in its two largest units", () => {
  const cases = [
    [0, "0 s"],
    [0.9, "0 s"],
    [59.9, "59 s"],
    [60, "1 min"],
    [185, "3 min 5 s"],
    [3600, "1 h"],
    [3605, "1 h"],
    [7384, "2 h 3 min"],
    [86_400 * 3 + 3600 * 4 + 59, "3 d 4 h"],
  ] as const;
  for (const [seconds, text] of cases) assert.is(formatDuration(seconds), text);
});

test("rate and share, have as many digits as say something", () => {
  assert.equal([0, 0.25, 9.99, 10, 12.6, 123_456.7].map(formatRate), [
    "0",
    "0.3",
    "10.0",
    "10",
    "13",
    "123457",
  ]);
  assert.equal([formatShare(1, 3), formatShare(0, 0), formatShare(5, 5)], ["33.3 %", "0.0 %", "100.0 %"]);
});

test.run();
