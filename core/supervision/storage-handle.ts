// The main thread's hold on the storage: gives each worker a port to it, replaces its thread when that has failed or the
// app's files are to be read anew, ends it. Knows nothing of what passes through the ports. What always holds: one thread
// at most has the database; ports that are asked for while none has it lead to the next one; after `close` none is left.

import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { StorageThreadOptions } from "../../storage/thread-messages.js";
import type { SessionDirectoryMemory } from "../memory/session-directory.js";
import type { FarmSettings } from "../options.js";
import { BackOff } from "./back-off.js";
import { firstLineOf } from "./first-line.js";
import { databaseOptionsOf } from "./storage-database.js";
import { type StorageNews, StorageStartError, StorageThread } from "./storage-thread.js";

export { StorageStartError } from "./storage-thread.js";

export interface StorageEvents {
  readonly onWarning: (message: string) => void;
  /** The ports that were given out lead nowhere from now on, or soon: each worker is to be given a new one. */
  readonly onReplaced: () => void;
}

/** What of the farm's settings the storage needs. */
export type StorageSettings = Pick<
  FarmSettings,
  "database" | "sqliteDriver" | "coherence" | "durability" | "appUrl"
>;

export class StorageHandle {
  /** Threads that have failed since the start. */
  restarts = 0;
  readonly #options: Omit<StorageThreadOptions, "heartbeat">;
  readonly #events: StorageEvents;
  readonly #hangTimeoutMs: number | undefined;
  readonly #backOff = new BackOff();
  /** The thread that serves, and the one that is about to. */
  #thread: StorageThread | undefined;
  #next: StorageThread | undefined;
  #isInTrouble = false;
  /** Ports for the thread that is about to serve. */
  readonly #waiting = new Set<MessagePort>();
  #retry: NodeJS.Timeout | undefined;
  /** Restarts and reloads, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(
    options: Omit<StorageThreadOptions, "heartbeat">,
    events: StorageEvents,
    hangTimeoutMs: number | undefined,
  ) {
    this.#options = options;
    this.#events = events;
    this.#hangTimeoutMs = hangTimeoutMs;
  }

  /**
   * Starts the thread and waits until the database is open. Rejects with a `StorageStartError`. A thread that serves and does not beat
   * for `hangTimeoutMs` has failed; a test may have it fail sooner than the farm does.
   */
  static async start(
    settings: StorageSettings,
    directory: SessionDirectoryMemory,
    events: StorageEvents,
    hangTimeoutMs?: number,
  ): Promise<StorageHandle> {
    const database = databaseOptionsOf(settings);
    const options = { database, appUrl: settings.appUrl, directory };
    const handle = new StorageHandle(options, events, hangTimeoutMs);
    await handle.#open(await handle.#load());
    return handle;
  }

  /** True while a thread has the database, and can use it as far as it knows. */
  get isServing(): boolean {
    return this.#thread !== undefined && !this.#isInTrouble;
  }

  /** A new port to the storage, for a worker. */
  attach(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    if (this.#closed !== undefined) {
      port1.close();
    } else if (this.#thread !== undefined) {
      this.#thread.attach(port1);
    } else {
      this.#waiting.add(port1);
      // Its worker has ended.
      port1.once("close", () => this.#waiting.delete(port1));
    }
    return port2;
  }

  /**
   * Replaces the thread by one that has read the app's files anew. Rejects with a `StorageStartError`, and nothing has changed, if
   * they cannot be loaded; if the new thread then cannot open the database (a migration fails, say), it is tried again until it
   * can. Requests wait meanwhile, and none is refused.
   */
  reload(): Promise<void> {
    return this.#change(async () => {
      const next = await this.#load();
      clearTimeout(this.#retry);
      const before = this.#thread;
      this.#thread = undefined;
      this.#events.onReplaced();
      await before?.close();
      try {
        await this.#open(next);
      } catch (error) {
        this.#failed(error);
        throw error;
      }
    });
  }

  /** Lets the thread answer what is waiting and close the database; resolves, for every caller, when it has ended. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#retry);
    for (const port of this.#waiting) port.close();
    const thread = this.#thread;
    this.#thread = undefined;
    await Promise.all([thread?.close(), this.#next?.close()]);
    await this.#changes;
  }

  /** One change after the other: each leaves a thread that serves, or a time when it is tried again. */
  #change(change: () => Promise<void>): Promise<void> {
    const changed = this.#changes.then(async () => {
      if (this.#closed !== undefined) throw closing();
      try {
        await change();
      } catch (error) {
        throw this.#closed === undefined ? error : closing();
      }
    });
    this.#changes = changed.catch(() => {});
    return changed;
  }

  /** Starts a thread that has loaded the app, and no more. */
  async #load(): Promise<StorageThread> {
    const next = new StorageThread(this.#options, (news) => this.#hear(news), this.#hangTimeoutMs);
    this.#next = next;
    await next.loaded();
    return next;
  }

  /** Gives the database to a thread that has loaded the app. Whoever had it before is gone. */
  async #open(next: StorageThread): Promise<void> {
    // `close` ends the next thread, but may have come before there was one, or while it was ready to be used.
    if (this.#closed !== undefined) {
      await next.close();
      throw closing();
    }
    this.#isInTrouble = false;
    await next.open();
    if (this.#closed !== undefined) {
      await next.close();
      throw closing();
    }
    this.#next = undefined;
    this.#thread = next;
    this.#backOff.succeeded(performance.now());
    void next.ended.then((error) => {
      if (this.#thread !== next) return;
      this.#thread = undefined;
      this.#failed(error ?? new Error("it has ended without being told to"));
      this.#events.onReplaced();
    });
    for (const port of this.#waiting) next.attach(port);
    this.#waiting.clear();
  }

  #hear(news: StorageNews): void {
    if (news.type === "trouble") {
      this.#isInTrouble = true;
      this.#events.onWarning(`the database does not serve: ${news.message}`);
    } else if (news.type === "recovered") {
      this.#isInTrouble = false;
      this.#events.onWarning("the database serves again");
    } else {
      this.#events.onWarning(news.message);
    }
  }

  /** No thread serves: tries again until one does. */
  #failed(error: unknown): void {
    if (this.#closed !== undefined) return;
    this.restarts++;
    const delayMs = this.#backOff.failed(performance.now());
    this.#events.onWarning(
      `the storage has failed: ${firstLineOf(error)}; it is started again in ${delayMs} ms`,
    );
    this.#retry = setTimeout(() => {
      void this.#change(() => this.#restart()).catch(() => {});
    }, delayMs);
  }

  async #restart(): Promise<void> {
    // A reload came first.
    if (this.#thread !== undefined) return;
    try {
      await this.#open(await this.#load());
    } catch (error) {
      this.#failed(error);
    }
  }
}

function closing(): StorageStartError {
  return new StorageStartError("closing", "the storage is being closed");
}
