// What the farm says by ICMP: replies to echo requests, made of the request in place, and "port unreachable", made of
// the packet that no one listens for. Must not know whether it may be said: the caller limits the rate, and has
// parsed the packet without a fault. Addresses that must not be answered are refused here (RFC 1122 section 3.2.2).

import { addSums, sumBytes, sumPseudoHeader, updateChecksum } from "./checksum.js";
import { ICMP_HEADER_BYTES, isIcmpError } from "./icmp-error.js";
import {
  ICMP_CODE_PORT,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_UNREACHABLE,
  ICMPV6_CODE_PORT,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_UNREACHABLE,
} from "./icmp-types.js";
import { DEFAULT_TTL, emitIpv4Header, IPV4_HEADER_BYTES } from "./ipv4.js";
import { DEFAULT_HOP_LIMIT, emitIpv6Header, IPV6_HEADER_BYTES, IPV6_MIN_MTU_BYTES } from "./ipv6.js";
import { isGroup, isUnspecified } from "./martian.js";
import type { PacketView } from "./packet-view.js";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6 } from "./protocols.js";

/** Longest ICMP error of IPv4, its IP header included (RFC 1812 section 4.3.2.3). */
export const MAX_ICMP_ERROR_BYTES = 576;
/** Longest ICMPv6 error, its IP header included (RFC 4443 section 2.4 c). */
export const MAX_ICMPV6_ERROR_BYTES = IPV6_MIN_MTU_BYTES;

/**
 * Turns the echo request that `view` was parsed from into its reply, in place; `view.totalLength` bytes from
 * `view.offset` are then to be sent. IPv4 options and IPv6 extension headers stay as they came.
 * Returns false, and changes nothing, if the packet is none or was sent to a group.
 */
export function turnEchoIntoReply(bytes: Uint8Array, view: PacketView): boolean {
  const isIpv4 = view.ipVersion === 4;
  if (isIpv4 ? view.protocol !== PROTOCOL_ICMP : view.protocol !== PROTOCOL_ICMPV6) return false;
  if (view.icmpType !== (isIpv4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST)) return false;
  if (isGroup(bytes, view.destinationOffset, view.addressLength)) return false;

  // Neither checksum notices that the addresses change places; for the rest see RFC 1624.
  for (let i = 0; i < view.addressLength; i++) {
    const byte = bytes[view.sourceOffset + i]!;
    bytes[view.sourceOffset + i] = bytes[view.destinationOffset + i]!;
    bytes[view.destinationOffset + i] = byte;
  }
  changeWord(
    bytes,
    view.l4Offset,
    ((isIpv4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY) << 8) | view.icmpCode,
    view.l4Offset + 2,
  );
  if (isIpv4) changeWord(bytes, view.offset + 8, (DEFAULT_TTL << 8) | view.protocol, view.offset + 10);
  else bytes[view.offset + 7] = DEFAULT_HOP_LIMIT;
  return true;
}

/** Replaces the 16-bit word at `at`, which the checksum at `checksumAt` covers. */
function changeWord(bytes: Uint8Array, at: number, after: number, checksumAt: number): void {
  const before = (bytes[at]! << 8) | bytes[at + 1]!;
  const checksum = updateChecksum((bytes[checksumAt]! << 8) | bytes[checksumAt + 1]!, before, after);
  bytes[at] = after >>> 8;
  bytes[at + 1] = after;
  bytes[checksumAt] = checksum >>> 8;
  bytes[checksumAt + 1] = checksum;
}

/**
 * Writes the "port unreachable" that answers the packet `view` was parsed from to `output` at `start`, where there
 * must be room for MAX_ICMP_ERROR_BYTES (IPv4) or MAX_ICMPV6_ERROR_BYTES (IPv6). It quotes as much of the packet as fits.
 * Returns its length in bytes; 0, and writes nothing, if the packet is one that must not be answered by an error: an
 * ICMP error itself, a later fragment, or one from or to an address that is not one host's (RFC 1122 section 3.2.2).
 */
export function emitUnreachable(
  bytes: Uint8Array,
  view: PacketView,
  output: Uint8Array,
  start: number,
): number {
  const isIpv4 = view.ipVersion === 4;
  if (view.fragmentOffset > 0 || (view.icmpType >= 0 && isIcmpError(view.ipVersion, view.icmpType))) return 0;
  if (
    isGroup(bytes, view.destinationOffset, view.addressLength) ||
    isGroup(bytes, view.sourceOffset, view.addressLength) ||
    isUnspecified(bytes, view.sourceOffset, view.addressLength)
  ) {
    return 0;
  }
  const headersLength = (isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) + ICMP_HEADER_BYTES;
  const longest = isIpv4 ? MAX_ICMP_ERROR_BYTES : MAX_ICMPV6_ERROR_BYTES;
  const quoted = Math.min(view.totalLength, longest - headersLength);
  const icmpLength = ICMP_HEADER_BYTES + quoted;
  const at = start + headersLength - ICMP_HEADER_BYTES;

  // From who was addressed to who sent.
  if (isIpv4) {
    const length = headersLength + quoted;
    emitIpv4Header(
      output,
      start,
      length,
      PROTOCOL_ICMP,
      0,
      DEFAULT_TTL,
      bytes,
      view.destinationOffset,
      view.sourceOffset,
    );
  } else {
    emitIpv6Header(
      output,
      start,
      icmpLength,
      PROTOCOL_ICMPV6,
      DEFAULT_HOP_LIMIT,
      bytes,
      view.destinationOffset,
      view.sourceOffset,
    );
  }
  output[at] = isIpv4 ? ICMP_UNREACHABLE : ICMPV6_UNREACHABLE;
  output[at + 1] = isIpv4 ? ICMP_CODE_PORT : ICMPV6_CODE_PORT;
  for (let i = 2; i < ICMP_HEADER_BYTES; i++) output[at + i] = 0;
  for (let i = 0; i < quoted; i++) output[at + ICMP_HEADER_BYTES + i] = bytes[view.offset + i]!;

  let sum = sumBytes(output, at, icmpLength);
  if (!isIpv4)
    sum = addSums(sum, sumPseudoHeader(output, start + 8, start + 24, 16, PROTOCOL_ICMPV6, icmpLength));
  output[at + 2] = (~sum & 0xffff) >>> 8;
  output[at + 3] = ~sum;
  return headersLength + quoted;
}
