// `limpet check`: what an options file and the environment amount to, setting by setting, with where each comes from; or
// everything that is wrong with them. Starts nothing and opens nothing but that file. Exit codes as in limpet.ts.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import type { OptionName } from "../options/farm-options.js";
import { type Origin, type Origins, subjectOf } from "../options/option-problems.js";
import { keyOf, OPTION_NAMES, variableOf } from "../options/option-table.js";
import { describeSettings, type FarmSettings, resolveOptions } from "../options.js";
import { collectOptions, type Environment } from "./option-flags.js";

const EXIT_WRONG = 2;

interface Findings {
  readonly problems: readonly string[];
  /** Undefined if there are problems. */
  readonly settings: Record<OptionName, unknown> | undefined;
  readonly origins: Origins;
  readonly unknownVariables: readonly string[];
}

export function checkCommand(environment: Environment = process.env): Command {
  const command = new Command("check")
    .description("Check an options file, and the environment, and show the settings that they amount to.")
    .argument("[file]", "options file, TOML (default: LIMPET_CONFIG, else the environment alone)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Exit code 0: a farm would take these options; 2: there is something wrong, and every problem has been named.

Examples:
  limpet check farm.toml
  LIMPET_WORKERS=4 limpet check farm.toml --json`,
    );
  return command.action((file: string | undefined, { json }: { json?: true }) => {
    const { writeOut = () => {}, writeErr = () => {} } = command.configureOutput();
    const findings = check(file, environment);
    if (findings.problems.length > 0) process.exitCode = EXIT_WRONG;
    if (json) writeOut(`${JSON.stringify(toJson(findings), null, 2)}\n`);
    else if (findings.problems.length > 0) writeErr(toLines(findings.problems));
    else writeOut(toTable(findings));
  });
}

function check(file: string | undefined, environment: Environment): Findings {
  const gathered = collectOptions({ config: file }, environment);
  const { options, origins, unknownVariables } = gathered;
  if (gathered.problems.length > 0) {
    return { problems: gathered.problems, settings: undefined, origins, unknownVariables };
  }
  const settings = resolveOptions(options, origins);
  const problems = findMissingApp(settings, origins);
  const described = problems.length === 0 ? describeSettings(settings) : undefined;
  return { problems, settings: described, origins, unknownVariables };
}

function findMissingApp({ appUrl }: FarmSettings, origins: Origins): string[] {
  const subject = subjectOf("app", origins.app);
  return existsSync(new URL(appUrl)) ? [] : [`${subject}: there is no file ${fileURLToPath(appUrl)}`];
}

function toJson({ problems, settings, origins, unknownVariables }: Findings): object {
  if (settings === undefined) return { problems, unknownVariables };
  const entries = OPTION_NAMES.map((name) => [
    name,
    { value: settings[name], from: whereFrom(name, origins[name]) },
  ]);
  return { problems, settings: Object.fromEntries(entries), unknownVariables };
}

function toLines(problems: readonly string[]): string {
  return problems.map((problem) => `limpet: ${problem}\n`).join("");
}

/** A line for each setting: the option's key, the value, where it comes from. */
function toTable({ settings, origins, unknownVariables }: Findings): string {
  const rows = OPTION_NAMES.map((name) => [
    keyOf(name),
    String(settings?.[name]),
    whereFrom(name, origins[name]),
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const [keyWidth, valueWidth] = [width(0), width(1)];
  return [
    ...rows.map(([key, value, from]) => `${key!.padEnd(keyWidth)}  ${value!.padEnd(valueWidth)}  ${from}\n`),
    ...unknownVariables.map((variable) => `${variable} is no option and has no effect\n`),
  ].join("");
}

function whereFrom(name: OptionName, origin: Origin | undefined): string {
  if (origin === undefined) return "default";
  return origin.from === "file" ? origin.file : variableOf(name);
}
