// Opens connections, asks once on each, and opens the next, so many at a time, in a process of its own so that its processor time is its
// own and there can be several:
//   node connection-generator.js HOST PORT AT_ONCE SECONDS NUMBER
// It says "ready" when the code on both sides has been warmed up and it begins to count. After its seconds it says what it has
// seen (ConnectionReport), in JSON.

import { runConnectionLoop, type ShortConnectionsResult } from "./short-connections.js";

export interface ConnectionReport extends ShortConnectionsResult {
  /** From the beginning to the end of the last one. */
  readonly seconds: number;
  /** Time that a processor was busy with it, the kernel's part included. */
  readonly processorUs: number;
}

/** Addresses that connections come from, in turn, so that ports do not run out: those of generator n are 198.19.(n + 1).0 and on. */
const SOURCES = 256;
const WARM_UP_MS = 1000;

const [host = "", ...numbers] = process.argv.slice(2);
const [port = 0, atOnce = 0, seconds = 0, number = 0] = numbers.map(Number);
const sourceOf = (n: number) => `198.19.${number + 1}.${n % SOURCES}`;

async function run(ms: number): Promise<ConnectionReport> {
  const startMs = performance.now();
  const startUsage = process.cpuUsage();
  const result = await runConnectionLoop(
    { host, port, sourceOf },
    atOnce,
    () => performance.now() - startMs >= ms,
  );
  const { user, system } = process.cpuUsage(startUsage);
  return { ...result, seconds: (performance.now() - startMs) / 1000, processorUs: user + system };
}

await run(WARM_UP_MS);
process.stdout.write("ready\n");
process.stdout.write(`${JSON.stringify(await run(seconds * 1000))}\n`);
