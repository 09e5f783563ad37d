// One storage thread, as the main thread has it: loads the app, opens the database, closes it, is gone. Knows nothing of
// what passes through the ports that it is given. What always holds: every wait ends when the thread does; a thread that
// has the database is not ended by force unless it hangs or does not close it, since one that dies with a query of sqlite3 in
// flight takes the process with it.

import { type MessagePort, Worker } from "node:worker_threads";
import type {
  FromStorageThread,
  StorageThreadOptions,
  ToStorageThread,
} from "../../storage/thread-messages.js";
import { allocateHeartbeat, Heartbeat } from "../memory/heartbeat.js";
import { firstLineOf } from "./first-line.js";
import { HangError, Pulse, TICK_INTERVAL_MS, Ticks } from "./pulse.js";

/** How long the app's module may take to load, in ms. */
const LOAD_TIMEOUT_MS = 30_000;
/**
 * How long the thread may take to close the database, in ms: several times what its own waits add up to. Without it a query that
 * does not end would keep the farm from ever ending.
 */
const CLOSE_TIMEOUT_MS = 20_000;
/**
 * How long a thread that serves may not beat, in ms. One that is well does so between any two steps, and the longest of those that may
 * block it are a statement of better-sqlite3 that waits 2 s for another program's lock, and a procedure, which has 3 s.
 * Workers wait 5 s for an answer: what is asked of one that hangs has failed by then, and the next ones find another.
 */
const HANG_TIMEOUT_MS = 8_000;

/** The storage thread cannot start; the message is one sentence for the person who started limpet. */
export class StorageStartError extends Error {
  override readonly name = "StorageStartError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a thread may say at any time once it serves. */
export type StorageNews = Extract<FromStorageThread, { type: "trouble" | "recovered" | "warning" }>;

export class StorageThread {
  /** Resolves when it is gone, however that came, with what it failed of, if it was not told to end. */
  readonly ended: Promise<unknown>;
  readonly #worker: Worker;
  readonly #heartbeat: Heartbeat;
  readonly #hangTimeoutMs: number;
  readonly #onNews: (news: StorageNews) => void;
  #isGone = false;
  /** Why it is gone, or will be. */
  #failure: unknown;
  #phase: "loading" | "open" | "closing" = "loading";
  /** The answer that is waited for. */
  #awaited: { readonly type: FromStorageThread["type"]; readonly heard: () => void } | undefined;
  #opened: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** Starts a thread that loads the app, and no more. */
  constructor(
    options: Omit<StorageThreadOptions, "heartbeat">,
    onNews: (news: StorageNews) => void,
    hangTimeoutMs = HANG_TIMEOUT_MS,
  ) {
    const heartbeat = allocateHeartbeat();
    this.#heartbeat = new Heartbeat(heartbeat);
    this.#hangTimeoutMs = hangTimeoutMs;
    this.#onNews = onNews;
    this.#worker = new Worker(new URL("../../storage/storage-thread.js", import.meta.url), {
      workerData: { ...options, heartbeat } satisfies StorageThreadOptions,
    });
    this.#worker.on("message", (message: FromStorageThread) => this.#hear(message));
    this.#worker.on("error", (error) => {
      this.#failure ??= error;
    });
    this.ended = new Promise((resolve) =>
      this.#worker.once("exit", () => {
        this.#isGone = true;
        resolve(this.#failure);
      }),
    );
  }

  /** Resolves when the app is loaded. Rejects with a `StorageStartError`, and the thread is gone. */
  async loaded(): Promise<void> {
    const timer = setTimeout(() => {
      const seconds = LOAD_TIMEOUT_MS / 1000;
      this.#fail(new StorageStartError("app_load_failed", `The app did not load within ${seconds} s.`));
    }, LOAD_TIMEOUT_MS);
    try {
      await this.#told("loaded");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives it the database. Resolves when it serves. Rejects with a `StorageStartError`, and the thread is gone. */
  open(): Promise<void> {
    this.#phase = "open";
    this.#post({ type: "open" });
    this.#opened = this.#told("ready").then(() => this.#watch());
    return this.#opened;
  }

  /** Gives it the storage's end of a worker's port. */
  attach(port: MessagePort): void {
    try {
      this.#worker.postMessage({ type: "attach", port } satisfies ToStorageThread, [port]);
    } catch {
      // It cannot be sent: the worker has closed its end meanwhile.
    }
  }

  /** Lets it answer what is waiting and close the database, if it has it. Resolves when it is gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#phase === "open") {
      // Nobody listens for an order to close before it serves.
      await this.#opened?.catch(() => {});
      this.#phase = "closing";
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
      });
      this.#post({ type: "close" });
      await Promise.race([this.#told("closed").catch(() => {}), late]);
      clearTimeout(timer);
    }
    this.#phase = "closing";
    // What the app's module has left behind, a timer, say, would keep it alive.
    await this.#worker.terminate();
    await this.ended;
  }

  /** From now on, also while it closes the database, it is ended if it does not beat: nothing else ends an endless loop. */
  #watch(): void {
    const startMs = performance.now();
    const ticks = new Ticks(startMs);
    const pulse = new Pulse(this.#heartbeat.beats, startMs);
    const timer = setInterval(() => {
      const nowMs = performance.now();
      const stillMs = pulse.look(this.#heartbeat.beats, nowMs, ticks.tick(nowMs));
      if (stillMs < this.#hangTimeoutMs) return;
      clearInterval(timer);
      this.#endHanging(stillMs);
    }, TICK_INTERVAL_MS);
    void this.ended.then(() => clearInterval(timer));
  }

  #endHanging(stillMs: number): void {
    const unanswered = `has not answered for ${Math.round(stillMs)} ms`;
    this.#failure ??= new HangError("storage_hangs", `it ${unanswered}: an endless loop in a procedure?`);
    // Before it is ended: these may be the process's last words.
    const fate = "is ended, which ends the process if a query of sqlite3 is under way";
    this.#onNews({ type: "trouble", message: `its thread ${unanswered} and ${fate}` });
    void this.#worker.terminate();
  }

  #post(message: ToStorageThread): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromStorageThread): void {
    switch (message.type) {
      case "failed":
        this.#fail(new StorageStartError(message.code, message.message));
        break;
      case "trouble":
      case "recovered":
      case "warning":
        this.#onNews(message);
        break;
      default:
        if (this.#awaited?.type === message.type) this.#awaited.heard();
    }
  }

  /** It does not have the database: it may be ended by force. */
  #fail(failure: StorageStartError): void {
    this.#failure ??= failure;
    void this.#worker.terminate();
  }

  /** Resolves when the thread tells this; rejects when it is gone before. */
  async #told(type: FromStorageThread["type"]): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#awaited = { type, heard: resolve };
      void this.ended.then(() => resolve());
    });
    if (!this.#isGone) return;
    const failure = this.#failure;
    if (failure instanceof StorageStartError) throw failure;
    const reason =
      failure === undefined ? "ended while starting" : `failed while starting: ${firstLineOf(failure)}`;
    throw new StorageStartError("internal", `the storage thread ${reason}`);
  }
}
