// The farm without threads: every packet is with a worker, once, and every slot comes back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { leastLoaded } from "../../../core/director/policies.js";
import { ThreadlessFarm } from "../../../core/director/threadless-farm.js";
import { allocateFlowTable } from "../../../core/flow/flow-entry.js";
import { seedFrom } from "../../../core/flow/flow-hash.js";
import { FlowTable } from "../../../core/flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "../../../core/flow/flow-timeouts.js";
import { MemoryLink } from "../../../core/link/memory.js";
import { BOARD_FLOWS, BOARD_SOURCES } from "../../../core/memory/load-board.js";
import { allocatePacketPool } from "../../../core/memory/packet-pool.js";
import { ACK, SYN, sourceAddress, tcpFrom } from "../../support/director-fixture.js";

const POOL_SLOTS = 128;

function farmOf(workers: number): { farm: ThreadlessFarm; link: MemoryLink } {
  const link = new MemoryLink();
  const farm = new ThreadlessFarm({
    workers,
    ringPackets: 64,
    links: [link],
    pool: allocatePacketPool(POOL_SLOTS, 2048),
    createFlowTable: (observer) =>
      new FlowTable(allocateFlowTable(1024), DEFAULT_FLOW_TIMEOUTS, "evict", observer),
    policy: leastLoaded,
    seed: seedFrom(42n),
    addresses: [],
    reassemblyPlaces: 0,
    datagramPort: 0,
    affinity: "source",
    spillFlows: 0,
    maxOpeningFlows: Number.POSITIVE_INFINITY,
    affinityPrefix4: 32,
    affinityPrefix6: 64,
    now: () => 1000,
  });
  return { farm, link };
}

test("ThreadlessFarm, counts what each worker was given, by the workers' own count", () => {
  const { farm, link } = farmOf(3);
  const packets: Uint8Array[] = [];
  for (let source = 0; source < 6; source++) {
    for (const flags of [SYN, ACK, ACK]) packets.push(tcpFrom(sourceAddress(source), flags));
  }
  for (const packet of packets) link.deliver(packet);
  let received = 0;
  for (let turn = 0; turn < 10; turn++) received += farm.turn();
  assert.is(received, packets.length);
  assert.equal(
    farm.given.map((counters) => counters.snapshot()),
    [0, 1, 2].map(() => ({ packets: 6, bytes: 6 * packets[0]!.length, flows: 2, sources: 2 })),
  );
  assert.is(farm.flowTable.flows, 6);
  for (let worker = 0; worker < 3; worker++) {
    assert.equal([farm.board.get(worker, BOARD_FLOWS), farm.board.get(worker, BOARD_SOURCES)], [2, 2]);
  }
});

test("ThreadlessFarm, gives every slot back, of many times more packets than there are slots", () => {
  const { farm, link } = farmOf(2);
  for (let round = 0; round < 20; round++) {
    for (let n = 0; n < 50; n++) link.deliver(tcpFrom(sourceAddress(n), round === 0 ? SYN : ACK));
    while (farm.turn() > 0);
  }
  assert.is(
    farm.given.reduce((sum, counters) => sum + counters.get("packets"), 0),
    1000,
  );
  farm.turn();
  assert.is(farm.director.freeSlots, POOL_SLOTS);
});

test("ThreadlessFarm, whose packets are each the last of a flow, has no flows left", () => {
  const { farm, link } = farmOf(2);
  for (let n = 0; n < 10; n++) link.deliver(tcpFrom(sourceAddress(n), SYN));
  farm.director.turn();
  farm.drain(true);
  farm.director.turn();
  assert.equal([farm.flowTable.flows, farm.flowTable.counters.get("flows_ended")], [0, 10]);
  assert.is(farm.director.freeSlots, POOL_SLOTS);
});

test.run();
