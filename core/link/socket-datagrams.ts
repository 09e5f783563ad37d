// The socket link's UDP half: datagrams that wait for a slot, and answers on their way out. It knows no connections.
// What always holds: a bounded number waits; what is one too many, or too long, is dropped and counted, as a network would.

import type { RemoteInfo, Socket } from "node:dgram";
import { copyBytes } from "../memory/copy-bytes.js";
import { EVENT_DATAGRAM } from "../memory/descriptor.js";
import {
  MAPPED,
  PEER_BYTES,
  PEER_IP_VERSION,
  peerSourceAddress,
  peerSourcePort,
  writePeer,
} from "../wire/peer-block.js";
import { BURST_PACKETS, type Burst } from "./link.js";

/** Longest datagram taken: what a packet of 1500 bytes carries over IPv4. */
export const MAX_DATAGRAM_BYTES = 1472;

/** Datagrams that wait for a slot; more are dropped, as a full socket buffer would. */
export const MAX_WAITING_DATAGRAMS = 1024;

interface WaitingDatagram {
  readonly payload: Buffer;
  readonly source: RemoteInfo;
}

/** What is counted here, of the link's own counts. */
export interface DatagramDrops {
  oversize: number;
  noRoom: number;
}

export class SocketDatagrams {
  readonly #udp: Socket;
  readonly #host: string;
  readonly #port: number;
  readonly #drops: DatagramDrops;
  readonly #arrived: () => void;
  readonly #waiting: WaitingDatagram[] = [];
  #closed = false;

  /** `host` and `port`: where the socket is bound. `arrived` is called when one waits that did not. */
  constructor(udp: Socket, host: string, port: number, drops: DatagramDrops, arrived: () => void) {
    this.#udp = udp;
    this.#host = host;
    this.#port = port;
    this.#drops = drops;
    this.#arrived = arrived;
    udp.on("message", (payload, source) => this.#received(payload, source));
    // A datagram that could not be sent: its client asks again.
    udp.on("error", () => {});
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Puts those that wait into slots, which `acquire` gives, and into the burst; until there is no slot, or no room. */
  receive(burst: Burst, acquire: (burst: Burst) => number): void {
    const waiting = this.#waiting;
    const { pool } = burst;
    let taken = 0;
    for (; taken < waiting.length && burst.count < BURST_PACKETS; taken++) {
      const { payload, source } = waiting[taken]!;
      const length = PEER_BYTES + payload.length;
      if (length > pool.maxPacketBytes) {
        this.#drops.oversize++;
        continue;
      }
      const slot = acquire(burst);
      if (slot < 0) break;
      const at = pool.packetOffset(slot);
      writePeer(pool.bytes, at, source.address, source.port, this.#host, this.#port);
      copyBytes(payload, 0, payload.length, pool.bytes, at + PEER_BYTES);
      burst.addEvent(EVENT_DATAGRAM, 0, slot, length);
    }
    if (taken > 0) waiting.splice(0, taken);
  }

  /** Sends the payload behind the peer block at `bytes[offset …]`, `length` bytes with it, to the block's source. */
  send(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#closed) return;
    const payload = Buffer.allocUnsafe(length - PEER_BYTES);
    copyBytes(bytes, offset + PEER_BYTES, offset + length, payload, 0);
    const address = peerSourceAddress(bytes, offset);
    // A socket of both kinds knows IPv4 addresses by their mapped form only.
    const isMapped = this.#host.includes(":") && bytes[offset + PEER_IP_VERSION] === 4;
    this.#udp.send(payload, peerSourcePort(bytes, offset), isMapped ? MAPPED + address : address);
  }

  close(): void {
    this.#closed = true;
    this.#udp.close();
    this.#waiting.length = 0;
  }

  #received(payload: Buffer, source: RemoteInfo): void {
    if (payload.length > MAX_DATAGRAM_BYTES) {
      this.#drops.oversize++;
    } else if (this.#waiting.length >= MAX_WAITING_DATAGRAMS) {
      this.#drops.noRoom++;
    } else {
      this.#waiting.push({ payload, source });
      this.#arrived();
    }
  }
}
