// `limpet drain`: takes one worker out of a running farm, once it has finished what it has.

import type { Command } from "commander";
import { adminCommand, clientOf, examples, print, type WorkersAnswer } from "./admin-command.js";
import type { Environment } from "./option-flags.js";
import { type ChangeFlags, list, waitQuery } from "./workers.js";

export function drainCommand(environment: Environment = process.env): Command {
  const command = adminCommand(
    "drain",
    "Let a worker finish what it has, give it nothing new, and end it: the farm has one worker less then.",
  )
    .argument("<worker>", "number of the worker, as limpet workers lists it")
    .option("--no-wait", "do not wait until it is gone")
    .addHelpText("after", examples("limpet drain 2", "limpet drain 2 --no-wait"));
  return command.action(async (worker: string, flags: ChangeFlags) => {
    const path = `/workers/${encodeURIComponent(worker)}/drain${waitQuery(flags)}`;
    print(command, flags, await clientOf(flags, environment).post<WorkersAnswer>(path), list);
  });
}
