// A link for benchmarks that makes the packets of numbered flows: 40 bytes of IPv4 and TCP, the header's checksum right, from a
// template into the pool's slot. What it costs is measured apart (dispatch.ts). It allocates nothing for a packet.

import type { PacketEgressPlan } from "../../core/link/egress.js";
import { BURST_PACKETS, type Burst, type PacketLink } from "../../core/link/link.js";
import type { PacketPool } from "../../core/memory/packet-pool.js";
import { ACK } from "../../core/wire/tcp.js";

/** Flows that one source has, at ports 1024 …; a range of flows that begins at a multiple of it shares no source with another. */
export const FLOWS_PER_SOURCE = 16;
const PACKET_WORDS = 10;
const PACKET_BYTES = PACKET_WORDS * 4;
/** Place of the TCP flags in the packet. */
const FLAGS = 33;

export class NumberedFlows implements PacketLink {
  readonly kind = "memory";
  readonly description = "packets of numbered flows";
  readonly egressPlan: PacketEgressPlan = { kind: "tun", fileDescriptor: -1, mtuBytes: 1500 };
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly #template = new Int32Array(PACKET_WORDS);
  readonly #templateBytes = new Uint8Array(this.#template.buffer);
  #first = 0;
  #flows = 1;
  #stride = 1;
  /** The next packet's flow, counted from the first. */
  #next = 0;
  /** Packets still to be made. */
  left = 0;

  constructor() {
    this.#templateBytes.set([0x45, 0, 0, PACKET_BYTES, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    this.#templateBytes.set([10, 0, 0, 0, 198, 18, 0, 1], 12);
    this.#templateBytes.set([0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, ACK, 0xff, 0xff, 0, 0, 0, 0], 20);
  }

  /**
   * The next packets are of the flows `first` … `first + flows - 1`, again and again, each time all of them, and all over the
   * table: one step goes on by a number without a common divisor, near the golden ratio of the flows.
   */
  choose(first: number, flows: number): void {
    this.#first = first;
    this.#flows = flows;
    this.#stride = coprimeNear(Math.floor(flows * 0.618), flows);
    this.#next = 0;
  }

  /** As many packets are to be received next, with these TCP flags. */
  make(packets: number, flags: number): void {
    this.left = packets;
    this.#templateBytes[FLAGS] = flags;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    const { pool, freeSlots } = burst;
    const take = Math.min(BURST_PACKETS, this.left);
    for (let i = 0; i < take; i++) {
      const slot = freeSlots.acquire();
      if (slot < 0) {
        this.drops.noSlot++;
        break;
      }
      this.#write(pool, pool.packetOffset(slot));
      burst.slots[i] = slot;
      burst.lengths[i] = PACKET_BYTES;
      burst.checksumTrusted[i] = 1;
      burst.count++;
    }
    this.left -= burst.count;
  }

  #write(pool: PacketPool, offset: number): void {
    const flow = this.#first + this.#next;
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
    let sum =
      0x4500 + PACKET_BYTES + 0x4000 + 0x4006 + 0x0a00 + (source >>> 16) + (source & 0xffff) + 0xc612 + 1;
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

function coprimeNear(start: number, n: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let candidate = Math.max(1, start);
  while (gcd(candidate, n) !== 1) candidate++;
  return candidate;
}
