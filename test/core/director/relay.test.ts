// Relayed connections through the director: a fake link in front, fake workers behind, all in one thread.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { STATE_SOURCE } from "../../../core/flow/flow-entry.js";
import { MAX_CONNECTIONS } from "../../../core/link/link.js";
import { MemoryLink } from "../../../core/link/memory.js";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_END,
  EVENT_OPEN,
  EVENT_PACKET,
  EVENT_RESET,
  NO_SLOT,
  RETURN_SLOT,
} from "../../../core/memory/descriptor.js";
import { BOARD_STATE, WORKER_DRAINING, WORKER_SERVING } from "../../../core/memory/load-board.js";
import { RingConsumer, RingProducer } from "../../../core/memory/ring.js";
import { TransmitProducer } from "../../../core/memory/transmit-ring.js";
import { PEER_BYTES } from "../../../core/wire/peer-block.js";
import {
  type Delivered,
  DirectorFixture,
  type FixtureOptions,
  SYN,
  sourceAddress,
  tcpFrom,
} from "../../support/director-fixture.js";
import { FakeRelayLink, peerBlock } from "../../support/fake-relay-link.js";

interface RelayFarm {
  readonly farm: DirectorFixture;
  readonly relay: FakeRelayLink;
}

function relayFarm(options: FixtureOptions = {}): RelayFarm {
  const relay = new FakeRelayLink();
  return { relay, farm: new DirectorFixture({ ...options, link: relay }) };
}

/** Lets the director take everything. */
function turns({ farm }: RelayFarm): void {
  while (farm.director.turn() > 0);
}

/** What has come, as [worker, event, connection]. */
function seen(deliveries: readonly Delivered[]): number[][] {
  return deliveries.map(({ worker, event, flow }) => [worker, event, flow]);
}

/** The worker sends these. */
function transmit(
  farm: DirectorFixture,
  worker: number,
  ...records: [number, number, number, string][]
): void {
  const producer = new TransmitProducer(farm.rings[worker]!.transmit);
  for (const [event, connection, value, text] of records) {
    const at = producer.reserve(0, event, connection, value, text.length);
    assert.ok(at >= 0);
    producer.bytes.set(Buffer.from(text), at);
  }
  producer.publish();
}

function flowEntries(farm: DirectorFixture): number[] {
  const entries: number[] = [];
  for (let entry = 0; entry < farm.table.capacity; entry++) {
    const state = farm.table.stateOf(entry);
    if (state !== 0 && state !== STATE_SOURCE) entries.push(entry);
  }
  return entries;
}

test("connection, opened, goes with its peer to the worker that the policy chose, and all its events after it", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  relay.open(7, sourceAddress(1));
  relay.open(8, sourceAddress(2));
  relay.data(7, "hello");
  relay.credit(8, 65_536);
  relay.end(7);
  relay.reset(7, 1);
  turns(parts);
  const taken = farm.deliveries();
  assert.equal(seen(taken), [
    [0, EVENT_OPEN, 7],
    [0, EVENT_DATA, 7],
    [0, EVENT_END, 7],
    [0, EVENT_RESET, 7],
    [1, EVENT_OPEN, 8],
    [1, EVENT_CREDIT, 8],
  ]);
  assert.equal(taken[0]!.packet, peerBlock(sourceAddress(1), 40_000));
  assert.is(Buffer.from(taken[1]!.packet).toString(), "hello");
  assert.equal(
    [taken[2]!, taken[3]!, taken[5]!].map(({ slot, length }) => [slot, length]),
    [
      [NO_SLOT, 0],
      [NO_SLOT, 1],
      [NO_SLOT, 65_536],
    ],
  );
  assert.equal(relay.accepted, [7, 8]);
  assert.equal(farm.verdicts, { "flow-hit": 1, "new-source": 2 });
  assert.equal([farm.flowsOf(0), farm.flowsOf(1), farm.table.flows], [0, 1, 1]);
  turns(parts);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("source, has one worker for its packets and its relayed connections, whichever came first", () => {
  const relay = new FakeRelayLink();
  const packets = new MemoryLink();
  const farm = new DirectorFixture({ director: { links: [packets, relay] } });
  const parts = { farm, relay };
  for (let n = 0; n < 20; n++) {
    const source = sourceAddress(n);
    const first = () => packets.deliver(tcpFrom(source, SYN, 41_000));
    const second = () => relay.open(n, source);
    if (n % 2 === 0) first();
    else second();
    turns(parts);
    if (n % 2 === 0) second();
    else first();
    turns(parts);
    const taken = farm.deliveries();
    assert.is(taken.length, 2);
    assert.is(taken[0]!.worker, taken[1]!.worker);
    assert.equal(taken.map(({ event, link }) => [event, link]).sort(), [
      [EVENT_PACKET, 0],
      [EVENT_OPEN, 1],
    ]);
  }
  assert.equal(farm.verdicts, { "new-flow": 20, "new-source": 20 });
});

test("ring, that is full, loses no event and keeps their order, while slots come back", () => {
  const parts = relayFarm({ workers: 1, ringSlots: 4, poolSlots: 32 });
  const { farm, relay } = parts;
  const expected: number[][] = [];
  for (let connection = 0; connection < 5; connection++) {
    relay.open(connection, sourceAddress(connection));
    expected.push([EVENT_OPEN, connection]);
  }
  for (let n = 0; n < 200; n++) {
    const connection = n % 5;
    if (n % 7 === 0) relay.credit(connection, n);
    else relay.data(connection, String(n));
    expected.push([n % 7 === 0 ? EVENT_CREDIT : EVENT_DATA, connection, n]);
  }
  const taken: Delivered[] = [];
  for (let round = 0; round < 200; round++) {
    farm.director.turn();
    assert.ok(!farm.director.isIdle(0) || taken.length === 205);
    const some = farm.deliveries();
    assert.ok(some.length <= 4);
    taken.push(...some);
  }
  const values = taken.map(({ event, flow, length, packet }) => {
    if (event === EVENT_OPEN) return [event, flow];
    return [event, flow, event === EVENT_CREDIT ? length : Number(Buffer.from(packet).toString())];
  });
  assert.equal(values, expected);
  assert.is(farm.director.freeSlots, 32);
  assert.ok(farm.director.isIdle(0));
});

test("events, that come while others wait for room, wait behind them although there is room now", () => {
  const parts = relayFarm({ workers: 1, ringSlots: 2 });
  const { farm, relay } = parts;
  const taken: Delivered[] = [];
  // The worker is faster than the director's turn.
  relay.beforeReceive = () => taken.push(...farm.deliveries());
  relay.open(1, sourceAddress(1));
  for (let n = 0; n < 7; n++) relay.data(1, String(n));
  farm.director.turn();
  for (let n = 7; n < 12; n++) relay.data(1, String(n));
  while (taken.length < 13) farm.director.turn();
  const texts = taken.slice(1).map(({ packet }) => Number(Buffer.from(packet).toString()));
  assert.equal(
    texts,
    Array.from({ length: 12 }, (_, n) => n),
  );
});

test("worker, removed, has exactly its own connections reset, and everything that it held comes back", () => {
  const parts = relayFarm({ workers: 2, ringSlots: 4 });
  const { farm, relay } = parts;
  for (let n = 0; n < 10; n++) relay.open(n, sourceAddress(n));
  for (let n = 0; n < 10; n++) relay.data(n, "x");
  turns(parts);
  assert.equal([farm.flowsOf(0), farm.flowsOf(1)], [5, 5]);
  // What it has sent before its end is still done; nothing of what is not its own.
  transmit(farm, 0, [EVENT_DATA, 0, 0, "last words"], [EVENT_RESET, 1, 0, ""]);
  farm.removeWorker(0);
  assert.equal(
    relay.done.map(({ event, connection, bytes }) => [event, connection, bytes.toString()]),
    [[EVENT_DATA, 0, "last words"], ...[0, 2, 4, 6, 8].map((connection) => [EVENT_RESET, connection, ""])],
  );
  assert.equal([farm.table.flows, farm.flowsOf(0), farm.flowsOf(1)], [5, 0, 5]);
  // The link tells of the connections' ends; nobody is there to hear it, and a worker of that number later is not told.
  farm.director.addWorker(0, farm.rings[0]!);
  for (const n of [0, 2]) relay.data(n, "too late");
  for (const n of [0, 2, 4, 6, 8]) relay.reset(n);
  turns(parts);
  while (farm.deliveries().length > 0) turns(parts);
  assert.equal(farm.table.flows, 5);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("entry of a connection's flow, removed, resets that connection; of its source, unpins it and no more", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  relay.open(2, sourceAddress(2));
  turns(parts);
  const [first] = flowEntries(farm);
  const worker = farm.table.workerOf(first!);
  farm.director.removeEntry(first!);
  assert.is(relay.done.length, 1);
  const { event, connection } = relay.done[0]!;
  assert.is(event, EVENT_RESET);
  assert.is(farm.table.flows, 1);
  farm.deliveries();
  // What the client still sends, and that it is over, reach its worker.
  relay.data(connection, "on its way");
  relay.reset(connection);
  turns(parts);
  assert.equal(seen(farm.deliveries()), [
    [worker, EVENT_DATA, connection],
    [worker, EVENT_RESET, connection],
  ]);
  for (let entry = 0; entry < farm.table.capacity; entry++) {
    if (farm.table.stateOf(entry) === STATE_SOURCE) farm.director.removeEntry(entry);
  }
  assert.equal([relay.done.length, farm.table.flows, farm.table.sources], [1, 1, 0]);
});

test("flow, evicted while its connection lives, is nobody's end: not its own again, and not its successor's", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  turns(parts);
  const [entry] = flowEntries(farm);
  farm.table.remove(entry!, farm.nowMs);
  relay.data(1, "still here");
  // The same slot of the table for another.
  relay.open(2, sourceAddress(1));
  turns(parts);
  assert.equal(flowEntries(farm), [entry]);
  relay.reset(1);
  turns(parts);
  assert.equal(flowEntries(farm), [entry]);
  assert.equal(
    farm.deliveries().map(({ event, flow }) => [event, flow]),
    [
      [EVENT_OPEN, 1],
      [EVENT_DATA, 1],
      [EVENT_OPEN, 2],
      [EVENT_RESET, 1],
    ],
  );
  farm.director.removeEntry(entry!);
  assert.equal(
    relay.done.map(({ connection }) => connection),
    [2],
  );
});

test("connection, with the ports of one that is not over yet, ends that one's flow and has one of its own", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  relay.open(2, sourceAddress(1));
  relay.reset(1);
  turns(parts);
  assert.equal([farm.table.flows, farm.flowsOf(0)], [1, 1]);
  relay.reset(2);
  turns(parts);
  assert.equal([farm.table.flows, farm.flowsOf(0)], [0, 0]);
});

test("client, that sends or takes, keeps its flow from ageing", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  relay.open(2, sourceAddress(2));
  relay.open(3, sourceAddress(3));
  turns(parts);
  const before = flowEntries(farm).map((entry) => farm.table.workerOf(entry));
  assert.is(before.length, 3);
  // Days, in steps.
  for (let step = 0; step < 400; step++) {
    farm.nowMs += 600_000;
    relay.data(1, "x");
    relay.credit(2, 65_536);
    turns(parts);
    for (let slice = 0; slice < 40; slice++) {
      farm.nowMs += 1000;
      farm.director.turn();
    }
    farm.deliveries();
  }
  assert.is(farm.table.flows, 2, "the third's has aged");
});

test("numbers, that are not the connection's of now, do nothing in either direction", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  const early = MAX_CONNECTIONS + 5;
  const late = 2 * MAX_CONNECTIONS + 5;
  relay.data(early, "nobody's");
  relay.end(early);
  relay.credit(early, 1);
  relay.reset(early);
  turns(parts);
  assert.equal(farm.deliveries(), []);
  relay.open(early, sourceAddress(1));
  relay.reset(early);
  relay.open(late, sourceAddress(2));
  relay.data(early, "of the one before");
  relay.reset(early);
  turns(parts);
  assert.equal(seen(farm.deliveries()), [
    [0, EVENT_OPEN, early],
    [0, EVENT_RESET, early],
    [1, EVENT_OPEN, late],
  ]);
  // From the worker that had it, from one that never did, and from the one that has it.
  transmit(farm, 0, [EVENT_DATA, early, 0, "a"], [EVENT_RESET, late, 0, ""], [EVENT_END, 77, 0, ""]);
  transmit(farm, 2, [EVENT_CREDIT, late, 9, ""]);
  transmit(farm, 1, [EVENT_CREDIT, late, 8, ""], [EVENT_DATA, late, 0, "b"]);
  turns(parts);
  assert.equal(
    relay.done.map(({ event, connection, value, bytes }) => [event, connection, value, bytes.toString()]),
    [
      [EVENT_CREDIT, late, 8, ""],
      [EVENT_DATA, late, 0, "b"],
    ],
  );
  assert.is(farm.verdicts["stray-reset"], 2);
  turns(parts);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("worker, that serves nobody new, postpones connections; one that is gone unnoticed resets them", () => {
  const parts = relayFarm({ workers: 1 });
  const { farm, relay } = parts;
  farm.board.set(0, BOARD_STATE, WORKER_DRAINING);
  relay.open(1, sourceAddress(1));
  turns(parts);
  assert.equal([relay.postponed, relay.accepted, relay.done], [[1], [], []]);
  assert.equal(farm.verdicts, { "no-worker": 1 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
  farm.board.set(0, BOARD_STATE, WORKER_SERVING);
  relay.open(1, sourceAddress(1));
  turns(parts);
  assert.equal(relay.accepted, [1]);
  farm.deliveries();
  // The board is not told that the worker's rings are gone: another one's number must be below the count.
  const second = relayFarm({ workers: 2 });
  second.farm.director.removeWorker(0);
  second.relay.open(1, sourceAddress(1));
  turns(second);
  assert.equal(second.relay.accepted, []);
  assert.equal(
    second.relay.done.map(({ event, connection }) => [event, connection]),
    [[EVENT_RESET, 1]],
  );
  assert.equal([second.farm.table.flows, second.farm.flowsOf(0)], [0, 0]);
  assert.is(second.farm.director.freeSlots, second.farm.poolSlots);
});

test("table, that is full and evicts nothing, has new connections reset at once", () => {
  const parts = relayFarm({ flowEntries: 32, fullPolicy: "refuse" });
  const { farm, relay } = parts;
  for (let n = 0; n < 40; n++) relay.open(n, sourceAddress(0), 40_000 + n);
  turns(parts);
  const refused = farm.verdicts["table-full"]!;
  assert.ok(refused >= 9, `${refused} refused`);
  assert.is(relay.accepted.length, 40 - refused);
  assert.equal(
    relay.done.map(({ event }) => event),
    Array.from({ length: refused }, () => EVENT_RESET),
  );
  assert.equal(
    [...relay.accepted, ...relay.done.map(({ connection }) => connection)].sort(byNumber).length,
    40,
  );
  farm.deliveries();
  turns(parts);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("datagrams, of a source, go to its worker with their peer, and answers back to the link as they are", () => {
  const parts = relayFarm();
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  relay.datagram(sourceAddress(1), "one");
  relay.datagram(sourceAddress(2), "two");
  relay.datagram(sourceAddress(1), "three");
  relay.datagram("2001:db8::7", "six");
  turns(parts);
  const taken = farm.deliveries().filter(({ event }) => event === EVENT_DATAGRAM);
  assert.equal(
    taken.map(({ worker, packet }) => [worker, Buffer.from(packet.subarray(PEER_BYTES)).toString()]),
    [
      [0, "one"],
      [0, "three"],
      [1, "two"],
      [2, "six"],
    ],
  );
  assert.equal(farm.verdicts, { "flow-hit": 1, "new-flow": 1, "new-source": 3 });
  transmit(farm, 2, [EVENT_DATAGRAM, 0, 0, "answer"]);
  turns(parts);
  assert.equal(relay.done[0]!.bytes.toString(), "answer");
  // Nobody to answer.
  for (let worker = 0; worker < 3; worker++) farm.board.set(worker, BOARD_STATE, WORKER_DRAINING);
  relay.datagram(sourceAddress(9), "nobody");
  turns(parts);
  assert.is(farm.verdicts["no-worker"], 1);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("slots, held in a worker's overflow, come back once and not twice when it is gone", () => {
  const parts = relayFarm({ workers: 2, ringSlots: 2, poolSlots: 16 });
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  for (let n = 0; n < 15; n++) relay.data(1, String(n));
  turns(parts);
  assert.is(farm.director.freeSlots, 0);
  const [taken] = farm.take(0);
  // It gives one back, twice, and dies.
  farm.giveBack(0, taken!.slot);
  farm.giveBack(0, taken!.slot);
  farm.director.removeWorker(0);
  assert.is(farm.director.freeSlots, 16);
  const producer = new RingProducer(farm.rings[1]!.returns);
  const at = producer.reserve();
  producer.words[at] = taken!.slot;
  producer.words[at + 1] = RETURN_SLOT;
  producer.commit();
  producer.publish();
  farm.director.turn();
  assert.is(farm.director.freeSlots, 16, "nor from one that does not hold it");
});

test("wait, while a ring overflows and asked again and again, keeps one timer, and goes on when there is room", async () => {
  const parts = relayFarm({ workers: 1, ringSlots: 2 });
  const { farm, relay } = parts;
  relay.open(1, sourceAddress(1));
  for (let n = 0; n < 5; n++) relay.data(1, String(n));
  turns(parts);
  let wakes = 0;
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  for (let asked = 0; asked < 100; asked++) farm.director.wait(() => wakes++);
  assert.is(timers() - before, 1);
  while (wakes === 0) await new Promise(setImmediate);
  for (let round = 0; round < 5; round++) await new Promise(setImmediate);
  assert.is(wakes, 1);
  let taken = 0;
  while (taken < 6) {
    taken += farm.deliveries().length;
    if (taken < 6) await new Promise<void>((resolve) => farm.director.wait(resolve));
    turns(parts);
  }
  farm.director.close();
  assert.ok(farm.director.isIdle(0));
});

test("worker, that waits for room and is about to sleep when main has made some, does not sleep", () => {
  const { farm } = relayFarm({ workers: 1 });
  const { transmit: memory, descriptors } = farm.rings[0]!;
  const producer = new TransmitProducer(memory);
  const consumer = new RingConsumer(descriptors);
  while (producer.reserve(0, EVENT_CREDIT, 1, 0, 0) >= 0);
  producer.publish();
  assert.ok(producer.awaitRoom());
  // The end of its turn: main is faster, and wakes nobody, since nobody sleeps yet.
  farm.director.turn();
  assert.not(consumer.prepareToSleep());
  assert.ok(producer.reserve(0, EVENT_CREDIT, 1, 0, 0) >= 0);
  assert.ok(consumer.prepareToSleep(), "but only once");
  consumer.awake();
});

function byNumber(a: number, b: number): number {
  return a - b;
}

test.run();
