// Builds packets for tests, with a checksum of its own making: nothing of core/wire is used to write what core/wire is to
// read. Every length and checksum is right unless a test says otherwise.

import { isIPv4 } from "node:net";

/** One's-complement checksum in the plainest way there is. */
export function referenceChecksum(...parts: ArrayLike<number>[]): number {
  const bytes = parts.flatMap((part) => Array.from(part));
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) {
    sum += i % 2 === 0 ? bytes[i]! * 256 : bytes[i]!;
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum ^ 0xffff;
}

export function word(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

/** The address's bytes; IPv6 in full or with one "::". */
export function addressBytes(text: string): number[] {
  if (isIPv4(text)) return text.split(".").map(Number);
  const [head = "", tail = ""] = text.split("::");
  const groups = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = groups(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...zeros, ...after].flatMap(word);
}

export interface PacketFields {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: number;
  /** IPv4 options, a multiple of 4 bytes. */
  readonly options?: number[];
  /** IPv6 extension headers as they are in the packet; `firstHeader` is the number of the first. */
  readonly extensions?: number[];
  readonly firstHeader?: number;
  /** IPv4: flags and fragment offset word. */
  readonly fragment?: number;
  readonly identification?: number;
  readonly ttl?: number;
  /** What the length field says, instead of the truth. */
  readonly lengthField?: number;
}

/** An IPv4 or IPv6 packet, by its addresses, around an upper layer's bytes. */
export function ipPacket(fields: PacketFields, l4: ArrayLike<number>): Uint8Array {
  const source = addressBytes(fields.source ?? "198.18.0.2");
  const destination = addressBytes(fields.destination ?? "198.18.0.1");
  const protocol = fields.protocol ?? 6;
  const ttl = fields.ttl ?? 64;
  if (source.length === 16) {
    const extensions = fields.extensions ?? [];
    const length = fields.lengthField ?? extensions.length + l4.length;
    const first = fields.firstHeader ?? protocol;
    const header = [0x60, 0, 0, 0, ...word(length), first, ttl, ...source, ...destination];
    return Uint8Array.from([...header, ...extensions, ...Array.from(l4)]);
  }
  const options = fields.options ?? [];
  const total = fields.lengthField ?? 20 + options.length + l4.length;
  const header = [0x40 | (5 + options.length / 4), 0, ...word(total), ...word(fields.identification ?? 1)];
  header.push(...word(fields.fragment ?? 0x4000), ttl, protocol, 0, 0, ...source, ...destination, ...options);
  header.splice(10, 2, ...word(referenceChecksum(header)));
  return Uint8Array.from([...header, ...Array.from(l4)]);
}

/** The pseudo-header of an upper layer of `length` bytes. */
export function pseudoHeader(fields: PacketFields, protocol: number, length: number): number[] {
  const source = addressBytes(fields.source ?? "198.18.0.2");
  const destination = addressBytes(fields.destination ?? "198.18.0.1");
  return [...source, ...destination, 0, protocol, ...word(length)];
}

/** A TCP segment from port 40000 to port 80 in a packet. */
export function tcpPacket(fields: PacketFields = {}, payload: number[] = [], flags = 0x18): Uint8Array {
  const segment = [
    ...word(40_000),
    ...word(80),
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    2,
    0x50,
    flags,
    ...word(64_240),
    0,
    0,
    0,
    0,
  ];
  segment.push(...payload);
  segment.splice(16, 2, ...word(referenceChecksum(pseudoHeader(fields, 6, segment.length), segment)));
  return ipPacket({ ...fields, protocol: 6 }, segment);
}

/** A UDP datagram from port 40000 to port 53 in a packet. */
export function udpPacket(fields: PacketFields = {}, payload: number[] = [1, 2, 3]): Uint8Array {
  const datagram = [...word(40_000), ...word(53), ...word(8 + payload.length), 0, 0, ...payload];
  const checksum = referenceChecksum(pseudoHeader(fields, 17, datagram.length), datagram);
  datagram.splice(6, 2, ...word(checksum === 0 ? 0xffff : checksum));
  return ipPacket({ ...fields, protocol: 17 }, datagram);
}

/** An ICMP or ICMPv6 message, by the packet's addresses, whose bytes 4 … 7 and data are `rest`. */
export function icmpPacket(fields: PacketFields, type: number, code: number, rest: number[]): Uint8Array {
  const isIpv6 = addressBytes(fields.source ?? "198.18.0.2").length === 16;
  const protocol = isIpv6 ? 58 : 1;
  const message = [type, code, 0, 0, ...rest];
  const covered = isIpv6 ? pseudoHeader(fields, protocol, message.length) : [];
  message.splice(2, 2, ...word(referenceChecksum(covered, message)));
  return ipPacket({ ...fields, protocol }, message);
}

/** `packet` in a buffer of exactly its size and its 16-bit view, at an even offset, for the parser. */
export function parserBuffer(packet: Uint8Array): { bytes: Uint8Array; halves: Uint16Array } {
  const buffer = new ArrayBuffer((packet.length + 1) & ~1);
  const bytes = new Uint8Array(buffer, 0, packet.length);
  bytes.set(packet);
  return { bytes, halves: new Uint16Array(buffer) };
}
