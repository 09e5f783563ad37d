// Types and codes of ICMP (RFC 792) and ICMPv6 (RFC 4443) that the farm reads or sends.

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO_REQUEST = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;
/** Code of ICMP_UNREACHABLE. */
export const ICMP_CODE_PORT = 3;

export const ICMPV6_UNREACHABLE = 1;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
/** Code of ICMPV6_UNREACHABLE. */
export const ICMPV6_CODE_PORT = 4;
