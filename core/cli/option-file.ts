// The options file: TOML with the options under their flags' names, `cache-mib = 64`. It says what is written there and
// what is wrong with the writing; whether a value is right is decided with those from elsewhere (option-flags.ts).
// Relative paths begin at the file's folder, so that a file means the same wherever limpet is started.

import { closeSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { parse, TomlError, type TomlTable } from "smol-toml";
import type { OptionName } from "../options/farm-options.js";
import { inWords, suggestion } from "../options/option-problems.js";
import { keyOf, OPTION_NAMES, optionOf } from "../options/option-table.js";
import { fileProblem } from "./file-problem.js";

/** No honest file is larger; `--config /dev/zero` must end. */
const MAX_FILE_BYTES = 1024 * 1024;

export interface OptionFile {
  /** What is written under each option's key, unchecked. */
  readonly values: ReadonlyMap<OptionName, unknown>;
  /** One sentence each. */
  readonly problems: readonly string[];
}

/** Never throws: a file that cannot be read, or is no TOML, has no values and one problem. */
export function readOptionFile(file: string): OptionFile {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    return { values: new Map(), problems: [`the options file ${inWords(file)} ${reason(error)}`] };
  }
  try {
    return takeOptions(parse(text), file);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // After its first line the message shows the file's text, which may be a secret.
    const what = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    const place = `in line ${error.line}, column ${error.column}`;
    return { values: new Map(), problems: [`${inWords(file)} is not TOML ${place}: ${what}`] };
  }
}

function takeOptions(table: TomlTable, file: string): OptionFile {
  const nameByKey = new Map(OPTION_NAMES.map((name) => [keyOf(name), name]));
  const values = new Map<OptionName, unknown>();
  const problems: string[] = [];
  for (const [key, value] of Object.entries(table)) {
    const name = nameByKey.get(key);
    if (name === undefined) {
      problems.push(
        `there is no option ${inWords(key)} in ${inWords(file)}${suggestion(key, [...nameByKey.keys()])}`,
      );
    } else {
      values.set(name, inFolder(name, value, dirname(file)));
    }
  }
  return { values, problems };
}

function inFolder(name: OptionName, value: unknown, folder: string): unknown {
  const { kind } = optionOf(name);
  return kind.inFolder !== undefined && kind.accepts(value) ? kind.inFolder(value, folder) : value;
}

class FileError extends Error {}

/** Reads to the end, of pipes too. Throws a `FileError`, or the system's. */
function readText(file: string): string {
  const bytes = new Uint8Array(MAX_FILE_BYTES + 1);
  let length = 0;
  const descriptor = openSync(file, "r");
  try {
    for (;;) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
      if (length > MAX_FILE_BYTES) throw new FileError("is larger than 1 MiB");
    }
  } finally {
    closeSync(descriptor);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
  } catch {
    throw new FileError("is not UTF-8 text");
  }
}

function reason(error: unknown): string {
  return error instanceof FileError ? error.message : `cannot be read: ${fileProblem(error)}`;
}
