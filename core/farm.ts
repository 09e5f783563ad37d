// The public entry, "limpet": `createFarm(options)` gives a farm, `listen` starts it, `close` ends it.
// Everything is put together here: shared memory, storage thread, links, director, workers, admin.

import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { AdminServer } from "./admin/admin-server.js";
import type { FarmControl } from "./admin/farm-control.js";
import { Director } from "./director/director.js";
import { DirectorLoop } from "./director/director-loop.js";
import { POLICIES, type PolicyName } from "./director/policies.js";
import type { WorkerRings } from "./director/worker-port.js";
import { type FarmLinks, farmAddresses, openLinks } from "./farm-links.js";
import { FarmMemory } from "./farm-memory.js";
import { placementOf } from "./farm-packet-path.js";
import { reportStatus } from "./farm-report.js";
import type { FarmStatus, WorkerCounts } from "./farm-status.js";
import type { FlowFilter } from "./flow/flow-filter.js";
import type { FlowEntryStatus } from "./flow/flow-list.js";
import type { PacketLink } from "./link/link.js";
import {
  describeSettings,
  type FarmOptions,
  type FarmSettings,
  OptionError,
  resolveOptions,
} from "./options.js";
import { loadSecrets } from "./secret.js";
import { TICK_INTERVAL_MS } from "./supervision/pulse.js";
import { StorageHandle } from "./supervision/storage-handle.js";
import { Supervisor } from "./supervision/supervisor.js";
import { WorkerThread } from "./supervision/worker-thread.js";

export type { FarmStatus, WorkerCounts, WorkerState, WorkerStatus } from "./farm-status.js";
export { type FlowFilter, FlowFilterError } from "./flow/flow-filter.js";
export type { FlowEntryStatus } from "./flow/flow-list.js";
export { TunError } from "./link/interface-address.js";
export { SocketError } from "./link/socket.js";
export type { FarmOptions } from "./options.js";
export { OptionError } from "./options.js";
export { StorageStartError } from "./supervision/storage-handle.js";
export { WorkerStartError } from "./supervision/worker-thread.js";

/** limpet's own version. */
export const version: string = (createRequire(import.meta.url)("../../package.json") as { version: string })
  .version;

/** What a farm tells while it runs: `farm.on("workerFailed", (worker, error) => …)`. */
export interface FarmEvents {
  /** Something that somebody should look at, in one sentence; the farm goes on. */
  warning: [message: string];
  /** A worker takes new sources from now on. */
  workerServing: [worker: number];
  /** A worker has left, as it should. */
  workerGone: [worker: number];
  /** A worker has ended without being told to, hung, or could not start; the next one follows in `retryMs`. */
  workerFailed: [worker: number, error: unknown, retryMs: number];
}

/** Parts that tests and benchmarks bring along instead of devices. */
export interface FarmParts {
  /** Links that carry packets, instead of a TUN device. */
  readonly links?: readonly PacketLink[];
}

/** Checks the options; opens nothing yet. Throws `OptionError`. */
export function createFarm(options: FarmOptions = {}, parts: FarmParts = {}): Farm {
  return new Farm(resolveOptions(options), parts);
}

export class Farm extends EventEmitter<FarmEvents> implements FarmControl {
  #settings: FarmSettings;
  readonly #givenLinks: readonly PacketLink[] | undefined;
  readonly #memory: FarmMemory;
  #links: FarmLinks = { links: [], urls: [], absentTun: undefined };
  #storage: StorageHandle | undefined;
  #director: Director | undefined;
  #supervisor: Supervisor<WorkerThread> | undefined;
  #loop: DirectorLoop | undefined;
  #admin: AdminServer | undefined;
  #ticks: NodeJS.Timeout | undefined;
  #listeningSinceMs = 0;
  #isDraining = false;
  /** Resizes, drains and reloads, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(settings: FarmSettings, parts: FarmParts) {
    super();
    this.#settings = settings;
    this.#givenLinks = parts.links;
    this.#memory = new FarmMemory(settings);
  }

  /** The URLs to open, once the farm listens. */
  get urls(): readonly string[] {
    return this.#links.urls;
  }

  /** One line for each link. */
  get links(): string[] {
    return this.#links.links.map((link) => link.description);
  }

  /** Why there is no TUN device, and how to get one, in one sentence; undefined where there is one, or none was wanted. */
  get absentTun(): string | undefined {
    return this.#links.absentTun;
  }

  /** Where the admin interface is, if there is one. */
  get adminUrl(): string | undefined {
    return this.#admin?.url;
  }

  /**
   * Opens the database and the links and starts the workers. Rejects with an error whose `message` is one sentence (and
   * whose `code` names the cause) if any of them cannot be had; everything is closed again then.
   */
  async listen(): Promise<void> {
    const settings = this.#settings;
    if (!existsSync(new URL(settings.appUrl))) {
      throw new OptionError(`app (--app): there is no file ${fileURLToPath(settings.appUrl)}`);
    }
    try {
      this.#links = await openLinks(settings, this.#givenLinks);
      this.#storage = await StorageHandle.start(settings, this.#memory.directory, {
        onWarning: (message) => this.emit("warning", message),
        onReplaced: () => this.#replaceStoragePorts(),
      });
      this.#memory.secrets.publish(loadSecrets(settings.secrets, settings.database));
      this.#director = this.#createDirector();
      this.#supervisor = this.#createSupervisor(this.#director);
      if (settings.admin !== undefined) {
        const warn = (message: string) => this.emit("warning", message);
        this.#admin = new AdminServer(this, settings.admin, settings.adminToken, warn);
        await this.#admin.start();
      }
      this.#ticks = setInterval(() => this.#supervisor?.tick(), TICK_INTERVAL_MS);
      await this.#supervisor.start();
      this.#loop = new DirectorLoop(this.#director);
      this.#loop.start();
      this.#listeningSinceMs = performance.now();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  // ---- Looking ------------------------------------------------------------------------------------------------------

  status(): FarmStatus {
    const director = this.#started(this.#director);
    const uptimeMs = this.#listeningSinceMs === 0 ? 0 : performance.now() - this.#listeningSinceMs;
    return reportStatus({
      version,
      uptimeMs,
      isDraining: this.#isDraining || this.#closed !== undefined,
      settings: this.#settings,
      links: this.#links,
      board: this.#memory.board,
      table: this.#memory.flowTable,
      director,
      supervisor: this.#started(this.#supervisor),
      storage: this.#started(this.#storage),
      counts: this.workerCounts(),
    });
  }

  /** What the workers have counted since the start, at most a second old. */
  workerCounts(): ReadonlyMap<number, WorkerCounts> {
    return new Map([...this.#memory.counters].map(([worker, counters]) => [worker, counters.snapshot()]));
  }

  /** The effective settings by the name of their option; without secrets. */
  settings(): Record<string, string | number | boolean> {
    return describeSettings(this.#settings);
  }

  /**
   * Entries of the flow table that fit, at most `limit`. Packets have their turn while the table is walked. This and the two below
   * reject with a `FlowFilterError` for a filter that cannot be.
   */
  listFlows(filter: FlowFilter, limit: number): Promise<FlowEntryStatus[]> {
    return this.#memory.flowList.list(filter, limit);
  }

  countFlows(filter: FlowFilter): Promise<number> {
    return this.#memory.flowList.count(filter);
  }

  // ---- Changing -----------------------------------------------------------------------------------------------------

  /** Ends the flows, whose connections are reset, and unpins the sources that fit. Resolves with how many there were. */
  async removeFlows(filter: FlowFilter): Promise<number> {
    const director = this.#started(this.#director);
    let removed = 0;
    await this.#memory.flowList.visit(filter, (entry) => {
      director.removeEntry(entry);
      removed++;
      return true;
    });
    return removed;
  }

  /**
   * Starts or drains workers until there are so many. Existing sources stay where they are unless their worker leaves. Resolves
   * when the new ones serve and the others are gone. Rejects with an `OptionError` for anything but "auto" or 1 … 64.
   */
  resize(workers: number | "auto"): Promise<void> {
    return this.#change(async (supervisor) => {
      const { workers: target } = resolveOptions({ workers });
      this.#settings = { ...this.#settings, workers: target };
      await supervisor.resize(target);
    });
  }

  /**
   * Lets a worker finish what it has, gives it nothing new, and ends it: when its connections have ended, at the latest after
   * `drainSeconds`. Without a number, all of them: no new connections are taken. Resolves when it is gone. Rejects with an
   * `OptionError` if there is no such worker or it is the last one.
   */
  async drain(worker?: number): Promise<void> {
    if (worker !== undefined) {
      await this.#change((supervisor) => supervisor.drain(worker));
      return;
    }
    this.#isDraining = true;
    for (const link of this.#links.links) if (link.kind === "socket") link.stopListening();
    await this.#supervisor?.drainAll();
  }

  /**
   * Replaces the workers one by one, and the storage thread, by ones that have read the app's files anew. No request fails
   * because of it. The secrets kept beside the database are read anew too, and are all workers' at one moment. Rejects, and goes
   * on with the old ones, if the app or the secrets cannot be loaded.
   */
  reload(): Promise<void> {
    return this.#change(async (supervisor) => {
      const { secrets, database } = this.#settings;
      const newSecrets = loadSecrets(secrets, database, this.#memory.secrets.read());
      await this.#started(this.#storage).reload();
      this.#memory.secrets.publish(newSecrets);
      await supervisor.replaceAll();
    });
  }

  /** Changes how workers are chosen for new sources; flows and sources stay where they are. Throws `OptionError`. */
  usePolicy(policy: PolicyName): void {
    const settings = resolveOptions({ policy });
    this.#started(this.#director).policy = POLICIES[settings.policy];
    this.#settings = { ...this.#settings, policy: settings.policy };
  }

  /** Ends connections, workers, links and the database at once. Resolves, for every caller, when all are gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#admin?.close();
    await this.#supervisor?.stopAll();
    clearInterval(this.#ticks);
    this.#loop?.stop();
    for (const link of this.#links.links) link.close();
    await this.#storage?.close();
  }

  #change(change: (supervisor: Supervisor<WorkerThread>) => Promise<void>): Promise<void> {
    const supervisor = this.#started(this.#supervisor);
    const changed = this.#changes.then(() => change(supervisor));
    this.#changes = changed.catch(() => {});
    return changed;
  }

  #started<Part>(part: Part | undefined): Part {
    if (part === undefined) throw new Error("the farm has not been started");
    return part;
  }

  // ---- Putting together ---------------------------------------------------------------------------------------------

  #createDirector(): Director {
    const settings = this.#settings;
    return new Director({
      ...placementOf(settings),
      links: this.#links.links,
      pool: this.#memory.pool,
      flowTable: this.#memory.flowTable,
      loadBoard: this.#memory.board,
      addresses: farmAddresses(settings).map(({ address }) => address),
      reassemblyPlaces: this.#memory.reassemblyPlaces,
      datagramPort: settings.port,
      now: () => performance.now(),
    });
  }

  #createSupervisor(director: Director): Supervisor<WorkerThread> {
    const { workers, hangTimeoutMs, drainTimeoutMs, slowStartMs } = this.#settings;
    const parts = {
      board: this.#memory.board,
      ports: {
        addWorker: (worker: number, rings: WorkerRings) => director.addWorker(worker, rings),
        removeWorker: (worker: number) => {
          director.removeWorker(worker);
          this.#memory.reclaim(worker);
        },
        wakeWorker: (worker: number) => director.wakeWorker(worker),
        isIdle: (worker: number) => director.isIdle(worker),
      },
      startThread: (worker: number, created: (thread: WorkerThread) => void) =>
        this.#startThread(worker, created),
      hangTimeoutMs,
      drainTimeoutMs,
      slowStartMs,
      now: () => performance.now(),
    };
    // Until the farm listens it is `listen` that tells how it went.
    const isListening = () => this.#listeningSinceMs > 0;
    return new Supervisor(workers, parts, {
      onServing: (worker) => isListening() && this.emit("workerServing", worker),
      onGone: (worker) => isListening() && this.emit("workerGone", worker),
      onFailed: (worker, error, retryMs) =>
        isListening() && this.emit("workerFailed", worker, error, retryMs),
      onWarning: (message) => this.emit("warning", message),
    });
  }

  /** `created` is told of the thread as soon as there is one, long before it serves. */
  async #startThread(
    worker: number,
    created: (thread: WorkerThread) => void,
  ): Promise<{ thread: WorkerThread; rings: WorkerRings }> {
    const storagePort = this.#started(this.#storage).attach();
    const options = this.#memory.optionsOf(worker, this.#settings, this.#links.links, storagePort);
    return { thread: await WorkerThread.start(options, created), rings: options.rings };
  }

  #replaceStoragePorts(): void {
    const storage = this.#started(this.#storage);
    for (const thread of this.#started(this.#supervisor).threads) thread.useStorage(storage.attach());
  }
}
