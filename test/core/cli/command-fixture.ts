// Runs a command in process against a fake farm behind a real admin server, and catches what it prints.

import type { Command } from "commander";
import { withAdmin } from "../admin/admin-fixture.js";
import type { FakeFarm } from "../admin/fake-farm.js";

export type Environment = Record<string, string | undefined>;

export interface CommandRun {
  readonly farm: FakeFarm;
  readonly url: string;
  /** What the command prints, given these parameters. Rejects with what it throws. */
  readonly run: (make: (environment: Environment) => Command, ...parameters: string[]) => Promise<string>;
}

/** The farm is where LIMPET_ADMIN says. */
export function withFarm(
  use: (run: CommandRun) => Promise<void>,
  { hasColors = false, token }: { hasColors?: boolean; token?: string } = {},
): Promise<void> {
  return withAdmin(async ({ farm, server }) => {
    const environment = { LIMPET_ADMIN: server.url, LIMPET_ADMIN_TOKEN: token };
    const run: CommandRun["run"] = (make, ...parameters) =>
      runCommand(make(environment), parameters, hasColors);
    await use({ farm, url: server.url, run });
  }, token);
}

export async function runCommand(
  command: Command,
  parameters: readonly string[],
  hasColors = false,
): Promise<string> {
  let output = "";
  command.exitOverride().configureOutput({
    writeOut: (text) => (output += text),
    writeErr: (text) => (output += text),
    getOutHasColors: () => hasColors,
  });
  await command.parseAsync(parameters, { from: "user" });
  return output;
}

/** What `run` rejects with. */
export async function failure(run: Promise<unknown>): Promise<NodeJS.ErrnoException> {
  return run.then(
    (value) => Promise.reject(new Error(`it has succeeded: ${JSON.stringify(value)}`)),
    (error: NodeJS.ErrnoException) => error,
  );
}
