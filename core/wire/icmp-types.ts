// Types and codes of ICMP (RFC 792) and ICMPv6 (RFC 4443) that the farm reads or sends.

import type { PacketView } from "./packet-view.js";
import { PROTOCOL_ICMPV6 } from "./protocols.js";

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO_REQUEST = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;
/** Codes of ICMP_UNREACHABLE. */
export const ICMP_CODE_PROTOCOL = 2;
export const ICMP_CODE_PORT = 3;
export const ICMP_CODE_FRAGMENTATION_NEEDED = 4;

export const ICMPV6_UNREACHABLE = 1;
export const ICMPV6_PACKET_TOO_BIG = 2;
export const ICMPV6_PARAMETER_PROBLEM = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
/** Codes of ICMPV6_UNREACHABLE. */
export const ICMPV6_CODE_PROHIBITED = 1;
export const ICMPV6_CODE_PORT = 4;

/**
 * Whether the packet is what IPv6 hosts say to the others of their link, even before they have an address: a message of multicast
 * listener (130-132, 143: RFC 2710, RFC 3810) or neighbour discovery (133-137: RFC 4861).
 */
export function isNeighbourMessage(view: PacketView): boolean {
  const type = view.icmpType;
  return view.protocol === PROTOCOL_ICMPV6 && ((type >= 130 && type <= 137) || type === 143);
}
