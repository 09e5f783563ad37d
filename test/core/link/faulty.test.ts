// A link with faults: bursts, slots and waking keep a link's promises, and both directions are faulty.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseFaultPlan } from "../../../core/link/fault-plan.js";
import { FaultyLink } from "../../../core/link/faulty.js";
import { BURST_PACKETS, Burst, type PacketLink } from "../../../core/link/link.js";
import { MemoryLink } from "../../../core/link/memory.js";
import { allocatePacketPool, SLOT_HEADROOM_BYTES } from "../../../core/memory/packet-pool.js";

const SLOT_BYTES = 256;

/** A link with faults around a memory link, on a clock that the test sets. */
function faultyLink(text: string, slotCount = 256, mtuBytes = 1500) {
  const transmitted: number[] = [];
  const inner = new MemoryLink({
    mtuBytes,
    checksumTrusted: true,
    transmitted: (packet) => transmitted.push(packet[1]!),
  });
  const clock = { nowMs: 0 };
  const link = new FaultyLink(inner, parseFaultPlan(text)!, () => clock.nowMs);
  const burst = new Burst(allocatePacketPool(slotCount, SLOT_BYTES));
  /** The numbers of the packets of one burst, whose slots are given back. */
  const receive = (): number[] => {
    link.receive(burst);
    return Array.from({ length: burst.count }, (_, i) => {
      assert.is(burst.lengths[i], 2);
      assert.is(burst.checksumTrusted[i], 0);
      const number = burst.pool.bytes[burst.pool.packetOffset(burst.slots[i]!) + 1]!;
      burst.freeSlots.release(burst.slots[i]!);
      return number;
    });
  };
  const deliver = (...numbers: number[]) => {
    for (const number of numbers) inner.deliver(Uint8Array.of(0, number));
  };
  return { link, inner, burst, clock, transmitted, receive, deliver };
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

test("faulty link, says so, and tells workers that write to the device themselves", () => {
  const { link } = faultyLink("drop=1%");
  assert.is(
    link.description,
    "memory link: packets from this process; with faults on purpose: drop=1%,seed=1",
  );
  assert.equal(link.egressPlan, { kind: "ring", mtuBytes: 1500 });
  const plan = parseFaultPlan("drop=2%")!;
  const tun = { kind: "tun", egressPlan: { kind: "tun", fileDescriptor: 3, mtuBytes: 1400 } } as PacketLink;
  assert.equal(new FaultyLink(tun, plan, () => 0).egressPlan, {
    ...tun.egressPlan,
    faults: plan,
  });
});

test("faulty link, drops some of what is received, and no slot with it, and vouches for no checksum", () => {
  const { link, burst, receive, deliver } = faultyLink("drop=50%");
  const free = burst.freeSlots.count;
  let received = 0;
  for (let round = 0; round < 20; round++) {
    deliver(...numbers(50));
    received += receive().length;
  }
  const { dropped } = link.faults.received;
  assert.ok(dropped > 400 && dropped < 600, `${dropped} of 1000`);
  assert.is(received, 1000 - dropped);
  assert.is(burst.freeSlots.count, free);
});

test("faulty link, with more to receive than a burst, gives it in bursts, and takes nothing in meanwhile", () => {
  const { inner, receive, deliver, burst } = faultyLink("duplicate=100%");
  deliver(...numbers(BURST_PACKETS));
  const twice = numbers(BURST_PACKETS).flatMap((n) => [n, n]);
  assert.equal(receive(), twice.slice(0, BURST_PACKETS));
  deliver(200);
  assert.equal(receive(), twice.slice(BURST_PACKETS));
  assert.equal(receive(), [200, 200]);
  assert.equal(receive(), []);
  assert.is(burst.freeSlots.count, 256);
  inner.close();
});

test("faulty link, without a free slot, keeps what has arrived until there is one, and counts", () => {
  const { link, burst, receive, deliver } = faultyLink("duplicate=100%", 4);
  deliver(1, 2);
  const taken = [burst.freeSlots.acquire(), burst.freeSlots.acquire()];
  assert.equal(receive(), [1, 1]);
  assert.is(link.drops.noSlot, 1);
  assert.is(link.drops.oversize, 0);
  for (const slot of taken) burst.freeSlots.release(slot);
  assert.equal(receive(), [2, 2]);
});

test("faulty link, with a delay, wakes when the first packet arrives", async () => {
  const { link, clock, receive, deliver } = faultyLink("delay=5ms");
  deliver(1);
  assert.equal(receive(), []);
  clock.nowMs = 4.5;
  await new Promise<void>((resolve) => link.wait(resolve));
  clock.nowMs = 5;
  assert.equal(receive(), [1]);
  link.close();
});

test("faulty link, wakes when the link beneath does", async () => {
  const { link, receive, deliver } = faultyLink("drop=0%,delay=1000ms");
  const woken = new Promise<void>((resolve) => link.wait(resolve));
  deliver(1);
  await woken;
  assert.equal(receive(), []);
  link.close();
});

test("faulty link, transmits with the same faults, delayed ones when it is asked to receive", () => {
  const { link, clock, transmitted, receive } = faultyLink(
    "drop=20%,delay=5ms",
    256,
    SLOT_BYTES - SLOT_HEADROOM_BYTES,
  );
  for (const n of numbers(100)) assert.ok(link.transmit(Uint8Array.of(7, 0, n, 7), 1, 2));
  assert.equal(transmitted, []);
  clock.nowMs = 5;
  receive();
  const { dropped } = link.faults.sent;
  assert.ok(dropped > 8 && dropped < 32, `${dropped} of 100`);
  assert.is(transmitted.length, 100 - dropped);
  assert.not.ok(link.transmit(new Uint8Array(SLOT_BYTES + 1), 0, SLOT_BYTES + 1));
});

test("faulty link, closed, wakes nobody and closes the link beneath", async () => {
  const { link, inner, receive, deliver } = faultyLink("delay=1ms");
  deliver(1);
  receive();
  link.wait(() => {
    throw new Error("woken");
  });
  link.close();
  assert.not.ok(inner.deliver(Uint8Array.of(0, 1)));
});

test("faulty link, drops a packet that is longer than it is told they are, and counts it", () => {
  const inner = new MemoryLink({ mtuBytes: SLOT_BYTES - SLOT_HEADROOM_BYTES });
  const link = new FaultyLink(inner, parseFaultPlan("drop=0%")!, () => 0);
  const burst = new Burst(allocatePacketPool(4, SLOT_BYTES, 1));
  inner.deliver(new Uint8Array(SLOT_BYTES + 1));
  inner.deliver(Uint8Array.of(0, 1));
  link.receive(burst);
  assert.equal([burst.count, burst.lengths[0], link.drops.oversize], [1, 2, 1]);
  assert.is(burst.freeSlots.largeCount, 1);
});

test.run();
