// The socket link: no privileges, any system that Node runs on. The kernel ends TCP and UDP; what the clients send
// becomes events for the director, and the workers' events are done to the sockets. It knows neither workers nor HTTP.
// What always holds: the events of a connection are received in order, EVENT_RESET last; what finds no slot waits; as long as
// something waits and somebody has asked to be woken, a wake-up is due.

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_END,
  EVENT_OPEN,
  EVENT_RESET,
  NO_SLOT,
  RELAY_RECORD_BYTES,
  RELAY_WINDOW_BYTES,
} from "../memory/descriptor.js";
import { PEER_BYTES, writePeer } from "../wire/peer-block.js";
import { BURST_PACKETS, type Burst, connectionIndex, MAX_CONNECTIONS, type RelayLink } from "./link.js";
import { SocketConnection } from "./socket-connection.js";
import { SocketDatagrams } from "./socket-datagrams.js";
import { WriteBuffers } from "./write-buffers.js";

/** Slots that one connection fills in a burst, before others have their turn. */
const SLOTS_A_TURN = 16;
/** How long something that found no slot, or no worker, waits for the next try, in ms. */
const SLOT_RETRY_MS = 1;
const OPEN_RETRY_MS = 50;
/** Connections that the kernel completes before we accept them (listen(2)). */
const BACKLOG = 1024;
/** A socket that is paused goes on reading until so much waits in its stream: one read more, with the smallest number. */
const READ_AHEAD_BYTES = 1;

export interface SocketLinkOptions {
  readonly host: string;
  /** TCP and UDP port; 0: any that is free. */
  readonly port: number;
}

/** The address cannot be listened at; the message is one sentence. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class SocketLink implements RelayLink {
  readonly kind = "socket";
  readonly egressPlan = { kind: "relay" } as const;
  /** `oversize`: datagrams longer than a slot; `noRoom`: datagrams and connections beyond the limits. */
  readonly drops = { oversize: 0, noSlot: 0, noRoom: 0 };
  readonly #server: Server;
  readonly #datagrams: SocketDatagrams;
  readonly #address: { readonly host: string; readonly port: number };
  readonly #buffers = new WriteBuffers(RELAY_RECORD_BYTES);
  /** By place; the places that are free, and how often each was used, which tells its connections apart. */
  readonly #connections: (SocketConnection | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  readonly #uses: number[] = [];
  /** Connections that have an event, each once, in the order of their coming. */
  #queue: SocketConnection[] = [];
  #nextQueue: SocketConnection[] = [];
  #postponed: SocketConnection[] = [];
  #wake: (() => void) | undefined;
  #isWakeDue = false;
  /** The last `receive` found no slot, and a timer runs for the next try. */
  #isStarved = false;
  #isRetryDue = false;
  #closed = false;

  private constructor(server: Server, udp: UdpSocket, address: { host: string; port: number }) {
    this.#server = server;
    this.#address = address;
    this.#datagrams = new SocketDatagrams(udp, address.host, address.port, this.drops, () =>
      this.#wakeIfWaiting(),
    );
    server.on("connection", (socket) => this.#connected(socket));
    // A connection that could not be accepted, for want of file descriptors for one.
    server.on("error", () => this.drops.noRoom++);
  }

  /** Listens on TCP and UDP. Rejects with a `SocketError`. */
  static async listen({ host, port }: SocketLinkOptions): Promise<SocketLink> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: READ_AHEAD_BYTES });
    try {
      server.listen({ host, port, backlog: BACKLOG });
      await once(server, "listening");
      const bound = server.address() as { address: string; port: number; family: string };
      const udp = createSocket(bound.family === "IPv6" ? "udp6" : "udp4");
      try {
        udp.bind({ address: bound.address, port: bound.port, exclusive: true });
        await once(udp, "listening");
      } catch (error) {
        udp.close();
        throw error;
      }
      return new SocketLink(server, udp, { host: bound.address, port: bound.port });
    } catch (error) {
      server.close();
      throw listenError(host, port, error);
    }
  }

  get host(): string {
    return this.#address.host;
  }

  get port(): number {
    return this.#address.port;
  }

  get description(): string {
    const { host, port } = this.#address;
    return `sockets at ${bracketed(host)}, TCP and UDP port ${port}: the kernel ends TCP`;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    if (this.#closed) return;
    this.#isStarved = false;
    this.#datagrams.receive(burst, this.#acquire);
    const queue = this.#queue;
    this.#queue = this.#nextQueue;
    let taken = 0;
    for (; taken < queue.length && burst.count < BURST_PACKETS && !this.#isStarved; taken++) {
      const connection = queue[taken]!;
      connection.isQueued = false;
      this.#receiveConnection(connection, burst);
      if (connection.hasEvent) this.#enqueue(connection);
    }
    if (taken === queue.length) {
      queue.length = 0;
      this.#nextQueue = queue;
    } else {
      // Those whose turn did not come are before those who have had one.
      queue.splice(0, taken);
      queue.push(...this.#queue);
      this.#queue.length = 0;
      this.#nextQueue = this.#queue;
      this.#queue = queue;
    }
  }

  #receiveConnection(connection: SocketConnection, burst: Burst): void {
    const { number } = connection;
    if (!connection.isAccepted) {
      if (connection.isGone) this.#end(connection, burst);
      else if (!connection.isOffered) this.#offer(connection, burst);
      return;
    }
    const credit = connection.creditDue;
    if (credit > 0) {
      burst.addEvent(EVENT_CREDIT, number, NO_SLOT, credit);
      connection.tellCredit(credit);
    }
    const { pool } = burst;
    for (let slots = 0; connection.sendable > 0; slots++) {
      if (slots === SLOTS_A_TURN || burst.count === BURST_PACKETS) return;
      const slot = this.#acquire(burst);
      if (slot < 0) return;
      const length = connection.take(pool.bytes, pool.packetOffset(slot), pool.maxPacketBytes);
      burst.addEvent(EVENT_DATA, number, slot, length);
    }
    if (connection.isEndDue && burst.count < BURST_PACKETS) {
      connection.hasToldEnd = true;
      burst.addEvent(EVENT_END, number, NO_SLOT, 0);
    }
    if (connection.isOver && burst.count < BURST_PACKETS) this.#end(connection, burst);
  }

  #end(connection: SocketConnection, burst: Burst): void {
    burst.addEvent(EVENT_RESET, connection.number, NO_SLOT, connection.wasReset ? 1 : 0);
    const place = connectionIndex(connection.number);
    this.#connections[place] = undefined;
    this.#freePlaces.push(place);
  }

  #offer(connection: SocketConnection, burst: Burst): void {
    const { remoteAddress, remotePort, localAddress, localPort } = connection.socket;
    if (remoteAddress === undefined) {
      // Reset before it was looked at: nobody knows any more whose it was.
      connection.isOffered = true;
      connection.socket.destroy();
      return;
    }
    const slot = this.#acquire(burst);
    if (slot < 0) return;
    const at = burst.pool.packetOffset(slot);
    writePeer(burst.pool.bytes, at, remoteAddress, remotePort ?? 0, localAddress ?? "", localPort ?? 0);
    connection.isOffered = true;
    burst.addEvent(EVENT_OPEN, connection.number, slot, PEER_BYTES);
  }

  readonly #acquire = (burst: Burst): number => {
    const slot = burst.freeSlots.acquire();
    if (slot < 0) {
      this.#isStarved = true;
      this.drops.noSlot++;
    }
    return slot;
  };

  accept(number: number): void {
    const connection = this.#find(number);
    if (connection === undefined) return;
    connection.isAccepted = true;
    connection.credit = RELAY_WINDOW_BYTES;
    this.changed(connection);
  }

  postpone(number: number): void {
    const connection = this.#find(number);
    if (connection === undefined) return;
    if (this.#postponed.length === 0) setTimeout(this.#offerAgain, OPEN_RETRY_MS).unref();
    this.#postponed.push(connection);
  }

  deliver(
    event: number,
    number: number,
    value: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    if (event === EVENT_DATAGRAM) {
      this.#datagrams.send(bytes, offset, length);
      return;
    }
    const connection = this.#find(number);
    if (connection === undefined) return;
    if (event === EVENT_DATA) connection.write(bytes, offset, length);
    else if (event === EVENT_END) connection.end();
    else if (event === EVENT_RESET) connection.reset();
    else if (event === EVENT_CREDIT) connection.credit += value;
    this.changed(connection);
  }

  wait(wake: () => void): void {
    if (this.#closed) return;
    this.#wake = wake;
    if (this.#isStarved) this.#retrySoon();
    else if (this.#queue.length > 0 || this.#datagrams.hasWaiting) this.#wakeSoon();
  }

  stopListening(): void {
    this.#server.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake = undefined;
    this.#server.close();
    this.#datagrams.close();
    for (const connection of this.#connections) connection?.socket.destroy();
    this.#postponed.length = 0;
    this.#queue.length = 0;
  }

  /** Called by a connection: there is an event of it. */
  changed(connection: SocketConnection): void {
    if (this.#enqueue(connection)) this.#wakeIfWaiting();
  }

  #wakeIfWaiting(): void {
    if (this.#wake === undefined) return;
    if (this.#isStarved) this.#retrySoon();
    else this.#wakeSoon();
  }

  #enqueue(connection: SocketConnection): boolean {
    if (connection.isQueued || !connection.hasEvent) return false;
    // Of a connection whose end was received there is nothing more to tell.
    if (this.#find(connection.number) === undefined) return false;
    connection.isQueued = true;
    this.#queue.push(connection);
    return true;
  }

  /** After the event loop has heard all sockets that have something: one turn for all of them. */
  #wakeSoon(): void {
    if (this.#isWakeDue) return;
    this.#isWakeDue = true;
    setImmediate(() => {
      this.#isWakeDue = false;
      this.#callWake();
    });
  }

  /** One timer at a time: others wake us meanwhile, and each time would add one that adds one. */
  #retrySoon(): void {
    if (this.#isRetryDue) return;
    this.#isRetryDue = true;
    setTimeout(() => {
      this.#isRetryDue = false;
      this.#callWake();
    }, SLOT_RETRY_MS);
  }

  #callWake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  readonly #offerAgain = (): void => {
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const connection of postponed) {
      connection.isOffered = false;
      this.changed(connection);
    }
  };

  #connected(socket: Socket): void {
    const place = this.#freePlaces.pop() ?? this.#connections.length;
    if (place === MAX_CONNECTIONS) {
      this.drops.noRoom++;
      socket.on("error", () => {});
      socket.resetAndDestroy();
      return;
    }
    const use = ((this.#uses[place] ?? 0) + 1) & 0x7fff;
    this.#uses[place] = use;
    const connection = new SocketConnection((use * MAX_CONNECTIONS) | place, socket, this, this.#buffers);
    this.#connections[place] = connection;
    this.changed(connection);
  }

  #find(number: number): SocketConnection | undefined {
    const connection = this.#connections[connectionIndex(number)];
    return connection?.number === number ? connection : undefined;
  }
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function listenError(host: string, port: number, error: unknown): SocketError {
  const code = (error as NodeJS.ErrnoException).code ?? "unknown";
  const address = `${bracketed(host)}:${port}`;
  const reasons: Record<string, string> = {
    EADDRINUSE: "it is in use: another program, or another limpet, listens there",
    EACCES: "ports below 1024 need more rights: choose a higher one",
    EADDRNOTAVAIL: "this machine has no such address",
    ENOTFOUND: "there is no host of that name",
  };
  const reason = reasons[code] ?? String((error as Error).message);
  return new SocketError(code, `cannot listen at ${address} (--socket): ${reason}`);
}
