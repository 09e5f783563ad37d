// A link with faults on purpose: decorates any link that carries packets. It does to them what its plan says as they are
// received, and as the main thread transmits them. Where workers write to the device themselves, their egress does the
// same (faulty-egress.ts).
//
// What always holds: packets are whole and their checksums complete before anything happens to them, so that damage is
// noticed, and none is longer than the link's MTU. The link underneath must vouch for no checksum that is not there, and is
// given finished packets only.

import type { PacketEgressPlan } from "./egress.js";
import { type FaultPlan, formatFaultPlan, STREAM_RECEIVED, STREAM_TRANSMITTED } from "./fault-plan.js";
import { type FaultCounts, FaultQueue } from "./fault-queue.js";
import { BURST_PACKETS, type Burst, type LinkDrops, type PacketLink } from "./link.js";

export class FaultyLink implements PacketLink {
  readonly kind: PacketLink["kind"];
  readonly description: string;
  readonly egressPlan: PacketEgressPlan;
  readonly #link: PacketLink;
  readonly #now: () => number;
  readonly #received: FaultQueue;
  readonly #transmitted: FaultQueue;
  /** Where a packet that leaves is put together. */
  readonly #leaving: Uint8Array;
  /** More has arrived than the last burst had room for. */
  #isBehind = false;
  #noSlot = 0;
  #oversize = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `now` is a steady clock in ms. */
  constructor(link: PacketLink, plan: FaultPlan, now: () => number) {
    const { mtuBytes } = link.egressPlan;
    this.#link = link;
    this.#now = now;
    this.kind = link.kind;
    this.description = `${link.description}; with faults on purpose: ${formatFaultPlan(plan)}`;
    this.egressPlan = link.egressPlan.kind === "tun" ? { ...link.egressPlan, faults: plan } : link.egressPlan;
    this.#received = new FaultQueue(plan, STREAM_RECEIVED, mtuBytes);
    this.#transmitted = new FaultQueue(plan, STREAM_TRANSMITTED, mtuBytes);
    this.#leaving = new Uint8Array(mtuBytes);
  }

  /** What has happened to packets that were received, and to those that the main thread has transmitted. */
  get faults(): { readonly received: FaultCounts; readonly sent: FaultCounts } {
    return { received: this.#received.counts, sent: this.#transmitted.counts };
  }

  get drops(): LinkDrops {
    const { oversize, noSlot } = this.#link.drops;
    return { oversize: oversize + this.#oversize, noSlot: noSlot + this.#noSlot };
  }

  receive(burst: Burst): void {
    const nowMs = this.#now();
    this.#release(nowMs);
    burst.count = 0;
    if (!this.#isBehind) {
      this.#link.receive(burst);
      this.#takeIn(burst, nowMs);
    }
    const { pool, freeSlots } = burst;
    while (burst.count < BURST_PACKETS && this.#received.isDue(nowMs)) {
      const slot = freeSlots.acquire();
      if (slot < 0) {
        this.#noSlot++;
        break;
      }
      const index = burst.count++;
      burst.slots[index] = slot;
      burst.lengths[index] = this.#received.dequeue(pool.bytes, pool.packetOffset(slot));
      burst.checksumTrusted[index] = 0;
    }
    this.#isBehind = this.#received.isDue(nowMs);
  }

  transmit(bytes: Uint8Array, offset: number, length: number): boolean {
    if (length > this.#leaving.length) return false;
    const nowMs = this.#now();
    this.#transmitted.enqueue(bytes, offset, length, nowMs);
    this.#release(nowMs);
    return true;
  }

  wait(wake: () => void): void {
    this.#link.wait(wake);
    clearTimeout(this.#timer);
    const nextMs = Math.min(this.#received.nextDueMs(), this.#transmitted.nextDueMs());
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(wake, Math.max(0, nextMs - this.#now()));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#link.close();
  }

  /** Everything that the link underneath has received is under way from now on. */
  #takeIn(burst: Burst, nowMs: number): void {
    const { pool, freeSlots } = burst;
    for (let index = 0; index < burst.count; index++) {
      const slot = burst.slots[index]!;
      const length = burst.lengths[index]!;
      if (length > this.#leaving.length) this.#oversize++;
      else this.#received.enqueue(pool.bytes, pool.packetOffset(slot), length, nowMs);
      freeSlots.release(slot);
    }
    burst.count = 0;
  }

  #release(nowMs: number): void {
    while (this.#transmitted.isDue(nowMs)) {
      const length = this.#transmitted.dequeue(this.#leaving, 0);
      this.#link.transmit(this.#leaving, 0, length);
    }
  }
}
