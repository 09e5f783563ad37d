#!/usr/bin/env node
// The limpet command: one file a subcommand, errors in one sentence. Exit codes: 0 done, 1 failed while running,
// 2 could not begin (a wrong option, no right to the device, an unreadable database, an app that does not load).

import { Command, CommanderError } from "commander";
import { version } from "../farm.js";
import { serveCommand } from "./serve.js";

const EXIT_COULD_NOT_BEGIN = 2;

const program = new Command("limpet")
  .description("A load-balanced server farm in one Node.js process.")
  .version(version, "-V, --version", "print the version")
  .addCommand(serveCommand())
  .showSuggestionAfterError(true);

for (const command of [program, ...program.commands]) {
  command.exitOverride().configureOutput({
    // Commander's messages begin with "error: "; ours with the program's name, as those of other tools do.
    outputError: (text, write) => write(`limpet: ${text.replace(/^error: /, "")}`),
  });
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
