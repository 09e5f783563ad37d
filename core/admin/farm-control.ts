// What the admin interface may ask of a farm. `Farm` implements it; tests stand in for it.

import type { PolicyName } from "../director/policies.js";
import type { FarmStatus, WorkerCounts } from "../farm-status.js";
import type { FlowFilter } from "../flow/flow-filter.js";
import type { FlowEntryStatus } from "../flow/flow-list.js";

export interface FarmControl {
  status(): FarmStatus;
  /** By worker number; for all that have ever been there. */
  workerCounts(): ReadonlyMap<number, WorkerCounts>;
  /** The effective settings by the name of their option; without secrets. */
  settings(): Readonly<Record<string, unknown>>;
  /**
   * Starts or drains workers until there are so many. Resolves when the new ones serve and the others are gone.
   * Rejects with an `OptionError` for anything but "auto" or 1 … 64.
   */
  resize(workers: number | "auto"): Promise<void>;
  /**
   * Lets a worker finish what it has, gives it nothing new, ends it; the farm has one worker less then. Resolves when it is
   * gone. Rejects with an `OptionError` if there is no such worker or it is the last one.
   */
  drain(worker: number): Promise<void>;
  /** Changes how workers are chosen for new sources. Throws an `OptionError` for a policy that there is not. */
  usePolicy(policy: PolicyName): void;
  /** Replaces the app's workers one by one, and the storage thread, by ones that have read the app's files anew. */
  reload(): Promise<void>;
  /**
   * Entries of the flow table that fit, at most `limit`, in the table's order. This and the next two walk the table in
   * slices, between which packets have their turn, and reject with a `FlowFilterError` for a filter that cannot be.
   */
  listFlows(filter: FlowFilter, limit: number): Promise<FlowEntryStatus[]>;
  countFlows(filter: FlowFilter): Promise<number>;
  /** Ends the flows and unpins the sources that fit; resolves with how many there were. Connections of ended flows are reset. */
  removeFlows(filter: FlowFilter): Promise<number>;
}
