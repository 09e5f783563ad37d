// The IP side of the datagram service: takes UDP packets out of slots, gives their payload to the service with a peer
// that outlives the slot, and sends answers as packets of their own. Connects the service to the app. The director has
// validated the headers. Knows nothing of what payloads mean.

import type { Egress } from "../../core/link/egress.js";
import { formatAddress } from "../../core/wire/address.js";
import { DEFAULT_TTL, emitIpv4Header, IPV4_HEADER_BYTES } from "../../core/wire/ipv4.js";
import { DEFAULT_HOP_LIMIT, emitIpv6Header, IPV6_HEADER_BYTES } from "../../core/wire/ipv6.js";
import { PROTOCOL_UDP } from "../../core/wire/protocols.js";
import { emitUdpHeader, UDP_CHECKSUM_OFFSET, UDP_HEADER_BYTES } from "../../core/wire/udp.js";
import type { App, Context } from "../app/app.js";
import {
  DatagramAnswer,
  type DatagramPeer,
  DatagramService,
  type IncomingDatagram,
} from "./datagram-service.js";

export interface DatagramServerOptions {
  readonly app: App;
  readonly worker: number;
  readonly call: Context["call"];
  /** How to transmit, by link number. */
  readonly egresses: readonly Egress[];
}

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

function ipHeaderBytes(ipVersion: number): number {
  return ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
}

export class DatagramServer {
  readonly #service: DatagramService<Peer>;
  readonly #egresses: readonly Egress[];
  #identification = 0;

  constructor(options: DatagramServerOptions) {
    this.#egresses = options.egresses;
    this.#service = new DatagramService<Peer>(createResponder(options), (peer, bytes) =>
      this.#send(peer, bytes),
    );
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
