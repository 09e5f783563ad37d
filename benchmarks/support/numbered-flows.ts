// A link for benchmarks that makes packets of IPv4 and TCP: headers from a template into the pool's slot, then the source that a
// schedule says, and the header's checksum with it. A payload is what was in the slot before: nobody reads it. What the link costs
// is measured apart (dispatch.ts). It allocates nothing for a packet.

import type { PacketEgressPlan } from "../../core/link/egress.js";
import { BURST_PACKETS, type Burst, type PacketLink } from "../../core/link/link.js";
import type { PacketPool } from "../../core/memory/packet-pool.js";
import { ACK, SYN } from "../../core/wire/tcp.js";

/** Flows that one source has, at ports 1024 …; a range of flows that begins at a multiple of it shares no source with another. */
export const FLOWS_PER_SOURCE = 16;
const FIRST_SOURCE = 0x0a00_0000;
const FIRST_PORT = 1024;

// What a packet is, but for its source.
export const ACK_40 = 0;
export const SYN_40 = 1;
export const ACK_64 = 2;
export const SYN_64 = 3;
export const ACK_576 = 4;
export const ACK_1500 = 5;

/** TCP flags, and bytes of the IP packet. */
const SHAPES = [
  [ACK, 40],
  [SYN, 40],
  [ACK, 64],
  [SYN, 64],
  [ACK, 576],
  [ACK, 1500],
] as const;
const HEADER_WORDS = 10;

// Places in the packet.
const CHECKSUM = 10;
const SOURCE = 12;
const PORT = 20;

/** Packets that are sent one after the other, and then again. */
export class PacketSchedule {
  readonly length: number;
  /** As they are in the packet, in network order. */
  readonly sources: Int32Array;
  readonly ports: Uint16Array;
  readonly shapes: Uint8Array;
  /** The packet that is sent next. */
  next = 0;
  readonly #sourceBytes: Uint8Array;
  readonly #portBytes: Uint8Array;
  readonly #refill: ((schedule: PacketSchedule) => void) | undefined;

  /** With `refill` it is written anew each time that it has been sent. */
  constructor(length: number, refill?: (schedule: PacketSchedule) => void) {
    this.length = length;
    this.sources = new Int32Array(length);
    this.ports = new Uint16Array(length);
    this.shapes = new Uint8Array(length);
    this.#sourceBytes = new Uint8Array(this.sources.buffer);
    this.#portBytes = new Uint8Array(this.ports.buffer);
    this.#refill = refill;
  }

  /** Packet `i` comes from this address, a number, and port. */
  set(i: number, source: number, port: number, shape: number): void {
    const sources = this.#sourceBytes;
    sources[4 * i] = source >>> 24;
    sources[4 * i + 1] = source >>> 16;
    sources[4 * i + 2] = source >>> 8;
    sources[4 * i + 3] = source;
    this.#portBytes[2 * i] = port >>> 8;
    this.#portBytes[2 * i + 1] = port;
    this.shapes[i] = shape;
  }

  /** Packet `i` is of flow number `flow`, below 2^28. */
  setFlow(i: number, flow: number, shape: number): void {
    const source = FIRST_SOURCE + ((flow / FLOWS_PER_SOURCE) | 0);
    this.set(i, source, FIRST_PORT + (flow % FLOWS_PER_SOURCE), shape);
  }

  /** Packet `next` has been sent. */
  advance(): void {
    if (++this.next < this.length) return;
    this.next = 0;
    this.#refill?.(this);
  }
}

export class NumberedFlows implements PacketLink {
  readonly kind = "memory";
  readonly description = "packets of a schedule";
  readonly egressPlan: PacketEgressPlan = { kind: "tun", fileDescriptor: -1, mtuBytes: 1500 };
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly #templates = new Int32Array(HEADER_WORDS * SHAPES.length);
  /** Of each template's IP header, folded once; in the machine's byte order, which a sum of ones' complement may be in. */
  readonly #sums = new Int32Array(SHAPES.length);
  readonly #lengths = Int32Array.from(SHAPES, ([, bytes]) => bytes);
  #schedule = new PacketSchedule(1);
  /** Packets still to be made. */
  left = 0;

  constructor() {
    const bytes = new Uint8Array(this.#templates.buffer);
    const halves = new Uint16Array(this.#templates.buffer);
    for (const [shape, [flags, length]] of SHAPES.entries()) {
      const at = shape * HEADER_WORDS * 4;
      bytes.set([0x45, 0, length >>> 8, length, 0, 0, 0x40, 0, 64, 6, 0, 0], at);
      bytes.set([0, 0, 0, 0, 198, 18, 0, 1], at + SOURCE);
      bytes.set([0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0], at + PORT);
      const sum = halves.subarray(at / 2, at / 2 + 10).reduce((total, half) => total + half, 0);
      this.#sums[shape] = (sum & 0xffff) + (sum >>> 16);
    }
  }

  /** As many packets are to be received next, from where the schedule is. */
  make(schedule: PacketSchedule, packets: number): void {
    this.#schedule = schedule;
    this.left = packets;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    const { pool, freeSlots } = burst;
    const schedule = this.#schedule;
    const take = Math.min(BURST_PACKETS, this.left);
    for (let i = 0; i < take; i++) {
      const slot = freeSlots.acquire();
      if (slot < 0) {
        this.drops.noSlot++;
        break;
      }
      burst.slots[i] = slot;
      burst.lengths[i] = this.#write(pool, pool.packetOffset(slot), schedule);
      burst.checksumTrusted[i] = 1;
      burst.count++;
      schedule.advance();
    }
    this.left -= burst.count;
  }

  /** Writes the schedule's next packet. Returns its length. */
  #write({ words, halves }: PacketPool, offset: number, { next, sources, ports, shapes }: PacketSchedule) {
    const shape = shapes[next]!;
    const source = sources[next]!;
    const to = offset >>> 2;
    const from = shape * HEADER_WORDS;
    for (let i = 0; i < HEADER_WORDS; i++) words[to + i] = this.#templates[from + i]!;
    words[to + SOURCE / 4] = source;
    halves[(offset + PORT) >>> 1] = ports[next]!;
    let sum = this.#sums[shape]! + (source & 0xffff) + (source >>> 16);
    sum = (sum & 0xffff) + (sum >>> 16);
    halves[(offset + CHECKSUM) >>> 1] = ~((sum & 0xffff) + (sum >>> 16));
    return this.#lengths[shape]!;
  }

  transmit(): boolean {
    return true;
  }

  wait(): void {}

  close(): void {}
}
