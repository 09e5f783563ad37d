// IP addresses and prefixes between bytes and text: configuration, logs, tests. Not for the packet path: all of it
// allocates. Text that is not exactly an address is no address: no zones, no leading zeros, no short IPv4 forms.

import { isIPv4, isIPv6 } from "node:net";

/** An address with the length of the network it is in, as in "198.18.0.1/24". */
export interface Prefix {
  /** 4 or 16 bytes, as given: bits beyond the prefix are kept. */
  readonly address: Uint8Array;
  /** Bits of the network: 0 … 32, or 0 … 128. */
  readonly prefixBits: number;
}

/** The address of `addressLength` (4 or 16) bytes at `offset` as text; IPv6 in the canonical form of RFC 5952. */
export function formatAddress(bytes: Uint8Array, offset: number, addressLength: number): string {
  return addressLength === 4 ? formatIpv4(bytes, offset) : formatIpv6(bytes, offset);
}

function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

function formatIpv6(bytes: Uint8Array, offset: number): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[offset + 2 * i]! << 8) | bytes[offset + 2 * i + 1]!,
  );
  // RFC 5952 section 5: IPv4-mapped addresses end in dotted decimal.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes, offset + 12)}`;
  }
  // Section 4.2: "::" stands for the longest run of zero groups, the first of equals, and never for one alone.
  let runStart = 0;
  let runLength = 0;
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > runLength) {
      runStart = start;
      runLength = length;
    }
  }
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return runLength < 2 ? text(0, 8) : `${text(0, runStart)}::${text(runStart + runLength, 8)}`;
}

/** The 4 or 16 bytes of the address, or undefined if `text` is none. */
export function parseAddress(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (isIPv6(text) && !text.includes("%")) return parseIpv6(text);
  return undefined;
}

/** `text` has been found to be an IPv6 address, so that only its parts are to be told apart. */
function parseIpv6(text: string): Uint8Array {
  const address = new Uint8Array(16);
  const [head = "", tail] = text.split("::");
  address.set(parseGroups(head), 0);
  if (tail !== undefined) {
    const bytes = parseGroups(tail);
    address.set(bytes, 16 - bytes.length);
  }
  return address;
}

function parseGroups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >>> 8, value & 0xff];
  });
}

/** The address and prefix length of text like "198.18.0.1/24" or "fd00::1/64", or undefined if it is not exactly that. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const bits = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  const prefixBits = Number(bits);
  return prefixBits <= address.length * 8 ? { address, prefixBits } : undefined;
}
