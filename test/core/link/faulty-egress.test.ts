// A worker's egress with faults: what it asks of TCP, and that packets leave finished, whole, and when it is their time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Egress } from "../../../core/link/egress.js";
import { parseFaultPlan } from "../../../core/link/fault-plan.js";
import { FaultyEgress } from "../../../core/link/faulty-egress.js";

/** A device with all offloads that keeps what it is given. */
class Device implements Egress {
  readonly mtuBytes = 1500;
  readonly maxPacketBytes = 65_535;
  readonly checksumOffload = true;
  readonly buffer = new Uint8Array(16 + 65_536);
  readonly start = 16;
  readonly packets: Uint8Array[] = [];
  readonly calls = new Set<string>();

  transmit(length: number, l4Offset: number, checksumOffset: number, segmentBytes: number): boolean {
    this.packets.push(this.buffer.slice(16, 16 + length));
    this.calls.add([l4Offset, checksumOffset, segmentBytes].join());
    return false;
  }
}

function faultyEgress(text: string, worker = 0) {
  const device = new Device();
  const clock = { nowMs: 0 };
  const egress = new FaultyEgress(device, parseFaultPlan(text)!, worker, () => clock.nowMs);
  const send = (n: number, length = 100) => {
    egress.buffer.fill(n, egress.start, egress.start + length);
    assert.ok(egress.transmit(length));
  };
  return { device, clock, egress, send, sent: () => device.packets.map((packet) => packet[0]!) };
}

test("faulty egress, takes finished packets of one MTU only, from a buffer as aligned as the device's", () => {
  const { egress } = faultyEgress("drop=1%");
  assert.equal([egress.mtuBytes, egress.maxPacketBytes, egress.checksumOffload], [1500, 1500, false]);
  assert.is(egress.start % 4, 0);
});

test("faulty egress, sends what nothing happens to at once, and says that nothing is to be done to it", () => {
  const { device, egress, send } = faultyEgress("drop=0%");
  send(1, 1500);
  send(2, 20);
  assert.equal(device.packets, [new Uint8Array(1500).fill(1), new Uint8Array(20).fill(2)]);
  assert.equal([...device.calls], ["0,-1,0"]);
  assert.is(egress.nextDueMs(), Number.POSITIVE_INFINITY);
});

test("faulty egress, loses some, and the sender is not told", () => {
  const { egress, send, sent } = faultyEgress("drop=30%");
  for (let n = 0; n < 200; n++) send(n);
  const { dropped } = egress.faults;
  assert.ok(dropped > 30 && dropped < 90, `${dropped} of 200`);
  assert.is(sent().length, 200 - dropped);
});

test("faulty egress, with a delay, sends when it is asked to and the time has come, with later packets as well", () => {
  const { clock, egress, send, sent } = faultyEgress("delay=20ms");
  send(1);
  clock.nowMs = 10;
  send(2);
  assert.equal([sent(), egress.nextDueMs()], [[], 20]);
  egress.release(20);
  assert.equal([sent(), egress.nextDueMs()], [[1], 30]);
  clock.nowMs = 30;
  send(3);
  assert.equal([sent(), egress.nextDueMs()], [[1, 2], 50]);
});

test("faulty egress, of each worker, has a chance of its own", () => {
  const runs = [0, 1, 2, 63].map((worker) => {
    const { send, sent } = faultyEgress("drop=50%", worker);
    for (let n = 0; n < 100; n++) send(n);
    return sent().join();
  });
  assert.is(new Set(runs).size, runs.length);
});

test.run();
