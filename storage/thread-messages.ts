// What the main thread and the storage thread say to each other, and what the thread is started with. Structured
// clones, a handful in a farm's life. Requests of workers travel through ports of their own: messages.ts.

import type { MessagePort } from "node:worker_threads";
import type { SessionDirectoryMemory } from "../core/memory/session-directory.js";
import type { DatabaseOptions } from "./database.js";
import type { StartFailureCode } from "./failure.js";
import type { ServiceLimits } from "./storage-service.js";

/** `workerData` of the storage thread. */
export interface StorageThreadOptions {
  readonly database: DatabaseOptions;
  /** File URL of the app's module, whose procedures and migrations are used. */
  readonly appUrl?: string;
  readonly directory: SessionDirectoryMemory;
  /** Its own: `core/memory/heartbeat.ts`. */
  readonly heartbeat: SharedArrayBuffer;
  /** What is left out has its default. */
  readonly limits?: Partial<StorageThreadLimits>;
}

export interface StorageThreadLimits extends ServiceLimits {
  /** How long an app's procedure may take, in ms: less than what a worker waits for the storage. */
  readonly procedureTimeoutMs: number;
  /** Time between two sweeps of expired sessions, in ms. */
  readonly sweepIntervalMs: number;
  /**
   * How long a thread that is told to close waits for the workers to let go of their ports, in ms: less than half of what those that
   * wait for the next thread wait for an answer. A worker that is busy for longer loses what it asks meanwhile.
   */
  readonly releaseTimeoutMs: number;
}

export type ToStorageThread =
  /** Open the database: whoever had it before is gone. */
  | { readonly type: "open" }
  /** A new worker's port; send it in the transfer list. When the worker's end closes, it is forgotten. */
  | { readonly type: "attach"; readonly port: MessagePort }
  /**
   * Answer the workers until they have let go of their ports (which the end of their threads does too), or for a bounded time;
   * then close the database and end.
   */
  | { readonly type: "close" };

export type FromStorageThread =
  /** The app's module is loaded; waits for "open". */
  | { readonly type: "loaded" }
  /** The database is open, schemas are up to date: ports can be attached. */
  | { readonly type: "ready" }
  /** It cannot start; the message is one sentence for a person. The thread ends. */
  | { readonly type: "failed"; readonly code: StartFailureCode | "internal"; readonly message: string }
  /** The database does not serve; requests are answered "unavailable". Sent once, until "recovered". */
  | { readonly type: "trouble"; readonly message: string }
  | { readonly type: "recovered" }
  /** Something that somebody should look at, though everything is served. */
  | { readonly type: "warning"; readonly message: string }
  /** The database is closed. The thread ends. */
  | { readonly type: "closed" };
