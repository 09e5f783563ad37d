// The Internet checksum (RFC 1071): one's-complement sums over the bytes of a packet.
// Works on two views of one buffer, because summing 16-bit words is several times faster than assembling bytes;
// a one's-complement sum does not depend on the byte order it was summed in, so words are summed as the machine
// has them and swapped once at the end (RFC 1071, section 2 B).

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Swaps the bytes of a 16-bit number. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** A 16-bit word as the machine read it from a packet, in network byte order; and back. */
export function fromNetwork16(half: number): number {
  return LITTLE_ENDIAN ? swap16(half) : half;
}

/** Folds a sum of 16-bit words, below 2^32, to 16 bits with end-around carry. */
export function foldSum(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/**
 * One's-complement sum of `length` bytes at `offset`, folded to 16 bits, in network byte order.
 * An odd last byte counts as the high byte of a word (RFC 1071, section 4.1). `length` is at most 131,072, twice what
 * an IP packet can have, so that the sum of its words stays below 2^32.
 */
export function sumBytes(bytes: Uint8Array, offset: number, length: number): number {
  let sum = 0;
  const even = offset + (length & ~1);
  for (let i = offset; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if ((length & 1) !== 0) sum += bytes[even]! << 8;
  return foldSum(sum);
}

/**
 * The same sum as {@link sumBytes}, through a 16-bit view `halves` of the same buffer whose index 0 is `bytes[0]`.
 * `offset` must be even.
 */
export function sumHalves(halves: Uint16Array, bytes: Uint8Array, offset: number, length: number): number {
  let sum = 0;
  const end = (offset >>> 1) + (length >>> 1);
  let i = offset >>> 1;
  // Four words a round, in a tree: the additions of a round do not wait for each other.
  for (const last = end - 3; i < last; i += 4) {
    sum += halves[i]! + halves[i + 1]! + (halves[i + 2]! + halves[i + 3]!);
  }
  for (; i < end; i++) sum += halves[i]!;
  let folded = fromNetwork16(foldSum(sum));
  if ((length & 1) !== 0) folded = foldSum(folded + (bytes[offset + length - 1]! << 8));
  return folded;
}

/** Adds two folded sums. */
export function addSums(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >>> 16);
}

/**
 * Folded sum of the pseudo-header of TCP, UDP (RFC 9293 section 3.1) and, for IPv6, ICMPv6 (RFC 8200 section 8.1).
 * `addressLength` is 4 or 16; `length` is that of the upper-layer header and data.
 */
export function sumPseudoHeader(
  bytes: Uint8Array,
  sourceOffset: number,
  destinationOffset: number,
  addressLength: number,
  protocol: number,
  length: number,
): number {
  const addresses =
    sumBytes(bytes, sourceOffset, addressLength) + sumBytes(bytes, destinationOffset, addressLength);
  return foldSum(addresses + protocol + (length & 0xffff) + (length >>> 16));
}

/** RFC 1624 (equation 3): a checksum after one 16-bit word it covers has changed from `before` to `after`. */
export function updateChecksum(checksum: number, before: number, after: number): number {
  return ~foldSum((~checksum & 0xffff) + (~before & 0xffff) + after) & 0xffff;
}
