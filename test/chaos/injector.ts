// Breaks what the schedule says, one fault after the other, and waits in between until every client is served again, unless the
// next one is to come on top.

import knex from "knex";
import type { RequestFault } from "./chaos-app.js";
import type { FarmProcess } from "./farm-process.js";
import type { Fault, FaultKind } from "./faults.js";
import type { Recovery, ServiceWatch } from "./service-watch.js";
import type { Shopper } from "./shopper.js";
import { Violation } from "./visitor.js";

/** How long a fault may keep any client from being served, beyond its own duration. */
const RECOVERY_TIMEOUT_MS = 30_000;
/** How long the farm's own transactions may keep us from a lock. */
const LOCK_WAIT_MS = 10_000;

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
  readonly database: string;
}

/** Injects the faults, in order. Throws a `Violation` if the farm does not recover. */
export async function* injectAll(faults: readonly Fault[], parts: InjectorParts): AsyncGenerator<Injected> {
  let isAlone = true;
  for (const fault of faults) {
    await new Promise((resolve) => setTimeout(resolve, fault.waitMs));
    const begin = () => parts.watch.begin();
    await inject(fault, parts, begin);
    if (fault.isOverlapping) {
      isAlone = false;
      yield { kind: fault.kind, recovery: undefined };
      continue;
    }
    await parts.farm.ready();
    const recovery = await parts.watch.recovered(RECOVERY_TIMEOUT_MS);
    if (recovery === undefined) {
      const since = `${RECOVERY_TIMEOUT_MS} ms after ${fault.kind}`;
      throw new Violation(`some clients are still not served ${since}:\n${parts.farm.log}`);
    }
    yield { kind: fault.kind, recovery: isAlone ? recovery : undefined };
    isAlone = true;
  }
}

/** Calls `begin` when the fault begins; resolves when it is over. */
async function inject(fault: Fault, parts: InjectorParts, begin: () => void): Promise<void> {
  const { farm, shoppers, database } = parts;
  const byRequest = BY_REQUEST[fault.kind];
  if (byRequest !== undefined) {
    await shoppers[fault.client]!.bring(byRequest, begin);
    return;
  }
  switch (fault.kind) {
    case "process-kill":
      begin();
      await farm.kill();
      return;
    case "process-stop":
      begin();
      await farm.halt(fault.durationMs);
      return;
    case "database-lock":
      await lockDatabase(database, fault.durationMs, begin);
      return;
    case "reload":
      begin();
      farm.reload();
      return;
  }
}

/** Keeps everybody else from writing to the database, as a backup program or a person at a console might. */
async function lockDatabase(filename: string, durationMs: number, begin: () => void): Promise<void> {
  const database = knex({
    client: "sqlite3",
    connection: { filename },
    useNullAsDefault: true,
    pool: { min: 1, max: 1 },
  });
  try {
    await database.raw(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`);
    await database.raw("BEGIN IMMEDIATE");
    begin();
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    await database.raw("ROLLBACK");
  } finally {
    await database.destroy();
  }
}
