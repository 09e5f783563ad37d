// TCP packets as a peer on the path would send them, and how a worker hands them to its stack.

import { PROTOCOL_TCP } from "../../core/wire/protocols.js";
import { emitTcpHeader } from "../../core/wire/tcp.js";
import type { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { icmpPacket, ipPacket, word } from "./packets.js";
import { finishPacket } from "./sim-network.js";

/** Where packets come from and go to. */
export interface Endpoint {
  readonly ipVersion: 4 | 6;
  readonly port: number;
  readonly localPort: number;
}

const PEER4 = [198, 18, 0, 9];
const LOCAL4 = [198, 18, 0, 1];
const PEER6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const LOCAL6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/** A whole TCP packet from the peer; sequence numbers are absolute here. */
export function buildPacket(
  endpoint: Endpoint,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
  data: Uint8Array,
  writeOptions: (bytes: Uint8Array, at: number) => number = (_bytes, at) => at,
): Uint8Array {
  const isIpv6 = endpoint.ipVersion === 6;
  const l4Offset = isIpv6 ? 40 : 20;
  const scratch = new Uint8Array(l4Offset + 60 + data.length + 4);
  const headerBytes = writeOptions(scratch, l4Offset + 20) - l4Offset;
  scratch.set(data, l4Offset + headerBytes);
  const packet = scratch.slice(0, l4Offset + headerBytes + data.length);
  if (isIpv6) {
    packet[0] = 0x60;
    packet[6] = PROTOCOL_TCP;
    packet[7] = 64;
    packet.set(PEER6, 8);
    packet.set(LOCAL6, 24);
  } else {
    packet[0] = 0x45;
    packet[8] = 64;
    packet[9] = PROTOCOL_TCP;
    packet.set(PEER4, 12);
    packet.set(LOCAL4, 16);
  }
  packet[l4Offset] = endpoint.port >>> 8;
  packet[l4Offset + 1] = endpoint.port;
  packet[l4Offset + 2] = endpoint.localPort >>> 8;
  packet[l4Offset + 3] = endpoint.localPort;
  emitTcpHeader(packet, l4Offset, sequence, acknowledgment, headerBytes, flags, window);
  finishPacket(packet, isIpv6, l4Offset);
  return packet;
}

/** An ICMP error as a router on the path sends it. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  /** The next hop's MTU, where it is told. */
  readonly mtu?: number;
  /** What the packet in error says its length is; 8 bytes of TCP is all that is there of it. */
  readonly packetBytes?: number;
}

/** An error about a segment from our side with this sequence number, absolute here. */
export function buildIcmpError(endpoint: Endpoint, error: IcmpError, sequence: number): Uint8Array {
  const isIpv6 = endpoint.ipVersion === 6;
  const ours = isIpv6
    ? { source: "fd00::1", destination: "fd00::9" }
    : { source: "198.18.0.1", destination: "198.18.0.9" };
  const ports = [...word(endpoint.localPort), ...word(endpoint.port)];
  const headerBytes = isIpv6 ? 40 : 20;
  const inner = ipPacket(
    {
      ...ours,
      protocol: PROTOCOL_TCP,
      lengthField: (error.packetBytes ?? 1500) - (isIpv6 ? headerBytes : 0),
    },
    [...ports, ...word(sequence >>> 16), ...word(sequence)],
  );
  const toUs = isIpv6
    ? { source: "fd77::1", destination: ours.source }
    : { source: "10.0.0.1", destination: ours.source };
  return icmpPacket(toUs, error.type, error.code, [0, 0, ...word(error.mtu ?? 0), ...inner]);
}

/** Gives a packet to a stack as a worker does: in a slot that is used for something else afterwards. */
export class Slot {
  readonly #words = new Int32Array(new SharedArrayBuffer(65_536));
  readonly #bytes = new Uint8Array(this.#words.buffer);

  give(stack: TcpStack, packet: Uint8Array, flow: number, generation: number, hash: number): void {
    const offset = 16;
    this.#bytes.set(packet, offset);
    const ipVersion = packet[0]! >>> 4;
    const l4Offset = offset + (ipVersion === 4 ? 20 : 40);
    stack.segmentArrives(
      this.#bytes,
      this.#words,
      offset,
      packet.length,
      ipVersion,
      l4Offset,
      0,
      flow,
      generation,
      hash,
    );
    this.#bytes.fill(0xee);
  }

  /** Gives an ICMP error, whose packet in error has a plain IP header. */
  giveError(stack: TcpStack, packet: Uint8Array, hash: number): void {
    const offset = 16;
    this.#bytes.set(packet, offset);
    const ipVersion = packet[0]! >>> 4;
    const ipBytes = ipVersion === 4 ? 20 : 40;
    const icmpOffset = offset + ipBytes;
    stack.icmpErrorArrives(
      this.#bytes,
      this.#words,
      icmpOffset,
      ipVersion,
      icmpOffset + 8 + ipBytes,
      0,
      hash,
    );
    this.#bytes.fill(0xee);
  }
}

/** The bytes of stream position `from` on. */
export function pattern(from: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => ((from + index) * 7 + ((from + index) >>> 8)) & 0xff);
}
