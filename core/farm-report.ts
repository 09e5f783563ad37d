// Puts together what a farm tells of itself (farm-status.ts), from the parts that know.

import type { Director } from "./director/director.js";
import type { FarmLinks } from "./farm-links.js";
import type { FarmStatus, WorkerCounts, WorkerState, WorkerStatus } from "./farm-status.js";
import type { FlowTable } from "./flow/flow-table.js";
import { FAULT_KINDS, noFaults } from "./link/fault-queue.js";
import { FaultyLink } from "./link/faulty.js";
import {
  BOARD_CONNECTIONS,
  BOARD_FLOWS,
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_WEIGHT,
  type LoadBoard,
} from "./memory/load-board.js";
import type { PacketPoolMemory } from "./memory/packet-pool.js";
import type { FarmSettings } from "./options.js";
import type { StorageHandle } from "./supervision/storage-handle.js";
import type { Supervisor } from "./supervision/supervisor.js";
import type { Thread } from "./supervision/worker-place.js";

/** What there is to tell of the supervisor, whatever its threads are. */
type ReportedSupervisor = Pick<Supervisor<Thread>, "target" | "workers" | "servingCount" | "failuresOf"> & {
  placeOf(worker: number): { readonly state: WorkerState } | undefined;
};

export interface ReportedParts {
  readonly version: string;
  readonly uptimeMs: number;
  readonly isDraining: boolean;
  readonly settings: FarmSettings;
  readonly links: FarmLinks;
  readonly pool: PacketPoolMemory;
  readonly board: LoadBoard;
  readonly table: FlowTable;
  readonly director: Director;
  readonly supervisor: ReportedSupervisor;
  readonly storage: StorageHandle;
  readonly counts: ReadonlyMap<number, WorkerCounts>;
}

export function reportStatus(parts: ReportedParts): FarmStatus {
  const { settings, links, pool, table, director, supervisor, storage } = parts;
  return {
    version: parts.version,
    uptimeSeconds: parts.uptimeMs / 1000,
    isReady: !parts.isDraining && supervisor.servingCount > 0,
    isDraining: parts.isDraining,
    urls: links.urls,
    links: links.links.map((link) => link.description),
    policy: settings.policy,
    targetWorkers: supervisor.target,
    workers: supervisor.workers.map((worker) => reportWorker(parts, worker)),
    flows: table.flows,
    sources: table.sources,
    flowEntries: table.capacity,
    freeSlots: director.freeSlots,
    poolSlots: pool.slotCount,
    freeLargeSlots: director.freeLargeSlots,
    largeSlots: pool.largeSlotCount,
    drops: reportDrops(links),
    verdicts: director.counters.snapshot(),
    ...(settings.fault === undefined ? {} : { faults: reportFaults(parts) }),
    flowCounters: table.counters.snapshot(),
    reassemblyCounters: director.reassemblyCounters.snapshot(),
    storage: { isServing: storage.isServing, restarts: storage.restarts },
  };
}

/** Of all links together. */
function reportDrops({ links }: FarmLinks): FarmStatus["drops"] {
  const sum = { oversize: 0, noSlot: 0, noRoom: 0 };
  for (const { drops } of links) {
    sum.oversize += drops.oversize;
    sum.noSlot += drops.noSlot;
    sum.noRoom += drops.noRoom ?? 0;
  }
  return sum;
}

/** Received: by the links. Sent: by the links and by the workers. */
function reportFaults({ links, counts }: ReportedParts): NonNullable<FarmStatus["faults"]> {
  const received = noFaults();
  const sent = noFaults();
  const faulty = links.links.filter((link) => link instanceof FaultyLink);
  for (const kind of FAULT_KINDS) {
    for (const { faults } of faulty) {
      received[kind] += faults.received[kind];
      sent[kind] += faults.sent[kind];
    }
    for (const ofWorker of counts.values()) sent[kind] += ofWorker[`faults_${kind}`];
  }
  return { received, sent };
}

function reportWorker({ board, supervisor, counts }: ReportedParts, worker: number): WorkerStatus {
  const failures = supervisor.failuresOf(worker);
  return {
    worker,
    state: supervisor.placeOf(worker)?.state ?? "absent",
    weight: board.get(worker, BOARD_WEIGHT),
    flows: board.get(worker, BOARD_FLOWS),
    sources: board.get(worker, BOARD_SOURCES),
    inFlight: board.get(worker, BOARD_IN_FLIGHT),
    connections: board.get(worker, BOARD_CONNECTIONS),
    requests: counts.get(worker)?.requests ?? 0,
    failures: failures?.count ?? 0,
    ...(failures === undefined ? {} : { lastFailure: failures.last }),
  };
}
