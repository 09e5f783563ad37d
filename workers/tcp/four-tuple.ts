// The addresses and ports of a connection, as 32-bit words in the machine's byte order just as they stand in a
// packet: they are compared and copied back into packets, and calculated with only for checksums and for people.

import { formatAddress } from "../../core/wire/address.js";
import { sumBytes } from "../../core/wire/checksum.js";

/** "Remote" is the peer. An IPv4 address is word 0; the others are 0 then. */
export class FourTuple {
  ipVersion = 4;
  /** The link that the peer is reached through. */
  link = 0;
  /** Remote port and local port as the first word of an arriving TCP header. */
  ports = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  /** Folded sum of both addresses: the constant part of the pseudo-header's checksum. Not set by `readTuple`. */
  addressSum = 0;
}

/**
 * Fills `tuple` from the arriving packet at `packetOffset`, whose TCP header is at `l4Offset`; both are multiples of
 * 4. `words` views the same memory as 32-bit words. All but `addressSum`, which a lookup does not need.
 */
export function readTuple(
  words: Int32Array,
  packetOffset: number,
  ipVersion: number,
  l4Offset: number,
  link: number,
  tuple: FourTuple,
): void {
  const at = packetOffset >>> 2;
  tuple.ipVersion = ipVersion;
  tuple.link = link;
  tuple.ports = words[l4Offset >>> 2]!;
  if (ipVersion === 4) {
    tuple.remote0 = words[at + 3]!;
    tuple.local0 = words[at + 4]!;
    tuple.remote1 = 0;
    tuple.remote2 = 0;
    tuple.remote3 = 0;
    tuple.local1 = 0;
    tuple.local2 = 0;
    tuple.local3 = 0;
  } else {
    tuple.remote0 = words[at + 2]!;
    tuple.remote1 = words[at + 3]!;
    tuple.remote2 = words[at + 4]!;
    tuple.remote3 = words[at + 5]!;
    tuple.local0 = words[at + 6]!;
    tuple.local1 = words[at + 7]!;
    tuple.local2 = words[at + 8]!;
    tuple.local3 = words[at + 9]!;
  }
}

/** `ports` of the answer: 16-bit halves change places, bytes within them don't, in either byte order. */
export function turnPorts(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}

/** Makes a packet's tuple that of its answer: remote and local change places. */
export function turnTuple(tuple: FourTuple): void {
  const { remote0, remote1, remote2, remote3 } = tuple;
  tuple.ports = turnPorts(tuple.ports);
  tuple.remote0 = tuple.local0;
  tuple.remote1 = tuple.local1;
  tuple.remote2 = tuple.local2;
  tuple.remote3 = tuple.local3;
  tuple.local0 = remote0;
  tuple.local1 = remote1;
  tuple.local2 = remote2;
  tuple.local3 = remote3;
}

/** Sets `addressSum` from the packet that the tuple was read from. */
export function sumAddresses(bytes: Uint8Array, packetOffset: number, tuple: FourTuple): void {
  tuple.addressSum =
    tuple.ipVersion === 4 ? sumBytes(bytes, packetOffset + 12, 8) : sumBytes(bytes, packetOffset + 8, 32);
}

export function isSameTuple(a: FourTuple, b: FourTuple): boolean {
  return (
    a.ports === b.ports &&
    a.remote0 === b.remote0 &&
    a.local0 === b.local0 &&
    a.ipVersion === b.ipVersion &&
    a.link === b.link &&
    (a.ipVersion === 4 ||
      (a.remote1 === b.remote1 &&
        a.remote2 === b.remote2 &&
        a.remote3 === b.remote3 &&
        a.local1 === b.local1 &&
        a.local2 === b.local2 &&
        a.local3 === b.local3))
  );
}

export function copyTuple(from: FourTuple, to: FourTuple): void {
  to.ipVersion = from.ipVersion;
  to.link = from.link;
  to.ports = from.ports;
  to.remote0 = from.remote0;
  to.remote1 = from.remote1;
  to.remote2 = from.remote2;
  to.remote3 = from.remote3;
  to.local0 = from.local0;
  to.local1 = from.local1;
  to.local2 = from.local2;
  to.local3 = from.local3;
  to.addressSum = from.addressSum;
}

const scratchWords = new Int32Array(4);
const scratchBytes = new Uint8Array(scratchWords.buffer);

/** The peer's port. */
export function remotePort(tuple: FourTuple): number {
  scratchWords[0] = tuple.ports;
  return (scratchBytes[0]! << 8) | scratchBytes[1]!;
}

/** Our port. */
export function localPort(tuple: FourTuple): number {
  scratchWords[0] = tuple.ports;
  return (scratchBytes[2]! << 8) | scratchBytes[3]!;
}

/** The peer's address as text; IPv6 in the form of RFC 5952. */
export function remoteAddress(tuple: FourTuple): string {
  scratchWords[0] = tuple.remote0;
  scratchWords[1] = tuple.remote1;
  scratchWords[2] = tuple.remote2;
  scratchWords[3] = tuple.remote3;
  return formatAddress(scratchBytes, 0, tuple.ipVersion === 4 ? 4 : 16);
}
