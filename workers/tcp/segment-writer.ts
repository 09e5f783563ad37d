// Builds TCP packets in an egress's own buffer and sends them from there. Knows addresses and bytes, no connections.
// Use: write options at `optionsAt(tuple)`, payload after them, then `transmitSegment`, which puts the headers
// before.
//
// Checksum offload (egress.ts): the field gets the folded sum of the pseudo-header over the whole TCP length, also
// for a packet that the device is to cut: Linux begins with exactly that (`tcp_v4_check` over the full length) and
// corrects it for each segment's length when it cuts.

import type { Egress } from "../../core/link/egress.js";
import { foldSum, sumHalves } from "../../core/wire/checksum.js";
import { DEFAULT_TTL, IPV4_HEADER_BYTES } from "../../core/wire/ipv4.js";
import { DEFAULT_HOP_LIMIT, IPV6_HEADER_BYTES } from "../../core/wire/ipv6.js";
import { PROTOCOL_TCP } from "../../core/wire/protocols.js";
import { emitTcpHeader, TCP_CHECKSUM_OFFSET, TCP_HEADER_BYTES } from "../../core/wire/tcp.js";
import { type FourTuple, turnPorts } from "./four-tuple.js";

/** Sum of an IPv4 header's words that are always the same: version and length, DF, TTL and protocol. */
const IPV4_CONSTANT_SUM = 0x4500 + 0x4000 + ((DEFAULT_TTL << 8) | PROTOCOL_TCP);

export class SegmentWriter {
  readonly egress: Egress;
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  readonly #start: number;

  /** Throws RangeError if the egress's buffer is not aligned as `Egress` demands. */
  constructor(egress: Egress) {
    const { buffer, byteOffset, length } = egress.buffer;
    if ((byteOffset & 3) !== 0 || (egress.start & 3) !== 0) {
      throw new RangeError("an egress's buffer and start must be at multiples of 4");
    }
    this.egress = egress;
    this.bytes = egress.buffer;
    this.#words = new Int32Array(buffer, byteOffset, length >>> 2);
    this.#halves = new Uint16Array(buffer, byteOffset, length >>> 1);
    this.#start = egress.start;
  }

  /** Bytes of IP and TCP headers without options. */
  headerBytes(tuple: FourTuple): number {
    return ipHeaderBytes(tuple) + TCP_HEADER_BYTES;
  }

  /** Index in `bytes` where the segment's options begin. */
  optionsAt(tuple: FourTuple): number {
    return this.#start + this.headerBytes(tuple);
  }

  /**
   * Writes the headers before `optionsBytes` of options and `payloadBytes` of payload that are in place, and sends.
   * `segmentBytes` is what `Egress.transmit` takes. False if the packet was not taken.
   */
  transmitSegment(
    tuple: FourTuple,
    sequence: number,
    acknowledgment: number,
    flags: number,
    window: number,
    optionsBytes: number,
    payloadBytes: number,
    segmentBytes: number,
  ): boolean {
    const tcpBytes = TCP_HEADER_BYTES + optionsBytes + payloadBytes;
    const ipBytes = ipHeaderBytes(tuple);
    if (tuple.ipVersion === 4) this.#writeIpv4Header(tuple, ipBytes + tcpBytes);
    else this.#writeIpv6Header(tuple, tcpBytes);
    const { bytes } = this;
    const at = this.#start + ipBytes;
    this.#words[at >>> 2] = turnPorts(tuple.ports);
    emitTcpHeader(bytes, at, sequence, acknowledgment, TCP_HEADER_BYTES + optionsBytes, flags, window);
    let checksum = tuple.addressSum + PROTOCOL_TCP + tcpBytes;
    if (this.egress.checksumOffload) checksum = foldSum(checksum);
    else checksum = ~foldSum(checksum + sumHalves(this.#halves, bytes, at, tcpBytes)) & 0xffff;
    bytes[at + TCP_CHECKSUM_OFFSET] = checksum >>> 8;
    bytes[at + TCP_CHECKSUM_OFFSET + 1] = checksum;
    return this.egress.transmit(ipBytes + tcpBytes, ipBytes, TCP_CHECKSUM_OFFSET, segmentBytes);
  }

  // "Don't fragment" is set and identification 0, as RFC 6864 section 4.1 allows; layouts in core/wire/ipv4 and ipv6.
  #writeIpv4Header(tuple: FourTuple, totalBytes: number): void {
    const { bytes } = this;
    const at = this.#start;
    const words = this.#words;
    bytes[at] = 0x45;
    bytes[at + 1] = 0;
    bytes[at + 2] = totalBytes >>> 8;
    bytes[at + 3] = totalBytes;
    bytes[at + 4] = 0;
    bytes[at + 5] = 0;
    bytes[at + 6] = 0x40;
    bytes[at + 7] = 0;
    bytes[at + 8] = DEFAULT_TTL;
    bytes[at + 9] = PROTOCOL_TCP;
    const checksum = ~foldSum(IPV4_CONSTANT_SUM + totalBytes + tuple.addressSum);
    bytes[at + 10] = checksum >>> 8;
    bytes[at + 11] = checksum;
    words[(at >>> 2) + 3] = tuple.local0;
    words[(at >>> 2) + 4] = tuple.remote0;
  }

  #writeIpv6Header(tuple: FourTuple, payloadBytes: number): void {
    const { bytes } = this;
    const at = this.#start;
    const word = at >>> 2;
    const words = this.#words;
    bytes[at] = 0x60;
    bytes[at + 1] = 0;
    bytes[at + 2] = 0;
    bytes[at + 3] = 0;
    bytes[at + 4] = payloadBytes >>> 8;
    bytes[at + 5] = payloadBytes;
    bytes[at + 6] = PROTOCOL_TCP;
    bytes[at + 7] = DEFAULT_HOP_LIMIT;
    words[word + 2] = tuple.local0;
    words[word + 3] = tuple.local1;
    words[word + 4] = tuple.local2;
    words[word + 5] = tuple.local3;
    words[word + 6] = tuple.remote0;
    words[word + 7] = tuple.remote1;
    words[word + 8] = tuple.remote2;
    words[word + 9] = tuple.remote3;
  }
}

function ipHeaderBytes(tuple: FourTuple): number {
  return tuple.ipVersion === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
}
