// What a worker thread is given when it starts: plain data and shared memory, nothing of the main thread's objects.

import type { MessagePort } from "node:worker_threads";
import type { EgressPlan } from "../core/link/egress.js";
import type { PacketPoolMemory } from "../core/memory/packet-pool.js";
import type { RingMemory } from "../core/memory/ring.js";
import type { SessionDirectoryMemory } from "../core/memory/session-directory.js";
import type { TransmitRingMemory } from "../core/memory/transmit-ring.js";

/** The piscina task. */
export interface WorkerOptions {
  /** This worker's number, 0 … 63: its place on the load board. */
  readonly worker: number;
  readonly appUrl: string;
  readonly port: number;
  readonly rings: {
    readonly descriptors: RingMemory;
    readonly returns: RingMemory;
    readonly transmit: TransmitRingMemory;
  };
  readonly pool: PacketPoolMemory;
  readonly loadBoard: SharedArrayBuffer;
  readonly directory: SessionDirectoryMemory;
  /** How to transmit, by link number. */
  readonly egressPlans: readonly EgressPlan[];
  readonly storagePort: MessagePort;
  /** Says "ready" to the main thread once the worker serves. */
  readonly readyPort: MessagePort;
  readonly secret: Uint8Array;
  readonly cacheBytes: number;
  readonly cookieSecure: boolean;
  readonly logLevel: string;
}
