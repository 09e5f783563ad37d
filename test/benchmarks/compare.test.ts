// Two outputs side by side: what agrees, what does not, and what cannot be compared.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Comparable, compareOutputs } from "../../benchmarks/compare.js";
import { describeMachine } from "../../benchmarks/support/machine.js";
import { spreadOf } from "../../benchmarks/support/spread.js";
import { runBench } from "../support/limpet-bench.js";

const folder = mkdtempSync(join(tmpdir(), "limpet-bench-compare-"));
test.after(() => rmSync(folder, { recursive: true }));

let files = 0;

function fileOf(content: unknown): string {
  const file = join(folder, `${++files}.json`);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const machine = describeMachine();

function output(rounds: readonly number[], changes: Partial<Comparable> = {}) {
  const figures = [{ server: "limpet", requestsPerSecond: spreadOf(rounds), failures: 0 }];
  return { benchmark: "http", machine, options: { rounds: 3, seed: 1 }, took: 1, figures, ...changes };
}

function compare(first: unknown, second: unknown) {
  const result = runBench("compare", fileOf(first), fileOf(second));
  return { ...result, lines: result.stdout.trim().split("\n") };
}

test("compare, of runs whose spreads overlap, says that all agree", () => {
  const { status, lines } = compare(output([10, 11, 12]), output([12, 13, 14]));
  assert.is(status, 0);
  const [head, row, , summary] = lines;
  assert.match(head!, /^figure +first +second +second ÷ first +agrees$/);
  assert.match(
    row!,
    /^0\.requestsPerSecond, limpet +11\.0 \(10\.0…12\.0\) +13\.0 \(12\.0…14\.0\) +1\.18 +yes$/,
  );
  assert.is(summary, "2 of 2 figures of http agree within their spread.");
});

test("compare, of runs whose spreads do not overlap, has exit code 1", () => {
  const { status, stdout } = compare(output([10, 11, 12]), output([13, 14, 15]));
  assert.is(status, 1);
  assert.match(stdout, /NO$/m);
  assert.match(stdout, "1 of 2 figures of http agree within their spread.");
});

test("compare, of runs one of which had failures, has exit code 1", () => {
  const failed = output([10], {
    figures: [{ server: "limpet", requestsPerSecond: spreadOf([10]), failures: 7 }],
  });
  const { status, stdout } = compare(output([10]), failed);
  assert.is(status, 1);
  assert.match(stdout, /^0\.failures, limpet +0\.0000 +7\.00 +- +NO$/m);
});

test("compare, of runs of one round each, says that they have no spread", () => {
  assert.match(compare(output([10]), output([11])).stdout, /see --rounds/);
  assert.not.match(compare(output([10, 11]), output([11, 12])).stdout, /see --rounds/);
});

test("compare, of runs on different machines, says what is different", () => {
  const { status, stdout } = compare(output([10]), output([10], { machine: { ...machine, cores: 64 } }));
  assert.is(status, 0);
  assert.match(stdout, `Not the same in the machine: cores ${machine.cores} and 64.`);
});

const REFUSED: readonly (readonly [what: string, second: Comparable, message: RegExp])[] = [
  ["another benchmark", output([10], { benchmark: "flood" }), /different benchmarks: http and flood$/],
  ["other options", output([10], { options: { rounds: 3, seed: 2 } }), /different options: seed 1 and 2$/],
  ["an option more", output([10], { options: { rounds: 3, seed: 1, x: 1 } }), /x undefined and 1$/],
  ["another shape", output([10], { figures: [] }), /different figures: 0 is not in both of them$/],
  [
    "another server",
    output([10], { figures: [{ server: "nginx", requestsPerSecond: spreadOf([10]), failures: 0 }] }),
    /different figures: 0\.server is not the same in both of them$/,
  ],
];

for (const [what, second, message] of REFUSED) {
  test(`compare, with ${what}, is refused`, () => {
    assert.throws(() => compareOutputs(output([10]), second), message);
  });
}

test("compare, of outputs without any figure, is refused", () => {
  const none = output([10], { figures: [] });
  assert.throws(() => compareOutputs(none, none), /no figures to compare/);
});

test("compare, with what is refused, says so in one sentence and has exit code 2", () => {
  const absent = join(folder, "none.json");
  for (const [second, message] of [
    [
      fileOf(output([10], { benchmark: "flood" })),
      /^limpet: these are different benchmarks: http and flood\n$/,
    ],
    [fileOf({ benchmark: "http" }), /^limpet: \S+ is not what a benchmark prints with --json\n$/],
    [fileOf("http {"), /^limpet: \S+ is not what a benchmark prints with --json\n$/],
    [absent, /^limpet: \S+none\.json cannot be read: ENOENT[^\n]+\n$/],
  ] as const) {
    const { status, stdout, stderr } = runBench("compare", fileOf(output([10])), second);
    assert.is(status, 2);
    assert.is(stdout, "");
    assert.match(stderr, message);
  }
});

test.run();
