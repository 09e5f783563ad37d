// `limpet flows`: which worker holds which flow, and to which each source is pinned; counts and removes them too.

import { type Command, Option } from "commander";
import type { FlowEntryStatus } from "../flow/flow-list.js";
import { OptionError } from "../options.js";
import { type AdminFlags, adminCommand, clientOf, examples, print } from "./admin-command.js";
import type { Environment } from "./option-flags.js";
import { type Column, formatDuration, renderTable } from "./table.js";

/** The parts of a filter: flags by the names of the query's parameters (core/admin/flow-query.ts). */
const FILTERS = {
  kind: ["--kind <kind>", "flow or source"],
  worker: ["--worker <n>", "number of the worker that holds them"],
  state: ["--state <state>", "opening, established, closing, datagram or source"],
  protocol: ["--protocol <name>", "tcp or udp"],
  source: ["--source <prefix>", "the client's address, or a prefix that it is in"],
  destination: ["--destination <prefix>", "the farm's address, or a prefix that it is in"],
  port: ["--port <n>", "port on either side"],
  minIdleSeconds: ["--min-idle-seconds <n>", "not seen for so many seconds, or longer"],
} as const;

interface FlowFlags extends AdminFlags, Partial<Record<keyof typeof FILTERS, string>> {
  readonly limit?: string;
  readonly count?: true;
  readonly delete?: true;
  readonly all?: true;
}

interface FlowsAnswer {
  readonly entries: readonly FlowEntryStatus[];
  /** Whether more fit than the limit. */
  readonly hasMore: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: "kind", align: "left" },
  { name: "protocol", align: "left" },
  { name: "source", align: "left" },
  { name: "destination", align: "left" },
  { name: "state", align: "left" },
  { name: "worker", align: "right" },
  { name: "idle", align: "right" },
  { name: "flows", align: "right" },
];

export function flowsCommand(environment: Environment = process.env): Command {
  const command = adminCommand("flows", "List, count or remove the flows and sources of a running farm.");
  for (const [flags, about] of Object.values(FILTERS)) command.option(flags, about);
  command
    .addOption(new Option("--limit <n>", "list at most so many, 1 to 10000 (default: 100)"))
    .addOption(new Option("--count", "count them instead").conflicts(["limit", "delete"]))
    .addOption(new Option("--delete", "end the flows and unpin the sources instead").conflicts("limit"))
    .addOption(new Option("--all", "with --delete, without a filter: all of them"))
    .addHelpText(
      "after",
      examples(
        "limpet flows --worker 2 --state established",
        "limpet flows --source 198.18.0.0/24 --count",
        "limpet flows --min-idle-seconds 600 --delete",
      ),
    );
  return command.action((flags: FlowFlags) => run(command, flags, environment));
}

async function run(command: Command, flags: FlowFlags, environment: Environment): Promise<void> {
  const query = new URLSearchParams();
  for (const name of Object.keys(FILTERS) as (keyof typeof FILTERS)[]) {
    const value = flags[name];
    if (value !== undefined) query.set(name, value);
  }
  const isFiltered = query.size > 0;
  if (flags.all && !flags.delete) throw new OptionError("--all is only for --delete");
  if (flags.delete && isFiltered === (flags.all === true)) {
    throw new OptionError("--delete needs either a filter, or --all for all flows and sources");
  }
  const client = clientOf(flags, environment);
  if (flags.delete) {
    if (flags.all) query.set("all", "true");
    const answer = await client.delete<{ removed: number }>(`/flows?${query}`);
    print(command, flags, answer, ({ removed }) => `${removed} removed\n`);
  } else if (flags.count) {
    const answer = await client.get<{ count: number }>(`/flows/count?${query}`);
    print(command, flags, answer, ({ count }) => `${count}\n`);
  } else {
    if (flags.limit !== undefined) query.set("limit", flags.limit);
    print(command, flags, await client.get<FlowsAnswer>(`/flows?${query}`), list);
  }
}

function list({ entries, hasMore }: FlowsAnswer, hasColors: boolean): string {
  if (entries.length === 0) return "none\n";
  const rows = entries.map((entry) => [
    entry.kind,
    entry.protocol ?? "",
    endOf(entry.source, entry.sourcePort),
    endOf(entry.destination ?? "", entry.destinationPort),
    entry.state,
    entry.worker,
    formatDuration(entry.idleSeconds),
    entry.liveFlows ?? "",
  ]);
  const more = hasMore ? "\nand more: --limit lists more of them, --count counts them\n" : "";
  return `${renderTable(COLUMNS, rows, hasColors)}${more}`;
}

function endOf(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
