// A farm that is none: what it tells is fixed or set by the test, what it is asked for is written down. Its flow table is a real
// one, and so is what is thrown for a wrong filter or number of workers.

import type { FarmControl } from "../../../core/admin/farm-control.js";
import { POLICIES } from "../../../core/director/policies.js";
import { VERDICTS } from "../../../core/director/verdict.js";
import type { FarmStatus, WorkerCounts, WorkerStatus } from "../../../core/farm-status.js";
import { FLOW_COUNTERS } from "../../../core/flow/flow-counters.js";
import { allocateFlowTable, STATE_ESTABLISHED } from "../../../core/flow/flow-entry.js";
import type { FlowFilter } from "../../../core/flow/flow-filter.js";
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_WORDS } from "../../../core/flow/flow-key.js";
import { type FlowEntryStatus, FlowList } from "../../../core/flow/flow-list.js";
import { FlowTable } from "../../../core/flow/flow-table.js";
import { REASSEMBLY_COUNTERS } from "../../../core/flow/fragment-fates.js";
import { WORKER_COUNTERS } from "../../../core/memory/worker-counters.js";
import { OptionError } from "../../../core/options.js";
import { CountingObserver, TIMEOUTS } from "../flow/table-fixture.js";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Every name with a number of its own, so that a mix-up shows. */
function numbered<Name extends string>(names: readonly Name[], from: number): Record<Name, number> {
  return Object.fromEntries(names.map((name, i) => [name, from + i])) as Record<Name, number>;
}

function workerStatus(worker: number): WorkerStatus {
  return {
    worker,
    state: "serving",
    weight: 100,
    flows: 10 + worker,
    sources: 20 + worker,
    inFlight: 30 + worker,
    connections: 40 + worker,
    requests: 1000 * (worker + 1),
    failures: worker,
    ...(worker === 1 ? { lastFailure: "ran out\nof \u001b[31mluck" } : {}),
  };
}

export class FakeFarm implements FarmControl {
  /** What was asked for, in order. */
  readonly calls: string[] = [];
  /** What changes wait for, or fail with. */
  change: () => Promise<void> = async () => {};
  /** Thrown by `status`, if there is something. */
  trouble: unknown;
  readonly current: Mutable<FarmStatus> = {
    version: "1.2.3",
    uptimeSeconds: 100,
    isReady: true,
    isDraining: false,
    urls: ["http://198.18.0.1/"],
    links: ["a link\u0007"],
    policy: "least-loaded",
    targetWorkers: 2,
    workers: [workerStatus(0), workerStatus(1)],
    flows: 21,
    sources: 41,
    flowEntries: 1024,
    freeSlots: 200,
    poolSlots: 256,
    freeLargeSlots: 12,
    largeSlots: 16,
    drops: { oversize: 0, noSlot: 0, noRoom: 0 },
    verdicts: numbered(VERDICTS, 500),
    flowCounters: numbered(FLOW_COUNTERS, 700),
    reassemblyCounters: numbered(REASSEMBLY_COUNTERS, 800),
    storage: { isServing: true, restarts: 3 },
  };
  readonly counts = new Map<number, WorkerCounts>([
    [0, numbered(WORKER_COUNTERS, 10_000)],
    [1, numbered(WORKER_COUNTERS, 20_000)],
  ]);
  readonly #table: FlowTable;
  readonly #list: FlowList;

  /** With so many TCP flows, one by one of the workers 0 to 3, from 198.18.0.0 on; none of them has a source entry. */
  constructor(flows = 8) {
    const memory = allocateFlowTable(256);
    this.#table = new FlowTable(memory, TIMEOUTS, "refuse", new CountingObserver());
    this.#list = new FlowList(memory, { ipv4: 32, ipv6: 64 }, () => 65_000);
    for (let n = 0; n < flows; n++) {
      const key = new Int32Array(KEY_WORDS);
      const bytes = new Uint8Array(key.buffer);
      bytes.set([198, 18, 0, n]);
      bytes.set([198, 18, 9, 1], KEY_DESTINATION * 4);
      bytes.set([0x9c, 0x40, 0, 80], KEY_PORTS * 4);
      key[KEY_KIND] = 6 | (4 << 8);
      this.#table.insertFlow(key, 0, n, n % 4, -1, STATE_ESTABLISHED, 0);
    }
  }

  status(): FarmStatus {
    if (this.trouble !== undefined) throw this.trouble;
    return this.current;
  }

  workerCounts(): ReadonlyMap<number, WorkerCounts> {
    return this.counts;
  }

  settings(): Record<string, unknown> {
    return { workers: 2, policy: "least-loaded" };
  }

  async resize(workers: number | "auto"): Promise<void> {
    if (workers !== "auto" && !(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
      throw new OptionError(`workers takes auto or a whole number from 1 to 64, not ${workers}`);
    }
    this.calls.push(`resize ${workers}`);
    await this.change();
    this.current.targetWorkers = workers === "auto" ? 7 : workers;
  }

  async drain(worker: number): Promise<void> {
    if (!this.current.workers.some((one) => one.worker === worker)) {
      throw new OptionError(`there is no worker ${worker}`);
    }
    this.calls.push(`drain ${worker}`);
    await this.change();
    this.current.workers = this.current.workers.filter((one) => one.worker !== worker);
    this.current.targetWorkers--;
  }

  usePolicy(policy: string): void {
    if (!Object.hasOwn(POLICIES, policy)) throw new OptionError(`policy takes no ${policy}`);
    this.calls.push(`policy ${policy}`);
    this.current.policy = policy;
  }

  async reload(): Promise<void> {
    this.calls.push("reload");
    await this.change();
  }

  listFlows(filter: FlowFilter, limit: number): Promise<FlowEntryStatus[]> {
    return this.#list.list(filter, limit);
  }

  countFlows(filter: FlowFilter): Promise<number> {
    return this.#list.count(filter);
  }

  async removeFlows(filter: FlowFilter): Promise<number> {
    const before = this.#table.flows;
    await this.#list.visit(filter, (entry) =>
      this.#table.endFlow(entry, this.#table.generationOf(entry), 65_000),
    );
    return before - this.#table.flows;
  }
}

/** A promise, and the ways to settle it. */
export function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
} {
  let [resolve, reject]: [() => void, (error: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}
