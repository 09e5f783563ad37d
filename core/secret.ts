// The secrets that sign session IDs: the first one signs, all verify, so that one can be replaced and sessions go on. Without
// one given it is made once and kept beside the database, readable by its owner only, so that the sessions in the database outlive
// the process. The file is there whole or not at all; whoever wants a new secret puts it in a line in front of the others.

import { createHash, randomBytes } from "node:crypto";
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
import { MAX_SECRETS, SIGNING_KEY_BYTES } from "./memory/signing-secrets.js";
import { OptionError } from "./options.js";

const SECRET_BYTES = 32;

/**
 * The given secrets; else those in `<database>.secret`; else a new one, which is written there. A farm with its database in memory
 * goes on with its `current` ones. Each is a key of HMAC-SHA-256 as `SigningSecrets` has it. Throws `OptionError`.
 */
export function loadSecrets(
  given: readonly string[] | undefined,
  database: string,
  current: readonly Uint8Array[] = [],
): Uint8Array[] {
  return readSecrets(given, database, current).map(signingKeyOf);
}

function readSecrets(
  given: readonly string[] | undefined,
  database: string,
  current: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (given !== undefined) return given.map((text) => Buffer.from(text, "utf8"));
  if (database === ":memory:") return current.length > 0 ? current : [randomBytes(SECRET_BYTES)];
  const file = `${database}.secret`;
  return readFile(file) ?? makeFile(file);
}

/** The key of a block's length that HMAC-SHA-256 makes of any secret itself (RFC 2104 section 2). */
export function signingKeyOf(secret: Uint8Array): Uint8Array {
  const key = new Uint8Array(SIGNING_KEY_BYTES);
  key.set(secret.length > SIGNING_KEY_BYTES ? createHash("sha256").update(secret).digest() : secret);
  return key;
}

/** The secrets in the file, one a line; undefined if there is no such file. */
function readFile(file: string): Uint8Array[] | undefined {
  let text: string;
  try {
    chmodSync(file, 0o600);
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    throw new OptionError(`the session secret in ${file} cannot be read (${code})`);
  }
  const lines = text.split("\n").map((line) => line.trim());
  const secrets = lines.filter((line) => line !== "");
  if (secrets.length === 0 || !secrets.every((line) => /^([0-9a-f]{2}){32,}$/.test(line))) {
    throw new OptionError(
      `the session secret in ${file} is damaged: restore it, or remove it to end all sessions`,
    );
  }
  if (secrets.length > MAX_SECRETS) {
    throw new OptionError(
      `the session secrets in ${file} are ${secrets.length}, and may be ${MAX_SECRETS}: remove the last, oldest ones`,
    );
  }
  return secrets.map((line) => Buffer.from(line, "hex"));
}

/**
 * Written and synced under a name of its own and linked to its place: no other farm finds half of it there, no loss of
 * power leaves half of it, and of two farms that start at once one is the first; the other takes that one's.
 */
function makeFile(file: string): Uint8Array[] {
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
    return [secret];
  } catch (error) {
    const found = codeOf(error) === "EEXIST" ? readFile(file) : undefined;
    if (found !== undefined) return found;
    throw new OptionError(`the session secret cannot be written to ${file} (${codeOf(error)})`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
