// The sweep: what it removes, when, and how much of the table one call looks at; the clock wraps and steps back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Ageing } from "../../../core/flow/ageing.js";
import {
  NO_ENTRY,
  STATE_CLOSING,
  STATE_DATAGRAM,
  STATE_ESTABLISHED,
  STATE_OPENING,
} from "../../../core/flow/flow-entry.js";
import { createTable, flowKey, sourceKey, TIMEOUTS } from "./table-fixture.js";

test("sweep, removes a flow when its state's time is over and not a moment before", () => {
  const times: [state: number, timeoutMs: number][] = [
    [STATE_OPENING, TIMEOUTS.openingTimeoutMs],
    [STATE_CLOSING, TIMEOUTS.closingTimeoutMs],
    [STATE_DATAGRAM, TIMEOUTS.datagramTimeoutMs],
    [STATE_ESTABLISHED, TIMEOUTS.establishedTimeoutMs],
  ];
  for (const [state, timeoutMs] of times) {
    const { table, observer } = createTable(64);
    const ageing = new Ageing(table);
    table.insertFlow(flowKey(1), 0, 5, 2, NO_ENTRY, state, 1000);
    assert.is(ageing.age(1000 + timeoutMs - 1, 64), 0);
    assert.is(observer.flows[2], 1);
    assert.is(ageing.age(1000 + timeoutMs, 64), 1);
    assert.is(observer.flows[2], 0);
    assert.is(table.lookupFlow(flowKey(1), 0, 5), NO_ENTRY);
    assert.is(table.counters.get("flows_aged"), 1);
  }
});

test("sweep, leaves a flow alone that was seen", () => {
  const { table } = createTable(64);
  const ageing = new Ageing(table);
  const flow = table.insertFlow(flowKey(1), 0, 5, 2, NO_ENTRY, STATE_DATAGRAM, 0);
  table.touch(flow, TIMEOUTS.datagramTimeoutMs - 1);
  assert.is(ageing.age(2 * TIMEOUTS.datagramTimeoutMs - 2, 64), 0);
  assert.is(ageing.age(2 * TIMEOUTS.datagramTimeoutMs - 1, 64), 1);
});

test("sweep, keeps a source for the affinity time after its last flow has aged", () => {
  const { table, observer } = createTable(64);
  const ageing = new Ageing(table);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_ESTABLISHED, 10_000);
  assert.is(ageing.age(10_001, 64), 0, "it has a flow");
  const ended = 10_000 + TIMEOUTS.establishedTimeoutMs;
  assert.is(ageing.age(ended, 64), 1, "the flow");
  assert.is(ageing.age(ended + TIMEOUTS.affinityTimeMs - 1, 64), 0);
  assert.is(ageing.age(ended + TIMEOUTS.affinityTimeMs, 64), 1, "the source");
  assert.is(observer.sources[1], 0);
});

test("sweep, looks at no more slots than its budget, and at all of them in a round", () => {
  const { table } = createTable(64);
  const ageing = new Ageing(table);
  for (let n = 0; n < 64; n++) table.insertFlow(flowKey(n), 0, n, 0, NO_ENTRY, STATE_OPENING, 0);
  const removed = Array.from({ length: 7 }, () => ageing.age(TIMEOUTS.openingTimeoutMs, 10));
  assert.equal(removed, [10, 10, 10, 10, 10, 10, 4]);
});

test("sweep, with a budget above the capacity, goes round once", () => {
  const { table } = createTable(64);
  for (let n = 0; n < 64; n++) table.insertFlow(flowKey(n), 0, n, 0, NO_ENTRY, STATE_OPENING, 0);
  assert.is(new Ageing(table).age(TIMEOUTS.openingTimeoutMs, Number.POSITIVE_INFINITY), 64);
});

test("sweep, across the tick's wrap, removes what is old and nothing that is young", () => {
  // 2^31 and 2^32, where signed and unsigned 32-bit ticks wrap.
  for (const wrap of [2 ** 31, 2 ** 32]) {
    const { table } = createTable(64);
    const ageing = new Ageing(table);
    table.insertFlow(flowKey(1), 0, 5, 0, NO_ENTRY, STATE_OPENING, (wrap - 5) | 0);
    assert.is(ageing.age((wrap + 4) | 0, 64), 0);
    assert.is(ageing.age((wrap + 5) | 0, 64), 1);
  }
});

test("sweep, by a clock that has stepped back, removes nothing", () => {
  const { table } = createTable(64);
  table.insertFlow(flowKey(1), 0, 5, 0, NO_ENTRY, STATE_OPENING, 1000);
  assert.is(new Ageing(table).age(0, 64), 0);
});

test.run();
