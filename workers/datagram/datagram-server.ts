// The network side of the datagram service: takes UDP packets, and datagrams that a relay link has received, out of slots,
// gives their payload to the service with a peer that outlives the slot, and sends answers the way that the requests
// came. Connects the service to the app. The director has validated the headers. Knows nothing of what payloads mean.

import type { Egress } from "../../core/link/egress.js";
import { copyBytes } from "../../core/memory/copy-bytes.js";
import { EVENT_DATAGRAM } from "../../core/memory/descriptor.js";
import type { TransmitProducer } from "../../core/memory/transmit-ring.js";
import { formatAddress } from "../../core/wire/address.js";
import { DEFAULT_TTL, emitIpv4Header, IPV4_HEADER_BYTES } from "../../core/wire/ipv4.js";
import { DEFAULT_HOP_LIMIT, emitIpv6Header, IPV6_HEADER_BYTES } from "../../core/wire/ipv6.js";
import { PEER_BYTES, peerSourceAddress, peerSourcePort } from "../../core/wire/peer-block.js";
import { PROTOCOL_UDP } from "../../core/wire/protocols.js";
import { emitUdpHeader, UDP_CHECKSUM_OFFSET, UDP_HEADER_BYTES } from "../../core/wire/udp.js";
import type { App, Context } from "../app/app.js";
import {
  DatagramAnswer,
  type DatagramCounters,
  type DatagramPeer,
  DatagramService,
  type IncomingDatagram,
} from "./datagram-service.js";

export interface DatagramServerOptions {
  readonly app: App;
  readonly worker: number;
  readonly call: Context["call"];
  /** How to transmit, by link number, on links that carry packets. */
  readonly egresses: readonly Egress[];
  /** For answers to relayed datagrams; and what is called when there is one outside of the worker's turn. */
  readonly transmit: TransmitProducer;
  readonly outputDue: () => void;
}

/** Longest answer that a relayed datagram gets, in bytes: what a packet of 1500 bytes carries over IPv6. */
const MAX_RELAYED_BYTES = 1452;

/** Addresses and ports of one request, copied out of its packet: an answer may come long after the slot went back. */
class Peer implements DatagramPeer {
  readonly link: number;
  readonly ipVersion: number;
  /** Source address, then destination address, 4 or 16 bytes each. */
  readonly addresses: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly maxAnswerBytes: number;

  constructor(
    bytes: Uint8Array,
    packetOffset: number,
    l4Offset: number,
    ipVersion: number,
    link: number,
    mtuBytes: number,
  ) {
    const addressesAt = packetOffset + (ipVersion === 4 ? 12 : 8);
    this.link = link;
    this.ipVersion = ipVersion;
    this.addresses = bytes.slice(addressesAt, addressesAt + (ipVersion === 4 ? 8 : 32));
    this.sourcePort = (bytes[l4Offset]! << 8) | bytes[l4Offset + 1]!;
    this.destinationPort = (bytes[l4Offset + 2]! << 8) | bytes[l4Offset + 3]!;
    this.maxAnswerBytes = mtuBytes - ipHeaderBytes(ipVersion) - UDP_HEADER_BYTES;
  }

  get sourceAddress(): string {
    return formatAddress(this.addresses, 0, this.addresses.length >>> 1);
  }
}

/** Where a relayed datagram came from: its peer block, which the answer carries back. */
class RelayedPeer implements DatagramPeer {
  readonly link: number;
  readonly block: Uint8Array;
  readonly maxAnswerBytes = MAX_RELAYED_BYTES;

  constructor(bytes: Uint8Array, offset: number, link: number) {
    this.link = link;
    this.block = bytes.slice(offset, offset + PEER_BYTES);
  }

  get sourceAddress(): string {
    return peerSourceAddress(this.block, 0);
  }

  get sourcePort(): number {
    return peerSourcePort(this.block, 0);
  }
}

function ipHeaderBytes(ipVersion: number): number {
  return ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
}

export class DatagramServer {
  readonly #service: DatagramService<Peer | RelayedPeer>;
  readonly #egresses: readonly Egress[];
  readonly #transmit: TransmitProducer;
  readonly #outputDue: () => void;
  #identification = 0;

  constructor(options: DatagramServerOptions) {
    this.#egresses = options.egresses;
    this.#transmit = options.transmit;
    this.#outputDue = options.outputDue;
    this.#service = new DatagramService<Peer | RelayedPeer>(createResponder(options), (peer, bytes) => {
      if (peer instanceof RelayedPeer) this.#relay(peer, bytes);
      else this.#send(peer, bytes);
    });
  }

  get counters(): DatagramCounters {
    return this.#service.counters;
  }

  /** Requests given to the app and not answered yet. */
  get inFlight(): number {
    return this.#service.inFlight;
  }

  /** A UDP packet at `packetOffset`, its UDP header at `l4Offset`. Nothing of `bytes` is kept. */
  packetArrives(
    bytes: Uint8Array,
    packetOffset: number,
    ipVersion: number,
    l4Offset: number,
    link: number,
  ): void {
    const egress = this.#egresses[link];
    if (egress === undefined) return;
    // The UDP length may end the payload before the packet ends; the parser has checked that it is no longer.
    const datagramBytes = (bytes[l4Offset + 4]! << 8) | bytes[l4Offset + 5]!;
    const peer = new Peer(bytes, packetOffset, l4Offset, ipVersion, link, egress.mtuBytes);
    this.#service.received(bytes, l4Offset + UDP_HEADER_BYTES, l4Offset + datagramBytes, peer);
  }

  /** A relayed datagram: a peer block and `length` bytes less that of payload. Nothing of `bytes` is kept. */
  eventArrives(bytes: Uint8Array, offset: number, length: number, link: number): void {
    const peer = new RelayedPeer(bytes, offset, link);
    this.#service.received(bytes, offset + PEER_BYTES, offset + length, peer);
  }

  /** A full ring drops it, as a network would. */
  #relay({ link, block }: RelayedPeer, payload: Uint8Array): void {
    const at = this.#transmit.reserve(link, EVENT_DATAGRAM, 0, 0, PEER_BYTES + payload.length);
    if (at < 0) return;
    this.#transmit.bytes.set(block, at);
    copyBytes(payload, 0, payload.length, this.#transmit.bytes, at + PEER_BYTES);
    this.#outputDue();
  }

  #send(peer: Peer, payload: Uint8Array): void {
    const egress = this.#egresses[peer.link]!;
    const { buffer, start, checksumOffload } = egress;
    const headerBytes = ipHeaderBytes(peer.ipVersion);
    const l4Offset = start + headerBytes;
    const addressLength = peer.addresses.length >>> 1;
    const datagramBytes = UDP_HEADER_BYTES + payload.length;
    buffer.set(payload, l4Offset + UDP_HEADER_BYTES);
    // From who was addressed to who asked.
    if (peer.ipVersion === 4) {
      this.#identification = (this.#identification + 1) & 0xffff;
      emitIpv4Header(
        buffer,
        start,
        headerBytes + datagramBytes,
        PROTOCOL_UDP,
        this.#identification,
        DEFAULT_TTL,
        peer.addresses,
        addressLength,
        0,
      );
    } else {
      emitIpv6Header(
        buffer,
        start,
        datagramBytes,
        PROTOCOL_UDP,
        DEFAULT_HOP_LIMIT,
        peer.addresses,
        addressLength,
        0,
      );
    }
    const sourceOffset = start + (peer.ipVersion === 4 ? 12 : 8);
    emitUdpHeader(
      buffer,
      l4Offset,
      peer.destinationPort,
      peer.sourcePort,
      payload.length,
      sourceOffset,
      sourceOffset + addressLength,
      addressLength,
      checksumOffload,
    );
    egress.transmit(headerBytes + datagramBytes, headerBytes, UDP_CHECKSUM_OFFSET, 0);
  }
}

/** The app's own answer; an app without `datagram` has nothing to find there. */
function createResponder({
  app,
  worker,
  call,
}: DatagramServerOptions): (request: IncomingDatagram) => unknown {
  if (app.datagram === undefined) return () => new DatagramAnswer(404, "not_found");
  return ({ path, body, source }) =>
    app.datagram?.(
      { path, body },
      {
        worker,
        call,
        get source() {
          return { address: source.sourceAddress, port: source.sourcePort };
        },
      },
    );
}
