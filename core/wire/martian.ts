// Martians: packets whose addresses cannot be there on a wire. Answering one would send packets to a group, to oneself
// or to nowhere, so that they are dropped before anyone looks for their flow.
//
// IPv4, source: 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 (multicast, reserved, broadcast)   RFC 1122 section 3.2.1.3
//       destination: 127.0.0.0/8                                                       the same
// IPv6, source: ff00::/8, ::1, IPv4-mapped, and :: but where RFC 4861 and 3810 have it  RFC 4291 section 2.5, 2.7
//       destination: ::, ::1, IPv4-mapped                                               the same
// both: source = destination ("LAND"); TCP to a group or broadcast                      RFC 9293 section 3.10.7.2

import { isNeighbourMessage } from "./icmp-types.js";
import type { PacketView } from "./packet-view.js";
import { PROTOCOL_TCP } from "./protocols.js";

const LOOPBACK_NET = 127;
const FIRST_MULTICAST_NET = 224;

/** Whether the packet's addresses are ones that no packet on a wire can have. The view must have its tuple's addresses. */
export function isMartian(bytes: Uint8Array, view: PacketView): boolean {
  return view.ipVersion === 4 ? isMartianIpv4(bytes, view) : isMartianIpv6(bytes, view);
}

function isMartianIpv4(bytes: Uint8Array, view: PacketView): boolean {
  const source = view.sourceOffset;
  const destination = view.destinationOffset;
  const sourceNet = bytes[source]!;
  const destinationNet = bytes[destination]!;
  if (sourceNet === 0 || sourceNet === LOOPBACK_NET || sourceNet >= FIRST_MULTICAST_NET) return true;
  if (destinationNet === LOOPBACK_NET) return true;
  if (destinationNet >= FIRST_MULTICAST_NET && view.protocol === PROTOCOL_TCP) return true;
  // From the end: hosts that talk to each other most often differ there.
  return (
    bytes[source + 3] === bytes[destination + 3] &&
    bytes[source + 2] === bytes[destination + 2] &&
    bytes[source + 1] === bytes[destination + 1] &&
    sourceNet === destinationNet
  );
}

function isMartianIpv6(bytes: Uint8Array, view: PacketView): boolean {
  const source = view.sourceOffset;
  const destination = view.destinationOffset;
  if (bytes[source] === 0xff) return true;
  if (bytes[destination] === 0xff && view.protocol === PROTOCOL_TCP) return true;
  if (isReservedIpv6(bytes, destination)) return true;
  if (isReservedIpv6(bytes, source)) return !(isUnspecified(bytes, source, 16) && isNeighbourMessage(view));
  for (let i = 15; i >= 0; i--) {
    if (bytes[source + i] !== bytes[destination + i]) return false;
  }
  return true;
}

/** `::`, `::1` or `::ffff:0:0/96`. */
function isReservedIpv6(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) {
    if (bytes[at + i] !== 0) return false;
  }
  const middle = (bytes[at + 10]! << 8) | bytes[at + 11]!;
  if (middle === 0xffff) return true;
  return (
    middle === 0 &&
    bytes[at + 12] === 0 &&
    bytes[at + 13] === 0 &&
    bytes[at + 14] === 0 &&
    bytes[at + 15]! <= 1
  );
}

/** Whether an address is that of a group of hosts: multicast, or IPv4 limited broadcast (and what is reserved between). */
export function isGroup(bytes: Uint8Array, at: number, addressLength: number): boolean {
  return addressLength === 4 ? bytes[at]! >= FIRST_MULTICAST_NET : bytes[at] === 0xff;
}

/** Whether an address is all zeros, "no address". */
export function isUnspecified(bytes: Uint8Array, at: number, addressLength: number): boolean {
  for (let i = 0; i < addressLength; i++) {
    if (bytes[at + i] !== 0) return false;
  }
  return true;
}
