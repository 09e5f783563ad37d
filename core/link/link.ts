// A link moves packets, or the bytes of connections that the kernel ends, between the farm and the world. It knows its own
// framing (a capture's records, a device's header) and never parses. All of it runs on the main thread; what workers
// use to transmit is the egress.

import { FreeSlots, PacketPool, type PacketPoolMemory } from "../memory/packet-pool.js";
import type { PacketEgressPlan } from "./egress.js";

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
  /** Of a relay link: one of the EVENT constants, and the number of the connection. `lengths` is a credit's amount. */
  readonly events = new Uint8Array(BURST_PACKETS);
  readonly connections = new Int32Array(BURST_PACKETS);
  count = 0;

  constructor(memory: PacketPoolMemory) {
    this.pool = new PacketPool(memory);
    this.freeSlots = new FreeSlots(memory);
  }

  /** Puts the packet in `slot`, which no link vouches for, in the place of packet `index`, whose own slot is free again. */
  replace(index: number, slot: number, length: number): void {
    this.freeSlots.release(this.slots[index]!);
    this.slots[index] = slot;
    this.lengths[index] = length;
    this.checksumTrusted[index] = 0;
  }

  /** Adds an event of a relay link; there must be room for it. */
  addEvent(event: number, connection: number, slot: number, length: number): void {
    const index = this.count++;
    this.events[index] = event;
    this.connections[index] = connection;
    this.slots[index] = slot;
    this.lengths[index] = length;
  }
}

/** What a link itself could not take. */
export interface LinkDrops {
  /** Packets that it had to drop as too long. */
  readonly oversize: number;
  /** Times that it received none because no slot was free. */
  readonly noSlot: number;
  /** Of a relay link: datagrams and connections beyond its limits. */
  readonly noRoom?: number;
}

/** What all links have in common. */
interface AnyLink {
  /** One line for people: what the link is and where it leads. */
  readonly description: string;

  /**
   * Receives what is there now, up to BURST_PACKETS, and sets `burst.count`. Never waits. While no slot is free things stay
   * where they are.
   */
  receive(burst: Burst): void;

  /** Calls `wake` once, as soon as there may be something to receive. */
  wait(wake: () => void): void;

  readonly drops: LinkDrops;

  /** Ends the link: nothing is received or transmitted after it, and a pending `wait` is forgotten. */
  close(): void;
}

/**
 * A link that carries IP packets, each into a slot of its own; one that is longer than a slot into a large slot, or it is dropped and
 * counted.
 */
export interface PacketLink extends AnyLink {
  readonly kind: "tun" | "pcap" | "memory";
  /** How workers transmit on this link; can be sent to a thread. */
  readonly egressPlan: PacketEgressPlan;

  /** Sends a whole IP packet with complete checksums from the main thread. False if it could not be taken. */
  transmit(bytes: Uint8Array, offset: number, length: number): boolean;
}

/** Most connections of a relay link at once. */
export const MAX_CONNECTIONS = 65_536;

/** Place of a connection among MAX_CONNECTIONS, by its number; the other bits tell it from earlier ones there. */
export function connectionIndex(connection: number): number {
  return connection & (MAX_CONNECTIONS - 1);
}

/**
 * A link that relays connections which end in the kernel, as events (memory/descriptor.ts). Of a connection that is new only
 * EVENT_OPEN is received, until it is accepted.
 */
export interface RelayLink extends AnyLink {
  readonly kind: "socket";
  readonly egressPlan: { readonly kind: "relay" };

  /** The connection has a worker: what it sends is received from now on. */
  accept(connection: number): void;
  /** The connection has no worker yet: it waits, and its EVENT_OPEN is received again in a while. */
  postpone(connection: number): void;
  /** Does what an event of the worker says; the payload is only lent. Of connections that are gone, nothing. */
  deliver(
    event: number,
    connection: number,
    value: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void;
  /** No new connections from now on; those that there are go on. */
  stopListening(): void;
}

export type Link = PacketLink | RelayLink;
