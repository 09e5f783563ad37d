// The farm's own addresses on a TUN device: which ones a host can have, which one the kernel's side gets, and the URL of
// the farm at one of them. Nothing here asks the system.

import type { InterfaceAddress } from "../link/interface-address.js";
import { formatAddress, parsePrefix } from "../wire/address.js";
import { isGroup } from "../wire/martian.js";
import { httpUrlOf } from "./endpoint.js";

/** The address of text like "198.18.0.1/24"; undefined for anything else, "none" among it. */
export function parseInterfaceAddress(text: string): InterfaceAddress | undefined {
  const prefix = parsePrefix(text);
  return prefix === undefined ? undefined : { address: prefix.address, prefixLength: prefix.prefixBits };
}

/** The text that `parseInterfaceAddress` takes. */
export function formatInterfaceAddress({ address, prefixLength }: InterfaceAddress): string {
  return `${formatAddress(address, 0, address.length)}/${prefixLength}`;
}

/**
 * Whether a host can have the address. Packets to others never reach the farm: the parser drops them (wire/martian.ts),
 * or the kernel keeps those to a prefix's first address (RFC 4291 section 2.6.1) and an IPv4 prefix's last one, broadcast.
 */
export function isHostAddress({ address, prefixLength }: InterfaceAddress): boolean {
  if (isGroup(address, 0, address.length)) return false;
  const isIpv4 = address.length === 4;
  // 0.0.0.0/8 and 127.0.0.0/8; ::, ::1, and IPv4-mapped and IPv4-compatible addresses, which begin with 80 zero bits.
  const isReserved = isIpv4
    ? address[0] === 0 || address[0] === 127
    : address.subarray(0, 10).every((byte) => byte === 0);
  if (isReserved) return false;
  let ones = 0;
  for (let bit = prefixLength; bit < address.length * 8; bit++) {
    if ((address[bit >>> 3]! & (0x80 >>> (bit & 7))) !== 0) ones++;
  }
  return ones > 0 && !(isIpv4 && ones === 32 - prefixLength);
}

/** The address that the kernel's side of the device gets: the last of the prefix, or the one before it. */
export function hostAddressOf(own: InterfaceAddress): InterfaceAddress {
  const address = Uint8Array.from(own.address);
  for (let bit = own.prefixLength; bit < address.length * 8; bit++) address[bit >>> 3]! |= 0x80 >>> (bit & 7);
  // The last IPv4 address of a prefix is its broadcast address.
  const last = address.length - 1;
  address[last]! -= 1;
  if (address.every((byte, i) => byte === own.address[i])) address[last]! -= 1;
  return { address, prefixLength: own.prefixLength };
}

/** The URL of the farm at one of its addresses. */
export function urlOf({ address }: InterfaceAddress, port: number): string {
  return httpUrlOf({ host: formatAddress(address, 0, address.length), port });
}
