#!/usr/bin/env node
// The limpet command: one file a subcommand, errors in one sentence. Exit codes: 0 done, 1 failed while running,
// 2 could not begin (a wrong option, a busy port, an unreadable database, an app that does not load, no farm to ask).

import { Command, CommanderError } from "commander";
import { version } from "../farm.js";
import { benchCommand, tuneCommand } from "./benchmarks.js";
import { checkCommand } from "./check.js";
import { drainCommand } from "./drain.js";
import { flowsCommand } from "./flows.js";
import { reloadCommand } from "./reload.js";
import { replayCommand } from "./replay.js";
import { serveCommand } from "./serve.js";
import { statusCommand } from "./status.js";
import { topCommand } from "./top.js";
import { workersCommand } from "./workers.js";

const EXIT_COULD_NOT_BEGIN = 2;

// Whoever reads what we print may stop at any line: `limpet flows | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const program = new Command("limpet")
  .description("A load-balanced server farm in one Node.js process.")
  .version(version, "-V, --version", "print the version")
  // What follows "bench" and "tune" is for those to read.
  .enablePositionalOptions()
  .commandsGroup("A farm:")
  .addCommand(serveCommand())
  .addCommand(checkCommand())
  .addCommand(replayCommand())
  .commandsGroup("A farm that is running:")
  .addCommand(statusCommand())
  .addCommand(topCommand())
  .addCommand(workersCommand())
  .addCommand(flowsCommand())
  .addCommand(drainCommand())
  .addCommand(reloadCommand())
  .commandsGroup("Figures:")
  .addCommand(benchCommand(adopt))
  .addCommand(tuneCommand(adopt))
  .showSuggestionAfterError(true);
adopt(program);

/** Gives a command, and all below it, our way of ending and of saying what is wrong. */
function adopt(command: Command): void {
  command.exitOverride().configureOutput({
    // Commander's messages begin with "error: "; ours with the program's name, as those of other tools do.
    outputError: (text, write) => write(`limpet: ${text.replace(/^error: /, "")}`),
  });
  command.commands.forEach(adopt);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_COULD_NOT_BEGIN;
  } else {
    // Errors that are meant for people have a code; others are limpet's own mistakes and show where they happened.
    const known = error instanceof Error && "code" in error;
    process.stderr.write(
      `limpet: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exit(EXIT_COULD_NOT_BEGIN);
  }
}
