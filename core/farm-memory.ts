// The memory that a farm's threads share, all of it: how large each region is, and which of it a worker is given. Who writes
// what is said where a region is laid out (memory/, flow/flow-entry.ts).

import { randomInt } from "node:crypto";
import type { MessagePort } from "node:worker_threads";
import type { WorkerOptions } from "../workers/worker-options.js";
import { allocateWorkerRings, type WorkerRings } from "./director/worker-port.js";
import { allocatePool, createFlowTable, RING_PACKETS, reassemblyPlacesOf } from "./farm-packet-path.js";
import { allocateFlowTable } from "./flow/flow-entry.js";
import { FlowList } from "./flow/flow-list.js";
import type { FlowTable } from "./flow/flow-table.js";
import { countOnBoard } from "./flow/load-observer.js";
import type { Link } from "./link/link.js";
import { allocateCookiePeriod } from "./memory/cookie-period.js";
import { Counters } from "./memory/counters.js";
import { allocateLoadBoard, LoadBoard, MAX_WORKERS, STAND_IN } from "./memory/load-board.js";
import { type PacketPoolMemory, slotsOf } from "./memory/packet-pool.js";
import { processMs } from "./memory/process-clock.js";
import { allocateSessionDirectory } from "./memory/session-directory.js";
import { allocateSessionLocks, freeLocksOf } from "./memory/session-locks.js";
import { allocateSigningSecrets, SigningSecrets } from "./memory/signing-secrets.js";
import { WORKER_COUNTERS, type WorkerCounterName } from "./memory/worker-counters.js";
import type { FarmSettings } from "./options.js";

/** Words of a worker's transmit ring: 256 KiB. */
const TRANSMIT_WORDS = 65_536;
/** Sessions whose version is known without a query; 32 bytes each. */
const DIRECTORY_ENTRIES = 65_536;
/** Locks that the sessions share; 16 bytes each. */
const LOCK_STRIPES = 16_384;
/** What answers while no worker of the app does. */
const STAND_IN_APP = new URL("../workers/app/unavailable.js", import.meta.url).href;

export class FarmMemory {
  readonly board: LoadBoard;
  readonly pool: PacketPoolMemory;
  /** Packets that may be put together from fragments at once. */
  readonly reassemblyPlaces: number;
  readonly directory = allocateSessionDirectory(DIRECTORY_ENTRIES);
  readonly secrets = new SigningSecrets(allocateSigningSecrets());
  readonly flowTable: FlowTable;
  readonly flowList: FlowList;
  /** By worker number: what its threads have counted, one after the other. */
  readonly counters = new Map<number, Counters<WorkerCounterName>>();
  readonly #loadBoard = allocateLoadBoard();
  readonly #tcp: WorkerOptions["tcp"] = {
    secret: [randomWord(), randomWord(), randomWord()],
    cookiePeriod: allocateCookiePeriod(),
    clockStartMs: processMs(),
  };
  readonly #sessionLocks = allocateSessionLocks(LOCK_STRIPES);

  constructor(settings: FarmSettings) {
    const board = new LoadBoard(this.#loadBoard);
    this.board = board;
    this.pool = allocatePool(settings);
    this.reassemblyPlaces = reassemblyPlacesOf(settings, this.pool);
    const table = allocateFlowTable(settings.flowEntries);
    this.flowTable = createFlowTable(settings, countOnBoard(board), table);
    const affinity = { ipv4: settings.affinityPrefix, ipv6: settings.affinityPrefix6 };
    this.flowList = new FlowList(table, affinity, () => performance.now());
  }

  /** What a new thread with this number is to work with. Its rings are new: nobody else ever had them. */
  optionsOf(
    worker: number,
    settings: FarmSettings,
    links: readonly Link[],
    storagePort: MessagePort,
  ): Omit<WorkerOptions, "controlPort"> & { readonly rings: WorkerRings } {
    return {
      worker,
      appUrl: worker === STAND_IN ? STAND_IN_APP : settings.appUrl,
      port: settings.port,
      congestion: settings.congestion,
      tcpKeepAliveMs: settings.tcpKeepAliveMs,
      rings: allocateWorkerRings(RING_PACKETS, slotsOf(this.pool), TRANSMIT_WORDS),
      pool: this.pool,
      loadBoard: this.#loadBoard,
      directory: this.directory,
      sessionLocks: this.#sessionLocks,
      egressPlans: links.map((link) => link.egressPlan),
      tcp: this.#tcp,
      storagePort,
      counters: this.#countersOf(worker).buffer,
      secrets: this.secrets.buffer,
      sessions: settings.sessions,
      cookie: settings.cookie,
      logLevel: settings.logLevel,
      accessLog: settings.accessLog,
    };
  }

  /** Takes back what the thread with this number, which has ended, may still have held. */
  reclaim(worker: number): void {
    if (worker < MAX_WORKERS) freeLocksOf(this.#sessionLocks, worker);
  }

  #countersOf(worker: number): Counters<WorkerCounterName> {
    const counters = this.counters.get(worker) ?? new Counters(WORKER_COUNTERS);
    // The stand-in's are nobody's.
    if (worker < MAX_WORKERS) this.counters.set(worker, counters);
    return counters;
  }
}

function randomWord(): number {
  return randomInt(2 ** 32);
}
