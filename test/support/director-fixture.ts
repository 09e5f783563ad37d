// A director with fake workers, all in one thread, on a clock that the test moves. What a real worker does with its rings
// (take descriptors, give slots back, report ended flows) the test does by hand.

import { Director, type DirectorOptions } from "../../core/director/director.js";
import { leastLoaded } from "../../core/director/policies.js";
import { VERDICTS } from "../../core/director/verdict.js";
import { allocateWorkerRings, type WorkerRings } from "../../core/director/worker-port.js";
import { allocateFlowTable } from "../../core/flow/flow-entry.js";
import { seedFrom } from "../../core/flow/flow-hash.js";
import { FlowTable, type FullPolicy } from "../../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS, type FlowTimeouts } from "../../core/flow/flow-timeouts.js";
import { countOnBoard } from "../../core/flow/load-observer.js";
import type { Link } from "../../core/link/link.js";
import { MemoryLink, type MemoryLinkOptions } from "../../core/link/memory.js";
import {
  DESCRIPTOR_FLOW,
  DESCRIPTOR_GENERATION,
  DESCRIPTOR_HASH,
  DESCRIPTOR_INNER,
  DESCRIPTOR_KIND,
  DESCRIPTOR_LENGTHS,
  DESCRIPTOR_SLOT,
  EVENT_ICMP_ERROR,
  EVENT_PACKET,
  NO_SLOT,
  RETURN_NO_CONNECTION,
  RETURN_SLOT,
} from "../../core/memory/descriptor.js";
import {
  allocateLoadBoard,
  BOARD_FLOWS,
  BOARD_STATE,
  BOARD_WEIGHT,
  FULL_WEIGHT,
  LoadBoard,
  WORKER_ABSENT,
  WORKER_SERVING,
} from "../../core/memory/load-board.js";
import { allocatePacketPool, PacketPool } from "../../core/memory/packet-pool.js";
import { RingConsumer, RingProducer } from "../../core/memory/ring.js";
import { parseAddress } from "../../core/wire/address.js";
import { tcpPacket } from "./packets.js";

export const SYN = 0x02;
export const ACK = 0x10;
export const FIN_ACK = 0x11;
export const RST = 0x04;

/** Address of source number `n`, 0 … 65535. */
export function sourceAddress(n: number): string {
  return `198.19.${n >> 8}.${n & 255}`;
}

/** A TCP segment with these flags from a source's port to the farm, over IPv4 or IPv6. */
export function tcpFrom(from: string, flags: number, port = 40_000): Uint8Array {
  const to = from.includes(":") ? "fd98:18::1" : "198.18.0.1";
  const packet = tcpPacket({ source: from, destination: to }, [], flags);
  if (port === 40_000) return packet;
  // Another source port, with the checksum mended: what the port gains the checksum loses, in one's complement.
  const l4 = from.includes(":") ? 40 : 20;
  const view = new DataView(packet.buffer, packet.byteOffset);
  let sum = (~view.getUint16(l4 + 16) & 0xffff) + (~view.getUint16(l4) & 0xffff) + port;
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(l4, port);
  view.setUint16(l4 + 16, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return packet;
}

/** A descriptor as the worker sees it, and the packet that it names. */
export interface Delivered {
  readonly worker: number;
  readonly slot: number;
  readonly packet: Uint8Array;
  readonly l4Offset: number;
  readonly protocol: number;
  readonly ipVersion: number;
  readonly link: number;
  readonly flow: number;
  readonly generation: number;
  readonly hash: number;
  /** One of the EVENT constants; of a relayed connection's event the number is in `flow`, and `length` may be a value. */
  readonly event: number;
  readonly length: number;
  /** Of an ICMP error: where the L4 header of the packet that it is about is. */
  readonly innerL4Offset: number;
}

export interface FixtureOptions {
  readonly workers?: number;
  readonly poolSlots?: number;
  /** 0: fragments are dropped. Default 8. */
  readonly largeSlots?: number;
  readonly ringSlots?: number;
  readonly flowEntries?: number;
  readonly fullPolicy?: FullPolicy;
  readonly timeouts?: Partial<FlowTimeouts>;
  /** Instead of the memory link. */
  readonly link?: Link;
  readonly memoryLink?: MemoryLinkOptions;
  readonly director?: Partial<DirectorOptions>;
}

export class DirectorFixture {
  nowMs = 1000;
  readonly link: MemoryLink;
  /** What the director has sent itself. */
  readonly transmitted: Uint8Array[] = [];
  readonly board = new LoadBoard(allocateLoadBoard());
  readonly table: FlowTable;
  readonly director: Director;
  readonly poolSlots: number;
  readonly rings: WorkerRings[] = [];
  readonly pool: PacketPool;
  readonly #consumers: RingConsumer[] = [];
  readonly #producers: RingProducer[] = [];

  constructor(options: FixtureOptions = {}) {
    const { workers = 3, poolSlots = 256, largeSlots = 8, ringSlots = 64, flowEntries = 1024 } = options;
    this.poolSlots = poolSlots;
    const pool = allocatePacketPool(poolSlots, 2048, largeSlots);
    this.pool = new PacketPool(pool);
    this.table = new FlowTable(
      allocateFlowTable(flowEntries),
      { ...DEFAULT_FLOW_TIMEOUTS, ...options.timeouts },
      options.fullPolicy ?? "evict",
      countOnBoard(this.board),
    );
    this.link = new MemoryLink({
      transmitted: (packet) => this.transmitted.push(packet),
      ...options.memoryLink,
    });
    this.director = new Director({
      links: [options.link ?? this.link],
      pool,
      flowTable: this.table,
      loadBoard: this.board,
      policy: leastLoaded,
      seed: seedFrom(42n),
      addresses: [parseAddress("198.18.0.1")!, parseAddress("fd98:18::1")!],
      reassemblyPlaces: largeSlots,
      datagramPort: 53,
      affinity: "source",
      spillFlows: 0,
      maxOpeningFlows: Number.POSITIVE_INFINITY,
      affinityPrefix4: 32,
      affinityPrefix6: 64,
      now: () => this.nowMs,
      ...options.director,
    });
    for (let worker = 0; worker < workers; worker++) {
      const rings = allocateWorkerRings(ringSlots, poolSlots + largeSlots, 1024);
      this.rings.push(rings);
      this.#consumers.push(new RingConsumer(rings.descriptors));
      this.#producers.push(new RingProducer(rings.returns));
      this.director.addWorker(worker, rings);
      this.board.set(worker, BOARD_WEIGHT, FULL_WEIGHT);
      this.board.set(worker, BOARD_STATE, WORKER_SERVING);
    }
  }

  /** Delivers the packets and lets the director take them all. */
  receive(...packets: Uint8Array[]): void {
    for (const packet of packets) this.link.deliver(packet);
    while (this.director.turn() > 0);
  }

  /** The worker's thread has ended. */
  removeWorker(worker: number): void {
    this.board.set(worker, BOARD_STATE, WORKER_ABSENT);
    this.director.removeWorker(worker);
  }

  /** What worker `worker` finds in its ring; slots stay its own until `giveBack`. */
  take(worker: number): Delivered[] {
    const ring = this.#consumers[worker]!;
    const taken: Delivered[] = [];
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      const { words } = ring;
      const slot = words[at + DESCRIPTOR_SLOT]!;
      const lengths = words[at + DESCRIPTOR_LENGTHS]!;
      const kind = words[at + DESCRIPTOR_KIND]!;
      const event = kind >>> 24;
      const length = event === EVENT_PACKET || event === EVENT_ICMP_ERROR ? lengths & 0xffff : lengths;
      const offset = slot === NO_SLOT ? 0 : this.pool.packetOffset(slot);
      taken.push({
        worker,
        slot,
        packet: this.pool.bytes.slice(offset, offset + (slot === NO_SLOT ? 0 : length)),
        event,
        length,
        l4Offset: lengths >>> 16,
        protocol: kind & 0xff,
        ipVersion: (kind >>> 8) & 0xff,
        link: (kind >>> 16) & 0xff,
        flow: words[at + DESCRIPTOR_FLOW]!,
        generation: words[at + DESCRIPTOR_GENERATION]!,
        hash: words[at + DESCRIPTOR_HASH]!,
        innerL4Offset: words[at + DESCRIPTOR_INNER]!,
      });
      ring.advance();
    }
    ring.release();
    return taken;
  }

  /** What all workers find, each slot given back. */
  deliveries(): Delivered[] {
    return this.rings.flatMap((_, worker) => {
      const taken = this.take(worker);
      for (const { slot } of taken) if (slot !== NO_SLOT) this.giveBack(worker, slot);
      return taken;
    });
  }

  giveBack(worker: number, slot: number): void {
    this.#report(worker, slot, RETURN_SLOT);
  }

  /** The worker reports that a flow is over. Takes any numbers. */
  endFlow(worker: number, flow: number, generation: number): void {
    this.#report(worker, flow, generation);
  }

  /** The worker reports that no connection came of a flow. */
  endInVain({ worker, flow, generation }: Delivered): void {
    this.#report(worker, flow | RETURN_NO_CONNECTION, generation);
  }

  /** How often each verdict has been given; those never given are left out. */
  get verdicts(): Record<string, number> {
    const { words } = this.director.counters;
    return Object.fromEntries(VERDICTS.map((name, i) => [name, words[i]!] as const).filter(([, n]) => n > 0));
  }

  get packetsCounted(): number {
    return this.director.counters.words.reduce((sum, n) => sum + n, 0);
  }

  flowsOf(worker: number): number {
    return this.board.get(worker, BOARD_FLOWS);
  }

  #report(worker: number, first: number, second: number): void {
    const producer = this.#producers[worker]!;
    const at = producer.reserve();
    if (at < 0) throw new Error("the return ring is full");
    producer.words[at] = first;
    producer.words[at + 1] = second;
    producer.commit();
    producer.publish();
  }
}
