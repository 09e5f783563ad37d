// `limpet top`: a running farm, looked at every second: rates by worker, and what waits where. On a terminal the whole screen
// until `q`; elsewhere tables one after the other, or a JSON line for each look.

import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { OptionError } from "../options.js";
import { type AdminClient, AdminClientError } from "./admin-client.js";
import {
  type AdminFlags,
  adminCommand,
  clientOf,
  examples,
  type StatusAnswer,
  type WorkersAnswer,
} from "./admin-command.js";
import type { Environment } from "./option-flags.js";
import { type Look, type Rates, ratesOver } from "./rates.js";
import { Screen, type Terminal } from "./screen.js";
import { stateOf } from "./status.js";
import {
  bold,
  type Column,
  formatDuration,
  formatRate,
  formatShare,
  printable,
  renderTable,
} from "./table.js";

const INTERVAL_MS = 1000;
/** Looks that a rate spans: workers publish their counters once a second, and two looks in a row may see the same ones. */
const SPAN_LOOKS = 3;

/** Time, and the passing of it. */
export interface Clock {
  now(): number;
  /** Resolves after so many ms, or when the signal is aborted. */
  pause(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

const STEADY_CLOCK: Clock = {
  now: () => performance.now(),
  pause: (ms, signal) => delay(ms, undefined, signal && { signal }).catch(() => {}),
};

interface TopFlags extends AdminFlags {
  readonly count?: string;
}

/** No wider than 80 characters, up to a million requests a second. */
const COLUMNS: readonly Column[] = [
  { name: "worker", align: "right" },
  { name: "state", align: "left" },
  { name: "req/s", align: "right" },
  { name: "5xx/s", align: "right" },
  { name: "in flight", align: "right" },
  { name: "connections", align: "right" },
  { name: "flows", align: "right" },
  { name: "sources", align: "right" },
  { name: "failed", align: "right" },
];

export function topCommand(
  environment: Environment = process.env,
  terminal: Terminal = { input: process.stdin, output: process.stdout },
  clock: Clock = STEADY_CLOCK,
): Command {
  const command = adminCommand("top", "Watch a running farm: rates a second, worker by worker.")
    .option("--count <n>", "end after so many looks (default: with q or Ctrl-C)")
    .addHelpText(
      "after",
      examples("limpet top", "limpet top --count 10", "limpet top --json | jq .requestsPerSecond"),
    );
  return command.action(async (flags: TopFlags) => {
    const count = countOf(flags.count);
    const client = clientOf(flags, environment);
    const { writeOut = () => {}, getOutHasColors = () => false } = command.configureOutput();
    if (terminal.output.isTTY && !flags.json) {
      await watch(client, clock, count, terminal, getOutHasColors());
      return;
    }
    for await (const [look, rates] of looks(client, clock, count)) {
      writeOut(flags.json ? `${JSON.stringify(toJson(look, rates))}\n` : `${frame(look, rates, false)}\n`);
    }
  });
}

/** Throws `OptionError`. */
function countOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new OptionError(`--count takes a whole number from 1, not ${JSON.stringify(text)}`);
  }
  return Number(text);
}

async function lookAt(client: AdminClient, clock: Clock): Promise<Look> {
  const [status, { workers }] = await Promise.all([
    client.get<StatusAnswer>("/status"),
    client.get<WorkersAnswer>("/workers"),
  ]);
  return { atMs: clock.now(), status, workers };
}

/** A look every second, `count` times, and the rates since one before it. Rejects with an `AdminClientError`. */
async function* looks(
  client: AdminClient,
  clock: Clock,
  count: number,
): AsyncGenerator<[Look, Rates | undefined]> {
  const past = [await lookAt(client, clock)];
  for (let n = 0; n < count; n++) {
    await clock.pause(INTERVAL_MS, undefined);
    const look = await lookAt(client, clock);
    yield [look, ratesSince(past, look)];
  }
}

/** The rates between the oldest look that is remembered and this one, which is remembered from now on. */
function ratesSince(past: Look[], look: Look): Rates | undefined {
  const rates = ratesOver([...past, look]);
  // Not the farm that it was: its past says nothing.
  if (rates === undefined) past.length = 0;
  past.push(look);
  if (past.length > SPAN_LOOKS) past.shift();
  return rates;
}

/** On a terminal. Rejects if there is no farm to begin with; one that goes away may come back. */
async function watch(
  client: AdminClient,
  clock: Clock,
  count: number,
  terminal: Terminal,
  hasColors: boolean,
): Promise<void> {
  let look = await lookAt(client, clock);
  let rates: Rates | undefined;
  const past = [look];
  const screen = new Screen(terminal);
  try {
    screen.draw(frame(look, rates, hasColors));
    for (let n = 0; n < count; n++) {
      await clock.pause(INTERVAL_MS, screen.ended);
      if (screen.ended.aborted) return;
      let trouble = "";
      try {
        look = await lookAt(client, clock);
        rates = ratesSince(past, look);
      } catch (error) {
        if (!(error instanceof AdminClientError)) throw error;
        trouble = `${error.message}\n`;
      }
      if (screen.ended.aborted) return;
      screen.draw(`${trouble}${frame(look, rates, hasColors)}`);
    }
  } finally {
    screen.close();
  }
}

function frame({ status, workers }: Look, rates: Rates | undefined, hasColors: boolean): string {
  const { flows, sources, flowEntries, freeSlots, poolSlots } = status;
  const rate = (perSecond: number | undefined) => (perSecond === undefined ? "-" : formatRate(perSecond));
  const title = printable(
    `limpet ${status.version} ${stateOf(status)}, up ${formatDuration(status.uptimeSeconds)}, policy ${status.policy}`,
  );
  const rows = workers.map((one) => {
    const of = rates?.workers.get(one.worker);
    const perSecond = [rate(of?.requestsPerSecond), rate(of?.errorsPerSecond)];
    const held = [one.inFlight, one.connections, one.flows, one.sources, one.failures];
    return [one.worker, one.state, ...perSecond, ...held];
  });
  return [
    hasColors ? bold(title) : title,
    `requests/s ${rate(rates?.requestsPerSecond)}   5xx/s ${rate(rates?.errorsPerSecond)}   ` +
      `packets/s ${rate(rates?.packetsPerSecond)}   new flows/s ${rate(rates?.flowsPerSecond)}`,
    `flows ${flows}   sources ${sources}   table ${formatShare(flows + sources, flowEntries)}   ` +
      `pool ${formatShare(poolSlots - freeSlots, poolSlots)}   ` +
      `storage ${status.storage.isServing ? "serving" : "not serving"}`,
    "",
    renderTable(COLUMNS, rows, hasColors),
  ].join("\n");
}

/** What a JSON line has: rates are null where none can be told. */
function toJson({ status, workers }: Look, rates: Rates | undefined): object {
  return {
    uptimeSeconds: status.uptimeSeconds,
    isReady: status.isReady,
    requestsPerSecond: rates?.requestsPerSecond ?? null,
    errorsPerSecond: rates?.errorsPerSecond ?? null,
    packetsPerSecond: rates?.packetsPerSecond ?? null,
    flowsPerSecond: rates?.flowsPerSecond ?? null,
    flows: status.flows,
    sources: status.sources,
    freeSlots: status.freeSlots,
    workers: workers.map(({ counts: _, ...one }) => ({
      ...one,
      requestsPerSecond: rates?.workers.get(one.worker)?.requestsPerSecond ?? null,
      errorsPerSecond: rates?.workers.get(one.worker)?.errorsPerSecond ?? null,
    })),
  };
}
