// UDP headers (RFC 768): written around a payload that is already in its place. Reading one is the parser's part.
//
//    0               8               16              24            31
//   |          source port          |       destination port        |  0
//   |            length             |           checksum            |  4
//   |                           payload …                           |  8

import { addSums, sumBytes, sumPseudoHeader } from "./checksum.js";
import { PROTOCOL_UDP } from "./protocols.js";

export const UDP_HEADER_BYTES = 8;
/** Offset of the checksum field in the header: what an egress wants to know. */
export const UDP_CHECKSUM_OFFSET = 6;

/**
 * Writes the header at `offset`, before `payloadLength` bytes of payload. The IP header must be there already: the
 * addresses, `addressLength` (4 or 16) bytes each, are read from `bytes` at `sourceOffset` and `destinationOffset`.
 * With `checksumOffload` the checksum field gets the folded, uncomplemented sum of the pseudo-header only, and the
 * device does the rest.
 */
export function emitUdpHeader(
  bytes: Uint8Array,
  offset: number,
  sourcePort: number,
  destinationPort: number,
  payloadLength: number,
  sourceOffset: number,
  destinationOffset: number,
  addressLength: number,
  checksumOffload: boolean,
): void {
  const length = UDP_HEADER_BYTES + payloadLength;
  bytes[offset] = sourcePort >>> 8;
  bytes[offset + 1] = sourcePort;
  bytes[offset + 2] = destinationPort >>> 8;
  bytes[offset + 3] = destinationPort;
  bytes[offset + 4] = length >>> 8;
  bytes[offset + 5] = length;
  bytes[offset + 6] = 0;
  bytes[offset + 7] = 0;
  let checksum = sumPseudoHeader(bytes, sourceOffset, destinationOffset, addressLength, PROTOCOL_UDP, length);
  if (!checksumOffload) {
    checksum = ~addSums(checksum, sumBytes(bytes, offset, length)) & 0xffff;
    // 0 would say that there is none; all ones is the same number (RFC 768).
    if (checksum === 0) checksum = 0xffff;
  }
  bytes[offset + 6] = checksum >>> 8;
  bytes[offset + 7] = checksum;
}
