// `limpet workers`: lists the workers of a running farm, or changes how many there are.

import type { Command } from "commander";
import {
  type AdminFlags,
  adminCommand,
  clientOf,
  examples,
  print,
  type WorkersAnswer,
} from "./admin-command.js";
import type { Environment } from "./option-flags.js";
import { failuresOf, workerTable } from "./worker-table.js";

export interface ChangeFlags extends AdminFlags {
  /** False: do not wait for the change to be done. */
  readonly wait: boolean;
}

/** The query of a change. */
export function waitQuery({ wait }: ChangeFlags): string {
  return wait ? "" : "?wait=false";
}

export function workersCommand(environment: Environment = process.env): Command {
  const command = adminCommand(
    "workers",
    "List the workers of a running farm, or start and drain workers until there are so many.",
  )
    .argument("[number]", "how many there should be: auto or 1 to 64")
    .option("--no-wait", "do not wait until the new workers serve and the others are gone")
    .addHelpText("after", examples("limpet workers", "limpet workers 4", "limpet workers auto --no-wait"));
  return command.action(async (number: string | undefined, flags: ChangeFlags) => {
    const client = clientOf(flags, environment);
    if (number === undefined) {
      print(command, flags, await client.get<WorkersAnswer>("/workers"), list);
      return;
    }
    // What is no number goes as it is, for the farm to say what it takes.
    const workers = /^\d{1,9}$/.test(number) ? Number(number) : number;
    const answer = await client.post<WorkersAnswer>(`/workers${waitQuery(flags)}`, { workers });
    print(command, flags, answer, list);
  });
}

/** The workers as a table, and how many there are on the way to how many. */
export function list({ targetWorkers, workers }: WorkersAnswer, hasColors: boolean): string {
  const serving = workers.filter(({ state }) => state === "serving").length;
  return `${workerTable(workers, hasColors)}${failuresOf(workers)}\n${serving} of ${targetWorkers} workers serving\n`;
}
