// The TUN link: raw IP packets from and to the kernel through /dev/net/tun, read straight into the packet pool.
// Runs on the main thread; workers write to the same device themselves (tun-egress.ts).
//
// Each packet is preceded by a virtio_net_hdr (10 bytes, linux/virtio_net.h), which the slot's headroom takes:
//   0 flags · 1 gso_type · 2 hdr_len · 4 gso_size · 6 csum_start · 8 csum_offset
//
// With offload the kernel hands TCP segments over before it cuts them, up to 64 KiB. Nobody knows beforehand how long the next
// packet is, so that each is read into a slot and on into a large slot that is kept ready: a packet that fits in the
// slot costs a second range in the call, of a longer one what the slot has is copied to the front of the large slot.

import { closeSync } from "node:fs";
import { copyBytes } from "../memory/copy-bytes.js";
import { NO_SLOT } from "../memory/descriptor.js";
import type { PacketEgressPlan } from "./egress.js";
import { addressOf, createPoll } from "./libc.js";
import { BURST_PACKETS, type Burst, type PacketLink } from "./link.js";
import { ReadRanges } from "./read-ranges.js";
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
  /** Ranges that a packet is read into: a slot, and with offload the large slot behind it. */
  readonly #rangeCount: number;
  readonly #ranges = new ReadRanges();
  /** The large slot that is kept ready. */
  #largeSlot = NO_SLOT;
  #poolAddress = 0;
  #wake: (() => void) | undefined;
  #isPolling = false;
  #closed = false;

  /** Opens the device. Throws `TunError`. With offload, a pool that it receives into must have large slots. */
  constructor(options: TunDeviceOptions) {
    this.#fileDescriptor = openTunDevice(options);
    this.#rangeCount = options.offload ? 2 : 1;
    this.description = `TUN device ${options.device}, MTU ${options.mtuBytes}: raw IP packets from the kernel`;
    this.egressPlan = { kind: "tun", fileDescriptor: this.#fileDescriptor, mtuBytes: options.mtuBytes };
    this.#egress = new TunEgress(this.#fileDescriptor, options.mtuBytes);
    this.#poll = createPoll(this.#fileDescriptor, () => this.#readable());
  }

  receive(burst: Burst): void {
    burst.count = 0;
    if (this.#closed) return;
    if (this.#poolAddress === 0) this.#poolAddress = addressOf(burst.pool.bytes);
    while (burst.count < BURST_PACKETS && this.#receivePacket(burst));
  }

  /** Receives the next packet. False if there is none, or no slot for it. */
  #receivePacket(burst: Burst): boolean {
    const { pool, freeSlots } = burst;
    const slot = this.#rangeCount === 1 || this.#reserveLargeSlot(burst) ? freeSlots.acquire() : NO_SLOT;
    if (slot === NO_SLOT) {
      // Packets stay in the device's queue until workers give slots back; beyond that the kernel drops them.
      this.drops.noSlot++;
      return false;
    }
    const packetOffset = pool.packetOffset(slot);
    const headerOffset = packetOffset - VNET_HEADER_BYTES;
    this.#ranges.set(0, this.#poolAddress + headerOffset, VNET_HEADER_BYTES + pool.maxPacketBytes);
    const length = this.#ranges.read(this.#fileDescriptor, this.#rangeCount) - VNET_HEADER_BYTES;
    if (length <= 0) {
      // Nothing there (EAGAIN), or the device is being taken away: either way there is no packet.
      freeSlots.release(slot);
      return false;
    }
    if (length >= (this.#rangeCount === 1 ? pool.maxPacketBytes : pool.maxLargePacketBytes)) {
      // The kernel cut it at the end of what it was given.
      this.drops.oversize++;
      freeSlots.release(slot);
      return true;
    }
    const index = burst.count++;
    burst.slots[index] = slot;
    burst.lengths[index] = length;
    burst.checksumTrusted[index] = (pool.bytes[headerOffset]! & CHECKSUM_TRUSTED_FLAGS) === 0 ? 0 : 1;
    if (length > pool.maxPacketBytes) {
      const largeSlot = this.#largeSlot;
      this.#largeSlot = NO_SLOT;
      pool.bytes.copyWithin(pool.packetOffset(largeSlot), packetOffset, packetOffset + pool.maxPacketBytes);
      burst.slots[index] = largeSlot;
      freeSlots.release(slot);
    }
    return true;
  }

  /** Keeps a large slot ready for what does not fit in a slot. False if there is none. */
  #reserveLargeSlot({ pool, freeSlots }: Burst): boolean {
    if (this.#largeSlot !== NO_SLOT) return true;
    this.#largeSlot = freeSlots.acquireLarge();
    if (this.#largeSlot === NO_SLOT) return false;
    const { maxPacketBytes, maxLargePacketBytes } = pool;
    const rest = this.#poolAddress + pool.packetOffset(this.#largeSlot) + maxPacketBytes;
    this.#ranges.set(1, rest, maxLargePacketBytes - maxPacketBytes);
    return true;
  }

  transmit(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#closed || length > this.#egress.mtuBytes) return false;
    copyBytes(bytes, offset, offset + length, this.#egress.buffer, this.#egress.start);
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
