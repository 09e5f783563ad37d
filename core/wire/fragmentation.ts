// Cutting a packet that is longer than its link takes into fragments (RFC 791 section 3.2, RFC 8200 section 4.5), in place: each
// one's headers are written right before its data, over data of the one before, which has left. Only for packets with a plain
// header, and of IPv6 with 8 bytes before it that nobody needs, as a slot has them. The other direction is core/flow/fragments.
//
//   IPv6 fragment header:   |  next header  |   reserved    |   fragment offset       | 0 |M|
//                           |                        identification                         |

import { IPV4_HEADER_BYTES, MORE_FRAGMENTS, writeIpv4Checksum } from "./ipv4.js";
import { IPV6_HEADER_BYTES } from "./ipv6.js";
import type { PacketView } from "./packet-view.js";
import { HEADER_FRAGMENT } from "./protocols.js";
import { writeWord } from "./word.js";

const FRAGMENT_HEADER_BYTES = 8;

/** Bytes of data in each fragment but the last. */
export function fragmentDataBytes(ipVersion: number, mtuBytes: number): number {
  return (mtuBytes - fragmentHeadersBytes(ipVersion)) & ~7;
}

/** Bytes of headers in each fragment. */
export function fragmentHeadersBytes(ipVersion: number): number {
  return ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
}

/** Whether the packet can be cut: its header has no options or extensions. */
export function isCuttable(view: PacketView): boolean {
  const headerBytes = view.ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  return view.l4Offset - view.offset === headerBytes;
}

/**
 * Makes a fragment of the `length` bytes of the packet's data from `start` on, which begins `fragmentHeadersBytes` before them.
 * To be called for all of them from the first on, `stepBytes` apart; `view.identification` is that of all of them.
 */
export function turnIntoFragment(
  bytes: Uint8Array,
  view: PacketView,
  start: number,
  length: number,
  stepBytes: number,
): void {
  const { ipVersion, identification, l4Offset } = view;
  const headersBytes = fragmentHeadersBytes(ipVersion);
  const at = l4Offset + start - headersBytes;
  const more = start + length < view.l4Length ? 1 : 0;
  if (start > 0) bytes.copyWithin(at, at - stepBytes, at - stepBytes + headersBytes);
  if (ipVersion === 4) {
    const totalLength = headersBytes + length;
    writeWord(bytes, at + 4, (identification << 16) | (more * MORE_FRAGMENTS) | (start >>> 3));
    bytes[at + 2] = totalLength >>> 8;
    bytes[at + 3] = totalLength;
    writeIpv4Checksum(bytes, at);
    return;
  }
  const header = at + IPV6_HEADER_BYTES;
  if (start === 0) {
    bytes.copyWithin(at, view.offset, view.offset + IPV6_HEADER_BYTES);
    bytes[at + 6] = HEADER_FRAGMENT;
    bytes[header] = view.protocol;
    bytes[header + 1] = 0;
    writeWord(bytes, header + 4, identification);
  }
  const payloadLength = FRAGMENT_HEADER_BYTES + length;
  bytes[at + 4] = payloadLength >>> 8;
  bytes[at + 5] = payloadLength;
  bytes[header + 2] = start >>> 8;
  bytes[header + 3] = start | more;
}
