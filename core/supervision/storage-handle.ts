// The main thread's hold on the storage thread: starts it, gives each worker a port to it, replaces it when it has failed or
// the app's files are to be read anew, ends it. Knows nothing of what passes through the ports. What always holds: one
// thread at most has the database; ports that are asked for while none has it lead to the next one.

import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type {
  FromStorageThread,
  StorageThreadOptions,
  ToStorageThread,
} from "../../storage/thread-messages.js";
import type { SessionDirectoryMemory } from "../memory/session-directory.js";
import type { FarmSettings } from "../options.js";
import { BackOff } from "./back-off.js";

/** The storage thread cannot start; the message is one sentence for the person who started limpet. */
export class StorageStartError extends Error {
  override readonly name = "StorageStartError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface StorageEvents {
  readonly onWarning: (message: string) => void;
  /** The ports that were given out lead nowhere from now on, or soon: each worker is to be given a new one. */
  readonly onReplaced: () => void;
}

export class StorageHandle {
  /** Threads that have failed since the start. */
  restarts = 0;
  readonly #options: StorageThreadOptions;
  readonly #events: StorageEvents;
  readonly #backOff = new BackOff();
  #thread: Worker | undefined;
  #isServing = false;
  #isClosing = false;
  /** Ports for the thread that is about to serve. */
  #waiting: MessagePort[] = [];
  #retry: NodeJS.Timeout | undefined;

  private constructor(options: StorageThreadOptions, events: StorageEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Starts the thread and waits until the database is open. Rejects with a `StorageStartError`. */
  static async start(
    settings: FarmSettings,
    directory: SessionDirectoryMemory,
    events: StorageEvents,
  ): Promise<StorageHandle> {
    const handle = new StorageHandle(
      {
        database: { client: "sqlite3", filename: settings.database, durability: settings.durability },
        appUrl: settings.appUrl,
        directory,
      },
      events,
    );
    await handle.#open(await handle.#load());
    return handle;
  }

  /** True while a thread has the database, and can use it as far as it knows. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** A new port to the storage, for a worker. */
  attach(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    if (this.#thread === undefined) this.#waiting.push(port1);
    else post(this.#thread, { type: "attach", port: port1 });
    return port2;
  }

  /**
   * Replaces the thread by one that has read the app's files anew. Rejects with a `StorageStartError`, and nothing has changed, if
   * they cannot be loaded. Requests wait meanwhile, and none is refused.
   */
  async reload(): Promise<void> {
    const next = await this.#load();
    const before = this.#thread;
    this.#thread = undefined;
    this.#events.onReplaced();
    if (before !== undefined) await closed(before);
    try {
      await this.#open(next);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Lets the thread finish what is waiting and close the database; resolves when it has ended. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    for (const port of this.#waiting) port.close();
    const thread = this.#thread;
    this.#thread = undefined;
    if (thread !== undefined) await closed(thread);
  }

  /** Starts a thread that has loaded the app, and no more. */
  async #load(): Promise<Worker> {
    const thread = new Worker(new URL("../../storage/storage-thread.js", import.meta.url), {
      workerData: this.#options,
    });
    await told(thread, "loaded");
    return thread;
  }

  /** Gives the database to a thread that has loaded the app. */
  async #open(thread: Worker): Promise<void> {
    const ready = told(thread, "ready");
    post(thread, { type: "open" });
    await ready;
    this.#thread = thread;
    this.#isServing = true;
    this.#backOff.succeeded(performance.now());
    thread.on("message", (message: FromStorageThread) => this.#heard(message));
    thread.on("error", (error) => this.#events.onWarning(`the storage thread failed: ${String(error)}`));
    thread.once("exit", () => {
      if (this.#thread !== thread) return;
      this.#failed(new Error("the storage thread has ended"));
    });
    for (const port of this.#waiting.splice(0)) post(thread, { type: "attach", port });
  }

  #heard(message: FromStorageThread): void {
    if (message.type === "trouble") {
      this.#isServing = false;
      this.#events.onWarning(`the database does not serve: ${message.message}`);
    } else if (message.type === "recovered") {
      this.#isServing = true;
      this.#events.onWarning("the database serves again");
    } else if (message.type === "warning") {
      this.#events.onWarning(message.message);
    }
  }

  /** No thread serves: tries again until one does. */
  #failed(error: unknown): void {
    const hadThread = this.#thread !== undefined;
    this.#thread = undefined;
    this.#isServing = false;
    if (this.#isClosing) return;
    this.restarts++;
    const delayMs = this.#backOff.failed(performance.now());
    const reason = error instanceof Error ? error.message : String(error);
    this.#events.onWarning(`${reason}; the storage is started again in ${delayMs} ms`);
    if (hadThread) this.#events.onReplaced();
    this.#retry = setTimeout(() => {
      this.#load()
        .then((thread) => (this.#isClosing ? closed(thread) : this.#open(thread)))
        .catch((again: unknown) => this.#failed(again));
    }, delayMs);
  }
}

function post(thread: Worker, message: ToStorageThread): void {
  thread.postMessage(message, message.type === "attach" ? [message.port] : []);
}

async function closed(thread: Worker): Promise<void> {
  const exit = once(thread, "exit");
  post(thread, { type: "close" });
  await exit;
}

/** Resolves when the thread tells this; rejects if it says that it cannot start, or ends. */
function told(thread: Worker, type: "loaded" | "ready"): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      thread.off("message", heard);
      reject(error);
    };
    const ended = () => failed(new StorageStartError("internal", "the storage thread ended while starting"));
    const heard = (message: FromStorageThread) => {
      if (message.type === "failed") failed(new StorageStartError(message.code, message.message));
      if (message.type !== type) return;
      thread.off("message", heard);
      thread.off("error", failed);
      thread.off("exit", ended);
      resolve();
    };
    thread.on("message", heard);
    thread.once("error", failed);
    thread.once("exit", ended);
  });
}
