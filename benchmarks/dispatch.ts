// What does a packet cost on its way through the director? In memory and in one thread: a link that fills slots with
// packets of known flows, the director (parse, key, hash, look up, push to a ring), and stand-ins for the workers that give
// every slot back. The link's and the stand-ins' own shares are measured apart. Shows too that no packet allocates anything.

import { leastLoaded } from "../core/director/policies.js";
import { ThreadlessFarm } from "../core/director/threadless-farm.js";
import type { Verdict } from "../core/director/verdict.js";
import { allocateFlowTable } from "../core/flow/flow-entry.js";
import { seedFrom } from "../core/flow/flow-hash.js";
import { FlowTable } from "../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../core/flow/flow-timeouts.js";
import { Burst } from "../core/link/link.js";
import { allocatePacketPool } from "../core/memory/packet-pool.js";
import { ACK, SYN } from "../core/wire/tcp.js";
import type { Benchmark } from "./support/benchmark.js";
import { type HeapFigure, measureHeap } from "./support/heap.js";
import { FLOWS_PER_SOURCE, NumberedFlows } from "./support/numbered-flows.js";
import { count, counts, someOf } from "./support/parameters.js";

export const TRAFFIC = ["hit", "new", "flood"] as const;
/**
 * "hit": ACKs of resident flows. "new": each packet the SYN of a flow that is not there, and ends again, beside the resident ones.
 * "flood": the same SYNs where too many flows are half open, so that none begins.
 */
export type Traffic = (typeof TRAFFIC)[number];

export interface DispatchOptions {
  /** Packets measured for each figure. */
  readonly packets: number;
  /** Resident flows. */
  readonly flows: readonly number[];
  readonly traffic: readonly Traffic[];
  readonly workers: number;
  readonly seed: number;
}

export interface DispatchFigure extends HeapFigure {
  readonly traffic: Traffic;
  readonly flows: number;
  readonly packets: number;
  /** All of it: link, director, stand-ins. */
  readonly totalNs: number;
  /** The link alone. */
  readonly linkNs: number;
  /** The stand-ins for workers, which read the descriptors and give slots (and flows) back. */
  readonly standInNs: number;
  /** The rest: the director with its rings. */
  readonly directorNs: number;
  /** All of it, as a rate. */
  readonly millionPacketsPerSecond: number;
  /** Packets that were dropped, or were not what the traffic says: 0. */
  readonly unexpected: number;
}

const EXPECTED: Readonly<Record<Traffic, readonly Verdict[]>> = {
  hit: ["flow-hit"],
  new: ["new-flow", "new-source"],
  flood: ["syn-cookie"],
};
const POOL_SLOTS = 4096;
const SLOT_BYTES = 2048;
/** Packets before anything is measured: until the code is compiled. */
const WARM_UP_PACKETS = 500_000;
/** Most packets for measuring the link and the stand-ins apart. */
const APART_PACKETS = 2_000_000;

class Bench {
  readonly #link = new NumberedFlows();
  readonly #farm: ThreadlessFarm;

  constructor(tableEntries: number, maxOpeningFlows: number, workers: number, seed: number) {
    this.#farm = new ThreadlessFarm({
      workers,
      ringPackets: 1024,
      links: [this.#link],
      pool: allocatePacketPool(POOL_SLOTS, SLOT_BYTES),
      createFlowTable: (observer) =>
        new FlowTable(allocateFlowTable(tableEntries), DEFAULT_FLOW_TIMEOUTS, "evict", observer),
      policy: leastLoaded,
      seed: seedFrom(BigInt(seed)),
      addresses: [Uint8Array.of(198, 18, 0, 1)],
      reassemblyPlaces: 0,
      datagramPort: 80,
      affinity: "source",
      spillFlows: 0,
      maxOpeningFlows,
      affinityPrefix4: 32,
      affinityPrefix6: 64,
      // The farm's own clock, with what it costs.
      now: () => performance.now(),
    });
  }

  /** Opens flows 0 … `flows - 1`: each gets the packets that make it a flow of an open connection. */
  open(flows: number): void {
    this.#link.choose(0, flows);
    // Where SYNs begin no flow the first ACK does; the second makes it an open one.
    for (const flags of [SYN, ACK, ACK]) this.run(flows, flags, false);
  }

  /** What `run` sends is of the flows `first` … `first + flows - 1`. */
  choose(first: number, flows: number): void {
    this.#link.choose(first, flows);
  }

  /** Sends packets through; returns the nanoseconds that it took. */
  run(packets: number, flags: number, endsFlows: boolean): number {
    this.#link.make(packets, flags);
    const started = performance.now();
    while (this.#link.left > 0) {
      this.#farm.director.turn();
      this.#farm.drain(endsFlows);
    }
    return (performance.now() - started) * 1e6;
  }

  /** The same, and returns the stand-ins' own nanoseconds; looking at the clock so often would be seen in `run`. */
  runTimingStandIns(packets: number, flags: number, endsFlows: boolean): number {
    this.#link.make(packets, flags);
    let ms = 0;
    while (this.#link.left > 0) {
      this.#farm.director.turn();
      const started = performance.now();
      this.#farm.drain(endsFlows);
      ms += performance.now() - started;
    }
    return ms * 1e6;
  }

  /** Packets so far by what the director did with them. */
  forwarded(verdicts: readonly Verdict[]): number {
    return verdicts.reduce((sum, verdict) => sum + this.#farm.director.counters.get(verdict), 0);
  }
}

/** The link's own cost: the same packets, with slots that go straight back. */
function measureLink(first: number, flows: number, packets: number): number {
  const link = new NumberedFlows();
  link.choose(first, flows);
  const burst = new Burst(allocatePacketPool(POOL_SLOTS, SLOT_BYTES));
  const run = (count: number) => {
    link.make(count, ACK);
    const started = performance.now();
    while (link.left > 0) {
      link.receive(burst);
      for (let i = 0; i < burst.count; i++) burst.freeSlots.release(burst.slots[i]!);
    }
    return (performance.now() - started) * 1e6;
  };
  run(WARM_UP_PACKETS);
  return run(packets) / packets;
}

async function measure(traffic: Traffic, flows: number, options: DispatchOptions): Promise<DispatchFigure> {
  const { packets, workers, seed } = options;
  // At least half of the table is free: resident flows, their sources, and the sources of the new flows.
  const tableEntries = Math.max(1024, 2 ** Math.ceil(Math.log2(2 * flows)));
  const isFlood = traffic === "flood";
  const maxOpeningFlows = isFlood ? 1 : Number.POSITIVE_INFINITY;
  const bench = new Bench(tableEntries, maxOpeningFlows, workers, seed);
  const isHit = traffic === "hit";
  const flags = isHit ? ACK : SYN;
  const endsFlows = traffic === "new";
  const expected = EXPECTED[traffic];
  bench.open(flows);
  // New flows are of sources that have no resident ones.
  const first = isHit ? 0 : Math.ceil(flows / FLOWS_PER_SOURCE) * FLOWS_PER_SOURCE;
  if (isFlood) {
    // The one flow that may be half open.
    bench.choose(first + flows, 1);
    bench.run(1, SYN, false);
  }
  bench.choose(first, flows);
  bench.run(Math.min(packets, WARM_UP_PACKETS), flags, endsFlows);
  const apart = Math.min(packets, APART_PACKETS);
  const linkNs = measureLink(first, flows, apart);
  const standInNs = bench.runTimingStandIns(apart, flags, endsFlows) / apart;
  const before = bench.forwarded(expected);
  const { result, heap } = await measureHeap(() => bench.run(packets, flags, endsFlows));
  const totalNs = result / packets;
  return {
    traffic,
    flows,
    packets,
    totalNs,
    linkNs,
    standInNs,
    directorNs: totalNs - linkNs - standInNs,
    millionPacketsPerSecond: 1000 / totalNs,
    ...heap,
    unexpected: packets - (bench.forwarded(expected) - before),
  };
}

/** One figure for each kind of traffic and number of flows. */
export async function runDispatch(options: DispatchOptions): Promise<DispatchFigure[]> {
  const figures: DispatchFigure[] = [];
  for (const traffic of options.traffic) {
    for (const flows of options.flows) figures.push(await measure(traffic, flows, options));
  }
  return figures;
}

export const dispatch: Benchmark<DispatchOptions, DispatchFigure[]> = {
  name: "dispatch",
  question: "the in-memory packet path through the director, in nanoseconds a packet",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--packets <n>", "packets for each figure", count, 10_000_000)
      .option("--flows <n,…>", "resident flows", counts, [1000, 100_000, 1_000_000])
      .option("--traffic <kind,…>", TRAFFIC.join(", "), someOf(TRAFFIC), [...TRAFFIC])
      .option("--workers <n>", "workers that stand-ins play", count, 4)
      .option("--seed <n>", "seed of the flow hash", count, 1),
  run: runDispatch,
  tables: (figures) => [
    figures.map((figure) => ({
      traffic: figure.traffic,
      flows: figure.flows,
      "ns/packet": figure.totalNs.toFixed(0),
      link: figure.linkNs.toFixed(0),
      "stand-ins": figure.standInNs.toFixed(0),
      director: figure.directorNs.toFixed(0),
      "Mpackets/s": figure.millionPacketsPerSecond.toFixed(2),
      "allocated bytes": figure.allocatedBytes,
      "a packet": (figure.allocatedBytes / figure.packets).toFixed(3),
      collections: figure.collections,
      "retained bytes": figure.retainedBytes,
      unexpected: figure.unexpected,
    })),
  ],
};
