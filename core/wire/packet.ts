// The parser: one packet in, one verdict and one view out. The director's first step, and where every packet from
// outside is validated, once: behind PARSE_OK all lengths, offsets and (unless the link vouches) checksums are right.
// Never reads a byte outside of `offset … offset + length`, never throws, never allocates. Must not know what is done
// with the packet or who it is for.
//
// Which fault a packet with several gets: headers from the outside in, then the checksum, then what kind of packet it
// is (source-routed, martian). A packet that is cut short or a fragment has no checksum to verify; its ports are read
// where they are there.

import { addSums, sumBytes, sumHalves, sumPseudoHeader } from "./checksum.js";
import {
  FAULT_BAD_ICMP_CHECKSUM,
  FAULT_BAD_MOBILITY_CHECKSUM,
  FAULT_BAD_TCP_CHECKSUM,
  FAULT_BAD_TCP_HEADER,
  FAULT_BAD_UDP_CHECKSUM,
  FAULT_BAD_UDP_LENGTH,
  FAULT_BAD_VERSION,
  FAULT_FRAGMENT,
  FAULT_HOME_ADDRESS,
  FAULT_MARTIAN,
  FAULT_MISSING_UDP_CHECKSUM,
  FAULT_NO_UPPER_LAYER,
  FAULT_SOURCE_ROUTED,
  FAULT_TRUNCATED,
  FAULT_TRUNCATED_ICMP,
  FAULT_TRUNCATED_TCP,
  FAULT_TRUNCATED_UDP,
  FAULT_UNSUPPORTED_PROTOCOL,
  PARSE_OK,
} from "./faults.js";
import { ICMP_HEADER_BYTES, isIcmpError, parseIcmpInner } from "./icmp-error.js";
import { parseIpv4Header } from "./ipv4.js";
import { parseIpv6Header } from "./ipv6.js";
import { isMartian } from "./martian.js";
import { clearView, type PacketView } from "./packet-view.js";
import { parsePlainTcp } from "./plain-tcp.js";
import {
  HEADER_NONE,
  hasPorts,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_MOBILITY,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "./protocols.js";

import { TCP_FLAGS_OFFSET, TCP_HEADER_BYTES, tcpHeaderBytes } from "./tcp.js";
import { UDP_HEADER_BYTES } from "./udp.js";

export { PARSE_FAULTS, PARSE_OK, type ParseFault } from "./faults.js";
export { PacketView } from "./packet-view.js";

const MOBILITY_HEADER_BYTES = 8;

/**
 * Parses and validates the IP packet at `offset`, of which `length` bytes were received (more than the packet's own
 * length is link padding), into `view`. `halves` is a 16-bit view of the buffer that `bytes` is a view of, with the
 * same beginning. `checksumTrusted` (true, or not 0) spares the L4 checksum; the IPv4 header's is always verified.
 * Returns PARSE_OK or a fault; its name is `PARSE_FAULTS[fault]`.
 */
export function parsePacket(
  bytes: Uint8Array,
  halves: Uint16Array,
  offset: number,
  length: number,
  checksumTrusted: boolean | number,
  view: PacketView,
): number {
  if (
    parsePlainTcp(bytes, halves, offset, length, view) &&
    (checksumTrusted || isChecksumRight(bytes, halves, view))
  ) {
    return PARSE_OK;
  }
  clearView(view, offset);
  if (length <= 0) return FAULT_TRUNCATED;
  const version = bytes[offset]! >>> 4;
  let verdict: number;
  if (version === 4) verdict = parseIpv4Header(bytes, halves, offset, length, view);
  else if (version === 6) verdict = parseIpv6Header(bytes, offset, length, view);
  else return FAULT_BAD_VERSION;

  if (verdict !== PARSE_OK && verdict !== FAULT_SOURCE_ROUTED && verdict !== FAULT_HOME_ADDRESS)
    return verdict;
  if (view.totalLength > length) {
    readPorts(bytes, offset + length, view);
    return FAULT_TRUNCATED;
  }
  if (view.isFragment === 1) {
    readPorts(bytes, offset + view.totalLength, view);
    if (verdict === PARSE_OK) verdict = FAULT_FRAGMENT;
  } else {
    const fault = parseUpperLayer(bytes, halves, checksumTrusted, view);
    if (fault !== PARSE_OK) return fault;
  }
  if ((verdict === PARSE_OK || verdict === FAULT_FRAGMENT) && isMartian(bytes, view)) return FAULT_MARTIAN;
  return verdict;
}

function parseUpperLayer(
  bytes: Uint8Array,
  halves: Uint16Array,
  checksumTrusted: boolean | number,
  view: PacketView,
): number {
  switch (view.protocol) {
    case PROTOCOL_TCP:
      return parseTcp(bytes, halves, checksumTrusted, view);
    case PROTOCOL_UDP:
      return parseUdp(bytes, halves, checksumTrusted, view);
    case PROTOCOL_ICMP:
      return view.ipVersion === 4
        ? parseIcmp(bytes, halves, checksumTrusted, view)
        : refuseProtocol(bytes, view);
    case PROTOCOL_ICMPV6:
      return view.ipVersion === 6
        ? parseIcmp(bytes, halves, checksumTrusted, view)
        : refuseProtocol(bytes, view);
    case PROTOCOL_MOBILITY:
      return parseMobility(bytes, halves, checksumTrusted, view);
    default:
      return refuseProtocol(bytes, view);
  }
}

/** Reads the ports, where the protocol has them and they lie before `end` in a whole packet or first fragment. */
function readPorts(bytes: Uint8Array, end: number, view: PacketView): void {
  if (view.fragmentOffset > 0) return;
  if (!hasPorts(view.protocol)) {
    view.tupleKnown = 1;
    return;
  }
  const at = view.l4Offset;
  if (at + 4 > end) return;
  view.sourcePort = (bytes[at]! << 8) | bytes[at + 1]!;
  view.destinationPort = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  view.tupleKnown = 1;
}

function refuseProtocol(bytes: Uint8Array, view: PacketView): number {
  if (view.ipVersion === 6 && view.protocol === HEADER_NONE) return FAULT_NO_UPPER_LAYER;
  readPorts(bytes, view.l4Offset + view.l4Length, view);
  return FAULT_UNSUPPORTED_PROTOCOL;
}

//   |          source port          |       destination port        |  0
//   |                        sequence number                        |  4
//   |                    acknowledgment number                      |  8
//   |offset | reserved |   flags    |            window             | 12
//   |           checksum            |        urgent pointer         | 16
function parseTcp(
  bytes: Uint8Array,
  halves: Uint16Array,
  checksumTrusted: boolean | number,
  view: PacketView,
): number {
  const at = view.l4Offset;
  readPorts(bytes, at + view.l4Length, view);
  if (view.l4Length < TCP_HEADER_BYTES) return FAULT_TRUNCATED_TCP;
  view.tcpFlags = bytes[at + TCP_FLAGS_OFFSET]!;
  const headerLength = tcpHeaderBytes(bytes, at);
  if (headerLength < TCP_HEADER_BYTES || headerLength > view.l4Length) return FAULT_BAD_TCP_HEADER;
  if (checksumTrusted || isChecksumRight(bytes, halves, view)) return PARSE_OK;
  return FAULT_BAD_TCP_CHECKSUM;
}

//   |          source port          |       destination port        |  0
//   |            length             |           checksum            |  4
function parseUdp(
  bytes: Uint8Array,
  halves: Uint16Array,
  checksumTrusted: boolean | number,
  view: PacketView,
): number {
  const at = view.l4Offset;
  readPorts(bytes, at + view.l4Length, view);
  if (view.l4Length < UDP_HEADER_BYTES) return FAULT_TRUNCATED_UDP;
  const udpLength = (bytes[at + 4]! << 8) | bytes[at + 5]!;
  if (udpLength < UDP_HEADER_BYTES || udpLength > view.l4Length) return FAULT_BAD_UDP_LENGTH;
  view.l4Length = udpLength; // What the IP packet has beyond it belongs to no one (RFC 768).
  if (checksumTrusted) return PARSE_OK;
  // 0 says that the sender computed none: right in IPv4 (RFC 768) and wrong in IPv6 (RFC 8200 section 8.1).
  if (bytes[at + 6] === 0 && bytes[at + 7] === 0) {
    return view.ipVersion === 4 ? PARSE_OK : FAULT_MISSING_UDP_CHECKSUM;
  }
  return isChecksumRight(bytes, halves, view) ? PARSE_OK : FAULT_BAD_UDP_CHECKSUM;
}

//   |     type      |     code      |           checksum            |  0
//   |                    the type's own 4 bytes                     |  4
//   |         the type's own data, or the packet in error           |  8
// ICMPv6 has the same shape (RFC 4443 section 2.1), and every type in use of both has these 8 bytes.
function parseIcmp(
  bytes: Uint8Array,
  halves: Uint16Array,
  checksumTrusted: boolean | number,
  view: PacketView,
): number {
  const at = view.l4Offset;
  view.tupleKnown = 1;
  if (view.l4Length < ICMP_HEADER_BYTES) return FAULT_TRUNCATED_ICMP;
  view.icmpType = bytes[at]!;
  view.icmpCode = bytes[at + 1]!;
  if (!checksumTrusted) {
    const right =
      view.ipVersion === 6
        ? isChecksumRight(bytes, halves, view)
        : sumUpperLayer(bytes, halves, view) === 0xffff; // RFC 792: no pseudo-header.
    if (!right) return FAULT_BAD_ICMP_CHECKSUM;
  }
  if (!isIcmpError(view.ipVersion, view.icmpType)) return PARSE_OK;
  return parseIcmpInner(bytes, at + ICMP_HEADER_BYTES, at + view.l4Length, view);
}

//   | payload proto | header length |   MH type     |   reserved    |  0
//   |           checksum            |  message data                 |  4
// No one here speaks it; its checksum is verified so that damage is told apart from a protocol that we lack.
function parseMobility(
  bytes: Uint8Array,
  halves: Uint16Array,
  checksumTrusted: boolean | number,
  view: PacketView,
): number {
  view.tupleKnown = 1;
  if (view.ipVersion === 6 && view.l4Length >= MOBILITY_HEADER_BYTES && !checksumTrusted) {
    if (!isChecksumRight(bytes, halves, view)) return FAULT_BAD_MOBILITY_CHECKSUM;
  }
  return FAULT_UNSUPPORTED_PROTOCOL;
}

/** Sum of the upper layer's bytes, all ones if they hold a right checksum that covers nothing else. */
function sumUpperLayer(bytes: Uint8Array, halves: Uint16Array, view: PacketView): number {
  const at = view.l4Offset;
  return (at & 1) === 0 ? sumHalves(halves, bytes, at, view.l4Length) : sumBytes(bytes, at, view.l4Length);
}

/** Whether the upper layer's checksum, which covers a pseudo-header, is right. */
function isChecksumRight(bytes: Uint8Array, halves: Uint16Array, view: PacketView): boolean {
  const pseudoHeader = sumPseudoHeader(
    bytes,
    view.sourceOffset,
    view.destinationOffset,
    view.addressLength,
    view.protocol,
    view.l4Length,
  );
  // All ones is what a right checksum makes of the rest (RFC 1071 section 1).
  return addSums(pseudoHeader, sumUpperLayer(bytes, halves, view)) === 0xffff;
}

/** Whether all of the upper layer's header, options included, is in what the view has of the packet. */
export function hasWholeUpperHeader(
  bytes: Uint8Array,
  { protocol, l4Offset, l4Length }: PacketView,
): boolean {
  switch (protocol) {
    case PROTOCOL_TCP:
      return l4Length >= TCP_HEADER_BYTES && l4Length >= tcpHeaderBytes(bytes, l4Offset);
    case PROTOCOL_UDP:
      return l4Length >= UDP_HEADER_BYTES;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
      return l4Length >= ICMP_HEADER_BYTES;
    default:
      return true;
  }
}
