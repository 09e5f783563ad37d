// Makes a client see that its connection is no more, although nobody here knows its sequence numbers: an ACK that cannot be
// in its window makes the client answer with its own numbers (RFC 9293 section 3.10.7.4, first), and that answer, a packet
// of no flow, goes to a worker, which knows no such connection and answers with a RST that fits (section 3.10.7.1).
// Without it a client that waits for a response would wait for its own timeout.

import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE } from "../flow/flow-key.js";
import type { PacketLink } from "../link/link.js";
import { addSums, foldSum, sumBytes, sumPseudoHeader } from "../wire/checksum.js";
import { DEFAULT_TTL, emitIpv4Header, IPV4_HEADER_BYTES } from "../wire/ipv4.js";
import { DEFAULT_HOP_LIMIT, emitIpv6Header, IPV6_HEADER_BYTES } from "../wire/ipv6.js";
import { PROTOCOL_TCP } from "../wire/protocols.js";
import { ACK, emitTcpHeader, TCP_CHECKSUM_OFFSET, TCP_HEADER_BYTES } from "../wire/tcp.js";

const PROBE_BYTES = IPV6_HEADER_BYTES + TCP_HEADER_BYTES;

export class ResetProbe {
  readonly #packet = new Uint8Array(PROBE_BYTES);

  /** Sends the probe to the client of the TCP flow whose key is at `keys[at …]`. */
  send(keys: Int32Array, at: number, link: PacketLink): void {
    // A key has its bytes in network order, whatever the machine.
    const key = new Uint8Array(keys.buffer, keys.byteOffset + at * 4);
    const packet = this.#packet;
    const isIpv4 = ((keys[at + KEY_KIND]! >>> 8) & 0xf) === 4;
    const ipBytes = isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
    const length = ipBytes + TCP_HEADER_BYTES;
    const client = KEY_SOURCE * 4;
    const farm = KEY_DESTINATION * 4;
    if (isIpv4) emitIpv4Header(packet, 0, length, PROTOCOL_TCP, 0, DEFAULT_TTL, key, farm, client);
    else emitIpv6Header(packet, 0, TCP_HEADER_BYTES, PROTOCOL_TCP, DEFAULT_HOP_LIMIT, key, farm, client);
    const ports = KEY_PORTS * 4;
    packet[ipBytes] = key[ports + 2]!;
    packet[ipBytes + 1] = key[ports + 3]!;
    packet[ipBytes + 2] = key[ports]!;
    packet[ipBytes + 3] = key[ports + 1]!;
    // Sequence number 0 lies in one window of some thousands, and there its acknowledgment of nothing sent is as odd.
    emitTcpHeader(packet, ipBytes, 0, 0, TCP_HEADER_BYTES, ACK, 0);
    const pseudo = sumPseudoHeader(key, farm, client, isIpv4 ? 4 : 16, PROTOCOL_TCP, TCP_HEADER_BYTES);
    const checksum = ~foldSum(addSums(pseudo, sumBytes(packet, ipBytes, TCP_HEADER_BYTES)));
    packet[ipBytes + TCP_CHECKSUM_OFFSET] = checksum >>> 8;
    packet[ipBytes + TCP_CHECKSUM_OFFSET + 1] = checksum;
    link.transmit(packet, 0, length);
  }
}
