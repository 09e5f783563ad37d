// One direction of a faulty path, on a clock of the test's own: each fault does what it says as often as it says, repeats with
// the seed, and nothing is ever left behind.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseFaultPlan } from "../../../core/link/fault-plan.js";
import { FaultQueue, noFaults } from "../../../core/link/fault-queue.js";
import { tcpPacket, udpPacket } from "../../support/packets.js";
import { validate } from "../../support/sim-network.js";

const MAX_PACKET_BYTES = 128;
/** Most packets under way. */
const HELD_PACKETS = 8192;

function queueOf(text: string, stream = 0): FaultQueue {
  return new FaultQueue(parseFaultPlan(text)!, stream, MAX_PACKET_BYTES);
}

/** A packet that tells its number. */
function numbered(n: number): Uint8Array {
  return Uint8Array.of(n >>> 16, n >>> 8, n, 0x55);
}

function numberOf(packet: Uint8Array): number {
  return (packet[0]! << 16) | (packet[1]! << 8) | packet[2]!;
}

function takeDue(queue: FaultQueue, nowMs: number): Uint8Array[] {
  const target = new Uint8Array(MAX_PACKET_BYTES + 8);
  const packets: Uint8Array[] = [];
  while (queue.isDue(nowMs)) packets.push(target.slice(8, 8 + queue.dequeue(target, 8)));
  return packets;
}

/** Sends packets 0 … count - 1, one each `stepMs`, and returns what arrives, when all have had their time. */
function pass(queue: FaultQueue, count: number, stepMs = 0): Uint8Array[] {
  const arrived: Uint8Array[] = [];
  for (let n = 0; n < count; n++) {
    queue.enqueue(numbered(n), 0, 4, n * stepMs);
    arrived.push(...takeDue(queue, n * stepMs));
  }
  for (let at = queue.nextDueMs(); at !== Number.POSITIVE_INFINITY; at = queue.nextDueMs())
    arrived.push(...takeDue(queue, at));
  return arrived;
}

function passNumbers(queue: FaultQueue, count: number, stepMs = 0): number[] {
  return pass(queue, count, stepMs).map(numberOf);
}

/** Each number once, from 0. */
function all(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

test("fault queue, without faults, passes everything on as it was and in order", () => {
  const queue = queueOf("drop=0%");
  const from = Uint8Array.of(9, 9, 1, 2, 3, 9);
  queue.enqueue(from, 2, 3, 5);
  from.fill(0);
  assert.equal(takeDue(queue, 5), [Uint8Array.of(1, 2, 3)]);
  assert.equal(passNumbers(queue, 20_000), all(20_000));
  assert.equal(queue.counts, noFaults());
});

test("fault queue, of one seed and stream, does the same again, whatever the clock says; of another, something else", () => {
  const faults = "drop=5%,duplicate=5%,reorder=5%,corrupt=5%";
  const run = (seed: number, stream: number, stepMs: number) => {
    const queue = queueOf(`${faults},seed=${seed}`, stream);
    return JSON.stringify([pass(queue, 2000, stepMs).map((packet) => [...packet]), queue.counts]);
  };
  assert.is(run(7, 0, 0), run(7, 0, 0.5));
  const runs = [run(7, 0, 0), run(8, 0, 0), run(7, 1, 0), run(8, 1, 0)];
  assert.is(new Set(runs).size, runs.length);
});

test("fault queue, with more kinds of faults, drops the packets that it drops without them", () => {
  const dropped = (text: string) => {
    const arrived = new Set(passNumbers(queueOf(text), 5000));
    return all(5000).filter((n) => !arrived.has(n));
  };
  const alone = dropped("drop=10%");
  assert.ok(alone.length > 400);
  assert.equal(dropped("drop=10%,duplicate=50%,reorder=20%,delay=9ms,jitter=9ms"), alone);
});

test("fault queue, does each thing as often as it is told to, on its own or with the others", () => {
  const names = {
    dropped: "drop",
    duplicated: "duplicate",
    corrupted: "corrupt",
    reordered: "reorder",
  } as const;
  for (const percent of [1, 15, 50]) {
    for (const kind of ["dropped", "duplicated", "corrupted", "reordered"] as const) {
      const queue = queueOf(`${names[kind]}=${percent}%,seed=${percent}`);
      pass(queue, 20_000);
      const share = (queue.counts[kind] / 20_000) * 100;
      // Four times the deviation that chance has.
      const tolerance = 400 * Math.sqrt(((percent / 100) * (1 - percent / 100)) / 20_000);
      assert.ok(Math.abs(share - percent) < tolerance, `${kind} ${share} %`);
      assert.equal({ ...queue.counts, [kind]: 0 }, noFaults());
    }
  }
});

test("fault queue, at a hundred percent, leaves none out", () => {
  assert.equal(passNumbers(queueOf("drop=100%"), 1000), []);
  assert.equal(
    passNumbers(queueOf("duplicate=100%"), 1000),
    all(1000).flatMap((n) => [n, n]),
  );
  const reordered = passNumbers(queueOf("reorder=100%"), 1000);
  assert.not.equal(reordered, all(1000));
  assert.equal(
    reordered.sort((a, b) => a - b),
    all(1000),
  );
});

test("fault queue, damages one bit, of the packet and not of its duplicate", () => {
  const queue = queueOf("corrupt=100%,duplicate=100%");
  const arrived = pass(queue, 500);
  assert.is(arrived.length, 1000);
  const places = new Set<number>();
  for (const [index, packet] of arrived.entries()) {
    const sent = numbered(index >>> 1);
    const changed = packet.map((byte, at) => byte ^ sent[at]!);
    const bits = [...changed].flatMap((byte, at) =>
      all(8)
        .filter((bit) => (byte >>> bit) & 1)
        .map((bit) => at * 8 + bit),
    );
    assert.is(bits.length, 1 - (index & 1));
    for (const bit of bits) places.add(bit);
  }
  assert.is(places.size, 32);
});

test("fault queue, damages a packet so that its checksums tell, but where none covers it", () => {
  const queue = queueOf("corrupt=100%");
  const ipv6 = { source: "fd98:18::2", destination: "fd98:18::1" };
  const packets = [tcpPacket({}, [1, 2, 3]), udpPacket(), tcpPacket(ipv6, [1, 2, 3]), udpPacket(ipv6)];
  for (let n = 0; n < 8000; n++) {
    const sent = packets[n % packets.length]!;
    queue.enqueue(sent, 0, sent.length, 0);
    const [arrived] = takeDue(queue, 0);
    assert.not.equal(arrived, sent);
    if (validate(arrived!) === undefined) continue;
    // IPv6 has no header checksum: traffic class, flow label and hop limit may be anything.
    const isUncovered = (at: number) => sent[0]! >>> 4 === 6 && (at < 4 || at === 7);
    assert.ok(
      arrived!.every((byte, at) => byte === sent[at] || isUncovered(at)),
      `packet ${n}`,
    );
  }
});

test("fault queue, reorders: one to eight later packets overtake, and no more", () => {
  const queue = queueOf("reorder=5%");
  const arrived = passNumbers(queue, 10_000);
  assert.equal(
    [...arrived].sort((a, b) => a - b),
    all(10_000),
  );
  const late = arrived.flatMap((n, at) => {
    const overtaking = arrived.slice(Math.max(0, at - 20), at).filter((other) => other > n).length;
    return overtaking > 0 ? [overtaking] : [];
  });
  assert.ok(late.length > 300);
  assert.equal(
    [...new Set(late)].sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.is(queue.nextDueMs(), Number.POSITIVE_INFINITY);
});

test("fault queue, keeps a reordered packet that nothing overtakes for ten milliseconds", () => {
  const queue = queueOf("reorder=100%");
  queue.enqueue(numbered(1), 0, 4, 100);
  assert.is(queue.nextDueMs(), 110);
  assert.equal(takeDue(queue, 109.9), []);
  assert.equal(takeDue(queue, 110).map(numberOf), [1]);
  assert.is(queue.nextDueMs(), Number.POSITIVE_INFINITY);
});

test("fault queue, delays each packet by the same time, in order", () => {
  const queue = queueOf("delay=20ms");
  for (const n of [0, 1, 2]) queue.enqueue(numbered(n), 0, 4, 100 + n);
  assert.is(queue.nextDueMs(), 120);
  assert.equal(takeDue(queue, 119.9), []);
  assert.equal(takeDue(queue, 121).map(numberOf), [0, 1]);
  assert.is(queue.nextDueMs(), 122);
  assert.equal(takeDue(queue, 1000).map(numberOf), [2]);
});

test("fault queue, with jitter, delays each by a time of its own within it, the earliest first", () => {
  const queue = queueOf("delay=20ms,jitter=15ms");
  for (let n = 0; n < 2000; n++) queue.enqueue(numbered(n), 0, 4, 0);
  const arrived: number[] = [];
  const delays: number[] = [];
  for (let at = queue.nextDueMs(); at !== Number.POSITIVE_INFINITY; at = queue.nextDueMs()) {
    delays.push(at);
    arrived.push(...takeDue(queue, at).map(numberOf));
  }
  assert.equal(
    delays,
    [...delays].sort((a, b) => a - b),
  );
  assert.ok(delays[0]! >= 5 && delays[0]! < 5.5 && delays.at(-1)! <= 35 && delays.at(-1)! > 34.5);
  assert.not.equal(arrived, all(2000));
  assert.equal(
    arrived.sort((a, b) => a - b),
    all(2000),
  );
});

test("fault queue, that is full, loses what comes, and has room again as packets arrive", () => {
  const queue = queueOf("delay=1000ms");
  for (let n = 0; n < HELD_PACKETS + 10; n++) queue.enqueue(numbered(n), 0, 4, n);
  assert.is(queue.counts.overflowed, 10);
  assert.equal(takeDue(queue, 1001).map(numberOf), [0, 1]);
  for (let n = 0; n < 3; n++) queue.enqueue(numbered(90_000 + n), 0, 4, 20_000);
  assert.is(queue.counts.overflowed, 11);
  const rest = takeDue(queue, 30_000).map(numberOf);
  assert.equal(rest, [...all(HELD_PACKETS).slice(2), 90_000, 90_001]);
});

test.run();
