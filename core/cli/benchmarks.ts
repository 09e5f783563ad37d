// `limpet bench` and `limpet tune`: their code is in the benchmarks' room, with load generators and peers that no farm needs, and is
// loaded only when it is asked for, by its place, as threads are.

import { Command } from "commander";

/** Makes errors and exits of a command, and of those below it, what they are elsewhere. */
type Adopt = (command: Command) => void;

export function benchCommand(adopt: Adopt): Command {
  return loadedCommand("bench", {
    description: "Measure: the packet path, requests a second against other servers, and more.",
    usage: "NAME [options]",
    load: async () => {
      const program = new URL("../../benchmarks/program.js", import.meta.url);
      return ((await import(program.href)) as { benchCommand(): Command }).benchCommand();
    },
    adopt,
  });
}

export function tuneCommand(adopt: Adopt): Command {
  return loadedCommand("tune", {
    description: "Measure how many workers an app should have on this machine, and say why.",
    usage: "[options]",
    load: async () => {
      const program = new URL("../../benchmarks/tune/program.js", import.meta.url);
      return ((await import(program.href)) as { tuneCommand(): Command }).tuneCommand();
    },
    adopt,
  });
}

interface Loaded {
  readonly description: string;
  readonly usage: string;
  readonly load: () => Promise<Command>;
  readonly adopt: Adopt;
}

/** All words behind the name are for the command to read that is loaded then. */
function loadedCommand(name: string, { description, usage, load, adopt }: Loaded): Command {
  return new Command(name)
    .description(description)
    .usage(usage)
    .argument("[words...]")
    .helpOption(false)
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const command = await load();
      command.name(`limpet ${name}`);
      adopt(command);
      await command.parseAsync(words, { from: "user" });
    });
}
