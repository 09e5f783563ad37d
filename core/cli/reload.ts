// `limpet reload`: has a running farm read its app's files anew, worker by worker.

import type { Command } from "commander";
import { adminCommand, clientOf, examples, print, type WorkersAnswer } from "./admin-command.js";
import type { Environment } from "./option-flags.js";
import { type ChangeFlags, list, waitQuery } from "./workers.js";

export function reloadCommand(environment: Environment = process.env): Command {
  const command = adminCommand(
    "reload",
    "Replace the workers of a running farm one by one by ones that have read the app's files anew.",
  )
    .option("--no-wait", "do not wait until all are replaced")
    .addHelpText("after", examples("limpet reload", "limpet reload --no-wait"));
  return command.action(async (flags: ChangeFlags) => {
    const path = `/reload${waitQuery(flags)}`;
    print(command, flags, await clientOf(flags, environment).post<WorkersAnswer>(path), list);
  });
}
