// Keys of flows and of sources: ten 32-bit words, taken from a packet as the machine loads them. Their bytes stay in
// network order whatever the machine, and nothing here or behind here ever takes them for numbers.
//
//   0  1  2  3   source address         IPv4 uses word 0, the others are 0
//   4  5  6  7   destination address    the same; 0 in a source key
//   8            source port, destination port; 0 in a source key
//   9            protocol (bits 0-7) · IP version (bits 8-11) · 1 for a source key (bit 12) · 0 (bits 13-31)
//
// The last word keeps IPv4 and IPv6, flows and sources apart, so that one comparison of ten words is a full one.
// Must not know how packets are parsed: offsets come from the parser, which has checked that the bytes are there.

export const KEY_WORDS = 10;

// Words of a key, from its start.
export const KEY_SOURCE = 0;
export const KEY_DESTINATION = 4;
export const KEY_PORTS = 8;
export const KEY_KIND = 9;

/** Bit of the last word that makes a source key. */
export const KEY_KIND_SOURCE = 0x1000;
/** Bits of the last word that a key can have set. */
export const KEY_KIND_MASK = 0x1fff;

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** `value` with its first byte in network order where the machine has its first byte in memory. */
function fromNetworkOrder(value: number): number {
  if (!LITTLE_ENDIAN) return value | 0;
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}

/** The four bytes at `offset` as the machine would load them, wherever they are. */
function loadUnaligned(bytes: Uint8Array, offset: number): number {
  return fromNetworkOrder(
    (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!,
  );
}

/** Writes an address into key words `to` … `to + 3`; `words` and `bytes` are views of the same memory. */
function writeAddress(
  words: Int32Array,
  bytes: Uint8Array,
  offset: number,
  ipVersion: number,
  keys: Int32Array,
  to: number,
): void {
  if ((offset & 3) !== 0) {
    writeUnalignedAddress(bytes, offset, ipVersion, keys, to);
    return;
  }
  const from = offset >>> 2;
  keys[to] = words[from]!;
  if (ipVersion === 4) {
    keys[to + 1] = 0;
    keys[to + 2] = 0;
    keys[to + 3] = 0;
  } else {
    keys[to + 1] = words[from + 1]!;
    keys[to + 2] = words[from + 2]!;
    keys[to + 3] = words[from + 3]!;
  }
}

/** Rare: an IPv6 home address whose option ignores the alignment that RFC 6275 section 6.3 asks for. */
function writeUnalignedAddress(
  bytes: Uint8Array,
  offset: number,
  ipVersion: number,
  keys: Int32Array,
  to: number,
): void {
  keys[to] = loadUnaligned(bytes, offset);
  for (let i = 1; i < 4; i++) keys[to + i] = ipVersion === 4 ? 0 : loadUnaligned(bytes, offset + 4 * i);
}

function loadPorts(words: Int32Array, bytes: Uint8Array, l4Offset: number): number {
  return (l4Offset & 3) === 0 ? words[l4Offset >>> 2]! : loadUnaligned(bytes, l4Offset);
}

/**
 * Writes the key of a packet's flow at `keys[at …]`. `words` and `bytes` are views of the same memory (a packet pool);
 * the offsets are in bytes, of 4 or 16 readable bytes each, and 4 at `l4Offset`. Offsets that are multiples of 4, as
 * a pool's packets have them, take the fast way.
 */
export function writeFlowKey(
  words: Int32Array,
  bytes: Uint8Array,
  sourceOffset: number,
  destinationOffset: number,
  l4Offset: number,
  ipVersion: number,
  protocol: number,
  keys: Int32Array,
  at: number,
): void {
  writeAddress(words, bytes, sourceOffset, ipVersion, keys, at + KEY_SOURCE);
  writeAddress(words, bytes, destinationOffset, ipVersion, keys, at + KEY_DESTINATION);
  keys[at + KEY_PORTS] = loadPorts(words, bytes, l4Offset);
  keys[at + KEY_KIND] = protocol | (ipVersion << 8);
}

/**
 * Writes the key of the flow that a packet *of ours* answered: what an ICMP error carries is the packet that we sent
 * (RFC 792; RFC 4443 section 3), and the flow is known by what came in, so source and destination change places.
 * The offsets are those of the carried packet.
 */
export function writeAnsweredFlowKey(
  words: Int32Array,
  bytes: Uint8Array,
  sourceOffset: number,
  destinationOffset: number,
  l4Offset: number,
  ipVersion: number,
  protocol: number,
  keys: Int32Array,
  at: number,
): void {
  writeFlowKey(words, bytes, destinationOffset, sourceOffset, l4Offset, ipVersion, protocol, keys, at);
  const ports = keys[at + KEY_PORTS]!;
  // Two 16-bit halves change places, in either byte order.
  keys[at + KEY_PORTS] = (ports << 16) | (ports >>> 16);
}

/** Masks of the affinity prefixes: words 0-3 for IPv4 sources, 4-7 for IPv6, in the machine's byte order. */
export type AffinityMasks = Int32Array;

/**
 * Masks for `writeSourceKey`. Sources that share a prefix of the given length, in bits, count as one source: 0 makes
 * one source of everything, 32 or 128 one of each address.
 * @throws RangeError if a length is out of range.
 */
export function createAffinityMasks(ipv4PrefixLength: number, ipv6PrefixLength: number): AffinityMasks {
  const masks = new Int32Array(8);
  writePrefixMask(masks, 0, ipv4PrefixLength, 32, "IPv4");
  writePrefixMask(masks, 4, ipv6PrefixLength, 128, "IPv6");
  return masks;
}

function writePrefixMask(
  masks: Int32Array,
  to: number,
  length: number,
  longest: number,
  family: string,
): void {
  if (!Number.isInteger(length) || length < 0 || length > longest) {
    throw new RangeError(`${family} affinity prefix length must be 0 to ${longest}, not ${length}`);
  }
  for (let i = 0; i < longest / 32; i++) {
    const bits = Math.min(32, Math.max(0, length - 32 * i));
    // A shift by 32 would be a shift by 0.
    masks[to + i] = bits === 0 ? 0 : fromNetworkOrder(-1 << (32 - bits));
  }
}

/** Writes the key of the source that the flow key at `flowKeys[flowAt …]` comes from, at `keys[at …]`. */
export function writeSourceKey(
  flowKeys: Int32Array,
  flowAt: number,
  masks: AffinityMasks,
  keys: Int32Array,
  at: number,
): void {
  const ipVersion = (flowKeys[flowAt + KEY_KIND]! >>> 8) & 0xf;
  const mask = ipVersion === 4 ? 0 : 4;
  for (let i = 0; i < 4; i++) {
    keys[at + KEY_SOURCE + i] = flowKeys[flowAt + KEY_SOURCE + i]! & masks[mask + i]!;
    keys[at + KEY_DESTINATION + i] = 0;
  }
  keys[at + KEY_PORTS] = 0;
  keys[at + KEY_KIND] = KEY_KIND_SOURCE | (ipVersion << 8);
}
