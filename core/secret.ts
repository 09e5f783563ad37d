// The secret that signs session IDs. Without one given it is made once and kept beside the database, readable by its
// owner only, so that the sessions in the database outlive the process.

import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { OptionError } from "./options.js";

const SECRET_BYTES = 32;

/** The given secret; else the one in `<database>.secret`; else a new one, which is written there. Throws `OptionError`. */
export function loadSecret(given: string | undefined, database: string): Uint8Array {
  if (given !== undefined) return Buffer.from(given, "utf8");
  if (database === ":memory:") return randomBytes(SECRET_BYTES);
  const file = `${database}.secret`;
  try {
    const secret = randomBytes(SECRET_BYTES);
    // "wx": of two farms that start at once only one writes.
    writeFileSync(file, `${secret.toString("hex")}\n`, { flag: "wx", mode: 0o600 });
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw new OptionError(
        `the session secret cannot be written to ${file} (${(error as NodeJS.ErrnoException).code})`,
      );
    }
  }
  try {
    chmodSync(file, 0o600);
    const text = readFileSync(file, "utf8").trim();
    if (/^[0-9a-f]{64,}$/.test(text)) return Buffer.from(text, "hex");
  } catch (error) {
    throw new OptionError(
      `the session secret in ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  throw new OptionError(
    `the session secret in ${file} is damaged: restore it, or remove it to end all sessions`,
  );
}
