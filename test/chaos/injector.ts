// Breaks what the schedule says, one fault after the other, and waits in between until it is over and every client is served
// again, unless the next one is to come on top.

import { setTimeout as wait } from "node:timers/promises";
import type { BreakableDatabase } from "./breakable-database.js";
import type { RequestFault } from "./chaos-app.js";
import type { FarmProcess } from "./farm-process.js";
import type { Fault, FaultKind } from "./faults.js";
import type { Recovery, ServiceWatch } from "./service-watch.js";
import type { Shopper } from "./shopper.js";
import { Violation } from "./visitor.js";

/** How long a fault may keep any client from being served, beyond its own duration. */
const RECOVERY_TIMEOUT_MS = 30_000;

/** The kinds that a request brings. */
const BY_REQUEST: Partial<Record<FaultKind, RequestFault>> = {
  "worker-exit": "exit",
  "worker-exit-committing": "exit-committing",
  "worker-throw-committing": "throw-committing",
  "worker-hang": "hang",
  "worker-hang-committing": "hang-committing",
  "storage-end": "end-storage",
  "storage-hang": "hang-storage",
};

export interface Injected {
  readonly kind: FaultKind;
  /** Undefined if the fault before or after it lay on top of it. */
  readonly recovery: Recovery | undefined;
}

export interface InjectorParts {
  readonly farm: FarmProcess;
  readonly shoppers: readonly Shopper[];
  readonly watch: ServiceWatch;
  readonly database: BreakableDatabase;
}

/** Injects the faults, in order; when it ends all are over. Throws a `Violation` if the farm does not recover. */
export async function* injectAll(faults: readonly Fault[], parts: InjectorParts): AsyncGenerator<Injected> {
  const { farm, watch } = parts;
  /** Since all was well: those that may not be over yet. */
  let injections: Promise<void>[] = [];
  for (const fault of faults) {
    await wait(fault.waitMs);
    const injection = inject(fault, parts, () => watch.begin());
    // Whoever waits for all of them hears of it.
    injection.catch(() => {});
    injections.push(injection);
    if (fault.isOverlapping) {
      yield { kind: fault.kind, recovery: undefined };
      continue;
    }
    await Promise.all(injections);
    await farm.ready();
    const recovery = await watch.recovered(RECOVERY_TIMEOUT_MS);
    if (recovery === undefined) {
      const since = `${RECOVERY_TIMEOUT_MS} ms after ${fault.kind}`;
      throw new Violation(`some clients are still not served ${since}:\n${farm.log}`);
    }
    yield { kind: fault.kind, recovery: injections.length === 1 ? recovery : undefined };
    injections = [];
  }
  await Promise.all(injections);
}

/** Calls `begin` when the fault begins; resolves when it is over. */
async function inject(fault: Fault, parts: InjectorParts, begin: () => void): Promise<void> {
  const { farm, shoppers, database } = parts;
  const byRequest = BY_REQUEST[fault.kind];
  if (byRequest !== undefined) return shoppers[fault.client]!.bring(byRequest, begin);
  const ofDatabase = database.faults[fault.kind];
  if (ofDatabase !== undefined) return ofDatabase(fault, begin);
  switch (fault.kind) {
    case "process-kill":
      begin();
      return farm.kill();
    case "process-stop":
      begin();
      return farm.halt(fault.durationMs);
    case "reload":
      begin();
      return farm.reload();
    default:
      throw new Error(`${fault.kind} cannot be injected here`);
  }
}
