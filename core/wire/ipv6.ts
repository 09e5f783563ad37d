// IPv6 headers and extension headers (RFC 8200): fields from bytes and back. Must not know what stands behind them.
// Extension headers are walked a bounded number of times, and each is inside the packet before a byte of it is read.
//
//    0       4           12                      24            31
//   |version| traffic class |              flow label             |  0
//   |        payload length         |  next header  |  hop limit  |  4
//   |                 source address, 16 bytes                    |  8
//   |              destination address, 16 bytes                  | 24

import {
  FAULT_BAD_EXTENSION_HEADER,
  FAULT_BAD_FRAGMENT,
  FAULT_BAD_TOTAL_LENGTH,
  FAULT_HOME_ADDRESS,
  FAULT_SOURCE_ROUTED,
  FAULT_TOO_MANY_EXTENSION_HEADERS,
  FAULT_TRUNCATED,
  FAULT_UNSUPPORTED_EXTENSION,
  PARSE_OK,
} from "./faults.js";
import { isBadFragment } from "./ipv4.js";
import type { PacketView } from "./packet-view.js";
import { HEADER_DESTINATION, HEADER_FRAGMENT, HEADER_HOP_BY_HOP, HEADER_ROUTING } from "./protocols.js";

export const IPV6_HEADER_BYTES = 40;
/** Hop limit of packets that we send (RFC 4861 section 6.3.2 leaves it to the host; IANA's default). */
export const DEFAULT_HOP_LIMIT = 64;
/** Every path takes packets of this length (RFC 8200 section 5). */
export const IPV6_MIN_MTU_BYTES = 1280;
/** Most extension headers in a packet: RFC 8200 section 4.1 has six kinds, one of them twice. */
const MAX_EXTENSION_HEADERS = 8;
/** Most bytes in all of them: what is longer is there to keep us busy (RFC 8504 section 5.3 lets a host draw such lines). */
export const MAX_EXTENSION_BYTES = 512;

const OPTION_PAD1 = 0;
const OPTION_JUMBO = 0xc2;
const OPTION_HOME_ADDRESS = 0xc9;
/** An unknown option with any of these bits set forbids to go on (RFC 8200 section 4.2). */
const OPTION_MUST_KNOW = 0xc0;

const ROUTING_TYPE_SOURCE = 0;
const ROUTING_TYPE_MOBILE = 2;
const ROUTING_TYPE_SEGMENT = 4;

/** Header and payload, in bytes. */
export function ipv6TotalLength(bytes: Uint8Array, offset: number): number {
  return IPV6_HEADER_BYTES + ((bytes[offset + 4]! << 8) | bytes[offset + 5]!);
}

export function ipv6NextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 6]!;
}

export function ipv6HopLimit(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 7]!;
}

/** Whether `nextHeader` is a header to walk over and not an upper layer. */
function isExtensionHeader(nextHeader: number): boolean {
  return (
    nextHeader === HEADER_HOP_BY_HOP ||
    nextHeader === HEADER_ROUTING ||
    nextHeader === HEADER_FRAGMENT ||
    nextHeader === HEADER_DESTINATION
  );
}

/**
 * Reads the header at `offset`, of `length` readable bytes, and all extension headers into `view`: all but the upper
 * layer's own fields. Returns PARSE_OK, or a fault; FAULT_SOURCE_ROUTED and FAULT_HOME_ADDRESS leave all of the view
 * set. That the whole packet is there is for the caller to check (`totalLength` against `length`).
 */
export function parseIpv6Header(bytes: Uint8Array, offset: number, length: number, view: PacketView): number {
  if (length < IPV6_HEADER_BYTES) return FAULT_TRUNCATED;
  const totalLength = ipv6TotalLength(bytes, offset);
  const nextHeader = ipv6NextHeader(bytes, offset);
  view.ipVersion = 6;
  view.totalLength = totalLength;
  view.addressLength = 16;
  view.sourceOffset = offset + 8;
  view.destinationOffset = offset + 24;
  view.l4Offset = offset + IPV6_HEADER_BYTES;
  view.l4Length = totalLength - IPV6_HEADER_BYTES;
  if (isExtensionHeader(nextHeader)) return walkExtensionHeaders(bytes, offset, length, nextHeader, view);
  view.protocol = nextHeader;
  return PARSE_OK;
}

//    0               8               16              24            31
//   |  next header  |    length     |  options, or type and more    |   length: of the header, in units of 8 bytes,
//   |                              …                                |   without the first; the fragment header has none
function walkExtensionHeaders(
  bytes: Uint8Array,
  offset: number,
  length: number,
  firstHeader: number,
  view: PacketView,
): number {
  const whole = view.totalLength <= length;
  const end = offset + (whole ? view.totalLength : length);
  const pastEnd = whole ? FAULT_BAD_EXTENSION_HEADER : FAULT_TRUNCATED;
  let at = view.l4Offset;
  let header = firstHeader;
  let verdict: number = PARSE_OK;

  for (let count = 0; isExtensionHeader(header); count++) {
    if (count === MAX_EXTENSION_HEADERS) return FAULT_TOO_MANY_EXTENSION_HEADERS;
    if (at + 8 > end) return pastEnd;
    const headerLength = header === HEADER_FRAGMENT ? 8 : (bytes[at + 1]! + 1) << 3;
    if (at + headerLength > end) return pastEnd;
    if (at + headerLength - view.l4Offset > MAX_EXTENSION_BYTES) return FAULT_TOO_MANY_EXTENSION_HEADERS;

    let fault: number = PARSE_OK;
    if (header === HEADER_FRAGMENT) {
      fault = readFragmentHeader(bytes, at, offset, view);
    } else if (header === HEADER_ROUTING) {
      fault = readRoutingHeader(bytes, at, headerLength, view);
    } else if (header === HEADER_HOP_BY_HOP && count > 0) {
      return FAULT_BAD_EXTENSION_HEADER; // RFC 8200 section 4.1: only right behind the IPv6 header.
    } else {
      fault = readOptions(bytes, at, headerLength, header, view);
    }
    if (fault === FAULT_SOURCE_ROUTED || fault === FAULT_HOME_ADDRESS) verdict = fault;
    else if (fault !== PARSE_OK) return fault;

    header = bytes[at]!;
    at += headerLength;
    // What follows in a later fragment is data, whatever the fragment header calls it.
    if (view.fragmentOffset > 0) break;
  }
  view.protocol = header;
  view.l4Offset = at;
  view.l4Length = offset + view.totalLength - at;
  return verdict;
}

//   |  next header  |   reserved    |   fragment offset       | 0 |M|
//   |                        identification                         |
function readFragmentHeader(bytes: Uint8Array, at: number, offset: number, view: PacketView): number {
  if (view.isFragment === 1) return FAULT_BAD_EXTENSION_HEADER; // A fragment of a fragment.
  const word = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  view.fragmentOffset = word & 0xfff8;
  view.moreFragments = word & 1;
  view.identification =
    (bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!;
  if (view.fragmentOffset === 0 && view.moreFragments === 0) return PARSE_OK; // Atomic: RFC 6946.
  view.isFragment = 1;
  view.fragmentDataOffset = at + 8;
  view.fragmentProtocol = bytes[at]!;
  const dataLength = offset + view.totalLength - (at + 8);
  // The longest payload is 65,535 bytes, of which the headers before the fragment header take their part.
  const headersBefore = at - offset - IPV6_HEADER_BYTES;
  return isBadFragment(view.fragmentOffset, dataLength, view.moreFragments, headersBefore)
    ? FAULT_BAD_FRAGMENT
    : PARSE_OK;
}

//   |  next header  |    length     |     type      | segments left |
//   |                     type's own, 4 bytes                       |
//   |                addresses, 16 bytes each …                     |
function readRoutingHeader(bytes: Uint8Array, at: number, headerLength: number, view: PacketView): number {
  const type = bytes[at + 2]!;
  const segmentsLeft = bytes[at + 3]!;
  if (segmentsLeft === 0) return PARSE_OK; // RFC 8200 section 4.4: skipped, of whatever type.
  // The upper layer's checksum is over the final destination (RFC 8200 section 8.1).
  const addressCount = (headerLength - 8) >> 4;
  if (type === ROUTING_TYPE_SOURCE || type === ROUTING_TYPE_MOBILE) {
    if (segmentsLeft > addressCount || ((headerLength - 8) & 15) !== 0) return FAULT_BAD_EXTENSION_HEADER;
    view.destinationOffset = at + 8 + ((addressCount - 1) << 4);
  } else if (type === ROUTING_TYPE_SEGMENT) {
    // RFC 8754 section 2: the list is in reverse order, and may end before the header does.
    if (segmentsLeft > addressCount) return FAULT_BAD_EXTENSION_HEADER;
    view.destinationOffset = at + 8;
  } else {
    return FAULT_UNSUPPORTED_EXTENSION;
  }
  return FAULT_SOURCE_ROUTED;
}

//   |  option type  |  data length  |  data …        or one byte 0: Pad1
function readOptions(
  bytes: Uint8Array,
  at: number,
  headerLength: number,
  header: number,
  view: PacketView,
): number {
  const end = at + headerLength;
  let verdict: number = PARSE_OK;
  for (let option = at + 2; option < end; ) {
    const type = bytes[option]!;
    if (type === OPTION_PAD1) {
      option++;
      continue;
    }
    if (option + 2 > end) return FAULT_BAD_EXTENSION_HEADER;
    const dataLength = bytes[option + 1]!;
    const next = option + 2 + dataLength;
    if (next > end) return FAULT_BAD_EXTENSION_HEADER;
    if (type === OPTION_HOME_ADDRESS && header === HEADER_DESTINATION) {
      if (dataLength !== 16) return FAULT_BAD_EXTENSION_HEADER;
      view.sourceOffset = option + 2; // The upper layer's checksum is over it (RFC 6275 section 11.3.1).
      verdict = FAULT_HOME_ADDRESS;
    } else if (type === OPTION_JUMBO && header === HEADER_HOP_BY_HOP) {
      return FAULT_BAD_TOTAL_LENGTH;
    } else if ((type & OPTION_MUST_KNOW) !== 0) {
      return FAULT_UNSUPPORTED_EXTENSION;
    }
    option = next;
  }
  return verdict;
}

/**
 * Walks over the extension headers of a packet that an ICMP error carries, from `at`, which is `firstHeader`, to `end`.
 * Sets the view's `innerProtocol` and `innerL4Offset`; returns 1 if the upper layer's header begins there, 0 if the
 * packet is a later fragment, which has none, and -1 if `end` comes first or there are too many headers.
 */
export function walkInnerExtensionHeaders(
  bytes: Uint8Array,
  from: number,
  end: number,
  firstHeader: number,
  view: PacketView,
): number {
  let at = from;
  let header = firstHeader;
  let isLaterFragment = false;
  for (let count = 0; isExtensionHeader(header) && !isLaterFragment; count++) {
    if (count === MAX_EXTENSION_HEADERS || at + 8 > end) return -1;
    if (header === HEADER_FRAGMENT) isLaterFragment = ((bytes[at + 2]! << 8) | (bytes[at + 3]! & 0xf8)) !== 0;
    const headerLength = header === HEADER_FRAGMENT ? 8 : (bytes[at + 1]! + 1) << 3;
    header = bytes[at]!;
    at += headerLength;
    if (at > end) return -1;
  }
  view.innerProtocol = header;
  view.innerL4Offset = at;
  return isLaterFragment ? 0 : 1;
}

/**
 * Writes a header without extensions at `offset`. The addresses are the 16 bytes each at `sourceOffset` and
 * `destinationOffset` of `addresses` (which may be `bytes`, but not the header's own place).
 */
export function emitIpv6Header(
  bytes: Uint8Array,
  offset: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
  addresses: Uint8Array,
  sourceOffset: number,
  destinationOffset: number,
): void {
  bytes[offset] = 0x60;
  bytes[offset + 1] = 0;
  bytes[offset + 2] = 0;
  bytes[offset + 3] = 0;
  bytes[offset + 4] = payloadLength >>> 8;
  bytes[offset + 5] = payloadLength;
  bytes[offset + 6] = nextHeader;
  bytes[offset + 7] = hopLimit;
  for (let i = 0; i < 16; i++) {
    bytes[offset + 8 + i] = addresses[sourceOffset + i]!;
    bytes[offset + 24 + i] = addresses[destinationOffset + i]!;
  }
}
