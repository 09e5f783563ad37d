// `limpet replay`: a capture through the director of a farm, and what became of every packet, for people, programs or as a page
// to keep. Errors are one sentence and exit code 2 (limpet.ts).

import { randomInt } from "node:crypto";
import { closeSync, openSync, statSync, writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { version } from "../farm.js";
import type { ReplayClock } from "../link/pcap.js";
import { CaptureError } from "../link/pcap-file.js";
import { wholeNumber } from "../options/option-kinds.js";
import { inWords } from "../options/option-problems.js";
import { OptionError, resolveOptions } from "../options.js";
import { parseAddress } from "../wire/address.js";
import { print } from "./admin-command.js";
import { fileProblem } from "./file-problem.js";
import { addFarmFlags, type Environment, type FarmFlags, gatherOptions } from "./option-flags.js";
import { SYSTEM_CLOCK } from "./replay/pace.js";
import { REPLAY_OPTIONS, type ReplayResult, resultOf } from "./replay/result.js";
import { type PaceName, Replay, type ReplayOptions, type ReplayRun } from "./replay/run.js";
import { replayText } from "./replay/text.js";
import { machineFacts } from "./report/machine.js";
import { printable } from "./table.js";

/** Times that a capture may be replayed in one go. */
const REPEATS = wholeNumber(1, 10_000);
/** Seeds of one's own choice may be larger. */
const MAX_RANDOM_SEED = 2 ** 32;

/** A file that cannot be replayed, or no report written to; the message is one sentence. */
export class ReplayError extends Error {
  override readonly name = "ReplayError";
  readonly code = "unusable_file";
}

interface ReplayFlags extends FarmFlags {
  readonly pace: PaceName;
  readonly repeat?: string;
  readonly ownAddress: readonly string[];
  readonly json?: true;
  readonly html?: string;
}

/** `interruption` ends a replay early; without one Ctrl-C does. */
export function replayCommand(
  environment: Environment = process.env,
  clock: ReplayClock = SYSTEM_CLOCK,
  interruption?: AbortSignal,
): Command {
  const command = new Command("replay")
    .description(
      "Send a capture through a farm's director, with stand-ins for its workers, and say what became of every packet.",
    )
    .argument("<file>", "capture, pcap or pcapng: Ethernet, VLAN, raw IP, Linux cooked, loopback")
    .addOption(
      new Option("--pace <pace>", "as fast as packets are taken, or with the capture's own gaps")
        .choices(["full", "recorded"] satisfies PaceName[])
        .default("full"),
    )
    .option("--repeat <n>", "replay it so often, each time with a new farm, for its timing (default: 1)")
    .addOption(
      new Option(
        "--own-address <address>",
        "an address that is the farm's, repeatable; packets to others are not-ours",
      )
        .argParser((address: string, before: readonly string[]) => [...before, address])
        .default([], "every address"),
    )
    .option("--json", "print JSON")
    .option("--html <file>", "write a report to this file, one page that needs nothing else");
  addFarmFlags(command, REPLAY_OPTIONS);
  return command
    .addHelpText(
      "after",
      `
Captures are addressed to anybody: every destination counts as the farm's own, and every UDP port has a service, so that both
directions of a connection are flows, of two sources. Nothing is sent. At full speed time is the capture's own: runs with one
--seed are equal. Ctrl-C ends a replay early; what was seen until then is printed.

Examples:
  limpet replay trace.pcap --workers 4
  limpet replay trace.pcapng --policy hash --affinity connection --json
  limpet replay trace.pcap --own-address 192.0.2.1 --own-address 2001:db8::1
  limpet replay trace.pcap --seed 7 --repeat 20 --html report.html
  limpet replay trace.pcap --pace recorded --config farm.toml`,
    )
    .action(async (file: string, flags: ReplayFlags) => {
      const { signal, release } = interruption
        ? { signal: interruption, release: () => {} }
        : abortOnSignals();
      try {
        const result = await replay(file, flags, { environment, clock, signal });
        print(command, { ...(flags.json && { json: true }) }, result, replayText);
      } finally {
        release();
      }
    });
}

interface Surroundings {
  readonly environment: Environment;
  readonly clock: ReplayClock;
  readonly signal: AbortSignal;
}

/** Rejects with an `OptionError` or a `ReplayError`. */
async function replay(file: string, flags: ReplayFlags, surroundings: Surroundings): Promise<ReplayResult> {
  const { pace } = flags;
  const { clock, environment, signal } = surroundings;
  const ownAddresses = flags.ownAddress.map(ownAddressOf);
  const repeats = repeatsOf(flags);
  const { options } = gatherOptions(flags, environment);
  // One that can be named, so that the replay can be repeated.
  const settings = resolveOptions({ ...options, seed: options.seed ?? randomInt(MAX_RANDOM_SEED) });
  const replayOptions: ReplayOptions = { path: file, pace, settings, ownAddresses, signal, clock };
  if (repeats > 1) requireRegularFile(file);
  const first = open(replayOptions);
  // Before the work, so that it is not in vain.
  if (flags.html !== undefined) inFile(flags.html, "written", () => closeSync(openSync(flags.html!, "a")));
  const runs = await runAll(first, replayOptions, repeats);
  const result = resultOf(
    {
      limpet: version,
      file,
      date: new Date().toISOString(),
      machine: machineFacts(),
      pace,
      ownAddresses,
      settings,
    },
    runs,
  );
  if (flags.html !== undefined) {
    // Loaded by those who want one only: what draws it is as large as all the rest of a command.
    const { replayPage } = await import("./replay/page.js");
    const page = replayPage(result, commandLine());
    inFile(flags.html, "written", () => writeFileSync(flags.html!, page));
  }
  return result;
}

/** At least one run, whole or not; of more only whole ones. */
async function runAll(first: Replay, options: ReplayOptions, repeats: number): Promise<ReplayRun[]> {
  const runs = [await runOne(first, options)];
  while (runs.length < repeats && !options.signal.aborted) {
    const run = await runOne(open(options), options);
    if (!run.isWhole) break;
    if (JSON.stringify({ ...run, busyMs: 0 }) !== JSON.stringify({ ...runs[0], busyMs: 0 })) {
      throw new ReplayError(`${inWords(options.path)} has changed between two runs`);
    }
    runs.push(run);
  }
  return runs;
}

/** Throws a `ReplayError`. */
function open(options: ReplayOptions): Replay {
  return inFile(options.path, "read", () => new Replay(options));
}

async function runOne(replay: Replay, { path }: ReplayOptions): Promise<ReplayRun> {
  try {
    return await replay.run();
  } catch (error) {
    throw inSentence(path, "read", error);
  }
}

function inFile<Value>(file: string, verb: "read" | "written", use: () => Value): Value {
  try {
    return use();
  } catch (error) {
    throw inSentence(file, verb, error);
  }
}

/** What the system or the capture file says, for people; other errors are limpet's own mistakes and stay as they are. */
function inSentence(file: string, verb: string, error: unknown): unknown {
  if (error instanceof CaptureError) return new ReplayError(printable(error.message));
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  return new ReplayError(`${inWords(file)} cannot be ${verb}: ${fileProblem(error)}`);
}

/** Throws an `OptionError` for what can be read only once. */
function requireRegularFile(file: string): void {
  if (inFile(file, "read", () => statSync(file)).isFile()) return;
  throw new OptionError(`--repeat takes a file that can be read again, and ${inWords(file)} is none`);
}

/** Throws an `OptionError`. */
function ownAddressOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new OptionError(`--own-address takes an IPv4 or IPv6 address, not ${JSON.stringify(text)}`);
}

/** Throws an `OptionError`. */
function repeatsOf({ repeat, pace }: ReplayFlags): number {
  if (repeat === undefined) return 1;
  const value = REPEATS.read(repeat);
  if (!REPEATS.accepts(value)) {
    throw new OptionError(`--repeat takes ${REPEATS.takes}, not ${JSON.stringify(repeat)}`);
  }
  if (pace === "recorded")
    throw new OptionError("--repeat is for the time at full speed, not for --pace recorded");
  return value;
}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process as it always does. */
function abortOnSignals(): { signal: AbortSignal; release: () => void } {
  const abortion = new AbortController();
  const abort = () => {
    release();
    abortion.abort();
  };
  const release = () => {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  };
  process.on("SIGINT", abort);
  process.on("SIGTERM", abort);
  return { signal: abortion.signal, release };
}

/** As it was typed, but for the quotes. */
function commandLine(): string {
  return ["limpet", ...process.argv.slice(2)]
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)))
    .join(" ");
}
