// The options of a farm on the command line: flags and their help, made of the one table, and what flags, environment and
// options file say together. A flag goes before the environment, the environment before the file.
//
// A variable LIMPET_… that is no option, but nearly one, is an error: a typing error in the environment is seen by nobody.
// One that is like no option is let be and only told of by `limpet check`: the prefix is not ours alone. Kubernetes, for
// one, gives every container LIMPET_SERVICE_HOST and LIMPET_PORT=tcp://… once there is a service named limpet.

import { type Command, Option } from "commander";
import type { FarmOptions, OptionName } from "../options/farm-options.js";
import { nearestName } from "../options/nearest-name.js";
import { findProblems, inWords, type Origin, type Origins } from "../options/option-problems.js";
import { flagOf, keyOf, OPTION_NAMES, optionOf, variableOf } from "../options/option-table.js";
import { OptionError } from "../options.js";
import { readOptionFile } from "./option-file.js";

/** What the flags are called in `command.opts()`: options by their names, as text or, of switches, true and false. */
export type FarmFlags = Readonly<Record<string, unknown>>;
export type Environment = Readonly<Record<string, string | undefined>>;

export interface GatheredOptions {
  readonly options: FarmOptions;
  /** Where each option that is given was written. */
  readonly origins: Origins;
  /** Variables LIMPET_… of the environment that are like no option, and have no effect. */
  readonly unknownVariables: readonly string[];
}

const PREFIX = "LIMPET_";
/** The variable in place of `--config`. */
const CONFIG_VARIABLE = variableOf("config");

/** Adds the flags of these options, `--config`, and what there is to say about both to a command. */
export function addFarmFlags(command: Command, names: readonly OptionName[] = OPTION_NAMES): Command {
  command.option("--config <file>", `options file, TOML (or ${CONFIG_VARIABLE})`);
  for (const name of names) addFlag(command, name);
  return command.addHelpText("after", sourcesHelp(names));
}

function addFlag(command: Command, name: OptionName): void {
  const { group, kind, isSecret } = optionOf(name);
  const value = kind.placeholder === undefined ? "" : ` ${kind.placeholder}`;
  const option = new Option(`${flagOf(name)}${value}`, describe(name)).helpGroup(`${group}:`);
  // A secret's flag is only there to say, in place of "unknown option", where a secret belongs.
  command.addOption(isSecret ? option.hideHelp() : option);
  if (kind.placeholder === undefined) command.addOption(new Option(negatedFlagOf(name)).hideHelp());
}

function negatedFlagOf(name: OptionName): string {
  return `--no-${keyOf(name)}`;
}

/** What the option is, takes, and is when it is left out. */
function describe(name: OptionName): string {
  const { about, kind, defaultAbout, default: value } = optionOf(name);
  const takes = kind.placeholder === undefined ? `or ${negatedFlagOf(name)}` : kind.brief;
  return `${about} (${takes}; default: ${defaultAbout ?? String(value)})`;
}

function sourcesHelp(names: readonly OptionName[]): string {
  const secrets = names
    .filter((name) => optionOf(name).isSecret)
    .map((name) => {
      const { about, kind } = optionOf(name);
      return `  ${variableOf(name).padEnd(20)}${about} (${kind.brief})\n`;
    });
  return `
Each option of a farm is taken from the environment too, as LIMPET_ and its name (LIMPET_WORKERS=4 for --workers 4), and from
the options file, under its name (workers = 4); there, relative paths begin at the file's folder. A flag goes before
the environment, the environment before the file. "limpet check FILE" says what a file and the environment amount to.
${secrets.length === 0 ? "" : secretsHelp(secrets)}`;
}

function secretsHelp(secrets: readonly string[]): string {
  return `Secrets are no flags, which everybody on a machine can see, but taken from the environment or the file:
${secrets.join("")}`;
}

/**
 * What flags, environment and the file that one of them names say together, found right by the options' own check.
 * `flags` may hold more than a farm's flags. Throws `OptionError` for the first problem.
 */
export function gatherOptions(flags: FarmFlags, environment: Environment): GatheredOptions {
  const { problems, ...gathered } = collectOptions(flags, environment);
  if (problems[0] !== undefined) throw new OptionError(problems[0]);
  return gathered;
}

/** The same, with all problems there are, one sentence each, in place of an error. */
export function collectOptions(
  flags: FarmFlags,
  environment: Environment,
): GatheredOptions & { readonly problems: readonly string[] } {
  const options: Partial<Record<OptionName, unknown>> = {};
  const origins: Partial<Record<OptionName, Origin>> = {};
  const file = flags.config ?? environment[CONFIG_VARIABLE];
  const fromFile = typeof file === "string" ? readOptionFile(file) : undefined;
  for (const name of OPTION_NAMES) {
    const { kind, isSecret } = optionOf(name);
    const flag = isSecret ? undefined : flags[name];
    const variable = environment[variableOf(name)];
    if (flag !== undefined) {
      options[name] = typeof flag === "string" ? kind.read(flag) : flag;
      origins[name] = { from: "flag" };
    } else if (variable !== undefined && !isOfServiceLink(variableOf(name), variable)) {
      options[name] = kind.read(variable);
      origins[name] = { from: "environment" };
    } else if (fromFile?.values.has(name)) {
      options[name] = fromFile.values.get(name);
      origins[name] = { from: "file", file: String(file) };
    }
  }
  const unknown = findUnknownVariables(environment);
  const problems = [
    ...findSecretFlags(flags),
    ...(fromFile?.problems ?? []),
    ...unknown.flatMap(misspelt),
    // The check takes whatever values there are.
    ...findProblems(options as FarmOptions, origins),
  ];
  const unknownVariables = unknown.filter((variable) => misspelt(variable).length === 0);
  return { options: options as FarmOptions, origins, unknownVariables, problems };
}

function findSecretFlags(flags: FarmFlags): string[] {
  return OPTION_NAMES.filter((name) => optionOf(name).isSecret && flags[name] !== undefined).map(
    (name) =>
      `${flagOf(name)}: a secret does not belong on a command line, which everybody on this machine can see, ` +
      `but in ${variableOf(name)}, or as ${keyOf(name)} in an options file`,
  );
}

/** Variables LIMPET_… that neither a farm nor its command line knows. */
function findUnknownVariables(environment: Environment): string[] {
  const known = new Set([...OPTION_NAMES.map(variableOf), CONFIG_VARIABLE]);
  return Object.entries(environment)
    .filter(([variable, value]) => variable.startsWith(PREFIX) && !isOfServiceLink(variable, value ?? ""))
    .map(([variable]) => variable)
    .filter((variable) => !known.has(variable));
}

/** The sentence about an unknown variable that is nearly a known one, or none. */
function misspelt(variable: string): string[] {
  // Compared without the prefix, which all have in common.
  const near = nearestName(variable.slice(PREFIX.length), [...OPTION_NAMES, "config"].map(keyOf));
  if (near === undefined) return [];
  return [`there is no option ${inWords(variable)}; did you mean ${variableOf(near)}?`];
}

/** LIMPET_SERVICE_HOST, LIMPET_SERVICE_PORT_…, LIMPET_PORT_80_TCP_… and LIMPET_PORT=tcp://…: see the top of this file. */
function isOfServiceLink(variable: string, value: string): boolean {
  return (
    /^LIMPET_(SERVICE_(HOST|PORT)|PORT_\d)/.test(variable) ||
    (variable === variableOf("port") && /^(tcp|udp|sctp):\/\//.test(value))
  );
}
