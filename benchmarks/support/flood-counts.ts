// What a farm under a flood has counted, read from its admin interface, and what its device had no room for, read from the kernel.

import { readFileSync } from "node:fs";

/** Lines of the farm's metrics, by what they are called here; the same of all workers are summed. */
const LINES = {
  cookiesSent: /^limpet_tcp_syn_cookies_total\{.*event="sent".*\} (\d+)$/gm,
  cookiesAccepted: /^limpet_tcp_syn_cookies_total\{.*event="accepted".*\} (\d+)$/gm,
  cookiesRejected: /^limpet_tcp_syn_cookies_total\{.*event="rejected".*\} (\d+)$/gm,
  /** Packets that were dropped because too many flows are half open. */
  synLimited: /^limpet_packets_total\{verdict="syn-limited"\} (\d+)$/gm,
  /** Those that there are. */
  flows: /^limpet_flows (\d+)$/gm,
  sources: /^limpet_sources (\d+)$/gm,
} as const;

export type FloodCount = keyof typeof LINES;

/** Field of a line of /proc/net/dev, after its name. */
const TRANSMIT_DROPS = 11;

/** Throws if a line is not there: a name that has changed must not read as 0. */
export async function readFloodCounts(admin: string): Promise<Record<FloodCount, number>> {
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  const read = (name: FloodCount) => {
    const found = [...text.matchAll(LINES[name])];
    if (found.length === 0) throw new Error(`the farm's metrics do not have ${LINES[name].source}`);
    return found.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  return {
    cookiesSent: read("cookiesSent"),
    cookiesAccepted: read("cookiesAccepted"),
    cookiesRejected: read("cookiesRejected"),
    synLimited: read("synLimited"),
    flows: read("flows"),
    sources: read("sources"),
  };
}

/** Packets that the device had no room for: those that the kernel has dropped on the way to the farm. */
export function lostPackets(device: string): number {
  const lines = readFileSync("/proc/self/net/dev", "utf8").split("\n");
  const line = lines.find((one) => one.trim().startsWith(`${device}:`))!;
  const fields = line
    .slice(line.indexOf(":") + 1)
    .trim()
    .split(/\s+/);
  return Number(fields[TRANSMIT_DROPS]);
}
