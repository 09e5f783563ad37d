// What is told of settings: every option, in its own form, so that it can be given again; no secret.

import { resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { OptionName } from "../../../core/options/farm-options.js";
import { OPTION_NAMES, OPTIONS, optionOf } from "../../../core/options/option-table.js";
import { describeSettings, type FarmOptions, resolveOptions } from "../../../core/options.js";
import { OPTION_SAMPLES } from "./option-samples.js";

test("settings, described, have each option once and nothing else", () => {
  const described = describeSettings(resolveOptions({}));
  assert.equal(Object.keys(described), OPTION_NAMES);
  assert.equal(JSON.parse(JSON.stringify(described)), described);
});

test("settings, left at their defaults, are described as those", () => {
  const described: Record<string, unknown> = describeSettings(resolveOptions({}));
  const inWords: Partial<Record<OptionName, unknown>> = {
    secret: "(kept beside the database)",
    seed: "(random)",
    adminToken: "none",
    accessLog: "none",
    database: resolve("limpet.db"),
  };
  for (const name of OPTION_NAMES) {
    if (name === "app") assert.match(String(described.app), /workers\/shop\/shop\.js$/);
    else if (name === "workers") assert.type(described.workers, "number");
    else assert.is(described[name], inWords[name] ?? OPTIONS[name].default, name);
  }
  assert.is(describeSettings(resolveOptions({ database: ":memory:" })).secret, "(random)");
});

test("settings, of each option given, are described as what was given; secrets as set", () => {
  for (const name of OPTION_NAMES) {
    for (const [, value] of OPTION_SAMPLES[name].right.filter(([text]) => text !== "auto")) {
      const described = describeSettings(resolveOptions({ [name]: value }));
      assert.is(described[name], optionOf(name).isSecret ? "(set)" : value, name);
    }
  }
});

test("settings, described, resolve to themselves", () => {
  const options: FarmOptions = { socket: "none", admin: "[::1]:1", address6: "none", workers: 3, seed: 7 };
  const settings = resolveOptions(options);
  const { secret: _, adminToken: __, accessLog: ___, ...described } = describeSettings(settings);
  assert.equal(resolveOptions(described as FarmOptions), settings);
});

test.run();
