// Who has the machine's cores while a farm is under load: its threads, by the kernel's own accounts, the client (this process), and
// everybody else. And whether its workers could use more of them: a thread that waits for a core is short of cores, one that sleeps
// waits for something else.

import { availableParallelism, cpus } from "node:os";
import { type ServerProcess, type ThreadTimes, threadTimesOf } from "../support/server-process.js";

/** In cores: 1 is a core that is busy all the time. */
export interface Usage {
  /** The main thread. */
  readonly director: number;
  /** All worker threads together. */
  readonly workers: number;
  /** The farm's other threads: storage, the system calls of files, the compiler and the garbage collector. */
  readonly storage: number;
  readonly client: number;
  /** How much of the time the client's one thread ran or waited for a core, 0 … 1: at 1 it cannot ask for more. */
  readonly clientWanted: number;
  /** Programs that have nothing to do with it. */
  readonly others: number;
  /** How much of the time a worker ran or waited for a core, 0 … 1, of all workers together. */
  readonly workersWanted: number;
}

/** From here on cores are all in use, and workers short of them: the rest of the time goes between one request and the next. */
const FULL = 0.9;
const SHORT_OF_CORES = 0.9;

export class UsageMeter {
  readonly #server: ServerProcess;
  readonly #workers: ReadonlySet<number>;
  readonly #before: ReadonlyMap<number, ThreadTimes>;
  readonly #clientUs: number;
  readonly #clientWantedUs: number;
  readonly #machineMs: number;
  readonly #begunMs: number;

  /** `workers`: the thread IDs of the farm's workers. */
  constructor(server: ServerProcess, workers: readonly number[]) {
    this.#server = server;
    this.#workers = new Set(workers);
    this.#begunMs = performance.now();
    this.#before = server.threadTimes();
    this.#clientUs = ownUs();
    this.#clientWantedUs = wantedUs();
    this.#machineMs = busyMs();
  }

  /** Since the meter was made. */
  read(): Usage {
    const us = (performance.now() - this.#begunMs) * 1000;
    const used = { director: 0, workers: 0, storage: 0 };
    let waitedUs = 0;
    for (const [thread, { ranUs, waitedUs: until }] of this.#server.threadTimes()) {
      // One that was replaced meanwhile took its account with it.
      const before = this.#before.get(thread) ?? { ranUs: 0, waitedUs: 0 };
      const isWorker = this.#workers.has(thread);
      const role = thread === this.#server.mainThread ? "director" : isWorker ? "workers" : "storage";
      used[role] += (ranUs - before.ranUs) / us;
      if (isWorker) waitedUs += until - before.waitedUs;
    }
    const client = (ownUs() - this.#clientUs) / us;
    const machine = ((busyMs() - this.#machineMs) * 1000) / us;
    return {
      ...used,
      client,
      clientWanted: Math.min(1, (wantedUs() - this.#clientWantedUs) / us),
      others: Math.max(0, machine - used.director - used.workers - used.storage - client),
      workersWanted: Math.min(1, (used.workers + waitedUs / us) / Math.max(1, this.#workers.size)),
    };
  }
}

/** How many times as much a farm would have got done without the others, whose cores it was short of; 1 where they did not matter. */
export function disturbance(usage: Usage, workers: number, cores = availableParallelism()): number {
  const own = usage.director + usage.workers + usage.storage + usage.client;
  const isFull = own + usage.others >= FULL * cores;
  if (!isFull || usage.workersWanted < SHORT_OF_CORES || usage.workers === 0) return 1;
  // More than the machine has nobody gets, and no more than a core for each worker.
  return Math.max(1, Math.min(cores / own, workers / usage.workers));
}

function ownUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Of this thread, the main one: on a core, or in the queue for one. */
function wantedUs(): number {
  const { ranUs, waitedUs } = threadTimesOf(process.pid).get(process.pid)!;
  return ranUs + waitedUs;
}

/** Of all cores since the machine's start. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}
