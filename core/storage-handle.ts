// The main thread's hold on the storage thread: starts it, gives each worker a port to it, ends it.
// Knows nothing of what passes through the ports.

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { FromStorageThread, StorageThreadOptions, ToStorageThread } from "../storage/thread-messages.js";
import type { SessionDirectoryMemory } from "./memory/session-directory.js";
import type { FarmSettings } from "./options.js";

/** The storage thread cannot start; the message is one sentence for the person who started limpet. */
export class StorageStartError extends Error {
  override readonly name = "StorageStartError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class StorageHandle {
  readonly #thread: Worker;
  readonly #exited: Promise<void>;

  private constructor(thread: Worker) {
    this.#thread = thread;
    this.#exited = new Promise((resolve) => thread.once("exit", () => resolve()));
  }

  /** Starts the thread and waits until the database is open. Rejects with a `StorageStartError`. */
  static async start(
    settings: FarmSettings,
    directory: SessionDirectoryMemory,
    onWarning: (message: string) => void,
  ): Promise<StorageHandle> {
    const workerData: StorageThreadOptions = {
      database: { client: "sqlite3", filename: settings.database, durability: settings.durability },
      appUrl: settings.appUrl,
      directory,
    };
    const thread = new Worker(new URL("../storage/storage-thread.js", import.meta.url), { workerData });
    const handle = new StorageHandle(thread);
    await new Promise<void>((resolve, reject) => {
      thread.once("error", reject);
      thread.once("exit", () =>
        reject(new StorageStartError("internal", "the storage thread ended while starting")),
      );
      thread.on("message", (message: FromStorageThread) => {
        if (message.type === "ready") resolve();
        if (message.type === "failed") reject(new StorageStartError(message.code, message.message));
        if (message.type === "trouble") onWarning(`the database does not serve: ${message.message}`);
        if (message.type === "recovered") onWarning("the database serves again");
        if (message.type === "warning") onWarning(message.message);
      });
    });
    thread.on("error", (error) => onWarning(`the storage thread failed: ${String(error)}`));
    return handle;
  }

  /** A new port to the storage, for a worker. */
  attach(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#post({ type: "attach", port: port1 }, [port1]);
    return port2;
  }

  /** Lets the thread finish what is waiting and close the database; resolves when it has ended. */
  async close(): Promise<void> {
    this.#post({ type: "close" }, []);
    await this.#exited;
  }

  #post(message: ToStorageThread, transfer: MessagePort[]): void {
    this.#thread.postMessage(message, transfer);
  }
}
