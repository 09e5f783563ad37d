// Reads the packet that an ICMP or ICMPv6 error is about (RFC 792, RFC 4443 section 2.4 c), which was sent by us or by
// someone who pretends so: the director finds its flow by it, turned round. Less of it is there than was sent, and
// routers have changed it on its way, so that neither its length nor its checksums are verified.

import {
  FAULT_BAD_ICMP_INNER,
  FAULT_MISSING_ICMP_INNER,
  FAULT_TRUNCATED_ICMP_INNER,
  PARSE_OK,
} from "./faults.js";
import {
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
} from "./icmp-types.js";
import { IPV4_HEADER_BYTES, ipv4FragmentOffset, ipv4HeaderLength, ipv4Protocol } from "./ipv4.js";
import { IPV6_HEADER_BYTES, ipv6NextHeader, walkInnerExtensionHeaders } from "./ipv6.js";
import type { PacketView } from "./packet-view.js";
import { hasPorts } from "./protocols.js";

/** RFC 792: an error carries at least this much behind the IP header. TCP has its ports and sequence number in it. */
const INNER_L4_BYTES = 8;
const FIRST_ICMPV6_INFORMATION = 128;

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
