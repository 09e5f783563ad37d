// A socket link on a free port, with the test in the director's place: events are kept as they are received, their slots
// given back at once unless the test holds them. Waits have no end of their own: a wake-up that is lost stops the test.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { BURST_PACKETS, Burst } from "../../../core/link/link.js";
import { SocketLink } from "../../../core/link/socket.js";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_END,
  EVENT_OPEN,
  EVENT_RESET,
  NO_SLOT,
} from "../../../core/memory/descriptor.js";
import { allocatePacketPool } from "../../../core/memory/packet-pool.js";
import { PEER_BYTES } from "../../../core/wire/peer-block.js";

export const EVENT_NAMES: Record<number, string> = {
  [EVENT_OPEN]: "open",
  [EVENT_DATA]: "data",
  [EVENT_END]: "end",
  [EVENT_RESET]: "reset",
  [EVENT_CREDIT]: "credit",
  [EVENT_DATAGRAM]: "datagram",
};

export interface ReceivedEvent {
  readonly name: string;
  readonly connection: number;
  /** Bytes in the slot; of an event without a slot its value. */
  readonly length: number;
  readonly bytes: Buffer;
}

export interface FixtureOptions {
  readonly host?: string;
  readonly poolSlots?: number;
  readonly slotBytes?: number;
}

export class SocketFixture {
  readonly link: SocketLink;
  readonly burst: Burst;
  readonly events: ReceivedEvent[] = [];
  /** Slots of what was received, while `holdsSlots`. */
  readonly heldSlots: number[] = [];
  holdsSlots = false;
  /** Whether OPEN is answered with `accept` at once. */
  accepts = true;
  readonly #clients: Socket[] = [];

  private constructor(link: SocketLink, { poolSlots = 64, slotBytes = 2048 }: FixtureOptions) {
    this.link = link;
    this.burst = new Burst(allocatePacketPool(poolSlots, slotBytes));
  }

  static async open(options: FixtureOptions = {}): Promise<SocketFixture> {
    const { host = "127.0.0.1" } = options;
    return new SocketFixture(await SocketLink.listen({ host, port: 0 }), options);
  }

  /** A connected client, which may end its side before the link does. Its data is read once somebody listens. */
  async client(): Promise<Socket> {
    const { host, port } = this.link;
    const client = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.#clients.push(client);
    client.on("error", () => {});
    await once(client, "connect");
    return client;
  }

  /** One burst. */
  receive(): void {
    const { burst, link } = this;
    link.receive(burst);
    if (burst.count > BURST_PACKETS) throw new Error("a burst of more than fits");
    for (let i = 0; i < burst.count; i++) {
      const slot = burst.slots[i]!;
      const length = burst.lengths[i]!;
      const at = slot === NO_SLOT ? 0 : burst.pool.packetOffset(slot);
      const name = EVENT_NAMES[burst.events[i]!]!;
      const connection = burst.connections[i]!;
      const bytes = Buffer.from(burst.pool.bytes.slice(at, at + (slot === NO_SLOT ? 0 : length)));
      this.events.push({ name, connection, length, bytes });
      if (name === "open" && this.accepts) link.accept(connection);
      if (slot === NO_SLOT) continue;
      if (this.holdsSlots) this.heldSlots.push(slot);
      else burst.freeSlots.release(slot);
    }
  }

  /** Receives, asleep whenever the link says so, until `done`. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      await new Promise<void>((resolve) => this.link.wait(resolve));
      this.receive();
    }
  }

  /** Receives for so many rounds of the event loop: what is to happen has happened by then, and what must not has not. */
  async rounds(count: number): Promise<void> {
    for (let round = 0; round < count; round++) {
      await new Promise(setImmediate);
      this.receive();
    }
  }

  count(name: string): number {
    return this.events.filter((event) => event.name === name).length;
  }

  /** Names of a connection's events in their order, repeated ones once. */
  order(connection: number): string[] {
    const names = this.events.filter((event) => event.connection === connection).map(({ name }) => name);
    return names.filter((name, i) => name !== names[i - 1]);
  }

  /** All data of a connection. */
  data(connection: number): Buffer {
    const found = this.events.filter((event) => event.name === "data" && event.connection === connection);
    return Buffer.concat(found.map(({ bytes }) => bytes));
  }

  get dataBytes(): number {
    return this.events.reduce((sum, { name, length }) => sum + (name === "data" ? length : 0), 0);
  }

  get creditBytes(): number {
    return this.events.reduce((sum, { name, length }) => sum + (name === "credit" ? length : 0), 0);
  }

  /** Does what a worker's event says. */
  deliver(event: number, connection: number, bytes: Uint8Array = new Uint8Array(0), value = 0): void {
    // Behind others' bytes, and wiped: the payload is only lent.
    const lent = Buffer.concat([Buffer.alloc(7, 0x21), bytes]);
    this.link.deliver(event, connection, value, lent, 7, bytes.length);
    lent.fill(0);
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
    this.link.close();
  }
}

/** A datagram's event: its source block and payload apart. */
export function datagramOf({ bytes }: ReceivedEvent): { block: Buffer; payload: Buffer } {
  return { block: bytes.subarray(0, PEER_BYTES), payload: bytes.subarray(PEER_BYTES) };
}

/** Bytes that tell where they are. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at ^ (at >>> 8) ^ (at >>> 16)) & 255;
  return bytes;
}
