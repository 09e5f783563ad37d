// `limpet status`: a running farm at a glance.

import type { Command } from "commander";
import {
  type AdminFlags,
  adminCommand,
  clientOf,
  examples,
  print,
  type StatusAnswer,
} from "./admin-command.js";
import type { Environment } from "./option-flags.js";
import { byCount, formatDuration, formatShare, printable } from "./table.js";
import { failuresOf, workerTable } from "./worker-table.js";

export function statusCommand(environment: Environment = process.env): Command {
  const command = adminCommand("status", "Show what a running farm is doing.").addHelpText(
    "after",
    examples("limpet status", "limpet status --json", "limpet status --admin unix:/run/limpet.sock"),
  );
  return command.action(async (flags: AdminFlags) => {
    const status = await clientOf(flags, environment).get<StatusAnswer>("/status");
    print(command, flags, status, summary);
  });
}

function summary(status: StatusAnswer, hasColors: boolean): string {
  const { workers, flows, sources, flowEntries, storage } = status;
  const serving = workers.filter(({ state }) => state === "serving").length;
  const restarts = storage.restarts === 0 ? "" : `, started anew ${storage.restarts} times`;
  const lines = [
    `limpet ${status.version} ${stateOf(status)}, up ${formatDuration(status.uptimeSeconds)}`,
    ...status.urls.map((url) => `  open     ${url}`),
    ...status.links.map((link) => `  link     ${link}`),
    `  workers  ${serving} of ${status.targetWorkers} serving, policy ${status.policy}`,
    `  flows    ${flows} of ${sources} sources; ${formatShare(flows + sources, flowEntries)} of the table's ${flowEntries} entries`,
    `  packets  ${byCount(status.verdicts) || "none yet"}`,
    ...faultsOf(status),
    `  pool     ${status.freeSlots} of ${status.poolSlots} slots free`,
    `  storage  ${storage.isServing ? "serving" : "not serving"}${restarts}`,
  ].map((line) => `${printable(line)}\n`);
  return `${lines.join("")}\n${workerTable(workers, hasColors)}${failuresOf(workers)}`;
}

export function stateOf({ isReady, isDraining }: StatusAnswer): string {
  return isDraining ? "drains" : isReady ? "is ready" : "is not ready";
}

/** What was done to packets on purpose. */
function faultsOf({ faults }: StatusAnswer): string[] {
  return Object.entries(faults ?? {}).map(
    ([direction, counts]) => `  faults   ${direction}: ${byCount(counts) || "none yet"}`,
  );
}
