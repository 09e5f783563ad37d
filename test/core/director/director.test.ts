// The director's decisions, by verdict, with fake workers and packets built by hand.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BOARD_IN_FLIGHT,
  BOARD_STATE,
  WORKER_ABSENT,
  WORKER_DRAINING,
} from "../../../core/memory/load-board.js";
import { describePacket } from "../../../core/wire/pretty.js";
import { DirectorFixture } from "../../support/director-fixture.js";
import { icmpPacket, tcpPacket, udpPacket } from "../../support/packets.js";

const SYN = 0x02;
const ACK = 0x10;
const FIN_ACK = 0x11;
const RST = 0x04;

/** Source number `n` of a thousand, and one of its ports. */
function source(n: number): string {
  return `198.19.${n >> 8}.${n & 255}`;
}

function tcp(from: string, flags: number, port = 40_000): Uint8Array {
  const to = from.includes(":") ? "fd98:18::1" : "198.18.0.1";
  const packet = tcpPacket({ source: from, destination: to }, [], flags);
  if (port === 40_000) return packet;
  // Another source port, with the checksum mended: what the port gains the checksum loses, in one's complement.
  const l4 = from.includes(":") ? 40 : 20;
  const view = new DataView(packet.buffer, packet.byteOffset);
  let sum = (~view.getUint16(l4 + 16) & 0xffff) + (~view.getUint16(l4) & 0xffff) + port;
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(l4, port);
  view.setUint16(l4 + 16, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  return packet;
}

test("first packet of a source, goes to the least-loaded worker; all later ones follow it", () => {
  const farm = new DirectorFixture();
  farm.board.set(0, BOARD_IN_FLIGHT, 5);
  farm.board.set(1, BOARD_IN_FLIGHT, 2);
  farm.board.set(2, BOARD_IN_FLIGHT, 4);
  farm.receive(tcp(source(1), SYN));
  farm.board.set(1, BOARD_IN_FLIGHT, 100);
  farm.receive(tcp(source(1), ACK), tcp(source(1), SYN, 40_001), tcp(source(1), SYN, 40_002));
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
    farm.receive(...Array.from({ length: flows }, (_, i) => tcp(source(i), SYN)));
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
    farm.receive(tcp(source(i), SYN));
    const [only] = farm.deliveries();
    counts[only!.worker]!++;
    farm.endFlow(only!.worker, only!.flow, only!.generation);
  }
  assert.equal(counts, [10, 10, 10]);
});

test("source, within its prefix, is one: a /24 of IPv4, a /64 of IPv6", () => {
  const farm = new DirectorFixture({ director: { affinityPrefix4: 24 } });
  farm.receive(...[1, 2, 3, 200].map((n) => tcp(`198.19.7.${n}`, SYN)));
  assert.is(new Set(farm.deliveries().map(({ worker }) => worker)).size, 1);
  farm.receive(tcp("fd00::1:0:0:0:1", SYN), tcp("fd00::1:0:0:9:9", SYN), tcp("fd00::2:0:0:0:1", SYN));
  const workers = farm.deliveries().map(({ worker }) => worker);
  assert.is(new Set(workers).size, 2);
  assert.equal(farm.verdicts, { "new-source": 3, "new-flow": 4 });
});

test("source, after its affinity time without a flow, is a new one", () => {
  const farm = new DirectorFixture({ timeouts: { affinityTimeMs: 5000 } });
  farm.receive(tcp(source(1), SYN));
  const [first] = farm.deliveries();
  farm.nowMs += 60_000;
  farm.receive(tcp(source(1), ACK), tcp(source(1), SYN, 41_000));
  assert.is(farm.verdicts["new-source"], 1, "not while it has flows");
  for (const { worker, flow, generation } of [first!, ...farm.deliveries()])
    farm.endFlow(worker, flow, generation);
  farm.receive();
  farm.nowMs += 4999;
  farm.receive(tcp(source(1), SYN, 42_000));
  assert.is(farm.verdicts["new-source"], 1);
  for (const { worker, flow, generation } of farm.deliveries()) farm.endFlow(worker, flow, generation);
  farm.receive();
  farm.nowMs += 5000;
  farm.receive(tcp(source(1), SYN, 43_000));
  assert.is(farm.verdicts["new-source"], 2);
});

test("source, whose worker drains or is gone, gets another for its new flows; old flows stay", () => {
  const farm = new DirectorFixture({ workers: 2 });
  farm.receive(tcp(source(1), SYN));
  const [first] = farm.deliveries();
  farm.board.set(first!.worker, BOARD_STATE, WORKER_DRAINING);
  farm.receive(tcp(source(1), ACK), tcp(source(1), SYN, 40_001));
  const [other] = farm.deliveries().filter(({ worker }) => worker !== first!.worker);
  assert.is(farm.verdicts["flow-hit"], 1);
  assert.ok(other, "the new flow is with the other worker");
});

test("packet, with no worker serving, is dropped as no-worker and its slot is free", () => {
  const farm = new DirectorFixture({ workers: 1 });
  farm.board.set(0, BOARD_STATE, WORKER_ABSENT);
  farm.receive(tcp(source(1), SYN), udpPacket({ source: source(1) }));
  assert.equal(farm.verdicts, { "no-worker": 2 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("SYN, on a closing flow, begins a new one with another generation", () => {
  const farm = new DirectorFixture();
  farm.receive(tcp(source(1), SYN), tcp(source(1), ACK), tcp(source(1), FIN_ACK), tcp(source(1), SYN));
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
  farm.receive(tcp(source(1), SYN), tcp(source(1), RST), tcp(source(2), RST));
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 1, "stray-reset": 1 });
  assert.is(farm.table.flows, 1);
});

test("end of a flow, reported by its worker, lowers the load once; stale and wild reports change nothing", () => {
  const farm = new DirectorFixture({ workers: 1 });
  farm.receive(tcp(source(1), SYN), tcp(source(2), SYN));
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
    tcpPacket({ source: source(1), destination: "198.18.0.9" }),
    tcpPacket({ source: "fd00::1", destination: "fd98:18::2" }),
    udpPacket({ source: source(1), destination: "198.18.0.2" }),
  );
  assert.equal(farm.verdicts, { "not-ours": 3 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("ring, when it is full, drops as ring-full and loses no slot", () => {
  const farm = new DirectorFixture({ workers: 1, ringSlots: 16 });
  farm.receive(...Array.from({ length: 20 }, (_, i) => tcp(source(i), SYN)));
  assert.equal(farm.verdicts, { "new-source": 16, "ring-full": 4 });
  assert.is(farm.director.freeSlots, farm.poolSlots - 16);
  assert.is(farm.deliveries().length, 16);
  farm.receive();
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("pool, when it has no slot, leaves packets with the link until slots come back", () => {
  const farm = new DirectorFixture({ workers: 1, poolSlots: 8 });
  farm.receive(...Array.from({ length: 12 }, (_, i) => tcp(source(i), SYN)));
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
      farm.receive(tcp(source(i), SYN));
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
    icmpPacket({ source: source(1) }, 8, 0, [0, 7, 0, 1, 42]),
    icmpPacket({ source: "fd00::5", destination: "fd98:18::1" }, 128, 0, [0, 7, 0, 1, 42]),
  );
  assert.equal(farm.verdicts, { "echo-answered": 2 });
  assert.equal(farm.transmitted, [
    icmpPacket({ source: "198.18.0.1", destination: source(1) }, 0, 0, [0, 7, 0, 1, 42]),
    icmpPacket({ source: "fd98:18::1", destination: "fd00::5" }, 129, 0, [0, 7, 0, 1, 42]),
  ]);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("datagram, to the service's port, is a flow; to another, is answered with port unreachable", () => {
  const farm = new DirectorFixture();
  farm.receive(udpPacket({ source: source(1) }), udpPacket({ source: source(1) }));
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 1 });
  const closed = new DirectorFixture({ director: { datagramPort: 54 } });
  closed.receive(udpPacket({ source: source(1) }));
  assert.equal(closed.verdicts, { "port-unreachable": 1 });
  assert.match(describePacket(closed.transmitted[0]!), /198\.18\.0\.1 > 198\.19\.0\.1.*ICMP/i);
});

test("answers by ICMP, beyond a thousand in a second, are left out, and go on in the next", () => {
  const farm = new DirectorFixture();
  const ping = icmpPacket({ source: source(1) }, 8, 0, [0, 7, 0, 1]);
  for (let i = 0; i < 1200; i++) farm.receive(ping);
  assert.equal(farm.verdicts, { "echo-answered": 1000, "icmp-limited": 200 });
  farm.nowMs += 1000;
  farm.receive(ping);
  assert.is(farm.verdicts["echo-answered"], 1001);
});

test("ICMP, that is no echo request, is ignored", () => {
  const farm = new DirectorFixture();
  farm.receive(icmpPacket({ source: source(1) }, 0, 0, [0, 7, 0, 1]));
  assert.equal(farm.verdicts, { "icmp-ignored": 1 });
});

test("packets of a worker that cannot write to the link, leave through its transmit ring", async () => {
  const { TransmitProducer } = await import("../../../core/memory/transmit-ring.js");
  const farm = new DirectorFixture();
  const packet = tcp(source(1), ACK);
  const producer = new TransmitProducer(farm.rings[1]!.transmit);
  assert.ok(producer.push(0, packet, 0, packet.length));
  producer.publish();
  farm.receive();
  assert.equal(farm.transmitted, [packet]);
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
        if (s.do === "syn") farm.receive(tcp(source(s.source), SYN, s.port));
        if (s.do === "ack") farm.receive(tcp(source(s.source), ACK, s.port));
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

test.run();
