// A full table: what it refuses, and what it gives up for a new entry, in which order.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  NO_ENTRY,
  STATE_CLOSING,
  STATE_DATAGRAM,
  STATE_ESTABLISHED,
  STATE_OPENING,
} from "../../../core/flow/flow-entry.js";
import type { FullPolicy } from "../../../core/flow/flow-table.js";
import { createTable, flowKey, sourceKey, TIMEOUTS } from "./table-fixture.js";

const CAPACITY = 32;

/** A table of 32 slots, filled up to `free` of them with established flows number 0 … of worker 0, seen at tick 0. */
function createFullTable(free: number, fullPolicy: FullPolicy = "evict") {
  const { table, observer } = createTable(CAPACITY, fullPolicy);
  for (let n = 0; n < CAPACITY - free; n++) {
    table.insertFlow(flowKey(n), 0, n, 0, NO_ENTRY, STATE_ESTABLISHED, 0);
  }
  const has = (n: number) => table.lookupFlow(flowKey(n), 0, n) !== NO_ENTRY;
  const insert = (n: number, state: number, now: number) =>
    table.insertFlow(flowKey(n), 0, n, 1, NO_ENTRY, state, now);
  return { table, observer, has, insert };
}

test("full table, with policy refuse, refuses flows and sources, counts them and keeps what it has", () => {
  const { table, observer, has, insert } = createFullTable(0, "refuse");
  assert.is(insert(100, STATE_OPENING, 1), NO_ENTRY);
  assert.is(table.insertSource(sourceKey(1), 0, 9, 1, 1), NO_ENTRY);
  assert.is(table.counters.get("flows_refused"), 1);
  assert.is(table.counters.get("sources_refused"), 1);
  assert.equal([...observer.flows], [CAPACITY, 0, 0, 0]);
  for (let n = 0; n < CAPACITY; n++) assert.ok(has(n));
});

test("full table, with policy refuse, makes room where the time of an entry is over", () => {
  const { table, has, insert } = createFullTable(1, "refuse");
  insert(100, STATE_OPENING, 0);
  assert.is(insert(101, STATE_OPENING, TIMEOUTS.openingTimeoutMs - 1), NO_ENTRY);
  assert.is.not(insert(101, STATE_OPENING, TIMEOUTS.openingTimeoutMs), NO_ENTRY);
  assert.not(has(100));
  assert.is(table.counters.get("flows_aged"), 1);
});

test("full table, gives up flows by class: expired, opening, closing, longest unseen", () => {
  const { table, observer, has, insert } = createFullTable(6);
  insert(100, STATE_OPENING, 2);
  insert(101, STATE_OPENING, 1);
  insert(102, STATE_CLOSING, 4);
  insert(103, STATE_CLOSING, 3);
  insert(104, STATE_DATAGRAM, -TIMEOUTS.datagramTimeoutMs);
  // Number 7 is the longest unseen of the established ones.
  for (let n = 0; n < 26; n++) if (n !== 7) table.touch(table.lookupFlow(flowKey(n), 0, n), 1);
  insert(105, STATE_ESTABLISHED, 5);
  const order = [104, 101, 100, 103, 102, 7];
  for (const [index, victim] of order.entries()) {
    assert.ok(has(victim), `${victim} before`);
    insert(200 + index, STATE_ESTABLISHED, 5);
    assert.not(has(victim), `${victim} after`);
    assert.ok(order.slice(index + 1).every(has));
    assert.is(table.flows, CAPACITY);
  }
  assert.is(table.counters.get("flows_aged"), 1);
  assert.is(table.counters.get("flows_evicted_opening"), 2);
  assert.is(table.counters.get("flows_evicted_closing"), 2);
  assert.is(table.counters.get("flows_evicted_idle"), 1);
  assert.is(observer.flows[0]! + observer.flows[1]!, CAPACITY);
});

test("SYN flood on a full table, costs one established flow and then only displaces itself", () => {
  const { table, has, insert } = createFullTable(0);
  for (let n = 1000; n < 2000; n++) insert(n, STATE_OPENING, 1);
  assert.is(Array.from({ length: CAPACITY }, (_, n) => has(n)).filter(Boolean).length, CAPACITY - 1);
  assert.is(table.counters.get("flows_evicted_opening"), 999);
});

test("full table, gives up a source without flows by its age, and one with flows last", () => {
  const { table, observer } = createTable(CAPACITY);
  const busy = table.insertSource(sourceKey(0), 0, 0, 0, -50);
  const flow = table.insertFlow(flowKey(0), 0, 0, 0, busy, STATE_ESTABLISHED, -50);
  table.insertSource(sourceKey(1), 0, 1, 1, -50);
  for (let n = 2; n < 31; n++) table.insertFlow(flowKey(n), 0, n, 2, NO_ENTRY, STATE_ESTABLISHED, n);
  table.touch(flow, 40);
  table.insertFlow(flowKey(100), 0, 0, 2, NO_ENTRY, STATE_ESTABLISHED, 41);
  assert.is(table.lookupSource(sourceKey(1), 0, 1, 41), NO_ENTRY);
  assert.is(table.lookupSource(sourceKey(0), 0, 0, 41), busy);
  assert.is(table.counters.get("sources_evicted_idle"), 1);
  assert.is(observer.sources[1], 0);
});

test("source with flows, evicted as the last resort, leaves flows without a source and no count behind", () => {
  const { table, observer } = createTable(1024);
  // All slots of home 0 hold sources with a flow each; the flows stand elsewhere. Source 0 is the longest unseen.
  const flows: number[] = [];
  for (let n = 0; n < 32; n++) {
    const source = table.insertSource(sourceKey(n), 0, 0, 3, n);
    flows.push(table.insertFlow(flowKey(n), 0, 600 + n, 3, source, STATE_ESTABLISHED, n));
  }
  const newcomer = table.insertSource(sourceKey(100), 0, 0, 2, 40);
  assert.is(table.lookupSource(sourceKey(0), 0, 0, 40), NO_ENTRY);
  assert.is(table.counters.get("sources_evicted_with_flows"), 1);
  assert.equal([...observer.sources], [0, 0, 1, 31]);

  assert.is(table.lookupFlow(flowKey(0), 0, 600), flows[0]);
  assert.is(table.sourceOf(flows[0]!), NO_ENTRY);
  assert.ok(table.endFlow(flows[0]!, table.generationOf(flows[0]!), 41));
  assert.is(table.liveFlowsOf(newcomer), 0, "which has the slot of the flow's source");
  assert.is(observer.flows[3], 31);
});

test("flow, on a full table, never displaces the source that it belongs to", () => {
  const { table } = createTable(CAPACITY);
  // The source is longer unseen than all others, and has no flow: it would be the first to go.
  const source = table.insertSource(sourceKey(1), 0, 9, 1, -100);
  for (let n = 0; n < 31; n++) table.insertFlow(flowKey(n), 0, n, 0, NO_ENTRY, STATE_ESTABLISHED, 0);
  const flow = table.insertFlow(flowKey(100), 0, 9, 1, source, STATE_OPENING, 1);
  assert.is.not(flow, source);
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 1), source);
  assert.is(table.sourceOf(flow), source);
  assert.is(table.liveFlowsOf(source), 1);
});

test.run();
