// What the tests of the flow table share: numbered keys, an observer that counts, and a table that is easy to talk to.

import { allocateFlowTable } from "../../../core/flow/flow-entry.js";
import {
  KEY_DESTINATION,
  KEY_KIND,
  KEY_KIND_SOURCE,
  KEY_PORTS,
  KEY_WORDS,
} from "../../../core/flow/flow-key.js";
import { type FlowObserver, FlowTable, type FullPolicy } from "../../../core/flow/flow-table.js";
import type { FlowTimeouts } from "../../../core/flow/flow-timeouts.js";

/** Short, and all different, so that a mix-up shows. */
export const TIMEOUTS: FlowTimeouts = {
  openingTimeoutMs: 10,
  closingTimeoutMs: 20,
  datagramTimeoutMs: 40,
  establishedTimeoutMs: 80,
  affinityTimeMs: 160,
};

export const WORKERS = 4;

export class CountingObserver implements FlowObserver {
  readonly flows = new Int32Array(WORKERS);
  readonly sources = new Int32Array(WORKERS);
  flowStarted(worker: number): void {
    this.flows[worker]! += 1;
  }
  flowEnded(worker: number): void {
    this.flows[worker]! -= 1;
  }
  sourceStarted(worker: number): void {
    this.sources[worker]! += 1;
  }
  sourceEnded(worker: number): void {
    this.sources[worker]! -= 1;
  }
}

/** Key of TCP flow number `n`. */
export function flowKey(n: number, ipVersion = 4): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  key[0] = n;
  key[KEY_DESTINATION] = 7;
  key[KEY_PORTS] = 80;
  key[KEY_KIND] = 6 | (ipVersion << 8);
  return key;
}

/** Key of source number `n`. */
export function sourceKey(n: number): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  key[0] = n;
  key[KEY_KIND] = KEY_KIND_SOURCE | (4 << 8);
  return key;
}

export function createTable(capacity: number, fullPolicy: FullPolicy = "evict") {
  const observer = new CountingObserver();
  const table = new FlowTable(allocateFlowTable(capacity), TIMEOUTS, fullPolicy, observer);
  return { table, observer };
}
