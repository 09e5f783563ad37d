// A shortcut for the packet that most packets are: TCP in IPv4 without options, whole, at an even offset, with nothing
// wrong. One flat function that reads the header as 16-bit words, which its checksum needs anyway: measured at 18 ns
// where the general way takes 35 ns. It only ever says "fine": for anything else the general parser decides, and where
// both do, they fill the view alike (test/fuzz/wire.test.ts compares them).

import { fromNetwork16 } from "./checksum.js";
import type { PacketView } from "./packet-view.js";
import { PROTOCOL_TCP } from "./protocols.js";

const HEADERS_BYTES = 40;
const MORE_FRAGMENTS_AND_OFFSET = 0x3fff;
const LOOPBACK_NET = 127;
const FIRST_MULTICAST_NET = 224;

/**
 * Parses the packet at `offset` if it is such a packet, up to its TCP checksum, which is the caller's to verify.
 * Returns whether it was one; if not, the view is untouched.
 */
export function parsePlainTcp(
  bytes: Uint8Array,
  halves: Uint16Array,
  offset: number,
  length: number,
  view: PacketView,
): boolean {
  if (length < HEADERS_BYTES || (offset & 1) !== 0) return false;
  if (bytes[offset] !== 0x45 || bytes[offset + 9] !== PROTOCOL_TCP) return false;

  const i = offset >>> 1;
  const rawLength = halves[i + 1]!;
  const rawFragment = halves[i + 3]!;
  const sourceHigh = halves[i + 6]!;
  const sourceLow = halves[i + 7]!;
  const destinationHigh = halves[i + 8]!;
  const destinationLow = halves[i + 9]!;
  const rawIdentification = halves[i + 2]!;
  const sum =
    halves[i]! +
    rawLength +
    rawIdentification +
    rawFragment +
    halves[i + 4]! +
    halves[i + 5]! +
    sourceHigh +
    sourceLow +
    destinationHigh +
    destinationLow;
  // One fold is enough: a sum of ten words that is all ones is 0xffff more than its high half, with no carry left.
  if ((sum & 0xffff) + (sum >>> 16) !== 0xffff) return false;

  const totalLength = fromNetwork16(rawLength);
  if (totalLength < HEADERS_BYTES || totalLength > length) return false;
  if ((fromNetwork16(rawFragment) & MORE_FRAGMENTS_AND_OFFSET) !== 0) return false;

  const sourceNet = fromNetwork16(sourceHigh) >>> 8;
  const destinationNet = fromNetwork16(destinationHigh) >>> 8;
  if (sourceNet === 0 || sourceNet === LOOPBACK_NET || sourceNet >= FIRST_MULTICAST_NET) return false;
  if (destinationNet === LOOPBACK_NET || destinationNet >= FIRST_MULTICAST_NET) return false;
  if (sourceLow === destinationLow && sourceHigh === destinationHigh) return false;

  const l4Length = totalLength - 20;
  const tcpHeaderLength = (bytes[offset + 32]! >>> 4) << 2;
  if (tcpHeaderLength < 20 || tcpHeaderLength > l4Length) return false;

  view.offset = offset;
  view.ipVersion = 4;
  view.totalLength = totalLength;
  view.addressLength = 4;
  view.sourceOffset = offset + 12;
  view.destinationOffset = offset + 16;
  view.protocol = PROTOCOL_TCP;
  view.l4Offset = offset + 20;
  view.l4Length = l4Length;
  view.tupleKnown = 1;
  view.sourcePort = fromNetwork16(halves[i + 10]!);
  view.destinationPort = fromNetwork16(halves[i + 11]!);
  view.tcpFlags = bytes[offset + 33]!;
  view.icmpType = -1;
  view.icmpCode = -1;
  view.isFragment = 0;
  view.fragmentOffset = 0;
  view.moreFragments = 0;
  view.identification = fromNetwork16(rawIdentification);
  view.innerIpVersion = 0;
  view.innerTupleKnown = 0;
  return true;
}
