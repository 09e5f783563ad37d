// Packets that come in fragments, from the link to the worker: the whole is directed as any packet is, every fragment has a verdict
// of its own, answers that are too long leave in fragments as well, and no slot is lost.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ACK, DirectorFixture, SYN, sourceAddress, tcpFrom } from "../../support/director-fixture.js";
import { cutIntoFragments, dataOf, fragmentOf, joinFragments } from "../../support/fragments.js";
import { icmpPacket, ipPacket, type PacketFields, tcpPacket, udpPacket } from "../../support/packets.js";

const FROM_4 = { source: sourceAddress(1), destination: "198.18.0.1" };
const FROM_6 = { source: "fd00::5", destination: "fd98:18::1" };
const LARGE_SLOTS = 8;

function bytes(length: number): number[] {
  return Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);
}

function assertNoSlotIsLost(farm: DirectorFixture): void {
  farm.receive();
  assert.equal([farm.director.freeSlots, farm.director.freeLargeSlots], [farm.poolSlots, LARGE_SLOTS]);
}

test("datagram of 8 KiB in fragments, over IPv4 and IPv6, is a flow's packet like any other", () => {
  for (const fields of [FROM_4, FROM_6]) {
    const farm = new DirectorFixture();
    farm.receive(udpPacket(fields, [1]));
    const [first] = farm.deliveries();
    const packet = udpPacket(fields, bytes(8192));
    const fragments = cutIntoFragments(packet, 7, 1400);
    farm.receive(...fragments.slice(1).reverse(), fragments[0]!);
    const [whole, ...more] = farm.deliveries();
    assert.is(more.length, 0);
    assert.equal([whole!.worker, whole!.flow, whole!.hash], [first!.worker, first!.flow, first!.hash]);
    assert.equal(dataOf(whole!.packet), dataOf(packet));
    assert.equal([whole!.protocol, whole!.l4Offset], [17, fields === FROM_4 ? 20 : 40]);
    assert.equal(farm.verdicts, { "new-source": 1, "fragment-kept": fragments.length - 1, "flow-hit": 1 });
    assert.is(farm.director.reassemblyCounters.get("packets_reassembled"), 1);
    assertNoSlotIsLost(farm);
  }
});

test("TCP segment in fragments, is followed as its flow's", () => {
  const farm = new DirectorFixture();
  farm.receive(tcpFrom(FROM_4.source, SYN), tcpFrom(FROM_4.source, ACK));
  const [first] = farm.deliveries();
  farm.receive(...cutIntoFragments(tcpPacket(FROM_4, bytes(3000)), 1, 800));
  assert.equal(
    farm.deliveries().map(({ flow }) => flow),
    [first!.flow],
  );
  assert.equal(farm.verdicts, { "new-source": 1, "flow-hit": 2, "fragment-kept": 3 });
  assertNoSlotIsLost(farm);
});

test("fragments, where none are put together, are dropped", () => {
  const farm = new DirectorFixture({ director: { reassemblyPlaces: 0 } });
  farm.receive(...cutIntoFragments(udpPacket(FROM_4, bytes(2000)), 1, 800));
  assert.equal(farm.verdicts, { fragment: 3 });
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("fragments, to an address that is not the farm's, are not kept", () => {
  const farm = new DirectorFixture();
  for (const fields of [
    { ...FROM_4, destination: "198.18.0.7" },
    { ...FROM_6, destination: "ff02::1" },
  ])
    farm.receive(...cutIntoFragments(udpPacket(fields, bytes(2000)), 1, 800));
  assert.equal(farm.verdicts, { "not-ours": 6 });
  assertNoSlotIsLost(farm);
});

test("packet, put together and then found to be at fault, has the fault's verdict, and its slot is free", () => {
  const farm = new DirectorFixture();
  const damaged = udpPacket(FROM_4, bytes(2000));
  damaged[1000]! ^= 1;
  const unknown = ipPacket({ ...FROM_4, protocol: 46 }, bytes(2000));
  // What comes out is itself a fragment of something: nobody sends that.
  const nested = ipPacket({ ...FROM_6, protocol: 44 }, [17, 0, 0, 1, 0, 0, 0, 9, ...bytes(2000)]);
  for (const packet of [damaged, unknown]) farm.receive(...cutIntoFragments(packet, 1, 1000));
  farm.receive(
    fragmentOf(nested, 1, { start: 1000, end: 2008 }),
    fragmentOf(nested, 1, { start: 0, end: 1000 }),
  );
  const { "bad-udp-checksum": checksum, "unsupported-protocol": protocol, ...rest } = farm.verdicts;
  assert.equal([checksum, protocol], [1, 1]);
  assert.is(rest["bad-extension-header"], 1);
  assert.equal(farm.deliveries(), []);
  farm.nowMs += 31_000;
  assertNoSlotIsLost(farm);
});

test("datagram in fragments, to a port without a service, is answered with port unreachable", () => {
  const farm = new DirectorFixture({ director: { datagramPort: 54 } });
  for (const fields of [FROM_4, FROM_6])
    farm.receive(...cutIntoFragments(udpPacket(fields, bytes(4000)), 1, 1400));
  assert.is(farm.verdicts["port-unreachable"], 2);
  assert.equal(
    farm.transmitted.map(({ length }) => length),
    [576, 1280],
  );
  assertNoSlotIsLost(farm);
});

test("echo request in fragments, over IPv4 and IPv6, is answered in fragments that are its reply", () => {
  for (const [fields, request, reply] of [
    [FROM_4, 8, 0],
    [FROM_6, 128, 129],
  ] as const) {
    for (const length of [1473, 1480, 2960, 8000, 16_000, 1400]) {
      const farm = new DirectorFixture();
      const rest = [0, 7, 0, 1, ...bytes(length)];
      farm.receive(...cutIntoFragments(icmpPacket(fields, request, 0, rest), 0xbeef, 1400));
      assert.is(farm.verdicts["echo-answered"], 1);
      const back: PacketFields = { source: fields.destination, destination: fields.source };
      const expected = icmpPacket(back, reply, 0, rest);
      assert.equal(joinFragments(farm.transmitted), dataOf(expected));
      // Of IPv6 no router cuts them any further.
      const step = fields === FROM_4 ? 1480 : 1232;
      // As our own cutting for tests has it: headers, identification and all.
      for (const [i, fragment] of cutIntoFragments(expected, 0xbeef, step).entries())
        assert.equal(farm.transmitted[i], fragment, `${length} bytes, fragment ${i}`);
      assertNoSlotIsLost(farm);
    }
  }
});

test("answers in fragments, count toward the rate, one each", () => {
  const farm = new DirectorFixture();
  const request = cutIntoFragments(icmpPacket(FROM_4, 8, 0, [0, 7, 0, 1, ...bytes(7000)]), 1, 1400);
  for (let i = 0; i < 201; i++) farm.receive(...request);
  // Five fragments each: a thousand are two hundred answers.
  assert.equal([farm.verdicts["echo-answered"], farm.verdicts["icmp-limited"]], [200, 1]);
  assert.is(farm.transmitted.length, 1000);
});

test("fragments, of a packet that never gets whole, are given up as time passes, also in a farm that is idle", () => {
  const farm = new DirectorFixture();
  const [first, second] = cutIntoFragments(udpPacket(FROM_4, bytes(2000)), 1, 1400);
  farm.receive(first!);
  assert.is(farm.director.freeLargeSlots, LARGE_SLOTS - 1);
  farm.nowMs += 29_000;
  farm.receive();
  assert.is(farm.director.freeLargeSlots, LARGE_SLOTS - 1);
  farm.nowMs += 2000;
  assertNoSlotIsLost(farm);
  assert.is(farm.director.reassemblyCounters.get("packets_expired"), 1);
  farm.receive(second!);
  assert.equal(farm.verdicts, { "fragment-kept": 2 });
});

test("large slot, held by a worker that dies, comes back", () => {
  const farm = new DirectorFixture({ workers: 1 });
  farm.receive(...cutIntoFragments(udpPacket(FROM_4, bytes(2000)), 1, 1400));
  assert.is(farm.director.freeLargeSlots, LARGE_SLOTS - 1);
  farm.removeWorker(0);
  assertNoSlotIsLost(farm);
});

test("large slot, given back twice, or by another worker, is taken once", () => {
  const farm = new DirectorFixture({ workers: 2 });
  farm.receive(...cutIntoFragments(udpPacket(FROM_4, bytes(2000)), 1, 1400));
  const [whole] = [0, 1].flatMap((worker) => farm.take(worker));
  farm.giveBack(1 - whole!.worker, whole!.slot);
  farm.receive();
  assert.is(farm.director.freeLargeSlots, LARGE_SLOTS - 1);
  farm.giveBack(whole!.worker, whole!.slot);
  farm.giveBack(whole!.worker, whole!.slot);
  assertNoSlotIsLost(farm);
});

test("packet put together, whose worker's ring is full, is dropped and its slot is free", () => {
  const farm = new DirectorFixture({ workers: 1, ringSlots: 1 });
  farm.receive(tcpFrom(FROM_4.source, SYN));
  farm.receive(...cutIntoFragments(udpPacket(FROM_4, bytes(2000)), 1, 1400));
  assert.equal(farm.verdicts, { "new-source": 1, "fragment-kept": 1, "ring-full": 1 });
  assert.is(farm.director.freeLargeSlots, LARGE_SLOTS);
});

test.run();
