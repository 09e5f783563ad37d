// A farm in one thread, for what the packet path costs: a link that makes packets, the director as it is, and stand-ins for the
// workers that give every slot back. Its clock is the farm's own, with what that costs.

import { leastLoaded } from "../../core/director/policies.js";
import { ThreadlessFarm } from "../../core/director/threadless-farm.js";
import type { Verdict } from "../../core/director/verdict.js";
import { allocateFlowTable, SLOT_HOMED, SLOT_SHIFT, slotWords } from "../../core/flow/flow-entry.js";
import { seedFrom } from "../../core/flow/flow-hash.js";
import { FlowTable } from "../../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../../core/flow/flow-timeouts.js";
import { Burst } from "../../core/link/link.js";
import { allocatePacketPool } from "../../core/memory/packet-pool.js";
import { ACK_40, NumberedFlows, PacketSchedule, SYN_40 } from "./numbered-flows.js";

const POOL_SLOTS = 4096;
const SLOT_BYTES = 2048;
/** Flows that are opened at once. */
const OPENED_AT_ONCE = 4096;

export interface DispatchFarmOptions {
  readonly tableEntries: number;
  readonly maxOpeningFlows: number;
  readonly workers: number;
  readonly seed: number;
  /** Flows that begin end again at once. */
  readonly endsFlows: boolean;
}

export class DispatchFarm {
  readonly #link = new NumberedFlows();
  readonly #farm: ThreadlessFarm;
  readonly #endsFlows: boolean;
  readonly #slotWords: Int32Array;

  constructor(options: DispatchFarmOptions) {
    const { workers, maxOpeningFlows } = options;
    const memory = allocateFlowTable(options.tableEntries);
    this.#endsFlows = options.endsFlows;
    this.#slotWords = slotWords(memory);
    this.#farm = new ThreadlessFarm({
      workers,
      ringPackets: 1024,
      links: [this.#link],
      pool: allocatePacketPool(POOL_SLOTS, SLOT_BYTES),
      createFlowTable: (observer) => new FlowTable(memory, DEFAULT_FLOW_TIMEOUTS, "evict", observer),
      policy: leastLoaded,
      seed: seedFrom(BigInt(options.seed)),
      addresses: [Uint8Array.of(198, 18, 0, 1)],
      reassemblyPlaces: 0,
      datagramPort: 80,
      affinity: "source",
      spillFlows: 0,
      maxOpeningFlows,
      affinityPrefix4: 32,
      affinityPrefix6: 64,
      now: () => performance.now(),
    });
  }

  get table(): FlowTable {
    return this.#farm.flowTable;
  }

  /** Opens flows 0 … `flows - 1`: each gets the packets that make it a flow of an open connection. */
  open(flows: number): void {
    for (let first = 0; first < flows; first += OPENED_AT_ONCE) {
      const count = Math.min(OPENED_AT_ONCE, flows - first);
      const schedule = new PacketSchedule(3 * count);
      // Where SYNs begin no flow the first ACK does; the second makes it an open one.
      for (const [pass, shape] of [SYN_40, ACK_40, ACK_40].entries()) {
        for (let i = 0; i < count; i++) schedule.setFlow(pass * count + i, first + i, shape);
      }
      this.#run(schedule, schedule.length, false);
    }
  }

  /** Sends packets through; returns the nanoseconds that it took. */
  run(schedule: PacketSchedule, packets: number): number {
    return this.#run(schedule, packets, this.#endsFlows);
  }

  #run(schedule: PacketSchedule, packets: number, endsFlows: boolean): number {
    this.#link.make(schedule, packets);
    const started = performance.now();
    while (this.#link.left > 0) {
      this.#farm.director.turn();
      this.#farm.drain(endsFlows);
    }
    return (performance.now() - started) * 1e6;
  }

  /** The same, and returns the stand-ins' own nanoseconds; looking at the clock so often would be seen in `run`. */
  runTimingStandIns(schedule: PacketSchedule, packets: number): number {
    this.#link.make(schedule, packets);
    let ms = 0;
    while (this.#link.left > 0) {
      this.#farm.director.turn();
      const started = performance.now();
      this.#farm.drain(this.#endsFlows);
      ms += performance.now() - started;
    }
    return ms * 1e6;
  }

  /** Packets so far by what the director did with them. */
  get verdicts(): Readonly<Record<Verdict, number>> {
    return this.#farm.director.counters.snapshot();
  }

  /** Entries of the home that has most: as many a lookup looks at, at the worst. */
  longestProbe(): number {
    const words = this.#slotWords;
    let longest = 0;
    for (let at = SLOT_HOMED; at < words.length; at += 1 << SLOT_SHIFT) {
      // One bit for each of the home's entries.
      let entries = 0;
      for (let homed = words[at]!; homed !== 0; homed &= homed - 1) entries++;
      if (entries > longest) longest = entries;
    }
    return longest;
  }
}

/** The link by itself: makes the same packets into slots that go straight back. */
export class LinkAlone {
  readonly #link = new NumberedFlows();
  readonly #burst = new Burst(allocatePacketPool(POOL_SLOTS, SLOT_BYTES));

  /** Returns the nanoseconds that it took. */
  run(schedule: PacketSchedule, packets: number): number {
    const burst = this.#burst;
    this.#link.make(schedule, packets);
    const started = performance.now();
    while (this.#link.left > 0) {
      this.#link.receive(burst);
      for (let i = 0; i < burst.count; i++) burst.freeSlots.release(burst.slots[i]!);
    }
    return (performance.now() - started) * 1e6;
  }
}
