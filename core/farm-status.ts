// What a farm tells of itself: plain data, for `Farm.status()`, the admin interface and the command line alike.

import type { Verdict } from "./director/verdict.js";
import type { FlowCounterName } from "./flow/flow-counters.js";
import type { ReassemblyCounterName } from "./flow/fragment-fates.js";
import type { FaultCounts } from "./link/fault-queue.js";
import type { LinkDrops } from "./link/link.js";
import type { WorkerCounterName } from "./memory/worker-counters.js";

/** What a worker is doing. "absent": its thread has ended, and the next one waits for its time. */
export type WorkerState = "absent" | "starting" | "serving" | "draining";

export interface WorkerStatus {
  /** Its number, 0 … 63. */
  readonly worker: number;
  readonly state: WorkerState;
  /** Share of new sources that it takes, in hundredths; below 100 while it starts slowly. */
  readonly weight: number;
  /** Flows that it holds, and sources that are pinned to it. */
  readonly flows: number;
  readonly sources: number;
  /** Requests that wait for the app or the database. */
  readonly inFlight: number;
  readonly connections: number;
  /** Requests since the farm's start, those of the threads before this one included; at most a second old. */
  readonly requests: number;
  /** Threads with this number that have failed since the farm's start. */
  readonly failures: number;
  /** Why the last one failed, in one line. */
  readonly lastFailure?: string;
}

export interface FarmStatus {
  readonly version: string;
  /** Since the farm listens, in seconds. */
  readonly uptimeSeconds: number;
  /** False while it drains, and while no worker of the app serves. */
  readonly isReady: boolean;
  readonly isDraining: boolean;
  /** Where to reach it, and how packets come in: one line each. */
  readonly urls: readonly string[];
  readonly links: readonly string[];
  readonly policy: string;
  /** How many workers there should be; fewer serve while some start, more are there while some drain. */
  readonly targetWorkers: number;
  readonly workers: readonly WorkerStatus[];
  readonly flows: number;
  readonly sources: number;
  readonly flowEntries: number;
  readonly freeSlots: number;
  readonly poolSlots: number;
  /** Slots for packets that are longer than the others take: segments that the device has not cut, and packets in fragments. */
  readonly freeLargeSlots: number;
  readonly largeSlots: number;
  /** What the links could not take, since the start; `noSlot` is a number of times, as packets wait then. */
  readonly drops: Readonly<Required<LinkDrops>>;
  /** Packets by what became of them, since the start. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** What was done on purpose (option `fault`) to packets that were received and sent; those of workers at most a second old. */
  readonly faults?: { readonly received: FaultCounts; readonly sent: FaultCounts };
  /** How flows and sources began and ended, since the start. */
  readonly flowCounters: Readonly<Record<FlowCounterName, number>>;
  /** What became of packets that came in fragments, since the start. */
  readonly reassemblyCounters: Readonly<Record<ReassemblyCounterName, number>>;
  readonly storage: { readonly isServing: boolean; readonly restarts: number };
}

/** What each worker number has counted since the farm's start. */
export type WorkerCounts = Readonly<Record<WorkerCounterName, number>>;
