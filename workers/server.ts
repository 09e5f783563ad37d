// A server's turn: a burst of packets from the ring, what they set off, what leaves, timers, and a report to the load
// board. Knows neither how its thread sleeps (worker.ts) nor what the packets carry.

import {
  DESCRIPTOR_FLOW,
  DESCRIPTOR_GENERATION,
  DESCRIPTOR_HASH,
  DESCRIPTOR_KIND,
  DESCRIPTOR_LENGTHS,
  DESCRIPTOR_SLOT,
  RETURN_SLOT,
} from "../core/memory/descriptor.js";
import {
  BOARD_CONNECTIONS,
  BOARD_HEARTBEAT,
  BOARD_IN_FLIGHT,
  BOARD_REQUESTS,
  type LoadBoard,
} from "../core/memory/load-board.js";
import type { PacketPool } from "../core/memory/packet-pool.js";
import type { RingConsumer, RingProducer } from "../core/memory/ring.js";
import type { TransmitProducer } from "../core/memory/transmit-ring.js";
import { PROTOCOL_TCP } from "../core/wire/protocols.js";
import type { DatagramServer } from "./datagram/datagram-server.js";
import type { HttpServer } from "./http/server.js";
import type { TcpStack } from "./tcp/tcp-stack.js";

/** Packets handled before anything leaves: more delays the first answers, fewer costs more turns. */
const TURN_PACKETS = 256;

/** How often HTTP looks for connections whose time is over. */
const SWEEP_INTERVAL_MS = 1000;

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
    const { descriptors, returns, transmit, tcp, http } = this.#parts;
    this.isInTurn = true;
    tcp.turn(nowMs);
    let packets = 0;
    for (let at = descriptors.peek(); at >= 0 && packets < TURN_PACKETS; at = descriptors.peek()) {
      this.#packet(descriptors.words, at);
      descriptors.advance();
      packets++;
    }
    if (packets > 0) descriptors.release();
    if (nowMs >= this.#nextSweepMs) {
      this.#nextSweepMs = nowMs + SWEEP_INTERVAL_MS;
      http.sweep(nowMs);
    }
    tcp.expire();
    tcp.flush();
    returns.publish();
    transmit.publish();
    this.#report();
    this.isInTurn = false;
    return packets;
  }

  /** When there is something to do even if no packet comes, in ms of `turn`'s clock. */
  nextDeadlineMs(): number {
    return Math.min(this.#parts.tcp.nextDeadlineMs(), this.#nextSweepMs);
  }

  /** Requests that wait for something other than packets: the thread must not block meanwhile. */
  get inFlight(): number {
    return this.#parts.http.inFlight + this.#parts.datagrams.inFlight;
  }

  /** Ends every connection. */
  close(nowMs: number): void {
    const { tcp, returns, transmit } = this.#parts;
    this.isInTurn = true;
    tcp.turn(nowMs);
    tcp.abortAll();
    returns.publish();
    transmit.publish();
  }

  /**
   * The flow that the director gave us with these numbers is over here. Room for every slot comes first: where there
   * is no more than that, the report is lost, and the flow ages instead.
   */
  flowEnded(flow: number, generation: number): void {
    const { returns, pool } = this.#parts;
    if (returns.hasRoom(pool.slotCount + 1)) this.#giveBack(flow, generation);
  }

  #packet(words: Int32Array, at: number): void {
    const { pool, tcp, datagrams } = this.#parts;
    const slot = words[at + DESCRIPTOR_SLOT]!;
    const lengths = words[at + DESCRIPTOR_LENGTHS]!;
    const kind = words[at + DESCRIPTOR_KIND]!;
    const offset = pool.packetOffset(slot);
    const length = lengths & 0xffff;
    const l4Offset = offset + (lengths >>> 16);
    const ipVersion = (kind >>> 8) & 0xff;
    const link = (kind >>> 16) & 0xff;
    if ((kind & 0xff) === PROTOCOL_TCP) {
      tcp.segmentArrives(
        pool.bytes,
        pool.words,
        offset,
        length,
        ipVersion,
        l4Offset,
        link,
        words[at + DESCRIPTOR_FLOW]!,
        words[at + DESCRIPTOR_GENERATION]!,
        words[at + DESCRIPTOR_HASH]!,
      );
    } else {
      datagrams.packetArrives(pool.bytes, offset, ipVersion, l4Offset, link);
    }
    this.#giveBack(slot, RETURN_SLOT);
  }

  #giveBack(first: number, second: number): void {
    const { returns } = this.#parts;
    const at = returns.reserve();
    returns.words[at] = first;
    returns.words[at + 1] = second;
    returns.commit();
  }

  #report(): void {
    const { loadBoard, worker, tcp, http } = this.#parts;
    loadBoard.add(worker, BOARD_HEARTBEAT, 1);
    loadBoard.set(worker, BOARD_IN_FLIGHT, this.inFlight);
    loadBoard.set(worker, BOARD_REQUESTS, http.counters.requests | 0);
    loadBoard.set(worker, BOARD_CONNECTIONS, tcp.connectionCount);
  }
}
