// The secret that signs session IDs. Without one given it is made once and kept beside the database, readable by its
// owner only, so that the sessions in the database outlive the process. The file is there whole or not at all.

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { OptionError } from "./options.js";

const SECRET_BYTES = 32;

/** The given secret; else the one in `<database>.secret`; else a new one, which is written there. Throws `OptionError`. */
export function loadSecret(given: string | undefined, database: string): Uint8Array {
  if (given !== undefined) return Buffer.from(given, "utf8");
  if (database === ":memory:") return randomBytes(SECRET_BYTES);
  const file = `${database}.secret`;
  return readSecret(file) ?? makeSecret(file);
}

/** The secret in the file; undefined if there is no such file. */
function readSecret(file: string): Uint8Array | undefined {
  let text: string;
  try {
    chmodSync(file, 0o600);
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    throw new OptionError(`the session secret in ${file} cannot be read (${code})`);
  }
  if (!/^([0-9a-f]{2}){32,}$/.test(text)) {
    throw new OptionError(
      `the session secret in ${file} is damaged: restore it, or remove it to end all sessions`,
    );
  }
  return Buffer.from(text, "hex");
}

/**
 * Written and synced under a name of its own and linked to its place: no other farm finds half of it there, no loss of
 * power leaves half of it, and of two farms that start at once one is the first; the other takes that one's.
 */
function makeSecret(file: string): Uint8Array {
  const secret = randomBytes(SECRET_BYTES);
  const draft = `${file}.${randomBytes(8).toString("hex")}`;
  try {
    const descriptor = openSync(draft, "wx", 0o600);
    try {
      writeSync(descriptor, `${secret.toString("hex")}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    linkSync(draft, file);
    return secret;
  } catch (error) {
    const found = codeOf(error) === "EEXIST" ? readSecret(file) : undefined;
    if (found !== undefined) return found;
    throw new OptionError(`the session secret cannot be written to ${file} (${codeOf(error)})`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
