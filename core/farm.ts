// The public entry, "limpet": `createFarm(options)` gives a farm, `listen` starts it, `close` ends it.
// Everything is put together here: shared memory, storage thread, links, worker threads, director.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import type { WorkerOptions } from "../workers/worker-options.js";
import { Director } from "./director/director.js";
import { DirectorLoop } from "./director/director-loop.js";
import { POLICIES } from "./director/policies.js";
import type { Verdict } from "./director/verdict.js";
import { allocateWorkerRings, type WorkerRings } from "./director/worker-port.js";
import { allocateFlowTable } from "./flow/flow-entry.js";
import { createSeed, seedFrom } from "./flow/flow-hash.js";
import { FlowTable } from "./flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "./flow/flow-timeouts.js";
import type { Link } from "./link/link.js";
import { TunLink } from "./link/tun.js";
import { hasIpv6 } from "./link/tun-device.js";
import {
  allocateLoadBoard,
  BOARD_COMMAND,
  BOARD_CONNECTIONS,
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_REQUESTS,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_WEIGHT,
  COMMAND_RUN,
  COMMAND_STOP,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_SERVING,
  WORKER_STARTING,
} from "./memory/load-board.js";
import { allocatePacketPool, type PacketPoolMemory } from "./memory/packet-pool.js";
import { wakeConsumer } from "./memory/ring.js";
import { allocateSessionDirectory, type SessionDirectoryMemory } from "./memory/session-directory.js";
import {
  type FarmOptions,
  type FarmSettings,
  hostAddressOf,
  OptionError,
  resolveOptions,
  urlOf,
} from "./options.js";
import { loadSecret } from "./secret.js";
import { StorageHandle } from "./storage-handle.js";

export { TunError } from "./link/tun-device.js";
export type { FarmOptions } from "./options.js";
export { OptionError } from "./options.js";

/** limpet's own version. */
export const version: string = (createRequire(import.meta.url)("../../package.json") as { version: string })
  .version;

/** Bytes of a packet slot: an MTU of 1500 and the headroom, rounded up to a power of two. */
const SLOT_BYTES = 2048;
/** Packets that may wait for one worker. */
const RING_PACKETS = 4096;
/** Words of a worker's transmit ring: 256 KiB. */
const TRANSMIT_WORDS = 65_536;
/** Sessions whose version is known without a query; 32 bytes each. */
const DIRECTORY_ENTRIES = 65_536;
/** How long a worker may take to load and set up its app, in ms. */
const WORKER_START_TIMEOUT_MS = 30_000;

/** What a farm is doing. */
export interface FarmStatus {
  readonly workers: readonly WorkerStatus[];
  readonly flows: number;
  readonly sources: number;
  readonly flowEntries: number;
  readonly freeSlots: number;
  /** Packets by what became of them, since the start. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
}

export interface WorkerStatus {
  readonly worker: number;
  /** False until the worker's app is set up, and once its thread has ended. */
  readonly isServing: boolean;
  readonly flows: number;
  readonly sources: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly requests: number;
}

export interface FarmEvents {
  /** Something that somebody should look at; the farm goes on. */
  readonly onWarning?: (message: string) => void;
  /** A worker has ended without being asked to. */
  readonly onWorkerFailed?: (worker: number, error: unknown) => void;
}

/** Parts that tests and benchmarks bring along instead of devices. */
export interface FarmParts {
  /** The links, instead of a TUN device. */
  readonly links?: readonly Link[];
}

/** Checks the options; opens nothing yet. Throws `OptionError`. */
export function createFarm(options: FarmOptions = {}, events: FarmEvents = {}, parts: FarmParts = {}): Farm {
  return new Farm(resolveOptions(options), events, parts);
}

export class Farm {
  readonly settings: FarmSettings;
  readonly #events: FarmEvents;
  readonly #board: LoadBoard;
  readonly #boardMemory = allocateLoadBoard();
  readonly #pool: PacketPoolMemory;
  readonly #directory: SessionDirectoryMemory = allocateSessionDirectory(DIRECTORY_ENTRIES);
  readonly #table: FlowTable;
  readonly #workers: { readonly rings: WorkerRings; readonly ended: Promise<void> }[] = [];
  readonly #givenLinks: readonly Link[] | undefined;
  #links: readonly Link[] = [];
  #storage: StorageHandle | undefined;
  #threads: Piscina | undefined;
  #director: Director | undefined;
  #loop: DirectorLoop | undefined;
  #secret: Uint8Array = new Uint8Array(0);
  #closed: Promise<void> | undefined;

  constructor(settings: FarmSettings, events: FarmEvents, parts: FarmParts) {
    this.settings = settings;
    this.#events = events;
    this.#givenLinks = parts.links;
    this.#board = new LoadBoard(this.#boardMemory);
    this.#pool = allocatePacketPool(settings.poolSlots, SLOT_BYTES);
    const timeouts = { ...DEFAULT_FLOW_TIMEOUTS, affinityTimeMs: settings.affinityTimeMs };
    this.#table = new FlowTable(allocateFlowTable(settings.flowEntries), timeouts, "evict", {
      flowStarted: (worker) => this.#board.add(worker, BOARD_FLOWS, 1),
      flowEnded: (worker) => this.#board.add(worker, BOARD_FLOWS, -1),
      sourceStarted: (worker) => this.#board.add(worker, BOARD_SOURCES, 1),
      sourceEnded: (worker) => this.#board.add(worker, BOARD_SOURCES, -1),
    });
  }

  /** Addresses that the farm answers at: those of the settings, IPv6 only where the system has it. */
  get addresses(): FarmSettings["addresses"] {
    return this.settings.addresses.filter(({ address }) => address.length === 4 || hasIpv6());
  }

  /** The URLs to open. */
  get urls(): string[] {
    return this.addresses.map((address) => urlOf(address, this.settings.port));
  }

  /** One line for each link. */
  get links(): string[] {
    return this.#links.map((link) => link.description);
  }

  /**
   * Opens the database and the links and starts the workers. Rejects with an error whose `message` is one sentence (and
   * whose `code` names the cause) if any of them cannot be had; everything is closed again then.
   */
  async listen(): Promise<void> {
    const { settings } = this;
    if (!existsSync(new URL(settings.appUrl))) {
      throw new OptionError(`app (--app): there is no file ${fileURLToPath(settings.appUrl)}`);
    }
    try {
      this.#links = this.#givenLinks ?? [this.#openTun()];
      this.#storage = await StorageHandle.start(settings, this.#directory, (message) =>
        this.#events.onWarning?.(message),
      );
      this.#secret = loadSecret(settings.secret, settings.database);
      this.#director = new Director({
        links: this.#links,
        pool: this.#pool,
        flowTable: this.#table,
        loadBoard: this.#board,
        policy: POLICIES[settings.policy],
        seed: settings.seed === undefined ? createSeed() : seedFrom(BigInt(settings.seed)),
        addresses: this.addresses.map(({ address }) => address),
        datagramPort: settings.port,
        affinityPrefix4: settings.affinityPrefix,
        affinityPrefix6: settings.affinityPrefix6,
        now: () => performance.now(),
      });
      this.#threads = new Piscina({
        filename: new URL("../workers/worker.js", import.meta.url).href,
        minThreads: settings.workers,
        maxThreads: settings.workers,
        concurrentTasksPerWorker: 1,
        // The workers have rings of their own to sleep at; piscina's would block their event loops.
        atomics: "disabled",
      });
      await Promise.all(Array.from({ length: settings.workers }, (_, worker) => this.#startWorker(worker)));
      this.#loop = new DirectorLoop(this.#director);
      this.#loop.start();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  status(): FarmStatus {
    const director = this.#director;
    if (director === undefined) throw new Error("the farm has not been started");
    return {
      workers: this.#workers.map((_, worker) => ({
        worker,
        isServing: this.#board.get(worker, BOARD_STATE) === WORKER_SERVING,
        flows: this.#board.get(worker, BOARD_FLOWS),
        sources: this.#board.get(worker, BOARD_SOURCES),
        inFlight: this.#board.get(worker, BOARD_IN_FLIGHT),
        connections: this.#board.get(worker, BOARD_CONNECTIONS),
        requests: this.#board.get(worker, BOARD_REQUESTS),
      })),
      flows: this.#table.flows,
      sources: this.#table.sources,
      flowEntries: this.#table.capacity,
      freeSlots: director.freeSlots,
      verdicts: director.counters.snapshot(),
    };
  }

  /** Ends connections, workers, links and the database, in this order. Resolves, for every caller, when all are gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const [worker, { rings }] of this.#workers.entries()) {
      this.#board.set(worker, BOARD_COMMAND, COMMAND_STOP);
      wakeConsumer(rings.descriptors);
    }
    await Promise.allSettled(this.#workers.map(({ ended }) => ended));
    // One more turn takes the workers' last packets to links that they cannot write to themselves.
    this.#director?.turn();
    this.#loop?.stop();
    for (const link of this.#links) link.close();
    await this.#threads?.destroy();
    await this.#storage?.close();
  }

  #openTun(): Link {
    const { device, mtuBytes } = this.settings;
    return new TunLink({ device, mtuBytes, hostAddresses: this.addresses.map(hostAddressOf) });
  }

  /** Resolves when the worker serves. */
  async #startWorker(worker: number): Promise<void> {
    const { settings } = this;
    const rings = allocateWorkerRings(RING_PACKETS, settings.poolSlots, TRANSMIT_WORDS);
    const ready = new MessageChannel();
    const options: WorkerOptions = {
      worker,
      appUrl: settings.appUrl,
      port: settings.port,
      rings,
      pool: this.#pool,
      loadBoard: this.#boardMemory,
      directory: this.#directory,
      egressPlans: this.#links.map((link) => link.egressPlan),
      storagePort: this.#storage!.attach(),
      readyPort: ready.port1,
      secret: this.#secret,
      cacheBytes: settings.cacheBytes,
      cookieSecure: settings.cookieSecure,
      logLevel: settings.logLevel,
    };
    this.#board.set(worker, BOARD_STATE, WORKER_STARTING);
    this.#board.set(worker, BOARD_WEIGHT, FULL_WEIGHT);
    this.#board.set(worker, BOARD_COMMAND, COMMAND_RUN);
    const ended: Promise<void> = this.#threads!.run(options, {
      transferList: [options.storagePort, options.readyPort],
    });
    this.#workers[worker] = { rings, ended };
    await Promise.race([
      new Promise((resolve) => ready.port2.once("message", resolve)),
      ended.catch((error: unknown) => Promise.reject(new WorkerStartError(error))),
      startTimeout(worker),
    ]).finally(() => ready.port2.close());
    this.#director!.addWorker(worker, rings);
    this.#board.set(worker, BOARD_STATE, WORKER_SERVING);
    ended.catch((error: unknown) => this.#workerFailed(worker, error));
  }

  #workerFailed(worker: number, error: unknown): void {
    if (this.#closed !== undefined) return;
    this.#board.set(worker, BOARD_STATE, WORKER_ABSENT);
    this.#director!.removeWorker(worker);
    this.#events.onWorkerFailed?.(worker, error);
  }
}

/** A worker cannot start; the message is one sentence. Errors lose their class and code on their way from a thread. */
export class WorkerStartError extends Error {
  override readonly name = "WorkerStartError";
  readonly code = "worker_start_failed";

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function startTimeout(worker: number): Promise<never> {
  return new Promise((_, reject) => {
    const message = `worker ${worker} did not start within ${WORKER_START_TIMEOUT_MS / 1000} s`;
    setTimeout(() => reject(new WorkerStartError(message)), WORKER_START_TIMEOUT_MS).unref();
  });
}
