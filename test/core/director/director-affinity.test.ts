// Which worker a packet goes to: a source's flows to one, sources to the least loaded, and what happens when that one stops.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BOARD_IN_FLIGHT,
  BOARD_SOURCES,
  BOARD_STATE,
  WORKER_ABSENT,
  WORKER_DRAINING,
  WORKER_SERVING,
} from "../../../core/memory/load-board.js";
import { ACK, DirectorFixture, SYN, sourceAddress, tcpFrom } from "../../support/director-fixture.js";
import { udpPacket } from "../../support/packets.js";

test("first packet of a source, goes to the least-loaded worker; all later ones follow it", () => {
  const farm = new DirectorFixture();
  farm.board.set(0, BOARD_IN_FLIGHT, 5);
  farm.board.set(1, BOARD_IN_FLIGHT, 2);
  farm.board.set(2, BOARD_IN_FLIGHT, 4);
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  farm.board.set(1, BOARD_IN_FLIGHT, 100);
  farm.receive(
    tcpFrom(sourceAddress(1), ACK),
    tcpFrom(sourceAddress(1), SYN, 40_001),
    tcpFrom(sourceAddress(1), SYN, 40_002),
  );
  const delivered = farm.deliveries();
  assert.equal(
    delivered.map(({ worker }) => worker),
    [1, 1, 1, 1],
  );
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 1, "new-flow": 2 });
  assert.is(delivered[0]!.flow, delivered[1]!.flow);
  assert.is(delivered[0]!.hash, delivered[1]!.hash);
});

test("burst of new flows of as many sources, before any worker has answered, is spread to within one flow", () => {
  for (const [workers, flows] of [
    [3, 200],
    [2, 61],
    [7, 250],
  ] as const) {
    const farm = new DirectorFixture({ workers, ringSlots: 256 });
    farm.receive(...Array.from({ length: flows }, (_, i) => tcpFrom(sourceAddress(i), SYN)));
    const loads = Array.from({ length: workers }, (_, worker) => farm.flowsOf(worker));
    assert.is(
      loads.reduce((sum, n) => sum + n, 0),
      flows,
    );
    assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, loads.join(", "));
  }
});

test("sources one after the other, each gone before the next comes, are pinned evenly all the same", () => {
  const farm = new DirectorFixture();
  const counts = [0, 0, 0];
  for (let i = 0; i < 30; i++) {
    farm.receive(tcpFrom(sourceAddress(i), SYN));
    const [only] = farm.deliveries();
    counts[only!.worker]!++;
    farm.endFlow(only!.worker, only!.flow, only!.generation);
  }
  assert.equal(counts, [10, 10, 10]);
});

test("source, within its prefix, is one: a /24 of IPv4, a /64 of IPv6", () => {
  const farm = new DirectorFixture({ director: { affinityPrefix4: 24 } });
  farm.receive(...[1, 2, 3, 200].map((n) => tcpFrom(`198.19.7.${n}`, SYN)));
  assert.is(new Set(farm.deliveries().map(({ worker }) => worker)).size, 1);
  farm.receive(
    tcpFrom("fd00::1:0:0:0:1", SYN),
    tcpFrom("fd00::1:0:0:9:9", SYN),
    tcpFrom("fd00::2:0:0:0:1", SYN),
  );
  const workers = farm.deliveries().map(({ worker }) => worker);
  assert.is(new Set(workers).size, 2);
  assert.equal(farm.verdicts, { "new-source": 3, "new-flow": 4 });
});

test("source, after its affinity time without a flow, is a new one", () => {
  const farm = new DirectorFixture({ timeouts: { affinityTimeMs: 5000 } });
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  const [first] = farm.deliveries();
  farm.nowMs += 60_000;
  farm.receive(tcpFrom(sourceAddress(1), ACK), tcpFrom(sourceAddress(1), SYN, 41_000));
  assert.is(farm.verdicts["new-source"], 1, "not while it has flows");
  for (const { worker, flow, generation } of [first!, ...farm.deliveries()])
    farm.endFlow(worker, flow, generation);
  farm.receive();
  farm.nowMs += 4999;
  farm.receive(tcpFrom(sourceAddress(1), SYN, 42_000));
  assert.is(farm.verdicts["new-source"], 1);
  for (const { worker, flow, generation } of farm.deliveries()) farm.endFlow(worker, flow, generation);
  farm.receive();
  farm.nowMs += 5000;
  farm.receive(tcpFrom(sourceAddress(1), SYN, 43_000));
  assert.is(farm.verdicts["new-source"], 2);
});

test("source, whose worker drains, is pinned to another for its new flows, for good; old flows stay", () => {
  const farm = new DirectorFixture({ workers: 2 });
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  const [first] = farm.deliveries();
  const former = first!.worker;
  const other = 1 - former;
  farm.board.set(former, BOARD_STATE, WORKER_DRAINING);
  farm.receive(tcpFrom(sourceAddress(1), ACK), tcpFrom(sourceAddress(1), SYN, 40_001));
  assert.equal(farm.verdicts, { "new-source": 2, "flow-hit": 1 });
  assert.equal([farm.take(former).length, farm.take(other).length], [1, 1]);
  assert.equal([farm.board.get(former, BOARD_SOURCES), farm.board.get(other, BOARD_SOURCES)], [0, 1]);
  farm.board.set(former, BOARD_STATE, WORKER_SERVING);
  farm.receive(tcpFrom(sourceAddress(1), SYN, 40_002), tcpFrom(sourceAddress(1), ACK));
  assert.equal(farm.verdicts, { "new-source": 2, "new-flow": 1, "flow-hit": 2 });
  assert.equal([farm.flowsOf(former), farm.flowsOf(other)], [1, 2]);
});

test("source, whose worker is gone with its flows, is a new one", () => {
  const farm = new DirectorFixture({ workers: 2 });
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  const [first] = farm.deliveries();
  farm.board.set(first!.worker, BOARD_STATE, WORKER_ABSENT);
  farm.table.removeWorker(first!.worker, farm.nowMs);
  farm.receive(tcpFrom(sourceAddress(1), ACK));
  const [second] = farm.deliveries();
  assert.is(second!.worker, 1 - first!.worker);
  assert.equal(farm.verdicts, { "new-source": 2 });
  // What the dead worker still had to say of its flow is stale.
  farm.endFlow(first!.worker, first!.flow, first!.generation);
  farm.receive();
  assert.equal([farm.flowsOf(0) + farm.flowsOf(1), farm.table.flows], [1, 1]);
});

test("flows of one source, a hundred of them and of both protocols, are all with one worker", () => {
  const farm = new DirectorFixture({ ringSlots: 256 });
  farm.receive(tcpFrom(sourceAddress(9), SYN));
  for (let i = 0; i < 100; i++)
    farm.receive(tcpFrom(sourceAddress(100 + i), SYN), tcpFrom(sourceAddress(7), SYN, 41_000 + i));
  farm.receive(udpPacket({ source: sourceAddress(7) }));
  const workers = farm
    .deliveries()
    .filter(({ packet }) => packet[14] === 0 && packet[15] === 7)
    .map(({ worker }) => worker);
  assert.is(workers.length, 101);
  assert.is(new Set(workers).size, 1);
});

test.run();
