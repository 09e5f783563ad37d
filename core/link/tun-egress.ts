// The TUN link's transmit half: any thread may write to the device, one packet a `write(2)`, with a virtio_net_hdr
// (linux/virtio_net.h) that leaves the checksum, and the cutting into segments, to the kernel.

import type { Egress } from "./egress.js";
import { addressOf, write } from "./libc.js";

/** `struct virtio_net_hdr` without `num_buffers`: what IFF_VNET_HDR puts before each packet. */
export const VNET_HEADER_BYTES = 10;
const HEADROOM_BYTES = 16;
const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
/** The largest IP packet that the length field of IPv4 can tell. */
const MAX_PACKET_BYTES = 65_535;

export class TunEgress implements Egress {
  readonly mtuBytes: number;
  readonly maxPacketBytes = MAX_PACKET_BYTES;
  readonly checksumOffload = true;
  readonly buffer = new Uint8Array(HEADROOM_BYTES + MAX_PACKET_BYTES + 1);
  readonly start = HEADROOM_BYTES;
  /** Packets that the device did not take. */
  drops = 0;
  readonly #fileDescriptor: number;
  readonly #headerAddress: number;

  constructor(fileDescriptor: number, mtuBytes: number) {
    this.#fileDescriptor = fileDescriptor;
    this.mtuBytes = mtuBytes;
    this.#headerAddress = addressOf(this.buffer) + HEADROOM_BYTES - VNET_HEADER_BYTES;
  }

  transmit(length: number, l4Offset: number, checksumOffset: number, segmentBytes: number): boolean {
    const { buffer } = this;
    const header = HEADROOM_BYTES - VNET_HEADER_BYTES;
    if (checksumOffset < 0) {
      buffer.fill(0, header, HEADROOM_BYTES);
    } else {
      buffer[header] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
      this.#writeHalf(header + 6, l4Offset);
      this.#writeHalf(header + 8, checksumOffset);
      if (segmentBytes > 0) {
        // The TCP header's own length ends the part that is repeated in each segment.
        const headersBytes = l4Offset + ((buffer[HEADROOM_BYTES + l4Offset + 12]! >>> 4) << 2);
        buffer[header + 1] =
          buffer[HEADROOM_BYTES]! >>> 4 === 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
        this.#writeHalf(header + 2, headersBytes);
        this.#writeHalf(header + 4, segmentBytes);
      } else {
        buffer[header + 1] = 0;
        this.#writeHalf(header + 2, 0);
        this.#writeHalf(header + 4, 0);
      }
    }
    if (write(this.#fileDescriptor, this.#headerAddress, VNET_HEADER_BYTES + length) >= 0) return true;
    this.drops++;
    return false;
  }

  /** Writes a 16-bit field; the header is in the machine's byte order, little-endian on every machine we run on. */
  #writeHalf(index: number, value: number): void {
    this.buffer[index] = value & 0xff;
    this.buffer[index + 1] = value >>> 8;
  }
}
