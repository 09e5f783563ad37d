// `limpet check`: the settings with where each comes from, or all problems; as text and as JSON. Run in this process,
// with the output caught.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkCommand } from "../../../core/cli/check.js";
import type { Environment } from "../../../core/cli/option-flags.js";
import { keyOf, OPTION_NAMES } from "../../../core/options/option-table.js";

const folder = mkdtempSync(join(tmpdir(), "limpet-check-"));
const file = join(folder, "farm.toml");
const check = suite("check");
check.after(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly out: string;
  readonly err: string;
  readonly exitCode: number;
}

function run(parameters: string[], environment: Environment = {}): Outcome {
  let out = "";
  let err = "";
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    checkCommand(environment)
      .exitOverride()
      .configureOutput({ writeOut: (text) => (out += text), writeErr: (text) => (err += text) })
      .parse(parameters, { from: "user" });
    return { out, err, exitCode: Number(process.exitCode) };
  } finally {
    process.exitCode = before;
  }
}

/** The cells of the line about an option. */
function lineOf(out: string, key: string): string[] {
  const line = out.split("\n").find((one) => one.startsWith(`${key} `));
  return line?.split(/ {2,}/) ?? [];
}

check("right file, is shown setting by setting, with where each comes from", () => {
  writeFileSync(file, 'workers = 3\ncache-mib = 128\naddress6 = "none"\n');
  const { out, err, exitCode } = run([file], { LIMPET_PORT: "81", LIMPET_CACHE_MIB: "32" });
  assert.is(exitCode, 0);
  assert.is(err, "");
  assert.is(out.trimEnd().split("\n").length, OPTION_NAMES.length);
  assert.equal(lineOf(out, "workers"), ["workers", "3", file]);
  assert.equal(lineOf(out, "address6"), ["address6", "none", file]);
  assert.equal(lineOf(out, "port"), ["port", "81", "LIMPET_PORT"]);
  assert.equal(lineOf(out, "cache-mib"), ["cache-mib", "32", "LIMPET_CACHE_MIB"]);
  assert.equal(lineOf(out, "policy"), ["policy", "least-loaded", "default"]);
  for (const name of OPTION_NAMES) assert.is(lineOf(out, keyOf(name)).length, 3, name);
});

check("right file, as JSON, is the same by option's name", () => {
  writeFileSync(file, "workers = 3\n");
  const { out, exitCode } = run([file, "--json"], { LIMPET_PORT: "81", LIMPET_OTHER_THING: "1" });
  const { problems, settings, unknownVariables } = JSON.parse(out);
  assert.is(exitCode, 0);
  assert.equal([problems, unknownVariables], [[], ["LIMPET_OTHER_THING"]]);
  assert.equal(Object.keys(settings), OPTION_NAMES);
  assert.equal(settings.workers, { value: 3, from: file });
  assert.equal(settings.port, { value: 81, from: "LIMPET_PORT" });
  assert.equal(settings.cacheMib, { value: 64, from: "default" });
});

check("wrong file, is told of in a sentence for each problem, with exit code 2", () => {
  writeFileSync(file, "workers = 0\nport = 0\nfrobnicate = 1\n");
  const { out, err, exitCode } = run([file], { LIMPET_SEED: "x" });
  assert.is(exitCode, 2);
  assert.is(out, "");
  assert.is(err.trimEnd().split("\n").length, 4);
  for (const line of err.trimEnd().split("\n")) assert.match(line, /^limpet: \S/);
  for (const part of ["port in ", "workers in ", "no option frobnicate", "LIMPET_SEED"])
    assert.match(err, part);
});

check("wrong file, as JSON, is its problems, with exit code 2", () => {
  writeFileSync(file, "workers = 0\nport = 0\n");
  const { out, err, exitCode } = run([file, "--json"]);
  const { problems, settings } = JSON.parse(out);
  assert.is(exitCode, 2);
  assert.is(err, "");
  assert.is(problems.length, 2);
  assert.is(settings, undefined);
});

check("app, that is not there, is a problem", () => {
  writeFileSync(file, 'app = "absent.js"\n');
  const { err, exitCode } = run([file]);
  assert.is(exitCode, 2);
  assert.is(err, `limpet: app in ${file}: there is no file ${join(folder, "absent.js")}\n`);
});

check("file, left out, is that of the environment, else the environment alone is checked", () => {
  writeFileSync(file, "workers = 3\n");
  assert.equal(lineOf(run([], { LIMPET_CONFIG: file }).out, "workers"), ["workers", "3", file]);
  assert.is(run([], { LIMPET_WORKERS: "0" }).exitCode, 2);
  assert.is(run([]).exitCode, 0);
});

check("file, given, goes before that of the environment", () => {
  writeFileSync(file, "workers = 3\n");
  assert.is(run([file], { LIMPET_CONFIG: "absent.toml" }).exitCode, 0);
});

check("file, missing or no TOML, is one problem", () => {
  const missing = run([join(folder, "absent.toml")]);
  assert.is(missing.exitCode, 2);
  assert.match(missing.err, /^limpet: the options file \S+ cannot be read: there is no such file\n$/);
  writeFileSync(file, "workers\n");
  assert.match(run([file]).err, /^limpet: \S+ is not TOML in line 1, column \d+: [^\n]+\n$/);
});

check("secrets, are never shown, right or wrong, as text or JSON", () => {
  const secret = "correct horse battery staple, 32 and more";
  const token = "horse-0123456789";
  for (const parameters of [[file], [file, "--json"]]) {
    writeFileSync(file, `secret = "${secret}"\nadmin-token = "${token}"\n`);
    const right = run(parameters);
    assert.is(right.exitCode, 0);
    assert.match(right.out, /\(set\)[\s\S]*\(set\)/);
    const wrong = run(parameters, { LIMPET_SECRET: "short horse", LIMPET_ADMIN_TOKEN: "horse" });
    assert.is(wrong.exitCode, 2);
    for (const { out, err } of [right, wrong]) assert.not.match(out + err, /horse/);
  }
});

check("variable, that has no effect, is told of", () => {
  assert.match(run([], { LIMPET_THREADS: "4" }).out, /^LIMPET_THREADS is no option and has no effect$/m);
});

check.run();
