// A worker's egress with faults on purpose: decorates the egress of a device that the worker writes to itself. Offload is
// off: TCP makes segments of one packet each, with complete checksums. So a drop loses one segment and not a whole burst,
// damage is noticed, and nothing has to be cut, or read, here.

import type { Egress } from "./egress.js";
import { type FaultPlan, STREAM_WORKERS } from "./fault-plan.js";
import { type FaultCounts, FaultQueue } from "./fault-queue.js";

export class FaultyEgress implements Egress {
  readonly mtuBytes: number;
  readonly maxPacketBytes: number;
  readonly checksumOffload = false;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly #egress: Egress;
  readonly #queue: FaultQueue;
  readonly #now: () => number;

  /** `now` is the clock of `release`, in ms. */
  constructor(egress: Egress, plan: FaultPlan, worker: number, now: () => number) {
    this.#egress = egress;
    this.#queue = new FaultQueue(plan, STREAM_WORKERS + worker, egress.mtuBytes);
    this.#now = now;
    this.mtuBytes = egress.mtuBytes;
    this.maxPacketBytes = egress.mtuBytes;
    this.buffer = egress.buffer;
    this.start = egress.start;
  }

  get faults(): FaultCounts {
    return this.#queue.counts;
  }

  /** Always true: as on a real path, nobody is told of what is lost. */
  transmit(length: number): boolean {
    const nowMs = this.#now();
    this.#queue.enqueue(this.buffer, this.start, length, nowMs);
    this.release(nowMs);
    return true;
  }

  /** Sends what has been under way for long enough; what the device does not take is lost. */
  release(nowMs: number): void {
    while (this.#queue.isDue(nowMs)) {
      const length = this.#queue.dequeue(this.buffer, this.start);
      this.#egress.transmit(length, 0, -1, 0);
    }
  }

  /** When `release` has something to do, in ms of its clock; Infinity if never. */
  nextDueMs(): number {
    return this.#queue.nextDueMs();
  }
}
