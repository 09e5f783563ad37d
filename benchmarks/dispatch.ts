// What does a packet cost on its way through the director? In memory and in one thread: a link that fills slots with
// packets of known flows, the director (parse, key, hash, look up, push to a ring), and stand-ins for the workers that give
// every slot back. The link's and the stand-ins' own share is measured apart. Shows too that nothing is allocated.

import { PerformanceObserver } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Director } from "../core/director/director.js";
import { leastLoaded } from "../core/director/policies.js";
import { allocateWorkerRings } from "../core/director/worker-port.js";
import { allocateFlowTable } from "../core/flow/flow-entry.js";
import { seedFrom } from "../core/flow/flow-hash.js";
import { FlowTable } from "../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../core/flow/flow-timeouts.js";
import type { EgressPlan } from "../core/link/egress.js";
import { BURST_PACKETS, Burst, type Link } from "../core/link/link.js";
import {
  DESCRIPTOR_FLOW,
  DESCRIPTOR_GENERATION,
  DESCRIPTOR_SLOT,
  RETURN_SLOT,
} from "../core/memory/descriptor.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_SOURCES,
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_SERVING,
} from "../core/memory/load-board.js";
import { allocatePacketPool, type PacketPool } from "../core/memory/packet-pool.js";
import { RingConsumer, RingProducer } from "../core/memory/ring.js";
import { ACK, SYN } from "../core/wire/tcp.js";

export const TRAFFIC = ["hit", "new"] as const;
/** "hit": ACKs of resident flows. "new": each packet the SYN of a flow that is not there, and ends again. */
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

export interface DispatchFigure {
  readonly traffic: Traffic;
  readonly flows: number;
  readonly packets: number;
  /** All of it: link, director, stand-ins. */
  readonly totalNs: number;
  /** The link alone. */
  readonly linkNs: number;
  /** The rest: the director with its rings, and the stand-ins that read and return. */
  readonly directorNs: number;
  readonly millionPacketsPerSecond: number;
  /** Bytes on the heap after the run, without a collection, less those before. */
  readonly heapGrowthBytes: number;
  readonly collections: number;
  readonly dropped: number;
}

const POOL_SLOTS = 4096;
const SLOT_BYTES = 2048;
/** Flows that one source has: ports 1024 … */
const FLOWS_PER_SOURCE = 16;
const PACKET_WORDS = 10;

/** A link that makes packets of numbered flows: 40 bytes of IPv4 and TCP, the header's checksum right. */
class NumberedFlows implements Link {
  readonly kind = "memory";
  readonly description = "packets of numbered flows";
  readonly egressPlan: EgressPlan = { kind: "tun", fileDescriptor: -1, mtuBytes: 1500 };
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly #flows: number;
  readonly #stride: number;
  readonly #template = new Int32Array(PACKET_WORDS);
  readonly #templateBytes = new Uint8Array(this.#template.buffer);
  #next = 0;
  /** Packets still to be made. */
  left = 0;

  /** Goes through flows `first` … `first + flows - 1`, in order or, with a stride, all over the table. */
  constructor(flows: number, stride: number) {
    this.#flows = flows;
    this.#stride = stride;
    this.#templateBytes.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 0, 198, 18, 0, 1]);
    this.#templateBytes.set([0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, ACK, 0xff, 0xff, 0, 0, 0, 0], 20);
  }

  make(packets: number, flags: number): void {
    this.left = packets;
    this.#templateBytes[33] = flags;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    const { pool, freeSlots } = burst;
    const take = Math.min(BURST_PACKETS, this.left);
    for (let i = 0; i < take; i++) {
      const slot = freeSlots.acquire();
      if (slot < 0) break;
      this.#write(pool, pool.packetOffset(slot));
      burst.slots[i] = slot;
      burst.lengths[i] = PACKET_WORDS * 4;
      burst.checksumTrusted[i] = 1;
      burst.count++;
    }
    this.left -= burst.count;
  }

  #write(pool: PacketPool, offset: number): void {
    const flow = this.#next;
    this.#next = (this.#next + this.#stride) % this.#flows;
    const source = (flow / FLOWS_PER_SOURCE) | 0;
    const port = 1024 + (flow % FLOWS_PER_SOURCE);
    const { words, bytes } = pool;
    const at = offset >>> 2;
    for (let i = 0; i < PACKET_WORDS; i++) words[at + i] = this.#template[i]!;
    bytes[offset + 13] = source >>> 16;
    bytes[offset + 14] = source >>> 8;
    bytes[offset + 15] = source;
    bytes[offset + 20] = port >>> 8;
    bytes[offset + 21] = port;
    // The sum of the template's header words, and of the source's.
    let sum = 0x4500 + 40 + 0x4000 + 0x4006 + 0x0a00 + (source >>> 16) + (source & 0xffff) + 0xc612 + 1;
    sum = (sum & 0xffff) + (sum >>> 16);
    sum = ~((sum & 0xffff) + (sum >>> 16));
    bytes[offset + 10] = sum >>> 8;
    bytes[offset + 11] = sum;
  }

  transmit(): boolean {
    return true;
  }

  wait(): void {}

  close(): void {}
}

/** What stands in for a worker: gives every slot back, and reports each flow as ended if it is to. */
class StandIn {
  readonly #descriptors: RingConsumer;
  readonly #returns: RingProducer;

  constructor(descriptors: RingConsumer, returns: RingProducer) {
    this.#descriptors = descriptors;
    this.#returns = returns;
  }

  drain(endsFlows: boolean): void {
    const { words } = this.#descriptors;
    for (let at = this.#descriptors.peek(); at >= 0; at = this.#descriptors.peek()) {
      this.#return(words[at + DESCRIPTOR_SLOT]!, RETURN_SLOT);
      if (endsFlows) this.#return(words[at + DESCRIPTOR_FLOW]!, words[at + DESCRIPTOR_GENERATION]!);
      this.#descriptors.advance();
    }
    this.#descriptors.release();
    this.#returns.publish();
  }

  #return(first: number, second: number): void {
    const at = this.#returns.reserve();
    this.#returns.words[at] = first;
    this.#returns.words[at + 1] = second;
    this.#returns.commit();
  }
}

class Bench {
  readonly link: NumberedFlows;
  readonly director: Director;
  readonly #standIns: StandIn[] = [];

  constructor(flows: number, tableEntries: number, workers: number, seed: number) {
    // An odd number near the golden ratio of the flows goes through all of them, far apart.
    this.link = new NumberedFlows(flows, coprimeNear(Math.floor(flows * 0.618), flows));
    const board = new LoadBoard(allocateLoadBoard());
    this.director = new Director({
      links: [this.link],
      pool: allocatePacketPool(POOL_SLOTS, SLOT_BYTES),
      flowTable: new FlowTable(allocateFlowTable(tableEntries), DEFAULT_FLOW_TIMEOUTS, "evict", {
        flowStarted: (worker) => board.add(worker, BOARD_FLOWS, 1),
        flowEnded: (worker) => board.add(worker, BOARD_FLOWS, -1),
        sourceStarted: (worker) => board.add(worker, BOARD_SOURCES, 1),
        sourceEnded: (worker) => board.add(worker, BOARD_SOURCES, -1),
      }),
      loadBoard: board,
      policy: leastLoaded,
      seed: seedFrom(BigInt(seed)),
      addresses: [Uint8Array.of(198, 18, 0, 1)],
      datagramPort: 80,
      affinityPrefix4: 32,
      affinityPrefix6: 64,
      now: () => performance.now(),
    });
    for (let worker = 0; worker < workers; worker++) {
      const rings = allocateWorkerRings(1024, POOL_SLOTS, 256);
      this.director.addWorker(worker, rings);
      board.set(worker, BOARD_WEIGHT, FULL_WEIGHT);
      board.set(worker, BOARD_STATE, WORKER_SERVING);
      this.#standIns.push(new StandIn(new RingConsumer(rings.descriptors), new RingProducer(rings.returns)));
    }
  }

  /** Sends packets through; returns the nanoseconds that it took. */
  run(packets: number, flags: number, endsFlows: boolean): number {
    this.link.make(packets, flags);
    const started = performance.now();
    while (this.link.left > 0) {
      this.director.turn();
      for (const standIn of this.#standIns) standIn.drain(endsFlows);
    }
    return (performance.now() - started) * 1e6;
  }

  get forwarded(): number {
    const { counters } = this.director;
    return counters.get("flow-hit") + counters.get("new-flow") + counters.get("new-source");
  }
}

function coprimeNear(start: number, n: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let candidate = Math.max(1, start);
  while (gcd(candidate, n) !== 1) candidate++;
  return candidate;
}

/** The link's own cost: the same packets, with slots that go straight back. */
function measureLink(flows: number, packets: number): number {
  const link = new NumberedFlows(flows, coprimeNear(Math.floor(flows * 0.618), flows));
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
  run(200_000);
  return run(packets) / packets;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** Counts collections until `stop`. */
function watchCollections(): { stop(): number } {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  return {
    stop: () => {
      collections += observer.takeRecords().length;
      observer.disconnect();
      return collections;
    },
  };
}

async function measure(traffic: Traffic, flows: number, options: DispatchOptions): Promise<DispatchFigure> {
  const { packets, workers, seed } = options;
  const tableEntries = Math.max(1024, 2 ** Math.ceil(Math.log2(2 * flows)));
  const bench = new Bench(flows, tableEntries, workers, seed);
  const isHit = traffic === "hit";
  const flags = isHit ? ACK : SYN;
  // Every flow once, twice for the state of an open connection; then the code that is measured, until it is compiled.
  if (isHit) {
    bench.run(flows, SYN, false);
    bench.run(flows, ACK, false);
  }
  bench.run(Math.min(packets, 500_000), flags, !isHit);
  const linkNs = measureLink(flows, Math.min(packets, 2_000_000));
  collectGarbage();
  // What the event loop has to do for this file's own sake is done before, not within.
  await new Promise(setImmediate);
  const before = bench.forwarded;
  const collections = watchCollections();
  const heapBefore = process.memoryUsage().heapUsed;
  const totalNs = bench.run(packets, flags, !isHit) / packets;
  const heapGrowthBytes = process.memoryUsage().heapUsed - heapBefore;
  await new Promise(setImmediate);
  return {
    traffic,
    flows,
    packets,
    totalNs,
    linkNs,
    directorNs: totalNs - linkNs,
    millionPacketsPerSecond: 1000 / totalNs,
    heapGrowthBytes,
    collections: collections.stop(),
    dropped: packets - (bench.forwarded - before),
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
