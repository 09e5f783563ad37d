// ICMP and ICMPv6 errors: what they say, and the packet that they are about (RFC 792, RFC 4443 section 2.4 c), which was
// sent by us or by someone who pretends so: the director finds its flow by it, turned round. Less of it is there than was
// sent, and routers have changed it on its way, so that neither its length nor its checksums are verified.
//
//   | type | code | checksum |  0      IPv4, fragmentation needed: bytes 6 and 7 are the next hop's MTU (RFC 1191)
//   | MTU, or unused         |  4      IPv6, packet too big: bytes 4 to 7 (RFC 4443 section 3.2)
//   | the packet in error …  |  8

import {
  FAULT_BAD_ICMP_INNER,
  FAULT_MISSING_ICMP_INNER,
  FAULT_TRUNCATED_ICMP_INNER,
  PARSE_OK,
} from "./faults.js";
import {
  ICMP_CODE_FRAGMENTATION_NEEDED,
  ICMP_CODE_PORT,
  ICMP_CODE_PROTOCOL,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_CODE_PORT,
  ICMPV6_CODE_PROHIBITED,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_UNREACHABLE,
} from "./icmp-types.js";
import {
  IPV4_HEADER_BYTES,
  ipv4FragmentOffset,
  ipv4HeaderLength,
  ipv4Protocol,
  ipv4TotalLength,
} from "./ipv4.js";
import { IPV6_HEADER_BYTES, ipv6NextHeader, ipv6TotalLength, walkInnerExtensionHeaders } from "./ipv6.js";
import type { PacketView } from "./packet-view.js";
import { hasPorts } from "./protocols.js";

/** RFC 792: an error carries at least this much behind the IP header. TCP has its ports and sequence number in it. */
const INNER_L4_BYTES = 8;
const FIRST_ICMPV6_INFORMATION = 128;
/** What precedes the packet that an error is about. */
export const ICMP_HEADER_BYTES = 8;

// What an error says to whoever has sent the packet in it.
/** Nothing that a sender may act on: redirects (we have no routes), source quench (RFC 6633), types that nobody knows. */
export const ICMP_MEANS_NOTHING = 0;
/** Something is wrong with the path, and may pass (RFC 9293 section 3.9.2.2). */
export const ICMP_MEANS_SOFT_ERROR = 1;
/** The peer, or who guards it, does not want this (the same). */
export const ICMP_MEANS_HARD_ERROR = 2;
/** The packet was too long for the path: `nextHopMtu` says what is not. */
export const ICMP_MEANS_TOO_BIG = 3;

/** Whether messages of this type carry the packet that they are about. */
export function isIcmpError(ipVersion: number, type: number): boolean {
  if (ipVersion === 6) return type < FIRST_ICMPV6_INFORMATION; // RFC 4443 section 2.1.
  return (
    type === ICMP_UNREACHABLE ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM
  );
}

/** What an ICMP or ICMPv6 message of this type and code means as an error: one of the constants above. */
export function meaningOfIcmp(ipVersion: number, type: number, code: number): number {
  if (ipVersion === 4) {
    if (type === ICMP_TIME_EXCEEDED || type === ICMP_PARAMETER_PROBLEM) return ICMP_MEANS_SOFT_ERROR;
    if (type !== ICMP_UNREACHABLE) return ICMP_MEANS_NOTHING;
    if (code === ICMP_CODE_FRAGMENTATION_NEEDED) return ICMP_MEANS_TOO_BIG;
    return code === ICMP_CODE_PROTOCOL || code === ICMP_CODE_PORT
      ? ICMP_MEANS_HARD_ERROR
      : ICMP_MEANS_SOFT_ERROR;
  }
  if (type === ICMPV6_PACKET_TOO_BIG) return ICMP_MEANS_TOO_BIG;
  if (type < ICMPV6_UNREACHABLE || type > ICMPV6_PARAMETER_PROBLEM) return ICMP_MEANS_NOTHING;
  const isHard =
    type === ICMPV6_UNREACHABLE && (code === ICMPV6_CODE_PROHIBITED || code === ICMPV6_CODE_PORT);
  return isHard ? ICMP_MEANS_HARD_ERROR : ICMP_MEANS_SOFT_ERROR;
}

/** The next hop's MTU in bytes that the "too big" at `at` tells; 0 if it tells none, as those of old routers (RFC 1191 section 5). */
export function nextHopMtu(bytes: Uint8Array, at: number, ipVersion: number): number {
  const low = (bytes[at + 6]! << 8) | bytes[at + 7]!;
  // More than 16 bits can tell is more than any packet is long.
  return ipVersion === 6 && (bytes[at + 4] !== 0 || bytes[at + 5] !== 0) ? 0xffff : low;
}

/** Bytes of the packet that the error at `at` is about, by that packet's own header. */
export function packetInErrorBytes(bytes: Uint8Array, at: number, ipVersion: number): number {
  const inner = at + ICMP_HEADER_BYTES;
  return ipVersion === 4 ? ipv4TotalLength(bytes, inner) : ipv6TotalLength(bytes, inner);
}

/** Reads the packet in error, at `start` and cut off at `end`, into the view's inner fields. */
export function parseIcmpInner(bytes: Uint8Array, start: number, end: number, view: PacketView): number {
  if (start >= end) return FAULT_MISSING_ICMP_INNER;
  if (bytes[start]! >>> 4 !== view.ipVersion) return FAULT_BAD_ICMP_INNER;
  return view.ipVersion === 4
    ? parseInnerIpv4(bytes, start, end, view)
    : parseInnerIpv6(bytes, start, end, view);
}

function parseInnerIpv4(bytes: Uint8Array, start: number, end: number, view: PacketView): number {
  if (start + IPV4_HEADER_BYTES > end) return FAULT_TRUNCATED_ICMP_INNER;
  const headerLength = ipv4HeaderLength(bytes, start);
  if (headerLength < IPV4_HEADER_BYTES) return FAULT_BAD_ICMP_INNER;
  if (start + headerLength > end) return FAULT_TRUNCATED_ICMP_INNER;
  view.innerProtocol = ipv4Protocol(bytes, start);
  view.innerSourceOffset = start + 12;
  view.innerDestinationOffset = start + 16;
  view.innerL4Offset = start + headerLength;
  return readInnerPorts(bytes, end, ipv4FragmentOffset(bytes, start) > 0, view);
}

function parseInnerIpv6(bytes: Uint8Array, start: number, end: number, view: PacketView): number {
  if (start + IPV6_HEADER_BYTES > end) return FAULT_TRUNCATED_ICMP_INNER;
  view.innerSourceOffset = start + 8;
  view.innerDestinationOffset = start + 24;
  const walked = walkInnerExtensionHeaders(
    bytes,
    start + IPV6_HEADER_BYTES,
    end,
    ipv6NextHeader(bytes, start),
    view,
  );
  return walked < 0 ? FAULT_TRUNCATED_ICMP_INNER : readInnerPorts(bytes, end, walked === 0, view);
}

function readInnerPorts(bytes: Uint8Array, end: number, isLaterFragment: boolean, view: PacketView): number {
  const at = view.innerL4Offset;
  view.innerSourcePort = 0;
  view.innerDestinationPort = 0;
  if (!isLaterFragment) {
    if (hasPorts(view.innerProtocol)) {
      if (at + INNER_L4_BYTES > end) return FAULT_TRUNCATED_ICMP_INNER;
      view.innerSourcePort = (bytes[at]! << 8) | bytes[at + 1]!;
      view.innerDestinationPort = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    view.innerTupleKnown = 1;
  }
  view.innerIpVersion = view.ipVersion;
  return PARSE_OK;
}
