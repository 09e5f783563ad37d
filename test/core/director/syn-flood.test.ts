// SYN floods, as the director bears them: SYNs beyond the limit leave nothing behind, nor do ACKs that prove nothing, and those who are
// served already, or were before, notice nothing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { NO_FLOW } from "../../../core/memory/descriptor.js";
import { BOARD_SOURCES, BOARD_STATE, WORKER_ABSENT } from "../../../core/memory/load-board.js";
import {
  ACK,
  DirectorFixture,
  FIN_ACK,
  type FixtureOptions,
  RST,
  SYN,
  sourceAddress,
  tcpFrom,
} from "../../support/director-fixture.js";

/** Sources of the flood; those of clients have smaller numbers. */
const FORGED = 1000;

/** A farm that bears four half-open flows, and has them: all that follows is beyond its limit. */
function flooded({ director, ...options }: FixtureOptions = {}): DirectorFixture {
  const farm = new DirectorFixture({ ...options, director: { maxOpeningFlows: 4, ...director } });
  fill(farm);
  return farm;
}

function fill(farm: DirectorFixture): void {
  for (let n = 0; n < 4; n++) farm.receive(tcpFrom(sourceAddress(FORGED + n), SYN));
  farm.deliveries();
}

/** What is in the table, and on the board. */
function kept(farm: DirectorFixture): Record<string, number> {
  const { table, board, rings } = farm;
  const sum = (of: (worker: number) => number) => rings.reduce((total, _, worker) => total + of(worker), 0);
  return {
    flows: table.flows,
    sources: table.sources,
    flowsOnBoard: sum((worker) => farm.flowsOf(worker)),
    sourcesOnBoard: sum((worker) => board.get(worker, BOARD_SOURCES)),
  };
}

const FOUR = { flows: 4, sources: 4, flowsOnBoard: 4, sourcesOnBoard: 4 };

test("SYN, when too many flows are half open, goes to a worker without a flow, and leaves nothing behind", () => {
  const farm = flooded();
  farm.receive(tcpFrom(sourceAddress(1), SYN), tcpFrom("fd00::1", SYN));
  const [one, two] = farm.deliveries();
  assert.equal([one!.flow, one!.generation, two!.flow], [NO_FLOW, 0, NO_FLOW]);
  assert.equal(farm.verdicts, { "new-source": 4, "syn-cookie": 2 });
  assert.equal(kept(farm), FOUR);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("SYNs of a flood, are spread over all workers that serve, and one sent again goes to the same", () => {
  const farm = flooded({ ringSlots: 512 });
  farm.board.set(2, BOARD_STATE, WORKER_ABSENT);
  const counts = [0, 0, 0];
  const first: number[] = [];
  for (let n = 0; n < 200; n++) {
    farm.receive(tcpFrom(sourceAddress(n), SYN));
    const [only] = farm.deliveries();
    first.push(only!.worker);
    counts[only!.worker]!++;
  }
  assert.ok(counts[0]! > 60 && counts[1]! > 60 && counts[2] === 0, counts.join(", "));
  for (let n = 0; n < 200; n++) {
    farm.receive(tcpFrom(sourceAddress(n), SYN));
    assert.is(farm.deliveries()[0]!.worker, first[n]);
  }
});

test("SYNs, a hundred thousand of them from as many addresses, leave the table as it was", () => {
  const farm = flooded({ flowEntries: 64 });
  const packets = Array.from({ length: 1000 }, (_, n) => tcpFrom(sourceAddress(2 * FORGED + n), SYN, 40_001));
  for (let n = 0; n < 100; n++) {
    for (const packet of packets) {
      farm.receive(packet);
      farm.deliveries();
    }
  }
  assert.is(farm.verdicts["syn-cookie"], 100_000);
  assert.equal(kept(farm), FOUR);
});

test("ACK, of a source that nothing is known of, begins flow and source: it may prove a cookie", () => {
  const farm = flooded();
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  farm.receive(tcpFrom(sourceAddress(1), ACK), tcpFrom(sourceAddress(1), ACK));
  const [, one, two] = farm.deliveries().sort((a, b) => a.flow - b.flow);
  assert.equal(farm.verdicts, { "new-source": 5, "syn-cookie": 1, "flow-hit": 1 });
  assert.is(one!.flow, two!.flow);
  assert.is(one!.worker, two!.worker);
});

test("ACKs that prove nothing, once their worker has said so, leave neither flow nor source", () => {
  const farm = flooded({ flowEntries: 64 });
  for (let n = 0; n < 5000; n++) {
    farm.receive(tcpFrom(sourceAddress(2 * FORGED + n), ACK));
    for (const delivered of farm.deliveries()) farm.endInVain(delivered);
  }
  farm.receive();
  assert.equal(kept(farm), FOUR);
  assert.is(farm.table.counters.get("sources_unproven"), 5000);
});

test("ACKs that prove nothing, two of a flow before their worker has said so, leave nothing either", () => {
  const farm = flooded();
  const ack = tcpFrom(sourceAddress(1), ACK);
  farm.receive(ack, ack, tcpFrom(sourceAddress(1), FIN_ACK));
  for (const delivered of farm.deliveries()) farm.endInVain(delivered);
  farm.receive();
  assert.equal(kept(farm), FOUR);
});

test("RST of a flood, is dropped as before", () => {
  const farm = flooded();
  farm.receive(tcpFrom(sourceAddress(1), RST));
  assert.is(farm.verdicts["stray-reset"], 1);
});

test("SYN, of a source that had a connection, begins a flow with its worker whatever the flood", () => {
  const farm = new DirectorFixture({ director: { maxOpeningFlows: 4 } });
  farm.receive(tcpFrom(sourceAddress(1), SYN), tcpFrom(sourceAddress(1), ACK));
  const [known] = farm.deliveries();
  farm.endFlow(known!.worker, known!.flow, known!.generation);
  fill(farm);
  farm.receive(tcpFrom(sourceAddress(1), SYN, 40_001));
  const [again] = farm.deliveries();
  assert.is(again!.worker, known!.worker);
  assert.is(farm.table.workerOf(again!.flow), known!.worker);
  assert.is(farm.verdicts["new-flow"], 1);
  // Not after its affinity time.
  farm.endFlow(again!.worker, again!.flow, again!.generation);
  farm.receive();
  farm.nowMs += 300_000;
  fill(farm);
  farm.receive(tcpFrom(sourceAddress(1), SYN, 40_002));
  assert.is(farm.verdicts["syn-cookie"], 1);
});

test("SYNs forged from a source that had a connection, are no more than as many again", () => {
  const farm = new DirectorFixture({ director: { maxOpeningFlows: 4 } });
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  const [known] = farm.deliveries();
  farm.endFlow(known!.worker, known!.flow, known!.generation);
  fill(farm);
  for (let port = 1; port <= 100; port++) {
    farm.receive(tcpFrom(sourceAddress(1), SYN, port));
    farm.deliveries();
  }
  assert.is(farm.table.openingFlows, 8);
  assert.equal(farm.verdicts, { "new-source": 5, "new-flow": 4, "syn-cookie": 96 });
});

test("SYN, of a source of which nothing has come yet, is answered by a cookie though the source is there", () => {
  const farm = flooded();
  farm.receive(tcpFrom(sourceAddress(FORGED), SYN, 40_001));
  assert.is(farm.verdicts["syn-cookie"], 1);
});

test("SYN again, of a flow that is half open, is one of its flow", () => {
  const farm = flooded();
  farm.receive(tcpFrom(sourceAddress(FORGED), SYN));
  assert.is(farm.verdicts["flow-hit"], 1);
});

test("flood, whose half-open flows are over or have become connections, is over", () => {
  const farm = flooded();
  const isOver = (n: number) => {
    farm.receive(tcpFrom(sourceAddress(n), SYN));
    const [only] = farm.deliveries();
    if (only!.flow !== NO_FLOW) farm.endInVain(only!);
    farm.receive();
    return only!.flow !== NO_FLOW;
  };
  assert.not(isOver(1));
  farm.receive(tcpFrom(sourceAddress(FORGED), ACK));
  farm.deliveries();
  assert.ok(isOver(2));
  fill(farm);
  farm.nowMs += 75_000;
  for (let second = 0; second < 12; second++) {
    farm.nowMs += 1000;
    farm.director.turn();
  }
  assert.is(farm.table.openingFlows, 0);
  assert.ok(isOver(3));
});

test("SYNs of a flood, when a worker's ring is half full, are dropped as syn-limited; its clients' packets are not", () => {
  const farm = flooded({ workers: 1, ringSlots: 16 });
  farm.receive(...Array.from({ length: 20 }, (_, n) => tcpFrom(sourceAddress(n), SYN)));
  assert.equal(farm.verdicts, { "new-source": 4, "syn-cookie": 9, "syn-limited": 11 });
  farm.receive(...Array.from({ length: 7 }, () => tcpFrom(sourceAddress(FORGED), ACK)));
  assert.is(farm.verdicts["flow-hit"], 7);
  assert.is(farm.deliveries().length, 16);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("SYN of a flood, with no worker serving, is dropped as no-worker and its slot is free", () => {
  const farm = flooded({ workers: 1 });
  farm.board.set(0, BOARD_STATE, WORKER_ABSENT);
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  assert.is(farm.verdicts["no-worker"], 1);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("SYN of a flood, where connections and not sources are placed, is answered by a cookie always", () => {
  const farm = flooded({ director: { affinity: "connection" } });
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  assert.equal(farm.verdicts, { "new-flow": 4, "syn-cookie": 1 });
  assert.is(farm.deliveries()[0]!.flow, NO_FLOW);
});

test.run();
