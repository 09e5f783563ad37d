// A relay link without sockets: a test queues what clients do, and sees what the farm has done to them. It keeps a real
// link's rules: one burst at a time, a slot for what has bytes, and what finds none stays where it is.

import { BURST_PACKETS, type Burst, type RelayLink } from "../../core/link/link.js";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_END,
  EVENT_OPEN,
  EVENT_RESET,
  NO_SLOT,
} from "../../core/memory/descriptor.js";
import { PEER_BYTES, writePeer } from "../../core/wire/peer-block.js";

interface Queued {
  readonly event: number;
  readonly connection: number;
  readonly value: number;
  readonly bytes: Uint8Array | null;
}

export interface Done {
  readonly event: number;
  readonly connection: number;
  readonly value: number;
  readonly bytes: Buffer;
}

/** The peer block of a source on its way to the farm. */
export function peerBlock(source: string, port: number): Uint8Array {
  const block = new Uint8Array(PEER_BYTES);
  writePeer(block, 0, source, port, source.includes(":") ? "fd98:18::1" : "198.18.0.1", 8080);
  return block;
}

export class FakeRelayLink implements RelayLink {
  readonly kind = "socket";
  readonly egressPlan = { kind: "relay" } as const;
  readonly description = "fake relay link";
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly accepted: number[] = [];
  readonly postponed: number[] = [];
  /** What `deliver` was called with. */
  readonly done: Done[] = [];
  /** Called at the beginning of each `receive`: workers go on while the director is in its turn. */
  beforeReceive: () => void = () => {};
  readonly #queue: Queued[] = [];

  open(connection: number, source: string, port = 40_000): void {
    this.#push(EVENT_OPEN, connection, 0, peerBlock(source, port));
  }

  data(connection: number, bytes: Uint8Array | string): void {
    this.#push(EVENT_DATA, connection, 0, Buffer.from(bytes));
  }

  end(connection: number): void {
    this.#push(EVENT_END, connection, 0, null);
  }

  reset(connection: number, value = 0): void {
    this.#push(EVENT_RESET, connection, value, null);
  }

  credit(connection: number, value: number): void {
    this.#push(EVENT_CREDIT, connection, value, null);
  }

  datagram(source: string, payload: Uint8Array | string, port = 40_000): void {
    this.#push(EVENT_DATAGRAM, 0, 0, Buffer.concat([peerBlock(source, port), Buffer.from(payload)]));
  }

  get waiting(): number {
    return this.#queue.length;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    this.beforeReceive();
    while (this.#queue.length > 0 && burst.count < BURST_PACKETS) {
      const { event, connection, value, bytes } = this.#queue[0]!;
      const slot = bytes === null ? NO_SLOT : burst.freeSlots.acquire();
      if (bytes !== null && slot < 0) {
        this.drops.noSlot++;
        return;
      }
      if (bytes !== null) burst.pool.bytes.set(bytes, burst.pool.packetOffset(slot));
      burst.addEvent(event, connection, slot, bytes === null ? value : bytes.length);
      this.#queue.shift();
    }
  }

  accept(connection: number): void {
    this.accepted.push(connection);
  }

  postpone(connection: number): void {
    this.postponed.push(connection);
  }

  deliver(
    event: number,
    connection: number,
    value: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    this.done.push({ event, connection, value, bytes: Buffer.from(bytes.slice(offset, offset + length)) });
  }

  wait(): void {}
  stopListening(): void {}
  close(): void {}

  #push(event: number, connection: number, value: number, bytes: Uint8Array | null): void {
    this.#queue.push({ event, connection, value, bytes });
  }
}
