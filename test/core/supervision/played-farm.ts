// A farm for the supervisor's tests: a clock that is turned by hand, threads that do what the test says, a director that only
// remembers whom it knows, and a real load board. What must always hold (one thread a number, each known to the director
// exactly while it serves, its memory not touched after the next one has begun) is asserted here, in every test.

import * as assert from "uvu/assert";
import { allocateWorkerRings, type WorkerRings } from "../../../core/director/worker-port.js";
import {
  allocateLoadBoard,
  BOARD_COMMAND,
  BOARD_CONNECTIONS,
  BOARD_HEARTBEAT,
  type BOARD_STATE,
  type BOARD_WEIGHT,
  COMMAND_STOP,
  LoadBoard,
} from "../../../core/memory/load-board.js";
import { TICK_INTERVAL_MS } from "../../../core/supervision/pulse.js";
import { Supervisor } from "../../../core/supervision/supervisor.js";
import type { PlaceParts, Thread, WorkerPorts } from "../../../core/supervision/worker-place.js";
import { settle } from "../../support/settle.js";

/** The same for all: nobody looks into them. */
const RINGS: WorkerRings = allocateWorkerRings(2, 2, 64);

export class PlayedThread implements Thread {
  readonly worker: number;
  readonly ended: Promise<void>;
  state: "starting" | "serving" | "gone" = "starting";
  /** It beats no more and obeys nothing. */
  isHanging = false;
  /** It is in a call of the operating system: `destroy` waits until `release`. */
  isStuck = false;
  wasDestroyed = false;
  readonly #farm: PlayedFarm;
  readonly #end: PromiseWithResolvers<void>;
  readonly #start: PromiseWithResolvers<{ thread: PlayedThread; rings: WorkerRings }>;
  readonly #gone: PromiseWithResolvers<void>;

  constructor(farm: PlayedFarm, worker: number) {
    this.#farm = farm;
    this.worker = worker;
    this.#end = withResolvers();
    this.#start = withResolvers();
    this.#gone = withResolvers();
    this.ended = this.#end.promise;
    this.ended.catch(() => {});
  }

  get started(): Promise<{ thread: PlayedThread; rings: WorkerRings }> {
    return this.#start.promise;
  }

  serve(): void {
    if (this.state !== "starting") return;
    this.state = "serving";
    this.#start.resolve({ thread: this, rings: RINGS });
  }

  failToStart(error: unknown = new Error("no catalogue")): void {
    if (this.state !== "starting") return;
    this.#leave();
    this.#start.reject(error);
  }

  /** It throws, or exits. */
  fail(error: unknown = new Error("out of luck")): void {
    if (this.state !== "serving") return;
    this.#end.reject(error);
  }

  finish(): void {
    this.#end.resolve();
  }

  destroy(): Promise<void> {
    this.wasDestroyed = true;
    if (!this.isStuck) this.release();
    return this.#gone.promise;
  }

  /** The call of the operating system returns. */
  release(): void {
    this.isStuck = false;
    if (!this.wasDestroyed || this.state === "gone") return;
    if (this.state === "starting") this.failToStart(new Error("it was ended while it started"));
    this.#leave();
    this.#end.reject(new Error("terminated"));
  }

  /** A turn of its loop. */
  turn(): void {
    if (this.state !== "serving" || this.isHanging || this.isStuck) return;
    const { board } = this.#farm;
    board.add(this.worker, BOARD_HEARTBEAT, 7);
    if (board.get(this.worker, BOARD_COMMAND) === COMMAND_STOP) this.finish();
  }

  #leave(): void {
    this.state = "gone";
    this.#gone.resolve();
  }
}

export interface PlayedOptions {
  readonly hangTimeoutMs?: number;
  readonly drainTimeoutMs?: number;
  readonly slowStartMs?: number;
  /** False for a starter that tells of a thread only when it serves. Default true. */
  readonly tellsOfThreads?: boolean;
}

export class PlayedFarm implements WorkerPorts {
  readonly board = new LoadBoard(allocateLoadBoard());
  /** All that there were, in the order of their start. */
  readonly threads: PlayedThread[] = [];
  readonly supervisor: Supervisor<PlayedThread>;
  readonly events: string[] = [];
  readonly warnings: string[] = [];
  /** Whom the director knows, whom it was asked to wake, who has packets that wait. */
  readonly known = new Set<number>();
  readonly woken = new Set<number>();
  readonly busy = new Set<number>();
  nowMs = 1_000_000;
  /** What becomes of the threads that are started from now on; "wait": what the test says. */
  starts: "serve" | "fail" | "wait" = "serve";
  readonly #tellsOfThreads: boolean;

  constructor(target: number, options: PlayedOptions = {}) {
    this.#tellsOfThreads = options.tellsOfThreads ?? true;
    this.supervisor = new Supervisor(target, this.parts(options), {
      onServing: (worker) => this.events.push(`${worker} serves`),
      onGone: (worker) => this.events.push(`${worker} has left`),
      onFailed: (worker, error, retryMs) =>
        this.events.push(`${worker} failed: ${(error as Error).message}, again in ${retryMs}`),
      onWarning: (message) => this.warnings.push(message),
    });
  }

  parts(options: PlayedOptions): PlaceParts<PlayedThread> {
    return {
      board: this.board,
      ports: this,
      startThread: (worker, created) => this.#startThread(worker, created),
      hangTimeoutMs: options.hangTimeoutMs ?? 2_000,
      drainTimeoutMs: options.drainTimeoutMs ?? 10_000,
      slowStartMs: options.slowStartMs ?? 1_000,
      now: () => this.nowMs,
    };
  }

  #startThread(worker: number, created: (thread: PlayedThread) => void) {
    assert.is(this.threadOf(worker), undefined, `a second thread for worker ${worker}`);
    const thread = new PlayedThread(this, worker);
    this.threads.push(thread);
    if (this.#tellsOfThreads) created(thread);
    if (this.starts === "serve") thread.serve();
    if (this.starts === "fail") thread.failToStart();
    return thread.started;
  }

  // ---- The director -------------------------------------------------------------------------------------------------

  addWorker(worker: number): void {
    assert.not(this.known.has(worker), `worker ${worker} is known already`);
    this.known.add(worker);
  }

  removeWorker(worker: number): void {
    assert.ok(this.known.has(worker), `worker ${worker} is not known`);
    assert.is(this.threadOf(worker), undefined, `worker ${worker} is forgotten while its thread lives`);
    this.known.delete(worker);
  }

  wakeWorker(worker: number): void {
    this.woken.add(worker);
  }

  isIdle(worker: number): boolean {
    return !this.busy.has(worker);
  }

  // ---- What a test does ---------------------------------------------------------------------------------------------

  /** The thread of that number that is not gone. */
  threadOf(worker: number): PlayedThread | undefined {
    return this.threads.find((thread) => thread.worker === worker && thread.state !== "gone");
  }

  /** The numbers of the threads that are not gone. */
  get living(): number[] {
    return this.threads
      .filter(({ state }) => state !== "gone")
      .map(({ worker }) => worker)
      .sort((a, b) => a - b);
  }

  stateOf(worker: number): string {
    return this.supervisor.placeOf(worker)?.state ?? "none";
  }

  word(worker: number, word: typeof BOARD_STATE | typeof BOARD_WEIGHT | typeof BOARD_COMMAND): number {
    return this.board.get(worker, word);
  }

  connections(worker: number, count: number): void {
    this.board.set(worker, BOARD_CONNECTIONS, count);
  }

  /** Time passes; the threads have their turns all the while. */
  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += TICK_INTERVAL_MS) {
      this.nowMs += TICK_INTERVAL_MS;
      for (const thread of this.threads) thread.turn();
      await settle();
      this.supervisor.tick();
      await settle();
    }
  }

  /** The whole process stands still, threads and all, and then the timers are late. */
  async standStill(ms: number): Promise<void> {
    this.nowMs += ms;
    this.supervisor.tick();
    await settle();
  }
}

/** A farm whose workers all serve. */
export async function startedFarm(workers: number, options?: PlayedOptions): Promise<PlayedFarm> {
  const farm = new PlayedFarm(workers, options);
  await farm.supervisor.start();
  return farm;
}

/** What a promise rejects with. Rejects itself if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not reject");
}

/** What has become of a promise by now: "pending", "resolved", or the message of the error. */
export class Outcome {
  now = "pending";

  constructor(promise: Promise<unknown>) {
    promise.then(
      () => {
        this.now = "resolved";
      },
      (error: Error) => {
        this.now = error.message;
      },
    );
  }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolvers: Omit<PromiseWithResolvers<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    resolvers = { resolve, reject };
  });
  return { promise, ...resolvers! };
}
