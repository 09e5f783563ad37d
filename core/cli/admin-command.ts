// What the commands that speak to a running farm have in common: where it is, JSON on request, words and tables otherwise.

import { Command } from "commander";
import type { FarmStatus, WorkerCounts, WorkerStatus } from "../farm-status.js";
import { AdminClient, DEFAULT_ADMIN } from "./admin-client.js";
import type { Environment } from "./option-flags.js";

export interface AdminFlags {
  readonly admin?: string;
  readonly json?: true;
}

/** What GET and POST /workers answer. */
export interface WorkersAnswer {
  readonly targetWorkers: number;
  readonly workers: readonly (WorkerStatus & { readonly counts?: WorkerCounts })[];
}

export type StatusAnswer = FarmStatus;

/** A command with the flags that all of them have. */
export function adminCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      "--admin <url>",
      `where the farm's admin interface is (default: LIMPET_ADMIN, else ${DEFAULT_ADMIN})`,
    )
    .option("--json", "print JSON");
}

/** The help's last lines: examples, and where the token comes from. */
export function examples(...lines: readonly string[]): string {
  return `
Examples:
${lines.map((line) => `  ${line}`).join("\n")}

LIMPET_ADMIN_TOKEN has the farm's admin token, if it has one. --admin takes unix:/path too.`;
}

/** Throws `OptionError` for an address that is none. */
export function clientOf(flags: AdminFlags, environment: Environment): AdminClient {
  return new AdminClient(
    flags.admin ?? environment.LIMPET_ADMIN ?? DEFAULT_ADMIN,
    environment.LIMPET_ADMIN_TOKEN,
  );
}

/** Prints `value` as JSON if asked to, else what `text` makes of it. */
export function print<Value>(
  command: Command,
  flags: AdminFlags,
  value: Value,
  text: (value: Value, hasColors: boolean) => string,
): void {
  const { writeOut = () => {}, getOutHasColors = () => false } = command.configureOutput();
  writeOut(flags.json ? `${JSON.stringify(value, null, 2)}\n` : text(value, getOutHasColors()));
}
