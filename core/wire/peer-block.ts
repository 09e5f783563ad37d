// The two ends of a relayed connection or datagram, as they travel between threads: what an IP and a TCP or UDP header would
// say of them, since the kernel has taken these off.
//
//   0 source address · 16 destination address (IPv4: their first 4 bytes) · 32 source port · 34 destination port (network
//   order) · 36 IP version · 37-39 unused

import { formatAddress, parseAddress } from "./address.js";

export const PEER_BYTES = 40;
export const PEER_DESTINATION = 16;
export const PEER_PORTS = 32;
export const PEER_IP_VERSION = 36;

/** Before an IPv4 address: how a socket of both kinds shows it (RFC 4291 section 2.5.5.2). */
export const MAPPED = "::ffff:";

/** Writes the block at `bytes[at …]`. An IPv4-mapped address is an IPv4 one; a zone is left out. */
export function writePeer(
  bytes: Uint8Array,
  at: number,
  source: string,
  sourcePort: number,
  destination: string,
  destinationPort: number,
): void {
  bytes.fill(0, at, at + PEER_BYTES);
  const from = addressOf(source);
  bytes.set(from, at);
  bytes.set(addressOf(destination), at + PEER_DESTINATION);
  bytes[at + PEER_PORTS] = sourcePort >>> 8;
  bytes[at + PEER_PORTS + 1] = sourcePort & 0xff;
  bytes[at + PEER_PORTS + 2] = destinationPort >>> 8;
  bytes[at + PEER_PORTS + 3] = destinationPort & 0xff;
  bytes[at + PEER_IP_VERSION] = from.length === 4 ? 4 : 6;
}

/** The source's address in the block as text. */
export function peerSourceAddress(bytes: Uint8Array, at: number): string {
  return formatAddress(bytes, at, bytes[at + PEER_IP_VERSION] === 4 ? 4 : 16);
}

/** The source's port in the block. */
export function peerSourcePort(bytes: Uint8Array, at: number): number {
  return (bytes[at + PEER_PORTS]! << 8) | bytes[at + PEER_PORTS + 1]!;
}

function addressOf(text: string): Uint8Array {
  const bare = text.split("%", 1)[0]!;
  const address = parseAddress(bare.startsWith(MAPPED) ? bare.slice(MAPPED.length) : bare);
  // What Node says of a socket that is closed already is undefined, and a text that is no address fits nothing better.
  return address ?? new Uint8Array(4);
}
