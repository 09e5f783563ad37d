// A link moves packets between the farm and the world. It knows its own framing (a capture's records, a device's
// header) and never parses a packet. All of it runs on the main thread; what workers use to transmit is the egress.

import { FreeSlots, PacketPool, type PacketPoolMemory } from "../memory/packet-pool.js";
import type { EgressPlan } from "./egress.js";

/** Most packets received in one call. */
export const BURST_PACKETS = 64;

/** The packets of one `receive`: parallel arrays, made once and filled anew each time. */
export class Burst {
  readonly pool: PacketPool;
  readonly freeSlots: FreeSlots;
  /** Slot of each packet; the packet begins at `pool.packetOffset(slot)`. */
  readonly slots = new Int32Array(BURST_PACKETS);
  /** Bytes of each packet as received, before any header says otherwise. */
  readonly lengths = new Int32Array(BURST_PACKETS);
  /** 1 where the link vouches for the L4 checksum (a local peer's offload), 0 where it must be verified. */
  readonly checksumTrusted = new Uint8Array(BURST_PACKETS);
  count = 0;

  constructor(memory: PacketPoolMemory) {
    this.pool = new PacketPool(memory);
    this.freeSlots = new FreeSlots(memory.slotCount);
  }
}

export interface Link {
  readonly kind: "tun" | "socket" | "pcap" | "memory";
  /** One line for people: what the link is and where it leads. */
  readonly description: string;
  /** How workers transmit on this link; can be sent to a thread. */
  readonly egressPlan: EgressPlan;

  /**
   * Receives the packets that are there now, up to BURST_PACKETS, each into a slot of its own, and sets `burst.count`.
   * Never waits. A packet longer than a slot is dropped and counted by the link; while no slot is free packets stay where
   * they are, and what then overflows is dropped there.
   */
  receive(burst: Burst): void;

  /** Sends a whole IP packet with complete checksums from the main thread. False if it could not be taken. */
  transmit(bytes: Uint8Array, offset: number, length: number): boolean;

  /** Calls `wake` once, as soon as there may be something to receive. */
  wait(wake: () => void): void;

  /** Packets that the link itself had to drop as too long, and times that it received none because no slot was free. */
  readonly drops: { readonly oversize: number; readonly noSlot: number };

  /** Ends the link: nothing is received or transmitted after it, and a pending `wait` is forgotten. */
  close(): void;
}
