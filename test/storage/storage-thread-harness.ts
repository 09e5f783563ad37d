// Starts a storage thread as the farm does, for the tests of this folder.

import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { allocateHeartbeat } from "../../core/memory/heartbeat.js";
import {
  allocateSessionDirectory,
  type SessionDirectoryMemory,
} from "../../core/memory/session-directory.js";
import type {
  FromStorageThread,
  StorageThreadOptions,
  ToStorageThread,
} from "../../storage/thread-messages.js";
import type { StorageErrorCode } from "../../workers/session/storage.js";
import { StorageClient, type StorageClientOptions } from "../../workers/session/storage-client.js";

export const NOTES_APP_URL = new URL("./notes-app.js", import.meta.url).href;

/** Far enough for no session of a test to expire. */
export const EXPIRES_MS = 2 ** 45;

export interface StorageThread {
  readonly directory: SessionDirectoryMemory;
  /** What the thread has said, `first` included. */
  readonly said: FromStorageThread[];
  readonly first: FromStorageThread;
  /** A client on a new port, as a worker has one. */
  connect(options?: StorageClientOptions): StorageClient;
  /** The worker's end of a new port, for messages of any kind. */
  connectRaw(): import("node:worker_threads").MessagePort;
  /** Lets go of all ports. Resolves to the exit code when the thread has ended by itself. */
  close(): Promise<number>;
  readonly exited: Promise<number>;
}

/** Resolves when the thread has been told to open the database, and has said something after that; or has failed before. */
export async function startStorageThread(
  options: Omit<StorageThreadOptions, "directory" | "heartbeat">,
): Promise<StorageThread> {
  const directory = allocateSessionDirectory(1_024);
  const thread = new Worker(new URL("../../storage/storage-thread.js", import.meta.url), {
    workerData: { ...options, directory, heartbeat: allocateHeartbeat() } satisfies StorageThreadOptions,
  });
  const said: FromStorageThread[] = [];
  thread.on("message", (message: FromStorageThread) => {
    if (message.type !== "loaded") said.push(message);
  });
  const exited = new Promise<number>((resolve, reject) => thread.once("exit", resolve).once("error", reject));
  let [first] = (await once(thread, "message")) as [FromStorageThread];
  if (first.type === "loaded") {
    thread.postMessage({ type: "open" } satisfies ToStorageThread);
    [first] = (await once(thread, "message")) as [FromStorageThread];
  }
  const ports: import("node:worker_threads").MessagePort[] = [];
  function connectRaw() {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1);
    thread.postMessage({ type: "attach", port: port2 } satisfies ToStorageThread, [port2]);
    return port1;
  }
  return {
    directory,
    said,
    first,
    connectRaw,
    connect: (clientOptions) => new StorageClient(connectRaw(), clientOptions),
    close: () => {
      thread.postMessage({ type: "close" } satisfies ToStorageThread);
      for (const port of ports) port.close();
      return exited;
    },
    exited,
  };
}

/** With what code an operation fails; "none" if it does not. */
export async function codeOf(promise: Promise<unknown>): Promise<StorageErrorCode | "none"> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return (error as { code: StorageErrorCode }).code;
  }
}
