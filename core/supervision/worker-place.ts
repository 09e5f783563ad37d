// One worker number, for as long as somebody should have it: starts its thread, watches its heartbeat, starts another one
// when that fails, drains and stops it. Knows nothing of the other numbers. What always holds: there is one thread at
// most; one that hangs is gone before the next is started; the director knows the worker exactly while it has a thread.

import { slowStartWeight } from "../director/slow-start.js";
import type { WorkerRings } from "../director/worker-port.js";
import type { WorkerState } from "../farm-status.js";
import {
  BOARD_COMMAND,
  BOARD_CONNECTIONS,
  BOARD_HEARTBEAT,
  BOARD_IN_FLIGHT,
  BOARD_STATE,
  BOARD_WEIGHT,
  COMMAND_DRAIN,
  COMMAND_RUN,
  COMMAND_STOP,
  FULL_WEIGHT,
  type LoadBoard,
  WORKER_ABSENT,
  WORKER_DRAINING,
  WORKER_SERVING,
  WORKER_STARTING,
} from "../memory/load-board.js";
import { BackOff } from "./back-off.js";

/** For a worker to end by itself after it was told to stop, in ms. */
const STOP_TIMEOUT_MS = 5_000;
/** Beats that a draining worker has made since it was told, before its connections are counted: it knows then. */
const DRAINING_BEATS = 3;

/** A running thread, as far as supervision needs to know. */
export interface Thread {
  /** Resolves when it has ended as it was told to; rejects with why it has failed. */
  readonly ended: Promise<void>;
  /** Ends it, whatever it is doing; resolves when it is gone. */
  destroy(): Promise<void>;
}

/** What the director does for supervision. */
export interface WorkerPorts {
  addWorker(worker: number, rings: WorkerRings): void;
  removeWorker(worker: number): void;
  wakeWorker(worker: number): void;
  /** True if the worker has taken everything that it was given. */
  isIdle(worker: number): boolean;
}

export interface PlaceParts<T extends Thread> {
  readonly board: LoadBoard;
  readonly ports: WorkerPorts;
  /** Starts a thread; resolves when it serves, rejects with why it cannot. */
  readonly startThread: (worker: number) => Promise<{ readonly thread: T; readonly rings: WorkerRings }>;
  /** Without a heartbeat, in ms; then the thread hangs. */
  readonly hangTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly slowStartMs: number;
  /** A steady clock in ms. */
  readonly now: () => number;
}

export interface PlaceOwner<T extends Thread> {
  serving(place: WorkerPlace<T>): void;
  /** It was to leave, and has left. */
  gone(place: WorkerPlace<T>): void;
  /** Its thread has failed, or could not start; the next one follows in `retryMs`. */
  failed(place: WorkerPlace<T>, error: unknown, retryMs: number): void;
}

export class WorkerPlace<T extends Thread> {
  readonly worker: number;
  state: WorkerState = "absent";
  /** It should leave: no thread follows this one. */
  isLeaving = false;
  thread: T | undefined;
  readonly #parts: PlaceParts<T>;
  readonly #owner: PlaceOwner<T>;
  readonly #backOff = new BackOff();
  /** When the next thread is due, while there is none. */
  #startAtMs = 0;
  #servingSinceMs = 0;
  #beat = 0;
  #beatMs = 0;
  /** The heartbeat when it was told to drain; and when its time is over: to drain, and to stop. */
  #drainingBeat = 0;
  #deadlineMs = 0;
  #isStopping = false;
  #isEnding = false;

  constructor(worker: number, parts: PlaceParts<T>, owner: PlaceOwner<T>) {
    this.worker = worker;
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Failures in a row. */
  get failuresInARow(): number {
    return this.#backOff.failures;
  }

  /** Starts a thread, which takes its full share at once, or is slow to. */
  begin(isSlow: boolean): void {
    const { board, ports, startThread, slowStartMs, now } = this.#parts;
    const { worker } = this;
    this.state = "starting";
    this.#startAtMs = Number.POSITIVE_INFINITY;
    board.set(worker, BOARD_COMMAND, COMMAND_RUN);
    board.set(worker, BOARD_WEIGHT, isSlow ? slowStartWeight(0, slowStartMs) : FULL_WEIGHT);
    board.set(worker, BOARD_STATE, WORKER_STARTING);
    // Nobody else writes these words while there is no thread.
    board.set(worker, BOARD_CONNECTIONS, 0);
    board.set(worker, BOARD_IN_FLIGHT, 0);
    startThread(worker).then(
      ({ thread, rings }) => {
        this.thread = thread;
        ports.addWorker(worker, rings);
        thread.ended.then(
          () => this.#end(thread, new Error("it has ended without being told to")),
          (error: unknown) => this.#end(thread, error),
        );
        this.#beatMs = now();
        this.#servingSinceMs = this.#beatMs;
        this.state = "serving";
        if (this.isLeaving) {
          this.stop();
          return;
        }
        this.#backOff.succeeded(this.#servingSinceMs);
        board.set(worker, BOARD_STATE, WORKER_SERVING);
        this.#owner.serving(this);
      },
      (error: unknown) => this.#end(undefined, error),
    );
  }

  /** Looks after it at `nowMs`; the clock has jumped by `lateMs` that are nobody's fault. */
  watch(nowMs: number, lateMs: number): void {
    const { board, ports, hangTimeoutMs, slowStartMs } = this.#parts;
    const { worker } = this;
    if (this.thread === undefined) {
      if (nowMs >= this.#startAtMs) this.begin(true);
      return;
    }
    if (this.#isEnding) return;
    this.#beatMs += lateMs;
    const beat = board.get(worker, BOARD_HEARTBEAT);
    if (beat !== this.#beat) {
      this.#beat = beat;
      this.#beatMs = nowMs;
    } else if (nowMs - this.#beatMs >= hangTimeoutMs) {
      const forMs = Math.round(nowMs - this.#beatMs);
      this.#end(this.thread, new Error(`it has not answered for ${forMs} ms: an endless loop in the app?`));
      return;
    } else {
      // It may be asleep, as it should be when there is nothing to do.
      ports.wakeWorker(worker);
    }
    if (board.get(worker, BOARD_WEIGHT) < FULL_WEIGHT) {
      board.set(worker, BOARD_WEIGHT, slowStartWeight(nowMs - this.#servingSinceMs, slowStartMs));
    }
    if (this.#isStopping) {
      if (nowMs >= this.#deadlineMs) this.#end(this.thread, new Error("it does not stop"));
    } else if (this.state === "draining" && (nowMs >= this.#deadlineMs || this.#hasDrained())) {
      this.stop();
    }
  }

  /** Finishes what it has, and then stops. */
  leave(): void {
    if (this.isLeaving) return;
    const { board, ports, now, drainTimeoutMs } = this.#parts;
    this.isLeaving = true;
    if (this.state === "serving") {
      this.state = "draining";
      this.#deadlineMs = now() + drainTimeoutMs;
      this.#drainingBeat = board.get(this.worker, BOARD_HEARTBEAT);
      board.set(this.worker, BOARD_STATE, WORKER_DRAINING);
      board.set(this.worker, BOARD_COMMAND, COMMAND_DRAIN);
      ports.wakeWorker(this.worker);
    } else if (this.state === "absent" && !this.#isEnding) {
      this.#owner.gone(this);
    }
  }

  /** Stops at once. */
  stop(): void {
    const { board, ports, now } = this.#parts;
    this.leave();
    if (this.#isStopping || this.thread === undefined) return;
    this.#isStopping = true;
    this.#deadlineMs = now() + STOP_TIMEOUT_MS;
    board.set(this.worker, BOARD_STATE, WORKER_DRAINING);
    board.set(this.worker, BOARD_COMMAND, COMMAND_STOP);
    ports.wakeWorker(this.worker);
  }

  #hasDrained(): boolean {
    const { board, ports } = this.#parts;
    return (
      ((this.#beat - this.#drainingBeat) | 0) >= DRAINING_BEATS &&
      board.get(this.worker, BOARD_CONNECTIONS) === 0 &&
      board.get(this.worker, BOARD_IN_FLIGHT) === 0 &&
      ports.isIdle(this.worker)
    );
  }

  /** The thread has ended, is to be ended because it hangs, or could not start. */
  #end(thread: T | undefined, error: unknown): void {
    if (this.#isEnding || this.thread !== thread) return;
    const { board, ports, now } = this.#parts;
    this.#isEnding = true;
    this.state = "absent";
    board.set(this.worker, BOARD_STATE, WORKER_ABSENT);
    const gone = thread === undefined ? Promise.resolve() : thread.destroy();
    void gone.then(() => {
      this.#isEnding = false;
      this.#isStopping = false;
      this.thread = undefined;
      // Only now: while a thread lives, its rings and slots are its own.
      ports.removeWorker(this.worker);
      if (this.isLeaving) {
        this.#owner.gone(this);
        return;
      }
      const nowMs = now();
      const retryMs = this.#backOff.failed(nowMs);
      this.#startAtMs = nowMs + retryMs;
      this.#owner.failed(this, error, retryMs);
    });
  }
}
