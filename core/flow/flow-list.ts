// The flow table for people: which entries fit a filter, how many there are, and what they are in words. Only reads, and
// only on the main thread, where no entry is half written. Must not know who asks, nor end an entry: `visit` tells the
// numbers of those that fit to somebody who may.
//
// A walk lets packets have their turn after every slice of the table. So it is no picture of one moment; but an entry that
// is there all the time is visited exactly once, since none ever moves.

import { formatAddress } from "../wire/address.js";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../wire/protocols.js";
import {
  type FlowTableMemory,
  KIND_WORKER_SHIFT,
  SLOT_KEY,
  SLOT_KIND,
  SLOT_LIVE_FLOWS,
  SLOT_SHIFT,
  slotWords,
  stateAt,
} from "./flow-entry.js";
import {
  type AffinityPrefixes,
  compileFilter,
  FLOW_STATES,
  type FlowFilter,
  type FlowKind,
  type FlowProtocolName,
  type FlowStateName,
  fitsFilter,
  KIND_PROTOCOL_MASK,
  KIND_VERSION_MASK,
  KIND_VERSION_SHIFT,
  portAt,
} from "./flow-filter.js";
import { KEY_DESTINATION, KEY_KIND_SOURCE, KEY_PORTS, KEY_SOURCE } from "./flow-key.js";
import { idleMs } from "./flow-timeouts.js";

/** One entry, in words. */
export interface FlowEntryStatus {
  readonly kind: FlowKind;
  readonly state: FlowStateName;
  readonly worker: number;
  /** The client's address; of a source entry that is a prefix, like "fd98:18::/64", the prefix. */
  readonly source: string;
  /** Seconds since its last packet; of a source, since a flow of it began or ended. */
  readonly idleSeconds: number;
  // Of flows. A protocol without a name here is told by its number.
  readonly protocol?: FlowProtocolName | `${number}`;
  readonly sourcePort?: number;
  readonly destination?: string;
  readonly destinationPort?: number;
  /** Of sources: flows that have not ended. */
  readonly liveFlows?: number;
}

/** Slots that are looked at before others have their turn: a quarter of a millisecond, or twice that where many fit. */
const SLICE_SLOTS = 32_768;

export class FlowList {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;
  readonly #affinity: AffinityPrefixes;
  readonly #now: () => number;

  /** `now` is the clock of the table's ticks, in ms. */
  constructor(memory: FlowTableMemory, affinity: AffinityPrefixes, now: () => number) {
    this.#words = slotWords(memory);
    this.#bytes = new Uint8Array(this.#words.buffer, this.#words.byteOffset, this.#words.byteLength);
    this.#capacity = memory.capacity;
    this.#affinity = affinity;
    this.#now = now;
  }

  /** Entries that fit, at most `limit`, in the table's order. Rejects with a `FlowFilterError`. */
  async list(filter: FlowFilter, limit: number): Promise<FlowEntryStatus[]> {
    const found: FlowEntryStatus[] = [];
    await this.visit(filter, (entry) => {
      if (found.length < limit) found.push(this.describe(entry));
      return found.length < limit;
    });
    return found;
  }

  /** How many entries fit. Rejects with a `FlowFilterError`. */
  async count(filter: FlowFilter): Promise<number> {
    let count = 0;
    await this.visit(filter, () => {
      count++;
      return true;
    });
    return count;
  }

  /**
   * Tells `visit` the number of each entry that fits, until it returns false. It may end that entry, or others; the number
   * means the entry only until `visit` returns. Rejects with a `FlowFilterError`, or with what `visit` throws.
   */
  async visit(filter: FlowFilter, visit: (entry: number) => boolean): Promise<void> {
    const compiled = compileFilter(filter, this.#affinity);
    for (let from = 0; from < this.#capacity; from += SLICE_SLOTS) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      const to = Math.min(from + SLICE_SLOTS, this.#capacity);
      const now = this.#now() | 0;
      for (let entry = from; entry < to; entry++) {
        if (fitsFilter(compiled, this.#words, this.#bytes, entry, now) && !visit(entry)) return;
      }
    }
  }

  /** The entry in words; there must be one. */
  describe(entry: number): FlowEntryStatus {
    const words = this.#words;
    const base = entry << SLOT_SHIFT;
    const kindWord = words[base + SLOT_KIND]!;
    const isSource = (kindWord & KEY_KIND_SOURCE) !== 0;
    const addressBytes = ((kindWord >>> KIND_VERSION_SHIFT) & KIND_VERSION_MASK) === 4 ? 4 : 16;
    const prefixBits = addressBytes === 4 ? this.#affinity.ipv4 : this.#affinity.ipv6;
    const key = (base + SLOT_KEY) * 4;
    const address = formatAddress(this.#bytes, key + KEY_SOURCE * 4, addressBytes);
    const common = {
      state: stateName(stateAt(words, base)),
      worker: kindWord >>> KIND_WORKER_SHIFT,
      source: isSource && prefixBits < addressBytes * 8 ? `${address}/${prefixBits}` : address,
      idleSeconds: Math.max(0, idleMs(words, base, this.#now() | 0)) / 1000,
    };
    if (isSource) return { kind: "source", ...common, liveFlows: words[base + SLOT_LIVE_FLOWS]! };
    const ports = key + KEY_PORTS * 4;
    return {
      kind: "flow",
      ...common,
      protocol: protocolName(kindWord & KIND_PROTOCOL_MASK),
      sourcePort: portAt(this.#bytes, ports),
      destination: formatAddress(this.#bytes, key + KEY_DESTINATION * 4, addressBytes),
      destinationPort: portAt(this.#bytes, ports + 2),
    };
  }
}

function stateName(state: number): FlowStateName {
  const found = Object.entries(FLOW_STATES).find(([, number]) => number === state);
  return found![0] as FlowStateName;
}

function protocolName(protocol: number): FlowProtocolName | `${number}` {
  return protocol === PROTOCOL_TCP ? "tcp" : protocol === PROTOCOL_UDP ? "udp" : `${protocol}`;
}
