// The TUN link: raw IP packets from and to the kernel through /dev/net/tun, read straight into the packet pool.
// Runs on the main thread; workers write to the same device themselves (tun-egress.ts).
//
// Each packet is preceded by a virtio_net_hdr (10 bytes, linux/virtio_net.h), which the slot's headroom takes:
//   0 flags · 1 gso_type · 2 hdr_len · 4 gso_size · 6 csum_start · 8 csum_offset

import { closeSync } from "node:fs";
import { SLOT_HEADROOM_BYTES } from "../memory/packet-pool.js";
import type { PacketEgressPlan } from "./egress.js";
import { addressOf, createPoll, read } from "./libc.js";
import { BURST_PACKETS, type Burst, type PacketLink } from "./link.js";
import { openTunDevice, type TunDeviceOptions } from "./tun-device.js";
import { TunEgress, VNET_HEADER_BYTES } from "./tun-egress.js";

/** VIRTIO_NET_HDR_F_NEEDS_CSUM (a local sender left the checksum to the device) or F_DATA_VALID: nothing to verify. */
const CHECKSUM_TRUSTED_FLAGS = 0x01 | 0x02;

export class TunLink implements PacketLink {
  readonly kind = "tun";
  readonly description: string;
  readonly egressPlan: PacketEgressPlan;
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly #fileDescriptor: number;
  readonly #poll: ReturnType<typeof createPoll>;
  readonly #egress: TunEgress;
  #poolAddress = 0;
  #wake: (() => void) | undefined;
  #isPolling = false;
  #closed = false;

  /** Opens the device. Throws `TunError`. */
  constructor(options: TunDeviceOptions) {
    this.#fileDescriptor = openTunDevice(options);
    this.description = `TUN device ${options.device}, MTU ${options.mtuBytes}: raw IP packets from the kernel`;
    this.egressPlan = { kind: "tun", fileDescriptor: this.#fileDescriptor, mtuBytes: options.mtuBytes };
    this.#egress = new TunEgress(this.#fileDescriptor, options.mtuBytes);
    this.#poll = createPoll(this.#fileDescriptor, () => this.#readable());
  }

  receive(burst: Burst): void {
    burst.count = 0;
    if (this.#closed) return;
    const pool = burst.pool;
    if (this.#poolAddress === 0) this.#poolAddress = addressOf(pool.bytes);
    const room = pool.slotBytes - (SLOT_HEADROOM_BYTES - VNET_HEADER_BYTES);
    while (burst.count < BURST_PACKETS) {
      const slot = burst.freeSlots.acquire();
      if (slot < 0) {
        // Packets stay in the device's queue until workers give slots back; beyond that the kernel drops them.
        this.drops.noSlot++;
        return;
      }
      const headerOffset = pool.packetOffset(slot) - VNET_HEADER_BYTES;
      const received = read(this.#fileDescriptor, this.#poolAddress + headerOffset, room);
      if (received <= VNET_HEADER_BYTES) {
        // Nothing there (EAGAIN), or the device is being taken away: either way there is no packet.
        burst.freeSlots.release(slot);
        return;
      }
      if (received >= room) {
        // The kernel cut it at the slot's end.
        this.drops.oversize++;
        burst.freeSlots.release(slot);
        continue;
      }
      const index = burst.count++;
      burst.slots[index] = slot;
      burst.lengths[index] = received - VNET_HEADER_BYTES;
      burst.checksumTrusted[index] = (pool.bytes[headerOffset]! & CHECKSUM_TRUSTED_FLAGS) === 0 ? 0 : 1;
    }
  }

  transmit(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#closed || length > this.#egress.mtuBytes) return false;
    this.#egress.buffer.set(bytes.subarray(offset, offset + length), this.#egress.start);
    return this.#egress.transmit(length, 0, -1, 0);
  }

  wait(wake: () => void): void {
    if (this.#closed) return;
    this.#wake = wake;
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#poll.start();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake = undefined;
    this.#poll.close();
    closeSync(this.#fileDescriptor);
  }

  /**
   * libuv reports readiness in each round of its loop for as long as it lasts. Polling goes on as long as somebody waits, as
   * the director does again once it has emptied the device: starting and stopping are a system call each.
   */
  #readable(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake !== undefined) {
      wake();
    } else {
      this.#isPolling = false;
      this.#poll.stop();
    }
  }
}
