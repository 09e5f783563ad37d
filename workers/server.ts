// A server's turn: a burst of packets from the ring, what they set off, what leaves, timers, and a report to the load
// board. Knows neither how its thread sleeps (worker.ts) nor what the packets carry.

import type { FaultyEgress } from "../core/link/faulty-egress.js";
import {
  DESCRIPTOR_CONNECTION,
  DESCRIPTOR_FLOW,
  DESCRIPTOR_GENERATION,
  DESCRIPTOR_HASH,
  DESCRIPTOR_INNER,
  DESCRIPTOR_KIND,
  DESCRIPTOR_LENGTHS,
  DESCRIPTOR_SLOT,
  EVENT_DATAGRAM,
  EVENT_ICMP_ERROR,
  EVENT_PACKET,
  NO_SLOT,
  RETURN_NO_CONNECTION,
  RETURN_SLOT,
} from "../core/memory/descriptor.js";
import {
  BOARD_CONNECTIONS,
  BOARD_HEARTBEAT,
  BOARD_IN_FLIGHT,
  type LoadBoard,
} from "../core/memory/load-board.js";
import { type PacketPool, slotsOf } from "../core/memory/packet-pool.js";
import type { RingConsumer, RingProducer } from "../core/memory/ring.js";
import type { TransmitProducer } from "../core/memory/transmit-ring.js";
import { PROTOCOL_TCP } from "../core/wire/protocols.js";
import type { DatagramServer } from "./datagram/datagram-server.js";
import type { HttpServer } from "./http/server.js";
import type { Relay } from "./relay/relay.js";
import type { TcpStack } from "./tcp/tcp-stack.js";

/** Packets handled before anything leaves: more delays the first answers, fewer costs more turns. */
const TURN_PACKETS = 256;

/** How often HTTP and TCP look for connections whose time is over, and the worker for what else there is to keep in order. */
const SWEEP_INTERVAL_MS = 1000;
/** The same while the worker drains: somebody waits for the connections to end. */
const DRAINING_SWEEP_INTERVAL_MS = 250;

export interface ServerParts {
  readonly worker: number;
  readonly pool: PacketPool;
  readonly descriptors: RingConsumer;
  readonly returns: RingProducer;
  readonly transmit: TransmitProducer;
  readonly loadBoard: LoadBoard;
  readonly tcp: TcpStack;
  readonly http: HttpServer;
  readonly datagrams: DatagramServer;
  /** By link number; undefined for links that carry packets. */
  readonly relays: readonly (Relay | undefined)[];
  /** Egresses that hold packets back on purpose. */
  readonly faulty: readonly FaultyEgress[];
  /** What else is to be done about once a second, and at the end. */
  readonly housekeep: () => void;
}

export class Server {
  readonly #parts: ServerParts;
  #nextSweepMs = 0;
  /** True during `turn`: what is queued then leaves at its end. */
  isInTurn = false;

  constructor(parts: ServerParts) {
    this.#parts = parts;
  }

  /** Does what there is to do at `nowMs`, a steady clock's time. Returns the number of packets handled. */
  turn(nowMs: number): number {
    const { descriptors, returns, transmit, tcp, relays, faulty } = this.#parts;
    this.isInTurn = true;
    tcp.turn(nowMs);
    let packets = 0;
    for (let at = descriptors.peek(); at >= 0 && packets < TURN_PACKETS; at = descriptors.peek()) {
      this.#packet(descriptors.words, at);
      descriptors.advance();
      packets++;
    }
    if (packets > 0) descriptors.release();
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    tcp.expire();
    tcp.flush();
    for (const relay of relays) relay?.flush();
    for (const egress of faulty) egress.release(nowMs);
    returns.publish();
    transmit.publish();
    this.#report();
    this.isInTurn = false;
    return packets;
  }

  #sweep(nowMs: number): void {
    const { http, tcp, housekeep } = this.#parts;
    this.#nextSweepMs = nowMs + (http.isDraining ? DRAINING_SWEEP_INTERVAL_MS : SWEEP_INTERVAL_MS);
    http.sweep(nowMs);
    tcp.sweep();
    housekeep();
  }

  /** When there is something to do even if no packet comes, in ms of `turn`'s clock. */
  nextDeadlineMs(): number {
    const { tcp, faulty } = this.#parts;
    let nextMs = Math.min(tcp.nextDeadlineMs(), this.#nextSweepMs);
    for (const egress of faulty) nextMs = Math.min(nextMs, egress.nextDueMs());
    return nextMs;
  }

  /** Requests that wait for something other than packets: the thread must not block meanwhile. */
  get inFlight(): number {
    return this.#parts.http.inFlight + this.#parts.datagrams.inFlight;
  }

  /** From now on each answer is the last of its connection. */
  drain(): void {
    const { http } = this.#parts;
    if (http.isDraining) return;
    http.drain();
    this.#nextSweepMs = 0;
  }

  /** Ends every connection. */
  close(nowMs: number): void {
    const { tcp, relays, returns, transmit, housekeep } = this.#parts;
    this.isInTurn = true;
    tcp.turn(nowMs);
    tcp.abortAll();
    for (const relay of relays) relay?.abortAll();
    returns.publish();
    transmit.publish();
    housekeep();
  }

  /**
   * The flow that the director gave us with these numbers is over here, or no connection has come of it. Room for every slot
   * comes first: where there is no more than that, the report is lost, and the flow ages instead.
   */
  flowEnded(flow: number, generation: number, wasConnection: boolean): void {
    const { returns, pool } = this.#parts;
    if (!returns.hasRoom(slotsOf(pool) + 1)) return;
    this.#giveBack(wasConnection ? flow : flow | RETURN_NO_CONNECTION, generation);
  }

  /** One record of the ring: a packet, or an event of a relayed connection. */
  #packet(words: Int32Array, at: number): void {
    const { pool, datagrams, relays } = this.#parts;
    const slot = words[at + DESCRIPTOR_SLOT]!;
    const kind = words[at + DESCRIPTOR_KIND]!;
    const link = (kind >>> 16) & 0xff;
    const event = kind >>> 24;
    if (event === EVENT_PACKET) {
      this.#ipPacket(words, at, pool.packetOffset(slot), kind, link);
    } else if (event === EVENT_ICMP_ERROR) {
      this.#icmpError(words, at, pool.packetOffset(slot), kind, link);
    } else {
      const offset = slot === NO_SLOT ? 0 : pool.packetOffset(slot);
      const length = words[at + DESCRIPTOR_LENGTHS]!;
      const connection = words[at + DESCRIPTOR_CONNECTION]!;
      if (event === EVENT_DATAGRAM) datagrams.eventArrives(pool.bytes, offset, length, link);
      else relays[link]?.eventArrives(event, connection, pool.bytes, offset, length);
    }
    if (slot !== NO_SLOT) this.#giveBack(slot, RETURN_SLOT);
  }

  #ipPacket(words: Int32Array, at: number, offset: number, kind: number, link: number): void {
    const { pool, tcp, datagrams } = this.#parts;
    const lengths = words[at + DESCRIPTOR_LENGTHS]!;
    const l4Offset = offset + (lengths >>> 16);
    const ipVersion = (kind >>> 8) & 0xff;
    if ((kind & 0xff) !== PROTOCOL_TCP) {
      datagrams.packetArrives(pool.bytes, offset, ipVersion, l4Offset, link);
      return;
    }
    tcp.segmentArrives(
      pool.bytes,
      pool.words,
      offset,
      lengths & 0xffff,
      ipVersion,
      l4Offset,
      link,
      words[at + DESCRIPTOR_FLOW]!,
      words[at + DESCRIPTOR_GENERATION]!,
      words[at + DESCRIPTOR_HASH]!,
    );
  }

  #icmpError(words: Int32Array, at: number, offset: number, kind: number, link: number): void {
    const { pool, tcp } = this.#parts;
    // About an answer by datagram: nobody here waits for what became of it.
    if ((kind & 0xff) !== PROTOCOL_TCP) return;
    tcp.icmpErrorArrives(
      pool.bytes,
      pool.words,
      offset + (words[at + DESCRIPTOR_LENGTHS]! >>> 16),
      (kind >>> 8) & 0xff,
      offset + words[at + DESCRIPTOR_INNER]!,
      link,
      words[at + DESCRIPTOR_HASH]!,
    );
  }

  #giveBack(first: number, second: number): void {
    const { returns } = this.#parts;
    const at = returns.reserve();
    returns.words[at] = first;
    returns.words[at + 1] = second;
    returns.commit();
  }

  #report(): void {
    const { loadBoard, worker, tcp, relays } = this.#parts;
    let connections = tcp.connectionCount;
    for (const relay of relays) if (relay !== undefined) connections += relay.connectionCount;
    loadBoard.add(worker, BOARD_HEARTBEAT, 1);
    loadBoard.set(worker, BOARD_IN_FLIGHT, this.inFlight);
    loadBoard.set(worker, BOARD_CONNECTIONS, connections);
  }
}
