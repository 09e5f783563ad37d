// The director's decisions, by verdict, with fake workers and packets built by hand.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MemoryLink } from "../../../core/link/memory.js";
import { BOARD_SOURCES, BOARD_STATE, WORKER_ABSENT } from "../../../core/memory/load-board.js";
import { RingConsumer } from "../../../core/memory/ring.js";
import { TransmitProducer } from "../../../core/memory/transmit-ring.js";
import { describePacket } from "../../../core/wire/pretty.js";
import {
  ACK,
  DirectorFixture,
  FIN_ACK,
  RST,
  SYN,
  sourceAddress,
  tcpFrom,
} from "../../support/director-fixture.js";
import { icmpPacket, tcpPacket, udpPacket } from "../../support/packets.js";

test("packet, with no worker serving, is dropped as no-worker and its slot is free", () => {
  const farm = new DirectorFixture({ workers: 1 });
  farm.board.set(0, BOARD_STATE, WORKER_ABSENT);
  farm.receive(tcpFrom(sourceAddress(1), SYN), udpPacket({ source: sourceAddress(1) }));
  assert.equal(farm.verdicts, { "no-worker": 2 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("SYN, on a closing flow, begins a new one with another generation", () => {
  const farm = new DirectorFixture();
  farm.receive(
    tcpFrom(sourceAddress(1), SYN),
    tcpFrom(sourceAddress(1), ACK),
    tcpFrom(sourceAddress(1), FIN_ACK),
    tcpFrom(sourceAddress(1), SYN),
  );
  const delivered = farm.deliveries();
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 2, "new-flow": 1 });
  assert.is.not(delivered[0]!.generation, delivered[3]!.generation);
  assert.is(
    delivered.reduce((sum, { worker }) => sum + Number(worker === delivered[0]!.worker), 0),
    4,
  );
  assert.is(farm.table.flows, 1);
});

test("RST, of a flow that is known, reaches the worker; of another, is dropped as stray-reset", () => {
  const farm = new DirectorFixture();
  farm.receive(
    tcpFrom(sourceAddress(1), SYN),
    tcpFrom(sourceAddress(1), RST),
    tcpFrom(sourceAddress(2), RST),
  );
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 1, "stray-reset": 1 });
  assert.is(farm.table.flows, 1);
});

test("end of a flow, reported by its worker, lowers the load once; stale and wild reports change nothing", () => {
  const farm = new DirectorFixture({ workers: 1 });
  farm.receive(tcpFrom(sourceAddress(1), SYN), tcpFrom(sourceAddress(2), SYN));
  const [one, two] = farm.deliveries();
  for (const [flow, generation] of [
    [one!.flow, one!.generation],
    [one!.flow, one!.generation],
    [two!.flow, two!.generation + 1],
    [-5, 1],
    [2 ** 30, 1],
    [one!.flow + 1, 0],
  ] as const) {
    farm.endFlow(0, flow, generation);
  }
  farm.receive();
  assert.is(farm.flowsOf(0), 1);
  assert.is(farm.table.flows, 1);
});

test("packet, to another address than ours, is dropped as not-ours", () => {
  const farm = new DirectorFixture();
  farm.receive(
    tcpPacket({ source: sourceAddress(1), destination: "198.18.0.9" }),
    tcpPacket({ source: "fd00::1", destination: "fd98:18::2" }),
    udpPacket({ source: sourceAddress(1), destination: "198.18.0.2" }),
  );
  assert.equal(farm.verdicts, { "not-ours": 3 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("packet, with a fault, is counted under the fault's name and its slot is free", () => {
  const farm = new DirectorFixture({ largeSlots: 0 });
  const damaged = tcpFrom(sourceAddress(1), SYN);
  damaged[25]! ^= 1;
  const fragment = udpPacket({ source: sourceAddress(1), fragment: 0x2000 }, [1, 2, 3, 4, 5, 6, 7, 8]);
  farm.receive(damaged, tcpPacket({ source: "127.0.0.1" }), fragment, new Uint8Array(0));
  assert.equal(farm.verdicts, { truncated: 1, fragment: 1, martian: 1, "bad-tcp-checksum": 1 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("TCP segment that the device has not cut, over IPv4 and IPv6, is a flow's packet like any other", () => {
  for (const fields of [
    { source: sourceAddress(1), destination: "198.18.0.1" },
    { source: "fd00::5", destination: "fd98:18::1" },
  ]) {
    const farm = new DirectorFixture();
    const headersBytes = tcpPacket(fields).length;
    const data = Array.from(
      { length: farm.pool.maxLargePacketBytes - headersBytes },
      (_, i) => (i * 7) & 255,
    );
    const uncut = tcpPacket(fields, data, ACK);
    farm.receive(tcpPacket(fields, [], SYN), uncut);
    const [first, second, ...more] = farm.deliveries();
    assert.is(more.length, 0);
    assert.equal([second!.worker, second!.flow, second!.length], [first!.worker, first!.flow, uncut.length]);
    assert.ok(Buffer.from(second!.packet).equals(uncut));
    assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 1 });
    farm.receive();
    assert.equal([farm.director.freeSlots, farm.director.freeLargeSlots], [farm.poolSlots, 8]);
  }
});

test("uncut segments, for a worker that gives none back, are dropped beyond its share and leave the others theirs", () => {
  const farm = new DirectorFixture({ workers: 2, largeSlots: 8 });
  const [hanging, other] = [1, 2].map((client) => sourceAddress(client));
  const segment = (source: string) => tcpPacket({ source }, new Array(3000).fill(1), ACK);
  farm.receive(tcpFrom(hanging!, SYN), tcpFrom(other!, SYN));
  for (let n = 0; n < 5; n++) farm.receive(segment(hanging!));
  assert.equal(farm.verdicts, { "new-source": 2, "flow-hit": 2, "ring-full": 3 });
  assert.is(farm.director.freeLargeSlots, 6);
  farm.receive(segment(other!), tcpFrom(hanging!, ACK));
  assert.equal(farm.verdicts, { "new-source": 2, "flow-hit": 4, "ring-full": 3 });
});

test("checksum, that the link vouches for, is not looked at", () => {
  const farm = new DirectorFixture({ memoryLink: { checksumTrusted: true } });
  const partial = tcpFrom(sourceAddress(1), SYN);
  partial[36]! ^= 0xff;
  farm.receive(partial);
  assert.equal(farm.verdicts, { "new-source": 1 });
});

test("descriptor, says where the packet's parts are and whose flow it is, and nothing of padding", () => {
  const farm = new DirectorFixture({ workers: 1 });
  const withOptions = tcpPacket({ source: sourceAddress(1), options: [1, 1, 1, 0] }, [1, 2, 3], SYN);
  const withExtension = udpPacket({
    source: "fd00::1",
    destination: "fd98:18::1",
    firstHeader: 60,
    extensions: [17, 0, 1, 4, 0, 0, 0, 0],
  });
  farm.receive(Uint8Array.of(...withOptions, 0, 0, 0, 0, 0), withExtension);
  const [one, two] = farm.deliveries();
  assert.equal(one!.packet, withOptions);
  assert.equal([one!.l4Offset, one!.protocol, one!.ipVersion, one!.link], [24, 6, 4, 0]);
  assert.equal(two!.packet, withExtension);
  assert.equal([two!.l4Offset, two!.protocol, two!.ipVersion, two!.link], [48, 17, 6, 0]);
  for (const { flow, generation } of [one!, two!]) {
    assert.is(farm.table.workerOf(flow), 0);
    assert.is(farm.table.generationOf(flow), generation);
  }
});

test("links, of which there are two, are both served, and answered each on its own", () => {
  const sent: [number, Uint8Array][] = [];
  const links = [0, 1].map((n) => new MemoryLink({ transmitted: (packet) => sent.push([n, packet]) }));
  const farm = new DirectorFixture({ workers: 1, director: { links } });
  const ping = (n: number) => icmpPacket({ source: sourceAddress(n) }, 8, 0, [0, n, 0, 1]);
  links[0]!.deliver(ping(1));
  links[1]!.deliver(ping(2));
  links[1]!.deliver(tcpFrom(sourceAddress(3), SYN));
  const producer = new TransmitProducer(farm.rings[0]!.transmit);
  producer.push(1, tcpFrom(sourceAddress(4), ACK), 0, 40);
  // A link that there is not: a worker's mistake, which main survives.
  producer.push(9, tcpFrom(sourceAddress(4), ACK), 0, 40);
  producer.publish();
  assert.is(farm.director.turn(), 3);
  assert.equal(
    farm.deliveries().map(({ link }) => link),
    [1],
  );
  assert.equal(
    sent.map(([link, packet]) => [link, packet[9]]),
    [
      [0, 1],
      [1, 1],
      [1, 6],
    ],
  );
});

test("entries, whose time is over, are swept away while nobody comes, within a round of ten seconds", () => {
  const farm = new DirectorFixture({ timeouts: { openingTimeoutMs: 1000, affinityTimeMs: 2000 } });
  farm.receive(...[1, 2, 3].map((n) => tcpFrom(sourceAddress(n), SYN)));
  const idle = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      farm.nowMs += 1000;
      farm.director.turn();
    }
  };
  assert.equal([farm.table.flows, farm.table.sources], [3, 3]);
  idle(12);
  assert.is(farm.table.flows, 0);
  idle(12);
  assert.is(farm.table.sources, 0);
  const loads = [0, 1, 2].map((worker) => farm.flowsOf(worker) + farm.board.get(worker, BOARD_SOURCES));
  assert.equal(loads, [0, 0, 0]);
});

test("ring, when it is full, drops as ring-full and loses no slot", () => {
  const farm = new DirectorFixture({ workers: 1, ringSlots: 16 });
  farm.receive(...Array.from({ length: 20 }, (_, i) => tcpFrom(sourceAddress(i), SYN)));
  assert.equal(farm.verdicts, { "new-source": 16, "ring-full": 4 });
  assert.is(farm.director.freeSlots, farm.poolSlots - 16);
  assert.is(farm.deliveries().length, 16);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("pool, when it has no slot, leaves packets with the link until slots come back", () => {
  const farm = new DirectorFixture({ workers: 1, poolSlots: 8 });
  farm.receive(...Array.from({ length: 12 }, (_, i) => tcpFrom(sourceAddress(i), SYN)));
  assert.is(farm.packetsCounted, 8);
  assert.ok(farm.link.drops.noSlot > 0);
  assert.is(farm.deliveries().length, 8);
  farm.receive();
  assert.is(farm.packetsCounted, 12);
});

test("table, when it is full and refuses, drops as table-full; when it evicts, never", () => {
  for (const [fullPolicy, refuses] of [
    ["refuse", true],
    ["evict", false],
  ] as const) {
    const farm = new DirectorFixture({ workers: 1, flowEntries: 32, fullPolicy });
    for (let i = 0; i < 40; i++) {
      farm.receive(tcpFrom(sourceAddress(i), SYN));
      farm.deliveries();
    }
    assert.is((farm.verdicts["table-full"] ?? 0) > 0, refuses, fullPolicy);
    assert.is(farm.flowsOf(0), farm.table.flows);
    assert.is(farm.packetsCounted, 40);
  }
});

test("echo request, over IPv4 and IPv6, is answered to who asked", () => {
  const farm = new DirectorFixture();
  farm.receive(
    icmpPacket({ source: sourceAddress(1) }, 8, 0, [0, 7, 0, 1, 42]),
    icmpPacket({ source: "fd00::5", destination: "fd98:18::1" }, 128, 0, [0, 7, 0, 1, 42]),
  );
  assert.equal(farm.verdicts, { "echo-answered": 2 });
  assert.equal(farm.transmitted, [
    icmpPacket({ source: "198.18.0.1", destination: sourceAddress(1) }, 0, 0, [0, 7, 0, 1, 42]),
    icmpPacket({ source: "fd98:18::1", destination: "fd00::5" }, 129, 0, [0, 7, 0, 1, 42]),
  ]);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("datagram, to the service's port, is a flow; to another, is answered with port unreachable", () => {
  const farm = new DirectorFixture();
  farm.receive(udpPacket({ source: sourceAddress(1) }), udpPacket({ source: sourceAddress(1) }));
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 1 });
  const closed = new DirectorFixture({ director: { datagramPort: 54 } });
  closed.receive(udpPacket({ source: sourceAddress(1) }));
  assert.equal(closed.verdicts, { "port-unreachable": 1 });
  assert.match(describePacket(closed.transmitted[0]!), /198\.18\.0\.1 > 198\.19\.0\.1.*ICMP/i);
});

test("answers by ICMP, beyond a thousand in a second, are left out, and go on in the next", () => {
  const farm = new DirectorFixture();
  const ping = icmpPacket({ source: sourceAddress(1) }, 8, 0, [0, 7, 0, 1]);
  for (let i = 0; i < 1200; i++) farm.receive(ping);
  assert.equal(farm.verdicts, { "echo-answered": 1000, "icmp-limited": 200 });
  farm.nowMs += 1000;
  farm.receive(ping);
  assert.is(farm.verdicts["echo-answered"], 1001);
});

test("ICMP, that is no echo request, is ignored", () => {
  const farm = new DirectorFixture();
  farm.receive(icmpPacket({ source: sourceAddress(1) }, 0, 0, [0, 7, 0, 1]));
  assert.equal(farm.verdicts, { "icmp-ignored": 1 });
});

test("packets of a worker that cannot write to the link, leave through its transmit ring", () => {
  const farm = new DirectorFixture();
  const packet = tcpFrom(sourceAddress(1), ACK);
  const producer = new TransmitProducer(farm.rings[1]!.transmit);
  assert.ok(producer.push(0, packet, 0, packet.length));
  producer.publish();
  farm.receive();
  assert.equal(farm.transmitted, [packet]);
});

test("packets of a worker, more than its transmit ring holds, all leave, a few each turn", () => {
  const farm = new DirectorFixture();
  const packet = tcpFrom(sourceAddress(1), ACK);
  const producer = new TransmitProducer(farm.rings[0]!.transmit);
  for (let i = 0; i < 500; i++) {
    assert.ok(producer.push(0, packet, 0, packet.length), `packet ${i}`);
    producer.publish();
    if (i % 50 === 49) farm.director.turn();
  }
  assert.is(farm.transmitted.length, 500);
});

test("worker, asleep, is woken by a packet for it, and not by one for another", async () => {
  const farm = new DirectorFixture({ workers: 2 });
  const alive = setInterval(() => {}, 1000);
  const rings = farm.rings.map(({ descriptors }) => new RingConsumer(descriptors));
  const awake: number[] = [];
  const sleeps = rings.map(async (ring, worker) => {
    assert.ok(ring.prepareToSleep());
    await ring.sleep(Infinity);
    awake.push(worker);
  });
  for (const worker of [0, 1]) {
    farm.receive(tcpFrom(sourceAddress(worker), SYN));
    await sleeps[worker];
    assert.is(awake.length, worker + 1);
  }
  clearInterval(alive);
  assert.equal(awake, [0, 1]);
});

test("flow of datagrams, lives for as long as it is seen", () => {
  const farm = new DirectorFixture({ timeouts: { datagramTimeoutMs: 5000 } });
  for (let i = 0; i < 10; i++) {
    farm.receive(udpPacket({ source: sourceAddress(1) }));
    farm.deliveries();
    // Long enough together for the sweep to come by.
    for (let second = 0; second < 4; second++) {
      farm.nowMs += 1000;
      farm.director.turn();
    }
  }
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 9 });
});

test("any sequence of packets, returns and ends, loses no slot and keeps the load board true", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("syn" as const), source: fc.nat(12), port: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant("ack" as const), source: fc.nat(12), port: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant("take" as const), worker: fc.nat(2) }),
    fc.record({ do: fc.constant("give" as const) }),
    fc.record({ do: fc.constant("end" as const), nth: fc.nat(40) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.nat(100_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const farm = new DirectorFixture({ poolSlots: 16, ringSlots: 8, flowEntries: 32 });
      const seen: { worker: number; flow: number; generation: number }[] = [];
      const held: { worker: number; slot: number }[] = [];
      const take = (worker: number) => {
        const taken = farm.take(worker);
        seen.push(...taken);
        held.push(...taken);
      };
      for (const s of steps) {
        if (s.do === "syn") farm.receive(tcpFrom(sourceAddress(s.source), SYN, s.port));
        if (s.do === "ack") farm.receive(tcpFrom(sourceAddress(s.source), ACK, s.port));
        if (s.do === "take") take(s.worker);
        if (s.do === "give") for (const { worker, slot } of held.splice(0)) farm.giveBack(worker, slot);
        if (s.do === "wait") farm.nowMs += s.ms;
        const ended = s.do === "end" ? seen[s.nth] : undefined;
        if (ended !== undefined) farm.endFlow(ended.worker, ended.flow, ended.generation);
      }
      for (let worker = 0; worker < 3; worker++) take(worker);
      farm.receive();
      for (let worker = 0; worker < 3; worker++) take(worker);
      assert.is(farm.director.freeSlots + held.length, farm.poolSlots);
      assert.is(farm.flowsOf(0) + farm.flowsOf(1) + farm.flowsOf(2), farm.table.flows);
    }),
    { numRuns: 300 },
  );
});

test("worker that is gone, loses its flows, its sources and every slot that it held", () => {
  const farm = new DirectorFixture({ workers: 2 });
  farm.receive(...Array.from({ length: 20 }, (_, i) => tcpFrom(sourceAddress(i), SYN)));
  // Half of them are in the dead worker's hands, and the other half in its ring.
  assert.is(farm.take(0).length, 10);
  farm.receive(...Array.from({ length: 20 }, (_, i) => tcpFrom(sourceAddress(i), ACK)));
  farm.board.set(0, BOARD_STATE, WORKER_ABSENT);
  farm.director.removeWorker(0);
  assert.is(farm.flowsOf(0), 0);
  assert.is(farm.director.freeSlots, farm.poolSlots - 20, "those of the living worker are out");
  farm.receive(...Array.from({ length: 20 }, (_, i) => tcpFrom(sourceAddress(i), ACK)));
  assert.is(farm.deliveries().filter(({ worker }) => worker === 1).length, 40);
  assert.is(farm.flowsOf(1), 20);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("slot, returned twice, by another worker, or of a number that is none, is not taken", () => {
  const farm = new DirectorFixture({ workers: 2 });
  farm.receive(tcpFrom(sourceAddress(1), SYN));
  const [taken] = [...farm.take(0), ...farm.take(1)];
  const { worker, slot } = taken!;
  farm.giveBack(1 - worker, slot);
  farm.giveBack(worker, -1);
  farm.giveBack(worker, 1_000_000);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots - 1);
  farm.giveBack(worker, slot);
  farm.giveBack(worker, slot);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test.run();
