// IPv4 headers (RFC 791): fields from bytes and back. Must not know what stands behind them.
//
//    0               8               16              24            31
//   |version|  IHL  |      TOS      |         total length          |  0
//   |        identification         |0 D M|     fragment offset     |  4
//   |      TTL      |   protocol    |        header checksum        |  8
//   |                        source address                         | 12
//   |                      destination address                      | 16
//   |                        options, 0 … 40                        | 20

import { foldSum, sumBytes, sumHalves } from "./checksum.js";
import {
  FAULT_BAD_FRAGMENT,
  FAULT_BAD_HEADER_LENGTH,
  FAULT_BAD_IPV4_CHECKSUM,
  FAULT_BAD_IPV4_OPTION,
  FAULT_BAD_TOTAL_LENGTH,
  FAULT_SOURCE_ROUTED,
  FAULT_TRUNCATED,
  PARSE_OK,
} from "./faults.js";
import type { PacketView } from "./packet-view.js";

export const IPV4_HEADER_BYTES = 20;
/** Time to live of packets that we send (RFC 1122 section 3.2.1.7, IANA's default). */
export const DEFAULT_TTL = 64;

const MAX_PACKET_BYTES = 65_535;
const DO_NOT_FRAGMENT = 0x4000;
export const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;

export function ipv4HeaderLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! & 0x0f) << 2;
}

export function ipv4TotalLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}

export function ipv4Ttl(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 8]!;
}

export function ipv4Protocol(bytes: Uint8Array, offset: number): number {
  return bytes[offset + 9]!;
}

/** Bytes before the fragment's data in the whole packet's data: 0 in a whole packet and a first fragment. */
export function ipv4FragmentOffset(bytes: Uint8Array, offset: number): number {
  return (((bytes[offset + 6]! << 8) | bytes[offset + 7]!) & FRAGMENT_OFFSET_MASK) << 3;
}

/**
 * Reads the header at `offset`, of `length` readable bytes, into `view`: all but the upper layer's own fields.
 * Returns PARSE_OK, or a fault that the upper layer does not change; FAULT_SOURCE_ROUTED leaves all of the view set.
 * That the whole packet is there is for the caller to check (`totalLength` against `length`).
 */
export function parseIpv4Header(
  bytes: Uint8Array,
  halves: Uint16Array,
  offset: number,
  length: number,
  view: PacketView,
): number {
  if (length < IPV4_HEADER_BYTES) return FAULT_TRUNCATED;
  const headerLength = ipv4HeaderLength(bytes, offset);
  if (headerLength < IPV4_HEADER_BYTES) return FAULT_BAD_HEADER_LENGTH;
  if (headerLength > length) return FAULT_TRUNCATED;
  const totalLength = ipv4TotalLength(bytes, offset);
  if (totalLength < headerLength) return FAULT_BAD_TOTAL_LENGTH;

  view.ipVersion = 4;
  view.totalLength = totalLength;
  view.addressLength = 4;
  view.sourceOffset = offset + 12;
  view.destinationOffset = offset + 16;
  view.protocol = bytes[offset + 9]!;
  view.l4Offset = offset + headerLength;
  view.l4Length = totalLength - headerLength;
  view.identification = (bytes[offset + 4]! << 8) | bytes[offset + 5]!;

  // The sum over a header with a right checksum is all ones (RFC 1071 section 1).
  const sum =
    (offset & 1) === 0
      ? headerLength === IPV4_HEADER_BYTES
        ? sumPlainHeader(halves, offset >>> 1)
        : sumHalves(halves, bytes, offset, headerLength)
      : sumBytes(bytes, offset, headerLength);
  if (sum !== 0xffff) return FAULT_BAD_IPV4_CHECKSUM;

  const fragment = (bytes[offset + 6]! << 8) | bytes[offset + 7]!;
  if ((fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) !== 0) {
    view.isFragment = 1;
    view.fragmentDataOffset = view.l4Offset;
    view.fragmentProtocol = view.protocol;
    view.fragmentOffset = (fragment & FRAGMENT_OFFSET_MASK) << 3;
    view.moreFragments = (fragment & MORE_FRAGMENTS) === 0 ? 0 : 1;
    if (isBadFragment(view.fragmentOffset, view.l4Length, view.moreFragments, headerLength)) {
      return FAULT_BAD_FRAGMENT;
    }
  }
  return headerLength === IPV4_HEADER_BYTES ? PARSE_OK : checkOptions(bytes, offset, headerLength, view);
}

/** The sum over a header without options. Byte order is left as it is: all ones are all ones in both. */
function sumPlainHeader(halves: Uint16Array, index: number): number {
  return foldSum(
    halves[index]! +
      halves[index + 1]! +
      halves[index + 2]! +
      halves[index + 3]! +
      halves[index + 4]! +
      halves[index + 5]! +
      halves[index + 6]! +
      halves[index + 7]! +
      halves[index + 8]! +
      halves[index + 9]!,
  );
}

/**
 * Whether a fragment cannot be part of any packet: it is empty, reaches past the longest packet (the "ping of death"),
 * or is not the last and does not end on a multiple of 8 bytes. `headerLength` counts toward the longest packet.
 */
export function isBadFragment(
  fragmentOffset: number,
  dataLength: number,
  moreFragments: number,
  headerLength: number,
): boolean {
  return (
    dataLength === 0 ||
    headerLength + fragmentOffset + dataLength > MAX_PACKET_BYTES ||
    (moreFragments === 1 && (dataLength & 7) !== 0)
  );
}

/** Options are skipped, but must be well formed; source routes are a fault (RFC 7126 section 4.3, 4.4). */
function checkOptions(bytes: Uint8Array, offset: number, headerLength: number, view: PacketView): number {
  const end = offset + headerLength;
  for (let at = offset + IPV4_HEADER_BYTES; at < end; ) {
    const option = bytes[at]!;
    if (option === OPTION_END) break;
    if (option === OPTION_NOP) {
      at++;
      continue;
    }
    if (at + 2 > end) return FAULT_BAD_IPV4_OPTION;
    const optionLength = bytes[at + 1]!;
    if (optionLength < 2 || at + optionLength > end) return FAULT_BAD_IPV4_OPTION;
    if (option === OPTION_LOOSE_SOURCE_ROUTE || option === OPTION_STRICT_SOURCE_ROUTE) {
      if (optionLength < 3 || ((optionLength - 3) & 3) !== 0) return FAULT_BAD_IPV4_OPTION;
      // Type, length, pointer, addresses. While the pointer (from 4) is in the list, its last address is the final
      // destination, which the upper layer's checksum is over (RFC 9293 section 3.1).
      if (bytes[at + 2]! < optionLength) view.destinationOffset = at + optionLength - 4;
      return FAULT_SOURCE_ROUTED;
    }
    at += optionLength;
  }
  return PARSE_OK;
}

/**
 * Writes a header without options, checksum included, at `offset`. The addresses are the 4 bytes each at
 * `sourceOffset` and `destinationOffset` of `addresses` (which may be `bytes`, but not the header's own place).
 * "Don't fragment" is set: such a packet needs no unique identification (RFC 6864 section 4.1).
 */
export function emitIpv4Header(
  bytes: Uint8Array,
  offset: number,
  totalLength: number,
  protocol: number,
  identification: number,
  ttl: number,
  addresses: Uint8Array,
  sourceOffset: number,
  destinationOffset: number,
): void {
  bytes[offset] = 0x45;
  bytes[offset + 1] = 0;
  bytes[offset + 2] = totalLength >>> 8;
  bytes[offset + 3] = totalLength;
  bytes[offset + 4] = identification >>> 8;
  bytes[offset + 5] = identification;
  bytes[offset + 6] = DO_NOT_FRAGMENT >>> 8;
  bytes[offset + 7] = 0;
  bytes[offset + 8] = ttl;
  bytes[offset + 9] = protocol;
  for (let i = 0; i < 4; i++) {
    bytes[offset + 12 + i] = addresses[sourceOffset + i]!;
    bytes[offset + 16 + i] = addresses[destinationOffset + i]!;
  }
  writeIpv4Checksum(bytes, offset);
}

/** Writes the checksum of a header without options, all else of which is in place. */
export function writeIpv4Checksum(bytes: Uint8Array, offset: number): void {
  bytes[offset + 10] = 0;
  bytes[offset + 11] = 0;
  const checksum = ~sumBytes(bytes, offset, IPV4_HEADER_BYTES);
  bytes[offset + 10] = checksum >>> 8;
  bytes[offset + 11] = checksum;
}
