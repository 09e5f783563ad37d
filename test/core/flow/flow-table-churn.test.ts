// A long life in a small table: whatever has happened, lookups look at no more slots than in a table filled anew.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateFlowTable,
  NO_ENTRY,
  SLOT_HOMED,
  SLOT_SHIFT,
  STATE_OPENING,
  slotWords,
} from "../../../core/flow/flow-entry.js";
import { hashKey, seedFrom } from "../../../core/flow/flow-hash.js";
import { FlowTable } from "../../../core/flow/flow-table.js";
import { CountingObserver, flowKey, TIMEOUTS } from "./table-fixture.js";

const CAPACITY = 4096;
const LIVE = CAPACITY / 2;
const CHURN = 3_000_000;
const seed = seedFrom(7n);

/** Slots that the longest lookup looks at, found or not, and the average over all homes. */
function probes(words: Int32Array): { longest: number; average: number } {
  let longest = 0;
  let sum = 0;
  for (let home = 0; home < CAPACITY; home++) {
    let count = 0;
    for (let homed = words[(home << SLOT_SHIFT) + SLOT_HOMED]!; homed !== 0; homed &= homed - 1) count++;
    longest = Math.max(longest, count);
    sum += count;
  }
  return { longest, average: sum / CAPACITY };
}

test("table, after three million flows came and went, is as quick as a new one and leaves nothing behind", () => {
  const observer = new CountingObserver();
  const memory = allocateFlowTable(CAPACITY);
  const table = new FlowTable(memory, TIMEOUTS, "refuse", observer);
  const words = slotWords(memory);
  const key = flowKey(0);
  const live: number[] = [];
  const insert = (n: number) => {
    key[0] = n;
    const entry = table.insertFlow(key, 0, hashKey(seed, key, 0), n & 3, NO_ENTRY, STATE_OPENING, 0);
    assert.is.not(entry, NO_ENTRY, "half full, there is room");
    return entry;
  };
  for (let n = 0; n < LIVE; n++) live.push(insert(n));
  const fresh = probes(words);

  let random = 1;
  for (let n = LIVE; n < CHURN; n++) {
    random = (Math.imul(random, 1664525) + 1013904223) | 0;
    const index = (random >>> 8) % LIVE;
    const entry = live[index]!;
    if (!table.endFlow(entry, table.generationOf(entry), 0)) assert.unreachable("a live flow has ended");
    live[index] = insert(n);
  }
  const old = probes(words);
  // Half as many entries as homes: half a slot a lookup, and a dozen in one home is past all chance (Poisson: 1e-13).
  assert.is(fresh.average, 0.5);
  assert.is(old.average, 0.5);
  assert.ok(
    old.longest <= 12 && fresh.longest <= 12,
    `${fresh.longest} slots at first, ${old.longest} at last`,
  );

  for (const entry of live) table.endFlow(entry, table.generationOf(entry), 0);
  assert.equal([...observer.flows], [0, 0, 0, 0]);
  assert.is(probes(words).longest, 0);
});

test.run();
