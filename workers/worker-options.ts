// What a worker thread is given when it starts: plain data and shared memory, nothing of the main thread's objects.

import type { MessagePort } from "node:worker_threads";
import type { EgressPlan } from "../core/link/egress.js";
import type { PacketPoolMemory } from "../core/memory/packet-pool.js";
import type { RingMemory } from "../core/memory/ring.js";
import type { SessionDirectoryMemory } from "../core/memory/session-directory.js";
import type { SessionLocksMemory } from "../core/memory/session-locks.js";
import type { TransmitRingMemory } from "../core/memory/transmit-ring.js";
import type { SessionCookieOptions } from "./session/session-cookie.js";
import type { SessionsOptions } from "./session/sessions.js";
import type { CongestionName } from "./tcp/congestion-algorithms.js";
import type { TcpStackOptions } from "./tcp/context.js";

/** The piscina task. */
export interface WorkerOptions {
  /** This worker's number, 0 … 63: its place on the load board. */
  readonly worker: number;
  readonly appUrl: string;
  readonly port: number;
  readonly congestion: CongestionName;
  /** Silence after which TCP asks whether a peer is still there; 0: never. */
  readonly tcpKeepAliveMs: number;
  readonly rings: {
    readonly descriptors: RingMemory;
    readonly returns: RingMemory;
    readonly transmit: TransmitRingMemory;
  };
  readonly pool: PacketPoolMemory;
  readonly loadBoard: SharedArrayBuffer;
  readonly directory: SessionDirectoryMemory;
  readonly sessionLocks: SessionLocksMemory;
  /** How to transmit, by link number. */
  readonly egressPlans: readonly EgressPlan[];
  /** What the workers' TCP has in common, so that a client may begin with one and go on with another. */
  readonly tcp: {
    readonly secret: TcpStackOptions["secret"];
    readonly cookiePeriod: SharedArrayBuffer;
    /** When the TCP's clock began, in ms of `process.hrtime`. */
    readonly clockStartMs: number;
  };
  readonly storagePort: MessagePort;
  readonly controlPort: MessagePort;
  /** Words of WORKER_COUNTERS: the worker counts on from what is there. */
  readonly counters: SharedArrayBuffer;
  /** What signs and verifies session IDs (core/memory/signing-secrets.ts). */
  readonly secrets: SharedArrayBuffer;
  readonly sessions: Pick<
    SessionsOptions,
    "cacheBytes" | "maxStateBytes" | "idleExpiryMs" | "absoluteExpiryMs"
  >;
  readonly cookie: SessionCookieOptions;
  readonly logLevel: string;
  /** File that each request is logged to; "-" is standard output. */
  readonly accessLog: string | undefined;
}

/** What comes out of the main thread's end of the control port. */
export type FromWorker =
  /** The worker serves. */
  { readonly type: "ready" };

/** What the main thread sends through it. Orders that do not need an event loop are on the load board. */
export type ToWorker =
  /** From now on the storage is at the other end of this port. */
  { readonly type: "storage"; readonly port: MessagePort };
