// Where the IP packet is in a captured frame, by the capture's link type (www.tcpdump.org/linktypes.html). This is a
// link's own framing; what the packet says is not looked at.
//
//   Ethernet   0 destination (6) · 6 source (6) · 12 ether type, after any VLAN tags of 4 bytes
//   cooked     0 … 13 packet type, device type, address · 14 ether type · 16
//   cooked v2  0 ether type · 2 … · 20
//   loopback   0 address family (4), in the byte order of the machine that captured · 4

const LINK_NULL = 0;
const LINK_ETHERNET = 1;
const LINK_RAW = 101;
const LINK_LOOP = 108;
const LINK_COOKED = 113;
const LINK_IPV4 = 228;
const LINK_IPV6 = 229;
const LINK_COOKED_V2 = 276;
/** Raw IP as BSDs and OpenBSD number it in files of their own. */
const LINK_RAW_BSD = 12;
const LINK_RAW_OPENBSD = 14;

const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
const TYPE_VLAN = 0x8100;
const TYPE_SERVICE_VLAN = 0x88a8;
/** QinQ before it had a number of its own. */
const TYPE_OLD_SERVICE_VLAN = 0x9100;
/** Most VLAN tags in a frame. */
const MAX_VLAN_TAGS = 4;

const FAMILY_IPV4 = 2;
/** AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS. */
const FAMILIES_IPV6 = [10, 24, 28, 30];

/** The frame carries something else than IP. */
export const FRAME_NOT_IP = -1;
/** The frame is shorter than its link header. */
export const FRAME_SHORT = -2;
/** A link type that this file does not know. */
export const FRAME_UNKNOWN_LINK_TYPE = -3;

export function isKnownLinkType(linkType: number): boolean {
  return locatePacket(linkType, new Uint8Array(0), 0, 0) !== FRAME_UNKNOWN_LINK_TYPE;
}

/** Bytes of link header before the IP packet in the frame of `length` bytes at `offset`, or one of FRAME_…. */
export function locatePacket(linkType: number, bytes: Uint8Array, offset: number, length: number): number {
  switch (linkType) {
    case LINK_ETHERNET:
      return locateByType(bytes, offset, length, 12, 14);
    case LINK_COOKED:
      return locateByType(bytes, offset, length, 14, 16);
    case LINK_COOKED_V2:
      return locateByType(bytes, offset, length, 0, 20);
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_IPV4:
    case LINK_IPV6:
      return 0;
    case LINK_NULL:
    case LINK_LOOP:
      return locateByFamily(bytes, offset, length);
    default:
      return FRAME_UNKNOWN_LINK_TYPE;
  }
}

/** The ether type is at `typeAt`; what it is the type of begins at `headerLength`. A VLAN tag holds the next type. */
function locateByType(
  bytes: Uint8Array,
  offset: number,
  length: number,
  typeAt: number,
  headerLength: number,
): number {
  let at = typeAt;
  let end = headerLength;
  for (let tags = 0; tags <= MAX_VLAN_TAGS; tags++) {
    if (end > length) return FRAME_SHORT;
    const type = (bytes[offset + at]! << 8) | bytes[offset + at + 1]!;
    if (type === TYPE_IPV4 || type === TYPE_IPV6) return end;
    if (type !== TYPE_VLAN && type !== TYPE_SERVICE_VLAN && type !== TYPE_OLD_SERVICE_VLAN) break;
    at = end + 2; // Behind the tag's own two bytes.
    end += 4;
  }
  return FRAME_NOT_IP;
}

function locateByFamily(bytes: Uint8Array, offset: number, length: number): number {
  if (length < 4) return FRAME_SHORT;
  // All families are below 256: one byte of the four is set, at one end or the other.
  const first = bytes[offset]!;
  const last = bytes[offset + 3]!;
  if (bytes[offset + 1] !== 0 || bytes[offset + 2] !== 0 || (first !== 0 && last !== 0)) return FRAME_NOT_IP;
  const family = first | last;
  return family === FAMILY_IPV4 || FAMILIES_IPV6.includes(family) ? 4 : FRAME_NOT_IP;
}
