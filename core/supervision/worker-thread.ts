// One thread of a worker: a Piscina pool of one, which runs one endless task (workers/worker.ts). A pool of its own for each,
// so that one can be ended, even in an endless loop, without the others. Knows nothing of when to start or end one.

import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Piscina } from "piscina";
import type { FromWorker, ToWorker, WorkerOptions } from "../../workers/worker-options.js";

/** How long a worker may take to load and set up its app, in ms. */
const START_TIMEOUT_MS = 30_000;

/** A worker cannot start; the message is one sentence. Errors lose their class and code on their way from a thread. */
export class WorkerStartError extends Error {
  override readonly name = "WorkerStartError";
  readonly code = "worker_start_failed";

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

export class WorkerThread {
  /** Resolves when the worker has ended as it was told to; rejects with why it has failed. */
  readonly ended: Promise<void>;
  readonly #pool: Piscina;
  readonly #control: MessagePort;
  /** The pool forgets a thread that fails before it is gone, and starts another one. */
  readonly #exited: Promise<void>;

  private constructor(options: Omit<WorkerOptions, "controlPort">) {
    this.#pool = new Piscina({
      filename: new URL("../../workers/worker.js", import.meta.url).href,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      // The workers have rings of their own to sleep at; piscina's would block their event loops.
      atomics: "disabled",
    });
    // It tells the same through the task's promise.
    this.#pool.on("error", () => {});
    const [thread] = this.#pool.threads;
    this.#exited = new Promise((resolve) => thread?.once("exit", () => resolve()) ?? resolve());
    const { port1, port2 } = new MessageChannel();
    this.#control = port2;
    const task: WorkerOptions = { ...options, controlPort: port1 };
    this.ended = this.#pool.run(task, { transferList: [port1, task.storagePort] });
    // Whoever waits for it hears of it; nobody has to.
    this.ended.catch(() => {});
  }

  /**
   * Resolves when the worker serves; rejects with a `WorkerStartError`, and the thread is gone. Calls `created` before that, as
   * soon as the thread exists: it can be destroyed then, and get a new port.
   */
  static async start(
    options: Omit<WorkerOptions, "controlPort">,
    created: (thread: WorkerThread) => void = () => {},
  ): Promise<WorkerThread> {
    const thread = new WorkerThread(options);
    created(thread);
    try {
      await thread.#ready(options.worker);
      return thread;
    } catch (error) {
      await thread.destroy();
      throw new WorkerStartError(error);
    }
  }

  /** Gives the worker a new port to the storage. */
  useStorage(port: MessagePort): void {
    this.#control.postMessage({ type: "storage", port } satisfies ToWorker, [port]);
  }

  /** Ends the thread, whatever it is doing. Resolves when it is gone; then nobody touches its shared memory any more. */
  async destroy(): Promise<void> {
    this.#control.close();
    await this.#pool.destroy();
    await this.#exited;
  }

  async #ready(worker: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#control.on("message", (message: FromWorker) => {
            if (message.type === "ready") resolve();
          });
        }),
        this.ended.then(() => Promise.reject(new Error(`worker ${worker} ended while starting`))),
        new Promise((_, reject) => {
          const message = `worker ${worker} did not start within ${START_TIMEOUT_MS / 1000} s`;
          timer = setTimeout(() => reject(new Error(message)), START_TIMEOUT_MS);
        }),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }
}
