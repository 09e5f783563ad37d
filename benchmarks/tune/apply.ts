// Sets a recommendation on a farm that is running, as far as one can be changed while it serves, and says what is left to do.

import type { AdminClient } from "../../core/cli/admin-client.js";
import type { StatusAnswer, WorkersAnswer } from "../../core/cli/admin-command.js";
import type { Setting } from "./figures.js";
import { counted } from "./reason.js";

/** What was swept beside the workers: only what was measured is set. */
export interface Swept {
  readonly policy: boolean;
  readonly cacheMib: boolean;
}

/** Resolves with what was done, a line each. Rejects with an `AdminClientError`. */
export async function apply(client: AdminClient, setting: Setting, swept: Swept): Promise<string[]> {
  const { targetWorkers, policy } = await client.get<StatusAnswer>("/status");
  const lines: string[] = [];
  const { workers } = await client.post<WorkersAnswer>("/workers", { workers: setting.workers });
  const serving = workers.filter(({ state }) => state === "serving").length;
  lines.push(
    `${client.address}: ${counted(setting.workers, "worker")} (before: ${targetWorkers}), ${serving} serving`,
  );
  if (swept.policy) {
    await client.post<StatusAnswer>("/policy", { policy: setting.policy });
    lines.push(`${client.address}: policy ${setting.policy} (before: ${policy}), for new sources`);
  }
  if (swept.cacheMib) {
    const { cacheMib } = await client.get<{ readonly cacheMib?: number }>("/settings");
    if (cacheMib !== setting.cacheMib) {
      lines.push(
        `${client.address}: the caches stay at ${cacheMib} MiB until the farm is started with --cache-mib ${setting.cacheMib}`,
      );
    }
  }
  lines.push(`This lasts until the farm ends; for good: limpet serve ${flagsOf(setting, swept)}`);
  return lines;
}

/** The setting as `limpet serve` takes it. */
export function flagsOf({ workers, policy, cacheMib }: Setting, swept: Swept): string {
  return [
    `--workers ${workers}`,
    ...(swept.policy ? [`--policy ${policy}`] : []),
    ...(swept.cacheMib ? [`--cache-mib ${cacheMib}`] : []),
  ].join(" ");
}
