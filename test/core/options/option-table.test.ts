// The table: each option takes its samples and no others, has a default that it takes itself, and is documented as it is.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { flagOf, keyOf, OPTION_NAMES, optionOf, variableOf } from "../../../core/options/option-table.js";
import { OPTION_SAMPLES } from "./option-samples.js";

test("option, of each name, takes its right values and no wrong one", () => {
  for (const name of OPTION_NAMES) {
    const { kind } = optionOf(name);
    const { right, wrong } = OPTION_SAMPLES[name];
    assert.ok(right.length > 0 && wrong.length > 0);
    for (const [text, value] of right) {
      assert.is(kind.read(text), value, name);
      assert.ok(kind.accepts(value), `${name} ${text}`);
    }
    for (const [text] of wrong) assert.not(kind.accepts(kind.read(text)), `${name} ${text}`);
    for (const value of [null, Number.NaN, Number.POSITIVE_INFINITY, {}, [], () => {}, Symbol("a"), 1n])
      assert.not(kind.accepts(value), `${name} ${String(value)}`);
  }
});

test("default, of each option, is a value that it takes", () => {
  for (const name of OPTION_NAMES) {
    const { kind, default: value, defaultAbout } = optionOf(name);
    if (value === undefined) assert.ok(defaultAbout, name);
    else assert.ok(kind.accepts(value), name);
  }
});

test("default, of each option, is what the comment at its type says", () => {
  const source = readFileSync("core/options/farm-options.ts", "utf8");
  for (const name of OPTION_NAMES) {
    const { default: value } = optionOf(name);
    const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+readonly ${name}\\?:`).exec(source)?.[1];
    assert.ok(comment, `${name} has no comment`);
    const expected = typeof value === "string" ? `Default "${value}"` : `Default ${value}`;
    if (value === undefined) assert.match(comment, /Default: |if it is left out/, name);
    else assert.ok(comment.replaceAll(/\s+\*?\s*/g, " ").includes(expected), `${name}: ${expected}`);
  }
});

test("option, has one name in three spellings", () => {
  const spellings = (name: string) => [keyOf(name), flagOf(name), variableOf(name)];
  assert.equal(spellings("cacheMib"), ["cache-mib", "--cache-mib", "LIMPET_CACHE_MIB"]);
  assert.equal(spellings("affinityPrefix6"), [
    "affinity-prefix6",
    "--affinity-prefix6",
    "LIMPET_AFFINITY_PREFIX6",
  ]);
  assert.is(new Set(OPTION_NAMES.map(variableOf)).size, OPTION_NAMES.length);
});

test("options, of a group, are together, so that the help's headings are in the table's order", () => {
  const groups = OPTION_NAMES.map((name) => optionOf(name).group);
  const starts = groups.filter((group, i) => group !== groups[i - 1]);
  assert.is(starts.length, new Set(groups).size);
});

test.run();
