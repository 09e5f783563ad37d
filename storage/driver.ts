// Makes a Knex instance for a client whose package may not be installed: all but sqlite3 are the user's choice.

import knex, { type Knex } from "knex";
import { firstLineOf, StartFailure } from "./failure.js";

/** The npm package of each client. */
const PACKAGES = { sqlite3: "sqlite3", "better-sqlite3": "better-sqlite3", pg: "pg" } as const;

/** Opens nothing yet. Throws a `StartFailure` if the client's package is missing or does not load. */
export function makeKnex(client: keyof typeof PACKAGES, config: Omit<Knex.Config, "client">): Knex {
  try {
    // Knex would print what it also throws, and would put the values of a statement, which may be secret, into errors.
    return knex({ ...config, client, compileSqlOnError: false, log: SILENT });
  } catch (error) {
    const name = PACKAGES[client];
    const isMissing = error instanceof Error && error.message.includes(`Cannot find module '${name}'`);
    if (isMissing) {
      throw new StartFailure(
        "driver_missing",
        `The package ${name} is not installed, which this database needs: npm install ${name}`,
      );
    }
    throw new StartFailure("driver_missing", `The package ${name} cannot be loaded: ${reasonOf(error)}.`);
  }
}

/** Knex begins with a line of advice. */
function reasonOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split("\n");
  return firstLineOf(lines.find((line) => !/^(Knex: run|\$ npm)/.test(line)) ?? "");
}

function ignore(): void {}
const SILENT = { warn: ignore, error: ignore, deprecate: ignore, debug: ignore };
