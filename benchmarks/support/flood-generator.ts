// A flood of forged packets at a steady rate, in a process of its own so that its processor time is its own:
//   node flood-generator.js syn|ack DESTINATION PORT PACKETS-A-SECOND SECONDS SEED
// It says "ready" when it begins. It ends after its seconds, or at SIGTERM, and then says what it has done (FloodReport), in JSON.

import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress } from "../../core/wire/address.js";
import { FORGED_KINDS, ForgedPackets } from "./forged-packets.js";
import { Random } from "./random.js";

export interface FloodReport {
  /** False if its seconds were over before it was told to end. */
  readonly isToldToEnd: boolean;
  readonly sent: number;
  readonly seconds: number;
  /** Time that a processor was busy with it, the kernel's part included. */
  readonly processorSeconds: number;
}

/** Between two looks at the clock; what has become due meanwhile is sent at once. */
const TICK_MS = 1;

const [kindName, destination = "", ...numbers] = process.argv.slice(2);
const [port = 0, packetsPerSecond = 0, seconds = 0, seed = 0] = numbers.map(Number);
const kind = FORGED_KINDS.find((one) => one === kindName);
const address = parseAddress(destination);
if (kind === undefined || address?.length !== 4) throw new Error(`${kindName} ${destination}: no such flood`);

let isOver = false;
process.once("SIGTERM", () => (isOver = true));
const packets = new ForgedPackets(kind, address, port, new Random(seed));
let sent = 0;
/** Packets that the kernel had no room for. */
let refused = 0;
process.stdout.write("ready\n");
const startMs = performance.now();
const startUsage = process.cpuUsage();
let elapsedMs = 0;
while (!isOver && elapsedMs < seconds * 1000) {
  const due = Math.floor((elapsedMs * packetsPerSecond) / 1000);
  while (sent + refused < due) {
    if (packets.send()) sent++;
    else refused++;
  }
  await sleep(TICK_MS);
  elapsedMs = performance.now() - startMs;
}
packets.close();
const { user, system } = process.cpuUsage(startUsage);
const report: FloodReport = {
  isToldToEnd: isOver,
  sent,
  seconds: elapsedMs / 1000,
  processorSeconds: (user + system) / 1e6,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
