// The flow table, rule by rule; flow-table-model.test.ts holds it against a model in any sequence.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateFlowTable,
  MAX_CAPACITY,
  NO_ENTRY,
  PROBE_SLOTS,
  STATE_CLOSING,
  STATE_DATAGRAM,
  STATE_ESTABLISHED,
  STATE_OPENING,
  STATE_SOURCE,
  slotAt,
} from "../../../core/flow/flow-entry.js";
import { firstState } from "../../../core/flow/flow-state.js";
import { FlowTable } from "../../../core/flow/flow-table.js";
import { ACK, FIN, RST, SYN } from "../../../core/wire/tcp.js";
import { createTable, flowKey, sourceKey, TIMEOUTS } from "./table-fixture.js";

test("flow, inserted, is found with what was said of it", () => {
  const { table, observer } = createTable(64);
  const flow = table.insertFlow(flowKey(1), 0, 5, 3, NO_ENTRY, STATE_ESTABLISHED, 100);
  assert.is(table.lookupFlow(flowKey(1), 0, 5), flow);
  assert.is(table.workerOf(flow), 3);
  assert.is(table.stateOf(flow), STATE_ESTABLISHED);
  assert.is(table.sourceOf(flow), NO_ENTRY);
  assert.is(table.flows, 1);
  assert.is(table.counters.get("flows_started"), 1);
  assert.equal([...observer.flows], [0, 0, 0, 1]);
});

test("lookup, of a key that differs in any one word, finds nothing", () => {
  for (const ipVersion of [4, 6]) {
    const { table } = createTable(64);
    const key = flowKey(1, ipVersion);
    table.insertFlow(key, 0, 5, 0, NO_ENTRY, STATE_OPENING, 0);
    for (let word = 0; word < key.length; word++) {
      const unused = ipVersion === 4 && [1, 2, 3, 5, 6, 7].includes(word);
      if (unused) continue;
      const other = key.slice();
      other[word]! ^= 1;
      assert.is(table.lookupFlow(other, 0, 5), NO_ENTRY, `word ${word} of IPv${ipVersion}`);
    }
  }
});

test("lookup, of an IPv6 key whose words are those of an IPv4 key, finds its own", () => {
  const { table } = createTable(64);
  const v4 = table.insertFlow(flowKey(1, 4), 0, 5, 0, NO_ENTRY, STATE_OPENING, 0);
  assert.is(table.lookupFlow(flowKey(1, 6), 0, 5), NO_ENTRY);
  const v6 = table.insertFlow(flowKey(1, 6), 0, 5, 1, NO_ENTRY, STATE_OPENING, 0);
  assert.is(table.lookupFlow(flowKey(1, 4), 0, 5), v4);
  assert.is(table.lookupFlow(flowKey(1, 6), 0, 5), v6);
});

test("lookup, where 32 keys have one hash, finds each of them, and the others after each removal", () => {
  const { table } = createTable(1024);
  for (const hash of [0, -1, 77, 0x7fffffff]) {
    const flows = Array.from({ length: PROBE_SLOTS }, (_, n) =>
      table.insertFlow(flowKey(n), 0, hash, 0, NO_ENTRY, STATE_OPENING, 0),
    );
    assert.is(new Set(flows).size, PROBE_SLOTS);
    // Every third, from the middle on, round and round.
    for (let removed = 0, n = 11; removed < PROBE_SLOTS; removed++, n = (n + 3) % PROBE_SLOTS) {
      for (let other = 0; other < PROBE_SLOTS; other++) {
        assert.is(table.lookupFlow(flowKey(other), 0, hash), flows[other]);
      }
      assert.ok(table.endFlow(flows[n]!, table.generationOf(flows[n]!), 0));
      flows[n] = NO_ENTRY;
    }
  }
});

test("probe sequence, has 32 different slots at any capacity", () => {
  for (const capacity of [32, 64, 1024]) {
    const slots = new Set(
      Array.from({ length: PROBE_SLOTS }, (_, place) => slotAt(capacity - 1, place, capacity - 1)),
    );
    assert.is(slots.size, PROBE_SLOTS);
    assert.ok([...slots].every((slot) => slot >= 0 && slot < capacity));
  }
});

test("table, of a capacity that it cannot have, is refused", () => {
  for (const capacity of [0, 16, 33, 1000, -32, 0.5, Number.NaN, 2 * MAX_CAPACITY]) {
    assert.throws(() => allocateFlowTable(capacity), /flow table capacity must be/);
  }
});

test("table, with a timeout out of range, is refused by the timeout's name", () => {
  const { observer } = createTable(32);
  for (const value of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
    const timeouts = { ...TIMEOUTS, datagramTimeoutMs: value };
    assert.throws(
      () => new FlowTable(allocateFlowTable(32), timeouts, "evict", observer),
      /datagramTimeoutMs/,
    );
  }
});

test("end of a flow, told twice, counts once", () => {
  const { table, observer } = createTable(64);
  const flow = table.insertFlow(flowKey(1), 0, 5, 2, NO_ENTRY, STATE_ESTABLISHED, 0);
  const generation = table.generationOf(flow);
  assert.is(table.endFlow(flow, generation, 1), true);
  assert.is(table.lookupFlow(flowKey(1), 0, 5), NO_ENTRY);
  assert.is(table.endFlow(flow, generation, 1), false);
  assert.is(observer.flows[2], 0);
  assert.is(table.flows, 0);
  assert.is(table.counters.get("flows_ended"), 1);
  assert.is(table.counters.get("ends_stale"), 1);
});

test("end of a flow, told when another is in its slot, ends nothing", () => {
  const { table } = createTable(64);
  const first = table.insertFlow(flowKey(1), 0, 5, 0, NO_ENTRY, STATE_ESTABLISHED, 0);
  const generation = table.generationOf(first);
  table.endFlow(first, generation, 0);
  const second = table.insertFlow(flowKey(1), 0, 5, 0, NO_ENTRY, STATE_ESTABLISHED, 0);
  assert.is(second, first);
  assert.is(table.endFlow(first, generation, 0), false);
  assert.is(table.lookupFlow(flowKey(1), 0, 5), second);
});

test("end of a flow, with numbers that no flow has, ends nothing", () => {
  const { table } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 0, 0);
  const flow = table.insertFlow(flowKey(1), 0, 5, 0, source, STATE_ESTABLISHED, 0);
  for (const entry of [-1, 64, 63, 2 ** 31, -(2 ** 31), 0.5, Number.NaN]) {
    assert.is(table.endFlow(entry, 0, 0), false, `entry ${entry}`);
  }
  assert.is(table.endFlow(source, table.generationOf(source), 0), false);
  assert.is(table.endFlow(flow, -1, 0), false);
  assert.is(table.flows + table.sources, 2);
});

test("generation, at its last value, goes on at 0 and stays in its range", () => {
  const memory = allocateFlowTable(32);
  const { observer } = createTable(32);
  const table = new FlowTable(memory, TIMEOUTS, "evict", observer);
  const flow = table.insertFlow(flowKey(1), 0, 0, 0, NO_ENTRY, STATE_OPENING, 0);
  // Two thousand million ends later: slot 0 begins behind the table's lead of 48 bytes.
  new Int32Array(memory.buffer, 48)[3] = 0x7fffffff;
  assert.is(table.generationOf(flow), 0x7fffffff);
  assert.ok(table.endFlow(flow, 0x7fffffff, 0));
  assert.is(table.generationOf(flow), 0);
});

test("source, counts the flows that it has", () => {
  const { table, observer } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  assert.is(table.stateOf(source), STATE_SOURCE);
  const a = table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_ESTABLISHED, 0);
  const b = table.insertFlow(flowKey(2), 0, 6, 1, source, STATE_ESTABLISHED, 0);
  assert.is(table.sourceOf(b), source);
  assert.is(table.liveFlowsOf(source), 2);
  table.endFlow(a, table.generationOf(a), 0);
  assert.is(table.liveFlowsOf(source), 1);
  assert.equal([...observer.sources], [0, 1, 0, 0]);
});

test("source, idle for the affinity time, is forgotten by its lookup, and not a moment before", () => {
  const { table, observer } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  const flow = table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_ESTABLISHED, 0);
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 1_000_000), source, "it has a flow");
  table.endFlow(flow, table.generationOf(flow), 1_000_000);
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 1_000_000 + TIMEOUTS.affinityTimeMs - 1), source);
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 1_000_000 + TIMEOUTS.affinityTimeMs), NO_ENTRY);
  assert.is(table.sources, 0);
  assert.is(observer.sources[1], 0);
  assert.is(table.counters.get("sources_aged"), 1);
});

test("source, of which no connection came, goes with its last flow, and is as if it had never been", () => {
  const { table, observer } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  const [a, b] = [5, 6].map((hash) => table.insertFlow(flowKey(hash), 0, hash, 1, source, STATE_OPENING, 0));
  assert.ok(table.endFlow(a!, table.generationOf(a!), 1, false));
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 1), source, "it has another flow");
  assert.not(table.isProven(source));
  assert.ok(table.endFlow(b!, table.generationOf(b!), 1, false));
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 1), NO_ENTRY);
  assert.equal([table.flows, table.sources, observer.sources[1]], [0, 0, 0]);
  assert.is(table.counters.get("sources_unproven"), 1);
  assert.is(table.counters.get("flows_ended"), 2);
});

test("source, of which a connection came once, stays whatever comes to nothing after that", () => {
  const { table } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  for (const wasConnection of [true, false, false]) {
    const flow = table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_OPENING, 0);
    table.endFlow(flow, table.generationOf(flow), 0, wasConnection);
    assert.ok(table.isProven(source));
  }
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 0), source);
  // Another one in its slot has to prove itself.
  assert.is(table.lookupSource(sourceKey(1), 0, 9, TIMEOUTS.affinityTimeMs), NO_ENTRY);
  const next = table.insertSource(sourceKey(2), 0, 9, 1, 0);
  assert.is(next, source);
  assert.not(table.isProven(next));
});

test("end of a flow without a source, or with one that is gone, asks nothing of whoever is in its slot", () => {
  const { table } = createTable(64);
  const alone = table.insertFlow(flowKey(1), 0, 5, 1, NO_ENTRY, STATE_OPENING, 0);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  const orphan = table.insertFlow(flowKey(2), 0, 6, 1, source, STATE_OPENING, 0);
  table.remove(source, 0);
  const other = table.insertSource(sourceKey(2), 0, 9, 2, 0);
  assert.is(other, source);
  for (const flow of [alone, orphan]) assert.ok(table.endFlow(flow, table.generationOf(flow), 0, false));
  assert.is(table.sources, 1);
});

test("source and flow, of one hash, are told apart", () => {
  const { table } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 5, 1, 0);
  const flow = table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_ESTABLISHED, 0);
  assert.is(table.lookupSource(sourceKey(1), 0, 5, 0), source);
  assert.is(table.lookupFlow(flowKey(1), 0, 5), flow);
});

test("source, pinned to another worker, keeps its flows where they are", () => {
  const { table, observer } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  const flow = table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_ESTABLISHED, 0);
  table.repinSource(source, 3);
  assert.is(table.workerOf(source), 3);
  assert.is(table.workerOf(flow), 1);
  assert.is(table.lookupSource(sourceKey(1), 0, 9, 0), source);
  assert.is(table.liveFlowsOf(source), 1);
  assert.equal([...observer.sources], [0, 0, 0, 1]);
  assert.equal([...observer.flows], [0, 1, 0, 0]);
});

test("worker number, up to 255, is kept whole beside state and place", () => {
  const nothing = () => {};
  const observer = { flowStarted: nothing, flowEnded: nothing, sourceStarted: nothing, sourceEnded: nothing };
  const table = new FlowTable(allocateFlowTable(64), TIMEOUTS, "evict", observer);
  for (let n = 0; n < PROBE_SLOTS; n++) {
    const flow = table.insertFlow(flowKey(n), 0, 5, 255 - n, NO_ENTRY, STATE_CLOSING, 0);
    assert.is(table.workerOf(flow), 255 - n);
    assert.is(table.stateOf(flow), STATE_CLOSING);
  }
});

test("first state of a flow, is opening for TCP and datagram for others", () => {
  assert.is(firstState(6), STATE_OPENING);
  assert.is(firstState(17), STATE_DATAGRAM);
});

/** State of a flow that was in `state` after a packet with `tcpFlags`; "new" if the packet begins another flow. */
function follow(state: number, tcpFlags: number): number | "new" {
  const { table } = createTable(64);
  const flow = table.insertFlow(flowKey(1), 0, 5, 0, NO_ENTRY, state, 0);
  return table.followTcp(flow, tcpFlags, 1) ? table.stateOf(flow) : "new";
}

test("TCP flow, goes from state to state by its client's flags", () => {
  const cases: [from: number, flags: number, to: number | "new"][] = [
    [STATE_OPENING, SYN, STATE_OPENING],
    [STATE_OPENING, SYN | ACK, STATE_OPENING],
    [STATE_OPENING, FIN, STATE_OPENING],
    [STATE_OPENING, RST, STATE_OPENING],
    [STATE_OPENING, 0, STATE_OPENING],
    [STATE_OPENING, ACK, STATE_ESTABLISHED],
    [STATE_OPENING, FIN | ACK, STATE_CLOSING],
    [STATE_OPENING, RST | ACK, STATE_CLOSING],
    [STATE_ESTABLISHED, ACK, STATE_ESTABLISHED],
    [STATE_ESTABLISHED, 0, STATE_ESTABLISHED],
    [STATE_ESTABLISHED, SYN, STATE_ESTABLISHED],
    [STATE_ESTABLISHED, SYN | ACK, STATE_ESTABLISHED],
    [STATE_ESTABLISHED, FIN | ACK, STATE_CLOSING],
    [STATE_ESTABLISHED, RST, STATE_CLOSING],
    [STATE_CLOSING, ACK, STATE_CLOSING],
    [STATE_CLOSING, FIN | ACK, STATE_CLOSING],
    [STATE_CLOSING, SYN | ACK, STATE_CLOSING],
    [STATE_CLOSING, SYN | RST, STATE_CLOSING],
    [STATE_CLOSING, SYN, "new"],
    [STATE_CLOSING, SYN | 0xc0, "new"], // ECN set-up: RFC 3168 section 6.1.1
  ];
  for (const [from, flags, to] of cases) assert.is(follow(from, flags), to, `${from} with flags ${flags}`);
});

test("SYN on a closing flow, ends it once and leaves room for the new one", () => {
  const { table, observer } = createTable(64);
  const source = table.insertSource(sourceKey(1), 0, 9, 1, 0);
  const flow = table.insertFlow(flowKey(1), 0, 5, 1, source, STATE_CLOSING, 0);
  const generation = table.generationOf(flow);
  assert.is(table.followTcp(flow, SYN, 1), false);
  assert.is(table.lookupFlow(flowKey(1), 0, 5), NO_ENTRY);
  assert.is(table.liveFlowsOf(source), 0);
  assert.is(observer.flows[1], 0);
  assert.is(table.endFlow(flow, generation, 1), false, "the worker's own report comes late");
});

test("SYN on an established flow that is long unseen, begins a new one; any other packet revives it", () => {
  const { table } = createTable(64);
  const flow = table.insertFlow(flowKey(1), 0, 5, 1, NO_ENTRY, STATE_ESTABLISHED, 0);
  assert.is(table.followTcp(flow, ACK, TIMEOUTS.establishedTimeoutMs), true);
  assert.is(table.followTcp(flow, SYN, TIMEOUTS.establishedTimeoutMs + 1), true);
  assert.is(table.followTcp(flow, SYN, 2 * TIMEOUTS.establishedTimeoutMs + 1), false);
});

test("worker, removed, takes its flows and sources with it and no others", () => {
  const { table, observer } = createTable(256);
  const sources = [0, 1].map((worker) => table.insertSource(sourceKey(worker), 0, 900 + worker, worker, 0));
  for (let n = 0; n < 40; n++) {
    // Some flows of each source have been spilled to the other worker.
    table.insertFlow(
      flowKey(n),
      0,
      n * 3,
      n % 2,
      sources[n % 5 === 0 ? 1 - (n % 2) : n % 2]!,
      STATE_ESTABLISHED,
      0,
    );
  }
  assert.is(table.removeWorker(0, 5), 20);
  assert.equal([...observer.flows], [0, 20, 0, 0]);
  assert.equal([...observer.sources], [0, 1, 0, 0]);
  for (let n = 0; n < 40; n++) assert.is(table.lookupFlow(flowKey(n), 0, n * 3) !== NO_ENTRY, n % 2 === 1);
  assert.is(table.lookupSource(sourceKey(0), 0, 900, 5), NO_ENTRY);
  // Flows 5, 15, 25 and 35 belonged to the source that is gone.
  assert.is(table.sourceOf(table.lookupFlow(flowKey(5), 0, 15)), NO_ENTRY);
  assert.is(table.liveFlowsOf(sources[1]!), 16);
  assert.is(table.counters.get("flows_removed"), 20);
  assert.is(table.counters.get("sources_removed"), 1);
});

test("touching a burst's lines, changes nothing", () => {
  const { table } = createTable(64);
  const flow = table.insertFlow(flowKey(1), 0, 5, 1, NO_ENTRY, STATE_ESTABLISHED, 0);
  table.touchLines(Int32Array.of(5, -1, 64, 1 << 31), 4);
  assert.is(table.lookupFlow(flowKey(1), 0, 5), flow);
  assert.is(table.flows, 1);
});

test.run();
