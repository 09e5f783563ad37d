// The memory link: an in-process cable for tests, simulation and benchmarks. What is put into one end with `deliver`
// is received by the farm; what the farm transmits is handed to `transmitted`. It keeps real packets' rules: bounded
// queue, whole packets, no checksums vouched for unless asked.

import type { PacketEgressPlan } from "./egress.js";
import { BURST_PACKETS, type Burst, type PacketLink } from "./link.js";

export interface MemoryLinkOptions {
  readonly mtuBytes?: number;
  /** Packets that wait to be received; one more is refused. */
  readonly queuePackets?: number;
  /** True: the link vouches for L4 checksums, as a device with offload does. */
  readonly checksumTrusted?: boolean;
  /** Gets a copy of each packet that the farm transmits. */
  readonly transmitted?: (packet: Uint8Array) => void;
}

export class MemoryLink implements PacketLink {
  readonly kind = "memory";
  readonly description = "memory link: packets from this process";
  readonly egressPlan: PacketEgressPlan;
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly #queue: Uint8Array[] = [];
  readonly #queuePackets: number;
  readonly #checksumTrusted: number;
  #transmitted: (packet: Uint8Array) => void;
  #wake: (() => void) | undefined;
  #isWakeDue = false;
  #closed = false;

  constructor(options: MemoryLinkOptions = {}) {
    this.egressPlan = { kind: "ring", mtuBytes: options.mtuBytes ?? 1500 };
    this.#queuePackets = options.queuePackets ?? 65_536;
    this.#checksumTrusted = options.checksumTrusted === true ? 1 : 0;
    this.#transmitted = options.transmitted ?? (() => {});
  }

  /** Puts a packet in for the farm to receive; not copied before that. False if the queue is full. */
  deliver(packet: Uint8Array): boolean {
    if (this.#closed || this.#queue.length >= this.#queuePackets) return false;
    this.#queue.push(packet);
    if (this.#wake !== undefined && !this.#isWakeDue) {
      this.#isWakeDue = true;
      queueMicrotask(this.#callWake);
    }
    return true;
  }

  /** Replaces the function that gets what the farm transmits. */
  onTransmitted(transmitted: (packet: Uint8Array) => void): void {
    this.#transmitted = transmitted;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    const { pool } = burst;
    const take = Math.min(BURST_PACKETS, this.#queue.length);
    let taken = 0;
    for (; taken < take; taken++) {
      const packet = this.#queue[taken]!;
      const isLarge = packet.length > pool.maxPacketBytes;
      if (isLarge && (pool.largeSlotCount === 0 || packet.length > pool.maxLargePacketBytes)) {
        this.drops.oversize++;
        continue;
      }
      const slot = isLarge ? burst.freeSlots.acquireLarge() : burst.freeSlots.acquire();
      if (slot < 0) {
        this.drops.noSlot++;
        break;
      }
      pool.bytes.set(packet, pool.packetOffset(slot));
      const index = burst.count++;
      burst.slots[index] = slot;
      burst.lengths[index] = packet.length;
      burst.checksumTrusted[index] = this.#checksumTrusted;
    }
    this.#queue.splice(0, taken);
  }

  transmit(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#closed) return false;
    this.#transmitted(bytes.slice(offset, offset + length));
    return true;
  }

  wait(wake: () => void): void {
    if (this.#closed) return;
    this.#wake = wake;
    // Packets that are left wait for slots, and those come from other threads: the event loop has to go round meanwhile,
    // which it would not between microtasks.
    if (this.#queue.length > 0 && !this.#isWakeDue) {
      this.#isWakeDue = true;
      setImmediate(this.#callWake);
    }
  }

  readonly #callWake = (): void => {
    this.#isWakeDue = false;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  close(): void {
    this.#closed = true;
    this.#wake = undefined;
    this.#queue.length = 0;
  }
}
