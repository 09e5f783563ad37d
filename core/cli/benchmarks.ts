// `limpet bench`: its code is in the benchmarks' room, with load generators and peers that no farm needs, and is loaded only when it
// is asked for, by its place, as threads are.

import { Command } from "commander";

const program = new URL("../../benchmarks/program.js", import.meta.url);

/** What that program exports. */
interface Program {
  benchCommand(): Command;
}

/** All words behind "bench" are the benchmarks' own. `adopt` makes errors and exits of their commands what they are elsewhere. */
export function benchCommand(adopt: (command: Command) => void): Command {
  return new Command("bench")
    .description("Measure: the packet path, requests a second against other servers, and more.")
    .usage("NAME [options]")
    .argument("[words...]")
    .helpOption(false)
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const { benchCommand: load } = (await import(program.href)) as Program;
      const command = load();
      command.name("limpet bench");
      adopt(command);
      await command.parseAsync(words, { from: "user" });
    });
}
