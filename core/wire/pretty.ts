// A packet as one line of text, in the manner of tcpdump, for debugging and for the messages of tests. Parses for
// itself, so that any bytes can be given to it. Not for the packet path: it allocates.

import { formatAddress } from "./address.js";
import { ipv4Ttl } from "./ipv4.js";
import { ipv6HopLimit } from "./ipv6.js";
import { PARSE_FAULTS, PARSE_OK, PacketView, parsePacket } from "./packet.js";
import {
  hasPorts,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_SCTP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from "./protocols.js";

const PROTOCOL_NAMES = new Map([
  [PROTOCOL_ICMP, "ICMP"],
  [PROTOCOL_TCP, "TCP"],
  [PROTOCOL_UDP, "UDP"],
  [PROTOCOL_ICMPV6, "ICMPv6"],
  [PROTOCOL_SCTP, "SCTP"],
]);

/** tcpdump's letters of the TCP flags, from FIN upwards. */
const FLAG_LETTERS = ["F", "S", "R", "P", ".", "U", "E", "W"];

/**
 * The IP packet of `length` bytes at `offset` as one line, e.g.
 * `IP 198.18.0.2.40000 > 198.18.0.1.80: TCP [S], seq 1, win 64240, length 0 (ttl 64)`.
 * A packet that the parser refuses has the fault's name at the end, in square brackets.
 */
export function describePacket(bytes: Uint8Array, offset = 0, length = bytes.length - offset): string {
  // A copy of its own gives the parser an aligned 16-bit view, which the caller's buffer may not have.
  const packet = new Uint8Array((length + 1) & ~1);
  packet.set(bytes.subarray(offset, offset + length));
  const view = new PacketView();
  const fault = parsePacket(packet, new Uint16Array(packet.buffer), 0, length, false, view);
  const verdict = fault === PARSE_OK ? "" : ` [${PARSE_FAULTS[fault]}]`;
  if (view.ipVersion === 0) return `no IP packet, ${length} bytes${verdict}`;

  const ip = view.ipVersion === 4 ? "IP" : "IP6";
  const peers = `${endpoint(packet, view, true)} > ${endpoint(packet, view, false)}`;
  const ttl = view.ipVersion === 4 ? `ttl ${ipv4Ttl(packet, 0)}` : `hlim ${ipv6HopLimit(packet, 0)}`;
  return `${ip} ${peers}: ${describeUpperLayer(packet, length, view)} (${ttl})${verdict}`;
}

function endpoint(packet: Uint8Array, view: PacketView, isSource: boolean): string {
  const address = formatAddress(
    packet,
    isSource ? view.sourceOffset : view.destinationOffset,
    view.addressLength,
  );
  if (view.tupleKnown === 0 || !hasPorts(view.protocol)) return address;
  return `${address}.${isSource ? view.sourcePort : view.destinationPort}`;
}

function describeUpperLayer(packet: Uint8Array, length: number, view: PacketView): string {
  const name = PROTOCOL_NAMES.get(view.protocol) ?? (view.protocol < 0 ? "?" : `proto-${view.protocol}`);
  if (view.isFragment === 1) {
    const more = view.moreFragments === 1 ? "+" : "";
    return `${name}, frag id ${view.identification >>> 0} offset ${view.fragmentOffset}${more}, length ${view.l4Length}`;
  }
  const l4Bytes = Math.min(view.l4Length, length - view.l4Offset);
  if (view.protocol === PROTOCOL_TCP && l4Bytes >= 20) return describeTcp(packet, view);
  if (view.protocol === PROTOCOL_UDP && l4Bytes >= 8) return `${name}, length ${view.l4Length - 8}`;
  if (view.icmpType >= 0) return describeIcmp(packet, name, view);
  return `${name}, length ${view.l4Length}`;
}

function describeTcp(packet: Uint8Array, view: PacketView): string {
  const at = view.l4Offset;
  const data = new DataView(packet.buffer, at);
  // Read from the packet, because the view has them only if the packet is whole.
  const flagBits = data.getUint8(13);
  const flags = FLAG_LETTERS.filter((_, bit) => (flagBits & (1 << bit)) !== 0).join("");
  const acknowledgment = (flagBits & 0x10) === 0 ? "" : `, ack ${data.getUint32(8)}`;
  const payload = Math.max(0, view.l4Length - ((data.getUint8(12) >>> 4) << 2));
  return `TCP [${flags}], seq ${data.getUint32(4)}${acknowledgment}, win ${data.getUint16(14)}, length ${payload}`;
}

function describeIcmp(packet: Uint8Array, name: string, view: PacketView): string {
  const what = `${name} type ${view.icmpType} code ${view.icmpCode}, length ${view.l4Length}`;
  if (view.innerIpVersion === 0) return what;
  const addressLength = view.addressLength;
  const ports = view.innerTupleKnown === 1 && hasPorts(view.innerProtocol);
  const source = formatAddress(packet, view.innerSourceOffset, addressLength);
  const destination = formatAddress(packet, view.innerDestinationOffset, addressLength);
  const inner = PROTOCOL_NAMES.get(view.innerProtocol) ?? `proto-${view.innerProtocol}`;
  return ports
    ? `${what}, about ${inner} ${source}.${view.innerSourcePort} > ${destination}.${view.innerDestinationPort}`
    : `${what}, about ${inner} ${source} > ${destination}`;
}
