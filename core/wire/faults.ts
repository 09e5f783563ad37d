// Why the parser refuses a packet: a number for the packet path, a name for counters, logs and tests.
// Must not know what is done about a fault: the director adds one to the counter of that name. The numbers are the
// indexes of PARSE_FAULTS, and are no interface: names are.

/** The packet is whole, verified, and one that a host takes. */
export const PARSE_OK = 0;
/** Shorter than its header, or than its header says. */
export const FAULT_TRUNCATED = 1;
/** Neither IPv4 nor IPv6. */
export const FAULT_BAD_VERSION = 2;
/** IPv4: a header length below 20 bytes. */
export const FAULT_BAD_HEADER_LENGTH = 3;
/** A total length below the header's, or a jumbogram (RFC 2675), which no link of ours carries. */
export const FAULT_BAD_TOTAL_LENGTH = 4;
export const FAULT_BAD_IPV4_CHECKSUM = 5;
/** IPv4: an option that runs out of the header. */
export const FAULT_BAD_IPV4_OPTION = 6;
/** IPv4 loose or strict source route, or IPv6 routing header with segments left: we are a host (RFC 5095, RFC 7126). */
export const FAULT_SOURCE_ROUTED = 7;
/** IPv6: an extension header or option that runs out of the packet, or is where it may not be. */
export const FAULT_BAD_EXTENSION_HEADER = 8;
/** IPv6: more extension headers, or longer ones, than anybody needs (RFC 8504 section 5.3). */
export const FAULT_TOO_MANY_EXTENSION_HEADERS = 9;
/** IPv6: an unknown option or routing header of the kind that must not be skipped (RFC 8200 sections 4.2 and 4.4). */
export const FAULT_UNSUPPORTED_EXTENSION = 10;
/** IPv6: a home address option; we hold no bindings, and must drop it then (RFC 6275 section 9.3.1). */
export const FAULT_HOME_ADDRESS = 11;
/** A part of a packet, for whoever reassembles it. Its tuple is known if it is the first part and holds the ports. */
export const FAULT_FRAGMENT = 12;
/** An empty fragment, one that ends past 65,535 bytes, or one that is not the last and no multiple of 8 bytes. */
export const FAULT_BAD_FRAGMENT = 13;
/** An address that cannot be there: see `isMartian`. */
export const FAULT_MARTIAN = 14;
/** IPv6: the next header is "no next header". */
export const FAULT_NO_UPPER_LAYER = 15;
/** Neither TCP nor UDP nor the ICMP of its IP version. */
export const FAULT_UNSUPPORTED_PROTOCOL = 16;
export const FAULT_TRUNCATED_TCP = 17;
/** TCP: a data offset below 20 bytes or past the segment's end. */
export const FAULT_BAD_TCP_HEADER = 18;
export const FAULT_BAD_TCP_CHECKSUM = 19;
export const FAULT_TRUNCATED_UDP = 20;
/** UDP: a length below 8 bytes or past the packet's end. */
export const FAULT_BAD_UDP_LENGTH = 21;
export const FAULT_BAD_UDP_CHECKSUM = 22;
/** UDP over IPv6 without a checksum (RFC 8200 section 8.1). */
export const FAULT_MISSING_UDP_CHECKSUM = 23;
export const FAULT_TRUNCATED_ICMP = 24;
export const FAULT_BAD_ICMP_CHECKSUM = 25;
/** An ICMP error that carries nothing of the packet it is about. */
export const FAULT_MISSING_ICMP_INNER = 26;
/** An ICMP error that carries less than the headers of that packet and 8 bytes (RFC 792). */
export const FAULT_TRUNCATED_ICMP_INNER = 27;
/** An ICMP error about something that is no packet of the same IP version. */
export const FAULT_BAD_ICMP_INNER = 28;
/** IPv6 mobility header (RFC 6275); one with a good checksum is an unsupported protocol. */
export const FAULT_BAD_MOBILITY_CHECKSUM = 29;

/** The faults' names, by number; the first is that of PARSE_OK. */
export const PARSE_FAULTS = [
  "ok",
  "truncated",
  "bad-version",
  "bad-header-length",
  "bad-total-length",
  "bad-ipv4-checksum",
  "bad-ipv4-option",
  "source-routed",
  "bad-extension-header",
  "too-many-extension-headers",
  "unsupported-extension",
  "home-address",
  "fragment",
  "bad-fragment",
  "martian",
  "no-upper-layer",
  "unsupported-protocol",
  "truncated-tcp",
  "bad-tcp-header",
  "bad-tcp-checksum",
  "truncated-udp",
  "bad-udp-length",
  "bad-udp-checksum",
  "missing-udp-checksum",
  "truncated-icmp",
  "bad-icmp-checksum",
  "missing-icmp-inner",
  "truncated-icmp-inner",
  "bad-icmp-inner",
  "bad-mobility-checksum",
] as const;

/** Name of a fault: what its counter is called. */
export type ParseFault = (typeof PARSE_FAULTS)[number];
