// The memory link: bounded, whole packets, in order, and its promises about slots, waking and closing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BURST_PACKETS, Burst } from "../../../core/link/link.js";
import { MemoryLink } from "../../../core/link/memory.js";
import { allocatePacketPool } from "../../../core/memory/packet-pool.js";
import { settle } from "../../support/settle.js";

const SLOT_BYTES = 256;
const MAX_PACKET_BYTES = SLOT_BYTES - 16;

function createBurst(slotCount = 128): Burst {
  return new Burst(allocatePacketPool(slotCount, SLOT_BYTES));
}

/** The packets of the burst. */
function received(burst: Burst): Uint8Array[] {
  return Array.from({ length: burst.count }, (_, i) => {
    const offset = burst.pool.packetOffset(burst.slots[i]!);
    return burst.pool.bytes.slice(offset, offset + burst.lengths[i]!);
  });
}

/** A packet of `length` bytes that can be told from others. */
function packet(n: number, length = 40): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (n * 7 + i) & 255);
}

test("memory link, receives what was delivered in order, each in a slot of its own, a burst at a time", () => {
  const link = new MemoryLink();
  const burst = createBurst();
  const packets = Array.from({ length: BURST_PACKETS + 3 }, (_, i) => packet(i, 20 + i));
  for (const one of packets) assert.ok(link.deliver(one));
  link.receive(burst);
  assert.equal(received(burst), packets.slice(0, BURST_PACKETS));
  assert.is(new Set(burst.slots).size, BURST_PACKETS);
  link.receive(burst);
  assert.equal(received(burst), packets.slice(BURST_PACKETS));
  link.receive(burst);
  assert.is(burst.count, 0);
});

test("memory link, vouches for checksums only if told to", () => {
  for (const checksumTrusted of [false, true]) {
    const link = new MemoryLink({ checksumTrusted });
    const burst = createBurst();
    burst.checksumTrusted.fill(checksumTrusted ? 0 : 1);
    link.deliver(packet(1));
    link.receive(burst);
    assert.is(burst.checksumTrusted[0], checksumTrusted ? 1 : 0);
  }
  const burst = createBurst();
  const link = new MemoryLink();
  link.deliver(packet(1));
  link.receive(burst);
  assert.is(burst.checksumTrusted[0], 0);
});

test("memory link, with a full queue, refuses, and takes again after a receive", () => {
  const link = new MemoryLink({ queuePackets: 2 });
  const burst = createBurst();
  assert.equal(
    [1, 2, 3].map((n) => link.deliver(packet(n))),
    [true, true, false],
  );
  link.receive(burst);
  assert.equal(received(burst), [packet(1), packet(2)]);
  assert.ok(link.deliver(packet(4)));
});

test("memory link, drops a packet one byte longer than a slot holds, and takes one that just fits", () => {
  const link = new MemoryLink();
  const burst = createBurst();
  link.deliver(packet(1, MAX_PACKET_BYTES + 1));
  link.deliver(packet(2, MAX_PACKET_BYTES));
  link.deliver(packet(3, 0));
  link.receive(burst);
  assert.equal(received(burst), [packet(2, MAX_PACKET_BYTES), packet(3, 0)]);
  assert.equal(link.drops, { oversize: 1, noSlot: 0 });
});

test("memory link, without a free slot, keeps packets in order until there is one", () => {
  const link = new MemoryLink();
  const burst = createBurst(2);
  for (let n = 0; n < 4; n++) link.deliver(packet(n));
  link.receive(burst);
  assert.equal(received(burst), [packet(0), packet(1)]);
  assert.equal(link.drops, { oversize: 0, noSlot: 1 });
  link.receive(burst);
  assert.equal([burst.count, link.drops.noSlot], [0, 2]);
  burst.freeSlots.release(0);
  link.receive(burst);
  assert.equal(received(burst), [packet(2)]);
});

test("memory link, hands out copies of what it transmits, to the function that was set last", () => {
  const first: Uint8Array[] = [];
  const second: Uint8Array[] = [];
  const link = new MemoryLink({ transmitted: (one) => first.push(one) });
  const bytes = packet(1, 100);
  assert.ok(link.transmit(bytes, 10, 40));
  link.onTransmitted((one) => second.push(one));
  assert.ok(link.transmit(bytes, 0, 5));
  bytes.fill(0);
  assert.equal(first, [packet(1, 100).slice(10, 50)]);
  assert.equal(second, [packet(1, 100).slice(0, 5)]);
});

test("memory link, plans egress by ring with its MTU", () => {
  assert.equal(new MemoryLink().egressPlan, { kind: "ring", mtuBytes: 1500 });
  assert.equal(new MemoryLink({ mtuBytes: 1280 }).egressPlan, { kind: "ring", mtuBytes: 1280 });
});

test("wait, before packets, wakes once for all of them, and not within deliver", async () => {
  const link = new MemoryLink();
  let wakes = 0;
  link.wait(() => wakes++);
  await settle();
  assert.is(wakes, 0);
  for (let n = 0; n < 3; n++) link.deliver(packet(n));
  assert.is(wakes, 0);
  await settle();
  assert.is(wakes, 1);
  link.deliver(packet(3));
  await settle();
  assert.is(wakes, 1, "nobody has waited again");
});

test("wait, with packets there already, wakes", async () => {
  const link = new MemoryLink();
  link.deliver(packet(1));
  await new Promise<void>((resolve) => link.wait(resolve));
});

test("wait, again and again with packets that find no slot, lets the event loop go round", async () => {
  const link = new MemoryLink();
  const burst = createBurst(0);
  link.deliver(packet(1));
  let isDone = false;
  let wakes = 0;
  const again = () => {
    link.receive(burst);
    // The bound is only there so that a link which holds the event loop up fails the test instead of hanging it.
    if (!isDone && ++wakes < 10_000) link.wait(again);
  };
  link.wait(again);
  for (let round = 0; round < 5; round++) await settle();
  isDone = true;
  assert.ok(wakes > 0 && wakes < 100, `${wakes} wake-ups in five rounds`);
});

test("memory link, when it is closed, refuses everything and forgets a pending wait and its packets", async () => {
  const transmitted: Uint8Array[] = [];
  const link = new MemoryLink({ transmitted: (one) => transmitted.push(one) });
  const burst = createBurst();
  let wakes = 0;
  link.wait(() => wakes++);
  link.deliver(packet(1));
  link.close();
  assert.not(link.deliver(packet(2)));
  assert.not(link.transmit(packet(3), 0, 40));
  link.wait(() => wakes++);
  link.receive(burst);
  await settle();
  assert.equal([burst.count, wakes, transmitted.length], [0, 0, 0]);
});

test("memory link, gives a packet that no slot holds a large one, and lets it wait while there is none", () => {
  const link = new MemoryLink();
  const burst = new Burst(allocatePacketPool(4, SLOT_BYTES, 1));
  const { maxLargePacketBytes } = burst.pool;
  const packets = [packet(1), packet(2, maxLargePacketBytes), packet(3, MAX_PACKET_BYTES + 1), packet(4)];
  for (const one of [packet(5, maxLargePacketBytes + 1), ...packets]) link.deliver(one);
  link.receive(burst);
  assert.equal(received(burst), packets.slice(0, 2));
  assert.ok(burst.pool.isInLargeSlot(burst.pool.packetOffset(burst.slots[1]!)));
  assert.equal(link.drops, { oversize: 1, noSlot: 1 });
  burst.freeSlots.release(burst.slots[1]!);
  link.receive(burst);
  assert.equal(received(burst), packets.slice(2));
});

test.run();
