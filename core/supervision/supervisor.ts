// Which workers there are: as many as there should be, whatever happens to them. Knows neither packets nor what workers do;
// time, threads and the director are given to it, so that a test can play them. What always holds: a number belongs to one
// place at a time; while somebody waits for a change it comes true, or its promise rejects.

import { MAX_WORKERS, STAND_IN } from "../memory/load-board.js";
import { OptionError } from "../options.js";
import { firstLineOf } from "./first-line.js";
import { Ticks } from "./pulse.js";
import {
  type PlaceFailure,
  type PlaceOwner,
  type PlaceParts,
  type Thread,
  WorkerPlace,
} from "./worker-place.js";

/** Without a worker that serves, in ms; then the stand-in tells the clients so. */
const STAND_IN_AFTER_MS = 1_000;
/** Failures in a row that make a crash loop. */
const CRASH_LOOP_FAILURES = 5;

export interface SupervisorEvents {
  readonly onServing: (worker: number) => void;
  readonly onGone: (worker: number) => void;
  /** A worker has failed; the next thread with its number is started in `retryMs`. */
  readonly onFailed: (worker: number, error: unknown, retryMs: number) => void;
  readonly onWarning: (message: string) => void;
}

interface Waiter {
  readonly isMet: () => boolean;
  /** Whether it has waited in vain if this worker cannot start; undefined if it waits for workers to be gone. */
  readonly needs: ((worker: number) => boolean) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Supervisor<T extends Thread> implements PlaceOwner<T> {
  /** Workers that there should be. */
  target: number;
  readonly #parts: PlaceParts<T>;
  readonly #events: SupervisorEvents;
  readonly #places = new Map<number, WorkerPlace<T>>();
  /** Those that stay until their successors serve: they do not count as the workers that there should be. */
  readonly #replaced = new Set<WorkerPlace<T>>();
  /** By number, since the start: they outlive their places. */
  readonly #failures = new Map<number, { count: number; last: string }>();
  readonly #waiters = new Set<Waiter>();
  readonly #ticks: Ticks;
  #servedMs: number;
  /** The first workers are not slow to take their share: all start alike. */
  #isStarted = false;
  /** Why there are to be no workers any more, in one sentence. */
  #ending: string | undefined;

  /** `startThread` is called with `STAND_IN` for a worker that answers everyone with 503. */
  constructor(target: number, parts: PlaceParts<T>, events: SupervisorEvents) {
    this.target = target;
    this.#parts = parts;
    this.#events = events;
    this.#servedMs = parts.now();
    this.#ticks = new Ticks(this.#servedMs);
  }

  /** Starts the workers. Resolves when all serve; rejects with why one cannot, or if all are to end meanwhile. */
  async start(): Promise<void> {
    await this.resize(this.target);
    this.#isStarted = true;
  }

  /** Numbers that are in use, the stand-in's left out. */
  get workers(): number[] {
    return [...this.#places.keys()].filter((worker) => worker !== STAND_IN).sort((a, b) => a - b);
  }

  placeOf(worker: number): WorkerPlace<T> | undefined {
    return this.#places.get(worker);
  }

  failuresOf(worker: number): { readonly count: number; readonly last: string } | undefined {
    return this.#failures.get(worker);
  }

  /** All threads that there are, those that start and the stand-in's too. */
  get threads(): T[] {
    return [...this.#places.values()].flatMap(({ thread }) => thread ?? []);
  }

  /** Workers of the app that take new sources. */
  get servingCount(): number {
    return this.workers.filter((worker) => this.#places.get(worker)?.state === "serving").length;
  }

  /**
   * Starts or drains workers until there are `target`. Resolves then; rejects if one of them cannot start, or if all are to end: once
   * that is so, nothing is started again.
   */
  async resize(target: number): Promise<void> {
    if (this.#ending !== undefined) throw new Error(this.#ending);
    this.target = target;
    this.#reconcile();
    await this.#until(
      () => this.#isSettled(),
      (worker) => worker !== STAND_IN,
    );
  }

  /** Drains a worker, and has one less from now on. Resolves when it is gone. Rejects with an `OptionError`. */
  async drain(worker: number): Promise<void> {
    const place = this.#places.get(worker);
    if (place === undefined || place.isLeaving || worker === STAND_IN) {
      throw new OptionError(`there is no worker ${worker} to drain; there are ${this.workers.join(", ")}`);
    }
    if (this.target === 1) throw new OptionError(`worker ${worker} cannot be drained: it is the last one`);
    this.target--;
    await this.#left(place);
  }

  /**
   * Replaces every worker, one after the other, the new one before the old one leaves. Rejects, and leaves the others as they
   * are, if a new one cannot start, or if all are to end.
   */
  async replaceAll(): Promise<void> {
    for (const place of this.workers.flatMap((worker) => this.#places.get(worker) ?? [])) {
      // Again if its successor was told to leave, because fewer are wanted than before.
      while (this.#ending === undefined && !place.isLeaving && !this.#replaced.has(place)) {
        await this.#replace(place);
      }
    }
    if (this.#ending !== undefined) throw new Error(this.#ending);
  }

  async #replace(place: WorkerPlace<T>): Promise<void> {
    const number = this.#freeNumber();
    if (number === undefined) {
      // All numbers are taken: this one has to be free first, and is begun again because there is one too few.
      await this.#left(place);
      await this.resize(this.target);
      return;
    }
    this.#replaced.add(place);
    const successor = this.#add(number);
    try {
      await this.#until(
        () => successor.state === "serving" || successor.isLeaving,
        (worker) => worker === number,
      );
    } catch (error) {
      successor.leave();
      throw error;
    } finally {
      this.#replaced.delete(place);
    }
    if (!successor.isLeaving) await this.#left(place);
  }

  /** Drains all workers, for good; resolves when they are gone, at the latest when their time is over. */
  async drainAll(): Promise<void> {
    this.#endAll("the farm is being drained");
    for (const place of [...this.#places.values()]) place.leave();
    await this.#until(() => this.#isEmpty());
  }

  /** Stops all workers at once, for good. Resolves when they are gone, as far as they can be ended. */
  async stopAll(): Promise<void> {
    this.#endAll("the farm is being closed");
    for (const place of [...this.#places.values()]) place.stop();
    await this.#until(() => this.#isEmpty());
  }

  /** Looks after the workers. To be called every TICK_INTERVAL_MS, until all have gone. */
  tick(): void {
    const nowMs = this.#parts.now();
    const lateMs = this.#ticks.tick(nowMs);
    for (const place of [...this.#places.values()]) place.watch(nowMs, lateMs);
    this.#reconcile();
    this.#standIn(nowMs);
    this.#checkWaiters();
  }

  // ---- Told by places -----------------------------------------------------------------------------------------------

  serving(place: WorkerPlace<T>): void {
    if (place.worker !== STAND_IN) {
      this.#places.get(STAND_IN)?.leave();
      this.#events.onServing(place.worker);
    }
    this.#checkWaiters();
  }

  gone(place: WorkerPlace<T>, error?: unknown): void {
    this.#places.delete(place.worker);
    if (error !== undefined) {
      const last = this.#note(place, error);
      this.#events.onWarning(`${nameOf(place)} has failed while it was to leave: ${last}`);
    }
    if (place.worker !== STAND_IN) this.#events.onGone(place.worker);
    this.#checkWaiters();
  }

  failed(place: WorkerPlace<T>, { error, retryMs, hasServed }: PlaceFailure): void {
    const last = this.#note(place, error);
    for (const waiter of this.#waiters) {
      if (hasServed || !waiter.needs?.(place.worker)) continue;
      this.#waiters.delete(waiter);
      waiter.reject(error);
    }
    if (place.worker === STAND_IN) this.#events.onWarning(`${nameOf(place)} has failed: ${last}`);
    else this.#events.onFailed(place.worker, error, retryMs);
    const { failuresInARow, isLeaving } = place;
    if (failuresInARow === CRASH_LOOP_FAILURES) {
      const message = `${nameOf(place)} has failed ${failuresInARow} times in a row: ${last}`;
      this.#events.onWarning(`${message}; it is tried again, less and less often`);
    }
    // One that could not start has until the next tick: who waited for it may want none any more.
    if (hasServed && retryMs === 0 && !isLeaving) place.begin(place.worker !== STAND_IN);
  }

  stuck(place: WorkerPlace<T>): void {
    this.#events.onWarning(
      `${nameOf(place)} cannot be ended before a call of the operating system returns; its number is out of use until then`,
    );
    this.#checkWaiters();
  }

  /** Counts a failure. Returns its first line. */
  #note({ worker }: WorkerPlace<T>, error: unknown): string {
    const last = firstLineOf(error);
    this.#failures.set(worker, { count: (this.#failures.get(worker)?.count ?? 0) + 1, last });
    return last;
  }

  // ---- All workers --------------------------------------------------------------------------------------------------

  #add(worker: number): WorkerPlace<T> {
    const place = new WorkerPlace(worker, this.#parts, this);
    this.#places.set(worker, place);
    place.begin(this.#isStarted && worker !== STAND_IN);
    return place;
  }

  /** Begins or drains workers, as the target demands. */
  #reconcile(): void {
    const staying = [...this.#places.values()].filter(
      (place) => !place.isLeaving && place.worker !== STAND_IN && !this.#replaced.has(place),
    );
    for (let count = staying.length; count < this.target; count++) {
      const number = this.#freeNumber();
      // One that is leaving will free its own.
      if (number === undefined) return;
      this.#add(number);
    }
    // The highest numbers go first.
    staying.sort((a, b) => b.worker - a.worker);
    for (const place of staying.slice(0, Math.max(0, staying.length - this.target))) place.leave();
  }

  #freeNumber(): number | undefined {
    for (let worker = 0; worker < MAX_WORKERS; worker++) if (!this.#places.has(worker)) return worker;
    return undefined;
  }

  #isSettled(): boolean {
    const places = [...this.#places.values()].filter(
      ({ worker, isStuck }) => worker !== STAND_IN && !isStuck,
    );
    return places.length === this.target && places.every(({ state }) => state === "serving");
  }

  #isEmpty(): boolean {
    return [...this.#places.values()].every(({ isStuck }) => isStuck);
  }

  /** From now on there are to be no workers: who waits for some waits in vain. */
  #endAll(ending: string): void {
    this.target = 0;
    this.#ending = ending;
    for (const waiter of this.#waiters) {
      if (waiter.needs === undefined) continue;
      this.#waiters.delete(waiter);
      waiter.reject(new Error(ending));
    }
  }

  /** While no worker serves, the stand-in does. */
  #standIn(nowMs: number): void {
    if (this.servingCount > 0) {
      this.#servedMs = nowMs;
    } else if (!this.#places.has(STAND_IN) && this.#isStarted && this.target > 0) {
      if (nowMs - this.#servedMs >= STAND_IN_AFTER_MS) this.#add(STAND_IN);
    }
  }

  // ---- Waiting ------------------------------------------------------------------------------------------------------

  async #left(place: WorkerPlace<T>): Promise<void> {
    place.leave();
    await this.#until(() => this.#places.get(place.worker) !== place || place.isStuck);
  }

  /** Resolves when `isMet`. Rejects if a worker that it `needs` cannot start, or, if it needs any, if all are to end. */
  #until(isMet: () => boolean, needs?: (worker: number) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ isMet, needs, resolve, reject });
      this.#checkWaiters();
    });
  }

  #checkWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.isMet()) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

function nameOf<T extends Thread>({ worker }: WorkerPlace<T>): string {
  return worker === STAND_IN ? "the stand-in" : `worker ${worker}`;
}
