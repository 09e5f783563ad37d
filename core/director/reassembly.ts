// The director's part in reassembly: which fragments are kept, and how the one that makes its packet whole becomes that packet.
// Knows neither flows nor workers.

import { FRAGMENT_WHOLE, type ReassemblyCounterName } from "../flow/fragment-fates.js";
import { Fragments } from "../flow/fragments.js";
import type { Burst } from "../link/link.js";
import type { Counters } from "../memory/counters.js";
import { FAULT_FRAGMENT } from "../wire/faults.js";
import type { OwnAddresses } from "./own-addresses.js";
import type { ParsedBurst } from "./parsed-burst.js";
import { VERDICT_FRAGMENT_FATE, VERDICT_NOT_OURS } from "./verdict.js";

export class Reassembly {
  readonly #burst: Burst;
  readonly #parsed: ParsedBurst;
  readonly #own: OwnAddresses;
  readonly #fragments: Fragments;
  readonly #isOff: boolean;

  /** At most `places` packets are gathered at once; with none, all fragments are dropped. */
  constructor(burst: Burst, parsed: ParsedBurst, own: OwnAddresses, places: number) {
    this.#burst = burst;
    this.#parsed = parsed;
    this.#own = own;
    this.#fragments = new Fragments(burst.pool, burst.freeSlots, places);
    this.#isOff = places === 0;
  }

  /** What became of packets that came in fragments. */
  get counters(): Counters<ReassemblyCounterName> {
    return this.#fragments.counters;
  }

  /**
   * Takes in packet `i` of the burst, a fragment, at tick `tick`. Returns its verdict; or PARSE_OK, and then the whole packet, parsed,
   * is in its place, in a large slot.
   */
  take(i: number, tick: number): number {
    const { pool } = this.#burst;
    const view = this.#parsed.views[i]!;
    const { identification } = view;
    if (this.#isOff) return FAULT_FRAGMENT;
    if (!this.#own.has(pool.words, view.destinationOffset >>> 2, view.ipVersion)) return VERDICT_NOT_OURS;
    const fate = this.#fragments.add(view, tick);
    if (fate !== FRAGMENT_WHOLE) return VERDICT_FRAGMENT_FATE + fate;
    this.#burst.replace(i, this.#fragments.slot, this.#fragments.length);
    const fault = this.#parsed.parsePacket(i);
    // For an answer that has to be cut as well.
    view.identification = identification;
    return fault;
  }

  /** Gives up what has waited too long. To be called often. */
  expire(tick: number): void {
    this.#fragments.expire(tick);
  }
}
