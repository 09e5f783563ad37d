// What the parser found in one packet: numbers only, in one object that is made once and filled anew for each packet.
// Holds no bytes: offsets are absolute, into the buffer that was parsed. Every field is written by every parse (or
// guarded by one that is, as the comment at it says), so that nothing of an earlier packet shows through, and every
// field is a small integer, so that no parse allocates.

export class PacketView {
  /** Offset of the IP header. */
  offset = 0;
  /** 4 or 6; 0 if the packet has no IP header that could be read. All that follows is meaningless then. */
  ipVersion = 0;
  /** Bytes of the IP packet by its own header; link padding after it is not part of it. */
  totalLength = 0;
  /** 4 or 16. */
  addressLength = 0;
  /** Where the addresses are, as the upper layer sees them: the home address and the final destination where IPv6 has such. */
  sourceOffset = 0;
  destinationOffset = 0;
  /** Upper-layer protocol number, behind all IPv6 extension headers; -1 until it is known. */
  protocol = -1;
  /** Offset of the upper-layer header, or of a later fragment's data. */
  l4Offset = 0;
  /** Bytes from there to the packet's end (UDP: to the datagram's end). */
  l4Length = 0;

  /**
   * 1 where addresses, protocol and, for a protocol that has them, ports are known. Can be so in a packet with a fault:
   * a first fragment, an unsupported protocol, a bad checksum.
   */
  tupleKnown = 0;
  /** TCP, UDP and SCTP; 0 otherwise. */
  sourcePort = 0;
  destinationPort = 0;
  /** Second flags byte of TCP (RFC 9293 section 3.1), CWR … FIN; 0 otherwise. */
  tcpFlags = 0;
  /** ICMP and ICMPv6; -1 otherwise. */
  icmpType = -1;
  icmpCode = -1;

  /** 1 for a part of a packet; not for an IPv6 "atomic fragment", which is whole (RFC 6946). */
  isFragment = 0;
  /** Where a fragment's data begins, and what its header says that the first one's begin with; meaningless if `isFragment` is 0. */
  fragmentDataOffset = 0;
  fragmentProtocol = 0;
  /** Where the fragment's data belongs in the whole, in bytes. */
  fragmentOffset = 0;
  /** 1 if this is not the last fragment. */
  moreFragments = 0;
  /** IPv4: 16 bits, of any packet. IPv6: 32 bits as a signed number, 0 without a fragment header. */
  identification = 0;

  /** Version of the packet that an ICMP error is about; 0 without one, and the fields below are meaningless then. */
  innerIpVersion = 0;
  /** 1 where its addresses, protocol and ports are known; 0 if it is a later fragment, which has no ports. */
  innerTupleKnown = 0;
  innerProtocol = -1;
  innerSourceOffset = 0;
  innerDestinationOffset = 0;
  /** Offset of its upper-layer header; at least 8 bytes of it are there if `innerTupleKnown` and the protocol has ports. */
  innerL4Offset = 0;
  innerSourcePort = 0;
  innerDestinationPort = 0;
}

/** Makes the view as it is before parsing. */
export function clearView(view: PacketView, offset: number): void {
  view.offset = offset;
  view.ipVersion = 0;
  view.totalLength = 0;
  view.addressLength = 0;
  view.sourceOffset = 0;
  view.destinationOffset = 0;
  view.protocol = -1;
  view.l4Offset = 0;
  view.l4Length = 0;
  view.tupleKnown = 0;
  view.sourcePort = 0;
  view.destinationPort = 0;
  view.tcpFlags = 0;
  view.icmpType = -1;
  view.icmpCode = -1;
  view.isFragment = 0;
  view.fragmentOffset = 0;
  view.moreFragments = 0;
  view.identification = 0;
  view.innerIpVersion = 0;
  view.innerTupleKnown = 0;
}
