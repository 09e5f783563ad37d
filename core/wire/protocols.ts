// Numbers of the protocols and IPv6 extension headers that can stand behind an IP header (IANA "Protocol Numbers").

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;
export const PROTOCOL_SCTP = 132;
/** IPv6 mobility header (RFC 6275 section 6.1): an upper layer with a checksum, although it is called a header. */
export const PROTOCOL_MOBILITY = 135;

export const HEADER_HOP_BY_HOP = 0;
export const HEADER_ROUTING = 43;
export const HEADER_FRAGMENT = 44;
export const HEADER_NONE = 59;
export const HEADER_DESTINATION = 60;

/** Whether the protocol's header begins with a source and a destination port. */
export function hasPorts(protocol: number): boolean {
  return protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP || protocol === PROTOCOL_SCTP;
}
