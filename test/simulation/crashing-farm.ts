// A farm whose workers and whose process crash when they are told to, at a point of the database's work. A process that plays dead cannot be cut off from its database, so what it leaves behind is copied at that very moment, file
// and log, as a kernel keeps them for a process that was killed; the next process begins with the copy, and nobody looks at
// the first file again. Has one clock, which stands still unless the test moves it.

import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HttpRequest, HttpResponse } from "../../workers/app/app.js";
import { settle } from "../support/settle.js";
import { FarmProcess, type PlayedWorker, type ProcessParts } from "./farm-process.js";

/** What hangs has ended neither after so many turns of the event loop nor after so long, in ms. */
const HANG_TURNS = 10_000;
const HANG_MS = 10_000;

/** Who crashes: all, or the worker with this number. */
export type Victim = "process" | number;

export interface CrashingFarmOptions extends Omit<ProcessParts, "nowMs" | "onCrashPoint" | "onTrouble"> {
  /** The database to begin with; the farm makes its own in a folder beside. */
  readonly template: string;
}

export class CrashingFarm {
  nowMs = 1_700_000_000_000;
  /** Called when a process has crashed and the next one is there: no request of the old one will have an effect any more. */
  onRestart: () => void = () => {};
  workerCrashes = 0;
  /** What storages have said of a database that fails: nothing, for none does. */
  readonly troubles: (string | null)[] = [];
  readonly #options: CrashingFarmOptions;
  #process!: FarmProcess;
  #ordered: { readonly victim: Victim; points: number } | undefined;
  readonly #inFlight = new Set<Promise<unknown>>();
  /** What is left to end of processes that have crashed. */
  readonly #ends: Promise<void>[] = [];
  readonly #folder: string;
  #files = 0;
  /** The file that the process that has crashed has left. */
  #left = "";

  private constructor(options: CrashingFarmOptions) {
    this.#options = options;
    this.#folder = mkdtempSync(join(dirname(options.template), "farm-"));
  }

  static async start(options: CrashingFarmOptions): Promise<CrashingFarm> {
    const farm = new CrashingFarm(options);
    await farm.#start(farm.#copy(options.template));
    return farm;
  }

  get process(): FarmProcess {
    return this.#process;
  }

  /** Any number is a worker's: they go round. */
  worker(number: number): PlayedWorker {
    const { workers } = this.#process;
    return workers[number % workers.length]!;
  }

  /** Resolves to undefined if the worker crashes first: then nobody knows what has become of the request. */
  send(worker: number, request: HttpRequest): Promise<HttpResponse | undefined> {
    const answer = this.worker(worker).send(request);
    this.#inFlight.add(answer);
    const done = () => this.#inFlight.delete(answer);
    answer.then(done, done);
    return answer;
  }

  /**
   * Orders a crash at the `points`th point from now, or when nothing is in flight any more. Replaces an earlier order. 0: a worker
   * crashes at once, a process at the next point, for between two points SQLite may be writing.
   */
  crash(victim: Victim, points: number): void {
    this.#ordered = { victim, points };
    if (points === 0 && victim !== "process") this.#strike(victim);
  }

  /** Puts in its place what has crashed: a worker, or a process on what the last one has left. */
  async recover(): Promise<void> {
    await this.#process.replaceWorkers();
    if (!this.#process.isDead) return;
    await Promise.all(this.#inFlight);
    await this.#start(this.#left);
    this.onRestart();
  }

  /** Resolves when nothing is in flight, and no crash is ordered. */
  async quiet(): Promise<void> {
    await this.#settled();
    while (this.#ordered !== undefined) {
      this.#strike(this.#ordered.victim);
      await this.#settled();
    }
  }

  /** The numbers of all orders in the database, in their order. */
  async orders(): Promise<number[]> {
    const { knex } = this.#process.storage!.database;
    const rows = await knex<{ number: number }>("orders").select("number").orderBy("number");
    return rows.map(({ number }) => number);
  }

  /** Ends everything that there ever was of it. Nothing may be in flight. */
  async close(): Promise<void> {
    this.#ends.push(this.#process.die());
    await Promise.all(this.#ends);
    rmSync(this.#folder, { recursive: true });
  }

  /** Resolves when nothing is in flight, in the storage neither; an ordered crash may come meanwhile. */
  async #settled(): Promise<void> {
    const latestMs = performance.now() + HANG_MS;
    for (let turn = 0; ; turn++) {
      if (turn >= HANG_TURNS && performance.now() > latestMs) {
        throw new Error(`${this.#inFlight.size} requests hang`);
      }
      await this.recover();
      if (this.#isIdle) await this.#process.storage!.service.settled();
      if (this.#isIdle) return;
      await settle();
    }
  }

  get #isIdle(): boolean {
    return this.#inFlight.size === 0 && this.#process.isIdle;
  }

  async #start(file: string): Promise<void> {
    const { template, ...parts } = this.#options;
    const process: FarmProcess = await FarmProcess.start(file, {
      ...parts,
      nowMs: () => this.nowMs,
      onCrashPoint: () => this.#passPoint(file),
      onTrouble: (message) => this.troubles.push(message),
    });
    this.#process = process;
  }

  #passPoint(file: string): void {
    if (this.#ordered === undefined || this.#process.isDead || this.#process.file !== file) return;
    if (--this.#ordered.points <= 0) this.#strike(this.#ordered.victim);
  }

  #strike(victim: Victim): void {
    this.#ordered = undefined;
    if (victim !== "process") {
      this.workerCrashes++;
      this.worker(victim).die();
      return;
    }
    this.#left = this.#copy(this.#process.file);
    this.#ends.push(this.#process.die());
  }

  /** What is in a database's file and its log at this moment, under another name. */
  #copy(file: string): string {
    const copy = join(this.#folder, `${this.#files++}.db`);
    copyFileSync(file, copy);
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
    return copy;
  }
}
