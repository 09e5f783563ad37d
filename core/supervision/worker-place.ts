// One worker number, for as long as somebody should have it: starts its thread, watches its heartbeat, starts another one
// when that fails, drains and stops it. Knows nothing of the other numbers. What always holds: there is one thread at
// most; one that hangs is gone before the next is started; the director knows the worker exactly while it has a thread
// that has served.

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
import { HangError, Pulse } from "./pulse.js";

/** For a worker to end by itself after it was told to stop, in ms. */
const STOP_TIMEOUT_MS = 5_000;
/** For a thread to be gone after it was ended by force, in ms: one in a call of the operating system is not. */
const DESTROY_TIMEOUT_MS = 5_000;
/** Beats that a draining worker has made since it was told, before its connections are counted: it knows then. */
const DRAINING_BEATS = 3;

/** A running thread, as far as supervision needs to know. */
export interface Thread {
  /** Resolves when it has ended as it was told to; rejects with why it has failed. */
  readonly ended: Promise<void>;
  /** Ends it, whatever it is doing; resolves when it is gone. May be called again. */
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
  /**
   * Starts a thread; resolves when it serves, rejects with why it cannot, and the thread is gone. Calls `created` as soon as the
   * thread exists, so that it can be ended, and given what others are given, while it starts.
   */
  readonly startThread: (
    worker: number,
    created: (thread: T) => void,
  ) => Promise<{ readonly thread: T; readonly rings: WorkerRings }>;
  /** Without a heartbeat, in ms; then the thread hangs. */
  readonly hangTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly slowStartMs: number;
  /** A steady clock in ms. */
  readonly now: () => number;
}

/** Why a place has no thread, and what follows. */
export interface PlaceFailure {
  readonly error: unknown;
  /** Until the next thread is due, in ms. */
  readonly retryMs: number;
  /** False if the thread could not start. */
  readonly hasServed: boolean;
}

export interface PlaceOwner<T extends Thread> {
  serving(place: WorkerPlace<T>): void;
  /** It was to leave, and has left; with the error if it failed while it drained or stopped. */
  gone(place: WorkerPlace<T>, error?: unknown): void;
  /** Its thread has failed, or could not start. */
  failed(place: WorkerPlace<T>, failure: PlaceFailure): void;
  /** Its thread has been ended and is not gone: nobody knows when the number will be free. */
  stuck(place: WorkerPlace<T>): void;
}

export class WorkerPlace<T extends Thread> {
  readonly worker: number;
  state: WorkerState = "absent";
  /** It should leave: no thread follows this one. */
  isLeaving = false;
  /** Its thread cannot be ended; it leaves as soon as that is gone. */
  isStuck = false;
  readonly #parts: PlaceParts<T>;
  readonly #owner: PlaceOwner<T>;
  readonly #backOff = new BackOff();
  /** The thread that starts, and the one that serves, drains or stops: one of them at most. */
  #starting: T | undefined;
  #thread: T | undefined;
  /** When the next thread is due, while there is none. */
  #startAtMs = Number.POSITIVE_INFINITY;
  #servingSinceMs = 0;
  #pulse = new Pulse(0, 0);
  /** The heartbeat when it was told to drain. */
  #drainingBeat = 0;
  /** The time that it has to drain, to stop, or to be gone, and when that is over. */
  #timeoutMs = 0;
  #deadlineMs = 0;
  #isStopping = false;
  #isEnding = false;

  constructor(worker: number, parts: PlaceParts<T>, owner: PlaceOwner<T>) {
    this.worker = worker;
    this.#parts = parts;
    this.#owner = owner;
  }

  /** Its thread, from its creation until it is gone. */
  get thread(): T | undefined {
    return this.#thread ?? this.#starting;
  }

  /** Failures in a row. */
  get failuresInARow(): number {
    return this.#backOff.failures;
  }

  /** Starts a thread, which takes its full share at once, or is slow to. */
  begin(isSlow: boolean): void {
    const { board, startThread, slowStartMs } = this.#parts;
    const { worker } = this;
    this.state = "starting";
    this.#startAtMs = Number.POSITIVE_INFINITY;
    board.set(worker, BOARD_COMMAND, COMMAND_RUN);
    board.set(worker, BOARD_WEIGHT, isSlow ? slowStartWeight(0, slowStartMs) : FULL_WEIGHT);
    board.set(worker, BOARD_STATE, WORKER_STARTING);
    // Nobody else writes these words while there is no thread.
    board.set(worker, BOARD_CONNECTIONS, 0);
    board.set(worker, BOARD_IN_FLIGHT, 0);
    const created = (thread: T) => {
      this.#starting = thread;
      if (this.isLeaving) void thread.destroy();
    };
    startThread(worker, created).then(
      ({ thread, rings }) => this.#started(thread, rings),
      (error: unknown) => this.#end(undefined, error),
    );
  }

  #started(thread: T, rings: WorkerRings): void {
    const { board, ports, now } = this.#parts;
    const isGivenUp = this.isLeaving && this.#starting !== undefined;
    this.#starting = undefined;
    this.#thread = thread;
    ports.addWorker(this.worker, rings);
    thread.ended.then(
      () => this.#end(thread, this.#isStopping ? undefined : new Error("it has ended without being told to")),
      (error: unknown) => this.#end(thread, error),
    );
    this.#servingSinceMs = now();
    this.#pulse = new Pulse(board.get(this.worker, BOARD_HEARTBEAT), this.#servingSinceMs);
    if (this.isLeaving) {
      if (isGivenUp) this.#end(thread, undefined);
      else this.stop();
      return;
    }
    this.state = "serving";
    this.#backOff.succeeded(this.#servingSinceMs);
    board.set(this.worker, BOARD_STATE, WORKER_SERVING);
    this.#owner.serving(this);
  }

  /** Looks after it at `nowMs`; the clock has jumped by `lateMs` that are nobody's fault. */
  watch(nowMs: number, lateMs: number): void {
    const { board, ports, hangTimeoutMs, slowStartMs } = this.#parts;
    const { worker } = this;
    // What began after the jump has lost nothing by it.
    this.#deadlineMs = Math.min(nowMs + this.#timeoutMs, this.#deadlineMs + lateMs);
    if (this.#isEnding) {
      this.#watchEnd(nowMs);
      return;
    }
    if (this.#thread === undefined) {
      if (nowMs >= this.#startAtMs && !this.isLeaving) this.begin(true);
      return;
    }
    const stillMs = this.#pulse.look(board.get(worker, BOARD_HEARTBEAT), nowMs, lateMs);
    if (stillMs >= hangTimeoutMs) {
      const message = `it has not answered for ${Math.round(stillMs)} ms: an endless loop in the app?`;
      this.#end(this.#thread, new HangError("worker_hangs", message));
      return;
    }
    // It may be asleep, as it should be when there is nothing to do.
    if (stillMs > 0) ports.wakeWorker(worker);
    if (board.get(worker, BOARD_WEIGHT) < FULL_WEIGHT) {
      board.set(worker, BOARD_WEIGHT, slowStartWeight(nowMs - this.#servingSinceMs, slowStartMs));
    }
    if (this.#isStopping) {
      if (nowMs >= this.#deadlineMs)
        this.#end(this.#thread, new HangError("worker_hangs", "it does not stop"));
    } else if (this.state === "draining" && (nowMs >= this.#deadlineMs || this.#hasDrained())) {
      this.stop();
    }
  }

  /** Finishes what it has, and then stops. */
  leave(): void {
    if (this.isLeaving) return;
    const { board, ports, drainTimeoutMs } = this.#parts;
    this.isLeaving = true;
    if (this.state === "serving") {
      this.state = "draining";
      this.#allow(drainTimeoutMs);
      this.#drainingBeat = board.get(this.worker, BOARD_HEARTBEAT);
      board.set(this.worker, BOARD_STATE, WORKER_DRAINING);
      board.set(this.worker, BOARD_COMMAND, COMMAND_DRAIN);
      ports.wakeWorker(this.worker);
    } else if (this.state === "starting") {
      // It has nothing to finish. Its start fails by this, or has just succeeded, and it is stopped.
      void this.#starting?.destroy();
    } else if (!this.#isEnding) {
      this.#owner.gone(this);
    }
  }

  /** Stops at once. */
  stop(): void {
    const { board, ports } = this.#parts;
    this.leave();
    if (this.#isStopping || this.#isEnding || this.#thread === undefined) return;
    this.#isStopping = true;
    this.state = "draining";
    this.#allow(STOP_TIMEOUT_MS);
    board.set(this.worker, BOARD_STATE, WORKER_DRAINING);
    board.set(this.worker, BOARD_COMMAND, COMMAND_STOP);
    ports.wakeWorker(this.worker);
  }

  #allow(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#deadlineMs = this.#parts.now() + timeoutMs;
  }

  #hasDrained(): boolean {
    const { board, ports } = this.#parts;
    return (
      ((this.#pulse.beat - this.#drainingBeat) | 0) >= DRAINING_BEATS &&
      board.get(this.worker, BOARD_CONNECTIONS) === 0 &&
      board.get(this.worker, BOARD_IN_FLIGHT) === 0 &&
      ports.isIdle(this.worker)
    );
  }

  /** The thread has ended, is to be ended because it hangs, or could not start; without an error, it has ended as it should. */
  #end(thread: T | undefined, error: unknown): void {
    if (this.#isEnding || this.#thread !== thread) return;
    this.#isEnding = true;
    this.state = "absent";
    this.#parts.board.set(this.worker, BOARD_STATE, WORKER_ABSENT);
    this.#allow(DESTROY_TIMEOUT_MS);
    const gone = thread === undefined ? Promise.resolve() : thread.destroy();
    void gone.then(() => this.#ended(thread !== undefined, error));
  }

  #ended(hasServed: boolean, error: unknown): void {
    const { ports, now } = this.#parts;
    this.#isEnding = false;
    this.#isStopping = false;
    this.#starting = undefined;
    this.#thread = undefined;
    // Only now: while a thread lives, its rings and slots are its own.
    if (hasServed) ports.removeWorker(this.worker);
    if (this.isLeaving) {
      // A start that was given up has not failed.
      this.#owner.gone(this, hasServed ? error : undefined);
      return;
    }
    const nowMs = now();
    const retryMs = this.#backOff.failed(nowMs);
    this.#startAtMs = nowMs + retryMs;
    this.#owner.failed(this, { error, retryMs, hasServed });
  }

  /** A thread in a call of the operating system ends when that returns, and nothing can hurry it. */
  #watchEnd(nowMs: number): void {
    if (this.isStuck || nowMs < this.#deadlineMs) return;
    this.isStuck = true;
    this.isLeaving = true;
    this.#owner.stuck(this);
  }
}
