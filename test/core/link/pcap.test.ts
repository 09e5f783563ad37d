// The pcap link: both file formats in every variant that it reads, every link type, what broken files do, and the pace.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { WINDOW_BYTES } from "../../../core/link/capture-window.js";
import { Burst } from "../../../core/link/link.js";
import { PcapLink, type PcapLinkOptions, type ReplayClock } from "../../../core/link/pcap.js";
import { CaptureError, CaptureFile, MAX_CAPTURED_BYTES } from "../../../core/link/pcap-file.js";
import { allocatePacketPool } from "../../../core/memory/packet-pool.js";
import {
  block,
  enhancedBlock,
  interfaceBlock,
  pcap,
  section,
  simpleBlock,
  uint16,
  uint32,
} from "../../support/capture-bytes.js";
import { CAPTURES, captureTest } from "../../support/captures.js";
import { tcpPacket, word } from "../../support/packets.js";

let folder = "";
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "limpet-pcap-"));
});
test.after(() => rmSync(folder, { recursive: true }));

function write(bytes: Iterable<number>): string {
  const path = join(folder, "capture");
  writeFileSync(path, Uint8Array.from(bytes));
  return path;
}

const packet = Array.from(tcpPacket({}, [1, 2, 3]));
const ethernet = (type: number[], payload = packet) => [
  ...new Array<number>(12).fill(2),
  ...type,
  ...payload,
];

function burstOf(slots = 128): Burst {
  return new Burst(allocatePacketPool(slots, 2048));
}

/** Receives all there is at full speed, giving slots back after each burst. */
function receiveAll(link: PcapLink, burst = burstOf()): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let calls = 0; !link.ended && calls < 10_000; calls++) {
    link.receive(burst);
    for (let i = 0; i < burst.count; i++) {
      const offset = burst.pool.packetOffset(burst.slots[i]!);
      packets.push(burst.pool.bytes.slice(offset, offset + burst.lengths[i]!));
      burst.freeSlots.release(burst.slots[i]!);
    }
  }
  return packets;
}

function replay(bytes: Iterable<number>, options: Partial<PcapLinkOptions> = {}) {
  const link = new PcapLink({ path: write(bytes), ...options });
  return { link, packets: receiveAll(link) };
}

test("PcapLink, delivers the frames' packets, from pcap in both byte orders and resolutions", () => {
  for (const littleEndian of [true, false]) {
    for (const magic of [0xa1b2c3d4, 0xa1b23c4d]) {
      const { link, packets } = replay(pcap(101, [packet, packet.slice(0, 5)], littleEndian, magic));
      assert.equal(
        packets.map((each) => Array.from(each)),
        [packet, packet.slice(0, 5)],
      );
      assert.is(link.received, 2);
      assert.ok(Object.values(link.drops).every((count) => count === 0));
      const file = new CaptureFile(write(pcap(101, [packet, packet], littleEndian, magic)));
      assert.ok(file.next() && file.next());
      assert.is(file.timestampMs, 1500);
      file.close();
    }
  }
});

test("PcapLink, finds the packet behind every link header", () => {
  const cases: [number, number[]][] = [
    [1, ethernet([0x08, 0])],
    [1, ethernet([0x81, 0, 0, 5, 0x08, 0])],
    [1, ethernet([0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x08, 0])],
    [1, ethernet([0x91, 0, 0, 5, 0x81, 0, 0, 6, 0x86, 0xdd])],
    ...[101, 12, 14, 228, 229].map((linkType): [number, number[]] => [linkType, packet]),
    [113, [...new Array<number>(14).fill(0), 0x08, 0, ...packet]],
    [113, [...new Array<number>(14).fill(0), 0x81, 0, 0, 5, 0x08, 0, ...packet]],
    [276, [0x08, 0, ...new Array<number>(18).fill(9), ...packet]],
    [0, [2, 0, 0, 0, ...packet]],
    [0, [0, 0, 0, 2, ...packet]],
    [0, [30, 0, 0, 0, ...packet]],
    [108, [0, 0, 0, 24, ...packet]],
  ];
  for (const [linkType, frame] of cases) {
    const { packets } = replay(pcap(linkType, [frame]));
    assert.equal(
      packets.map((each) => Array.from(each)),
      [packet],
      `link type ${linkType}: ${frame}`,
    );
  }
});

test("PcapLink, counts under their own names, frames that it cannot deliver", () => {
  const tags = [0x81, 0, 0, 1];
  const frames = [
    ethernet([0x08, 6]), // ARP
    ethernet([0, 100]), // 802.3 length
    ethernet([...tags, ...tags, ...tags, ...tags, ...tags, 0x08, 0]), // one VLAN tag too many
    ethernet([0x08], []),
    ethernet([0x81, 0, 0, 1, 8], []),
    ethernet([0x08, 0], new Array<number>(2033).fill(0x45)),
    ethernet([0x08, 0], new Array<number>(2032).fill(0x45)), // just fits
  ];
  const { link, packets } = replay(pcap(1, frames));
  assert.is(packets.length, 1);
  assert.equal([link.drops.nonIp, link.drops.shortFrame, link.drops.oversize], [3, 2, 1]);
  const loopback = replay(
    pcap(0, [
      [1, 0, 0, 0, ...packet],
      [2, 0, 0],
      [2, 0, 0, 2, ...packet],
    ]),
  );
  assert.equal([loopback.link.drops.nonIp, loopback.link.drops.shortFrame], [2, 1]);
});

test("CaptureFile, reads pcapng in both byte orders, several sections, interfaces and resolutions", () => {
  for (const first of [true, false]) {
    const nanoseconds = [...uint16(9, first), ...uint16(1, first), 9, 0, 0, 0, 0, 0, 0, 0];
    const bytes = [
      ...section(first),
      ...interfaceBlock(1, [], 0, first),
      ...interfaceBlock(101, nanoseconds, 0, first),
      ...block(5, [1, 2, 3, 4], first), // statistics: skipped
      ...enhancedBlock(0, 1_500_000, ethernet([0x08, 0]), first),
      ...enhancedBlock(1, 2_500_000_000, packet, first),
      ...section(!first),
      ...interfaceBlock(228, [...uint16(9, !first), ...uint16(1, !first), 0x8a, 0, 0, 0], 0, !first),
      ...enhancedBlock(0, 3 * 1024 + 512, packet, !first),
    ];
    const file = new CaptureFile(write(bytes));
    const seen: number[][] = [];
    while (file.next()) seen.push([file.linkType, file.timestampMs, file.dataLength]);
    file.close();
    assert.equal(seen, [
      [1, 1500, packet.length + 14],
      [101, 2500, packet.length],
      [228, 3500, packet.length],
    ]);
    assert.equal([file.truncatedRecords, file.malformedRecords], [0, 0]);
    assert.is(replay(bytes).packets.length, 3);
  }
});

test("CaptureFile, adds the interface's time offset, and cuts simple packets at its snap length", () => {
  const offset = [14, 0, 8, 0, 10, 0, 0, 0, 0, 0, 0, 0];
  const bytes = [
    ...[...section(), ...interfaceBlock(101, offset, 20), ...enhancedBlock(0, 1_000_000, packet)],
    ...simpleBlock(packet.length, packet.slice(0, 20)),
  ];
  const file = new CaptureFile(write(bytes));
  assert.ok(file.next());
  assert.is(file.timestampMs, 11_000);
  assert.ok(file.next());
  assert.equal([file.dataLength, file.linkType], [20, 101]);
  assert.not(file.next());
  file.close();
});

test("PcapLink, counts and goes on, at broken pcapng blocks", () => {
  const start = [...section(), ...interfaceBlock(101)];
  const good = enhancedBlock(0, 0, packet);
  const lying = good.slice();
  lying.splice(20, 4, ...uint32(packet.length + 4, true));
  const cases: [number[], number][] = [
    [enhancedBlock(7, 0, packet), 1], // of an interface that was never described
    [lying, 1],
    [block(6, [0, 0, 0, 0]), 1],
    [block(1, [0]), 1],
    [block(99, [1]), 0],
  ];
  for (const [broken, malformed] of cases) {
    const { link, packets } = replay([...start, ...broken, ...good]);
    assert.equal([packets.length, link.drops.malformedRecord], [1, malformed]);
  }
  for (const length of [0, 8, 13, 14]) {
    const { link, packets } = replay([
      ...start,
      ...good,
      ...uint32(6, true),
      ...uint32(length, true),
      0,
      0,
      0,
      0,
      ...good,
    ]);
    assert.equal([packets.length, link.drops.malformedRecord], [1, 1], `block length ${length}`);
  }
  const unknown = replay([...start, ...interfaceBlock(147), ...enhancedBlock(1, 0, packet), ...good]);
  assert.equal([unknown.packets.length, unknown.link.drops.unknownLinkType], [1, 1]);
});

test("PcapLink, passes over blocks longer than its window", () => {
  const long = block(99, new Array<number>(WINDOW_BYTES + 1000).fill(7));
  const longPacket = block(6, new Array<number>(WINDOW_BYTES).fill(0));
  const start = [section(), interfaceBlock(101), long, longPacket, enhancedBlock(0, 0, packet)].flat();
  const { link, packets } = replay(start);
  assert.equal([packets.length, link.drops.malformedRecord], [1, 1]);
});

test("PcapLink, delivers every packet, of a file much longer than its window", () => {
  const frames = Array.from({ length: 2000 }, (_, n) => [
    ...word(n),
    ...new Array<number>(1200 + (n % 5)).fill(n & 0xff),
  ]);
  const { packets } = replay(pcap(101, frames));
  assert.is(packets.length, 2000);
  packets.forEach((each, n) => {
    assert.is(each.length, frames[n]!.length);
    assert.is((each[0]! << 8) | each[1]!, n);
    assert.is(each[each.length - 1], n & 0xff);
  });
});

test("PcapLink, counts a last record that is cut off, wherever it is cut", () => {
  const whole = pcap(101, [packet, packet]);
  for (let cut = 1; cut < packet.length + 16; cut += 7) {
    const { link, packets } = replay(whole.slice(0, -cut));
    assert.equal(
      [packets.length, link.drops.truncatedRecord, link.drops.malformedRecord],
      [1, 1, 0],
      `cut ${cut}`,
    );
  }
  const blocks = [...section(), ...interfaceBlock(101), ...enhancedBlock(0, 0, packet)];
  const { link, packets } = replay(blocks.slice(0, -3));
  assert.equal([packets.length, link.drops.truncatedRecord], [0, 1]);
  const skipped = replay([...blocks, ...block(99, [1, 2, 3, 4]).slice(0, -2)]);
  assert.equal([skipped.packets.length, skipped.link.drops.truncatedRecord], [1, 1]);
});

test("PcapLink, ends and counts, at a pcap record that claims more than a record can have", () => {
  const bytes = pcap(101, [packet, packet]);
  bytes.splice(24 + 16 + packet.length + 8, 4, ...uint32(MAX_CAPTURED_BYTES + 1, true));
  const { link, packets } = replay(bytes);
  assert.equal([packets.length, link.drops.malformedRecord, link.ended], [1, 1, true]);
});

test("PcapLink, throws an error with a stable code, for a file that it cannot replay", () => {
  const wrongVersion = pcap(101, []);
  wrongVersion[4] = 3;
  const cases: [string, number[]][] = [
    ["bad_format", []],
    ["bad_format", [1, 2, 3]],
    ["bad_format", [...Buffer.from("GET / HTTP/1.1\r\n\r\n         ")]],
    ["bad_header", pcap(101, []).slice(0, 23)],
    ["bad_header", wrongVersion],
    ["bad_header", section().slice(0, 20)],
    ["bad_header", [...section().slice(0, 8), 1, 2, 3, 4, ...section().slice(12)]],
    ["unknown_link_type", pcap(147, [packet])],
  ];
  for (const [code, bytes] of cases) {
    const path = write(bytes);
    assert.throws(
      () => new PcapLink({ path }),
      (error: unknown) =>
        error instanceof CaptureError && error.code === code && error.message.includes(path),
    );
  }
  assert.throws(() => new PcapLink({ path: join(folder, "none") }), /ENOENT/);
});

test("PcapLink, keeps its packets and counts the waits, while no slot is free", () => {
  const link = new PcapLink({ path: write(pcap(101, [packet, packet, packet])) });
  const burst = burstOf(2);
  link.receive(burst);
  assert.equal([burst.count, link.slotWaits], [2, 1]);
  link.receive(burst);
  assert.equal([burst.count, link.slotWaits, link.ended], [0, 2, false]);
  burst.freeSlots.release(0);
  link.receive(burst);
  assert.equal([burst.count, burst.slots[0], link.drops.noSlot, link.received], [1, 0, 0, 3]);
});

test("PcapLink, looks at a bounded number of records a burst, in a capture of other protocols", () => {
  const link = new PcapLink({ path: write(pcap(1, new Array(1000).fill(ethernet([0x08, 6], [])))) });
  const burst = burstOf();
  let calls = 0;
  for (; !link.ended; calls++) link.receive(burst);
  assert.is(link.drops.nonIp, 1000);
  assert.is(calls, 4);
});

test("PcapLink, tells its end once, and that nothing comes after it", () => {
  let ends = 0;
  const link = new PcapLink({ path: write(pcap(101, [packet])), onEnd: () => ends++ });
  receiveAll(link);
  const burst = burstOf();
  link.receive(burst);
  assert.equal([ends, burst.count, link.ended], [1, 0, true]);
  link.wait(() => assert.unreachable("woken after the end"));
});

/** A clock that stands still until told. */
class ManualClock implements ReplayClock {
  timeMs = 1000;
  timers: { dueMs: number; wake: () => void }[] = [];
  nowMs(): number {
    return this.timeMs;
  }
  setTimer(wake: () => void, delayMs: number): () => void {
    const timer = { dueMs: this.timeMs + delayMs, wake };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((each) => each !== timer);
    };
  }
  advance(ms: number): void {
    this.timeMs += ms;
    const due = this.timers.filter((timer) => timer.dueMs <= this.timeMs);
    this.timers = this.timers.filter((timer) => timer.dueMs > this.timeMs);
    for (const timer of due) timer.wake();
  }
}

test("PcapLink, replays with the recorded gaps, and wakes when the next packet is due", () => {
  const clock = new ManualClock();
  const link = new PcapLink({ path: write(pcap(101, [packet, packet, packet])), pace: "recorded", clock });
  const burst = burstOf();
  let wakes = 0;
  const receive = () => {
    link.receive(burst);
    return burst.count;
  };
  assert.is(receive(), 1);
  assert.is(receive(), 0);
  link.wait(() => wakes++);
  clock.advance(1499);
  assert.equal([wakes, receive()], [0, 0]);
  clock.advance(1);
  assert.equal([wakes, receive()], [1, 1]);
  clock.advance(1500);
  assert.is(wakes, 1);
  assert.is(receive(), 1);
  assert.is(receive(), 0);
  assert.ok(link.ended);
});

test("PcapLink, wakes now and then, in a gap longer than a timer can be", () => {
  const clock = new ManualClock();
  const bytes = pcap(101, [packet, packet]);
  bytes.splice(24 + 16 + packet.length, 4, ...uint32(0xffffffff, true));
  const link = new PcapLink({ path: write(bytes), pace: "recorded", clock });
  const burst = burstOf();
  link.receive(burst);
  link.wait(() => {});
  assert.is(clock.timers[0]!.dueMs, clock.timeMs + 60_000);
});

test("PcapLink, delivers at once, packets recorded in the wrong order", () => {
  const bytes = pcap(101, [packet, packet, packet]);
  bytes.splice(24, 4, ...uint32(9, true)); // The first is the latest.
  const link = new PcapLink({ path: write(bytes), pace: "recorded", clock: new ManualClock() });
  const burst = burstOf();
  link.receive(burst);
  assert.is(burst.count, 3);
});

test("PcapLink, forgets a pending wait and takes nothing more, once closed", () => {
  const clock = new ManualClock();
  const link = new PcapLink({ path: write(pcap(101, [packet, packet])), clock });
  assert.ok(link.transmit(Uint8Array.from(packet), 0, packet.length));
  assert.is(link.transmitted, 1);
  link.wait(() => assert.unreachable("woken after close"));
  link.close();
  clock.advance(1000);
  const burst = burstOf();
  link.receive(burst);
  assert.is(burst.count, 0);
  assert.not(link.transmit(Uint8Array.from(packet), 0, packet.length));
  link.wait(() => assert.unreachable("woken after close"));
  assert.is(clock.timers.length, 0);
});

test("PcapLink, puts what no slot can hold into a large one, and waits while none is free", () => {
  const frames = [3000, 65_520, 65_521, 100, 3000].map((length) => new Array<number>(length).fill(0x45));
  const link = new PcapLink({ path: write(pcap(101, frames)) });
  const burst = new Burst(allocatePacketPool(4, 2048, 2));
  link.receive(burst);
  assert.equal([...burst.lengths.subarray(0, burst.count)], [3000, 65_520, 100]);
  assert.equal([link.drops.oversize, link.slotWaits], [1, 1]);
  assert.ok(burst.pool.isInLargeSlot(burst.pool.packetOffset(burst.slots[1]!)));
  assert.not(burst.pool.isInLargeSlot(burst.pool.packetOffset(burst.slots[2]!)));
  for (const slot of burst.slots.subarray(0, 3)) burst.freeSlots.release(slot);
  link.receive(burst);
  assert.equal([burst.count, burst.lengths[0], burst.freeSlots.largeCount], [1, 3000, 1]);
});

test("PcapLink, counts each record once, as delivered or as a drop, to the end or as far as it got", () => {
  const frames = [
    ethernet([0x08, 0]),
    ethernet([0x08, 6]),
    [1],
    ethernet([0x08, 0], new Array(3000).fill(5)),
  ];
  const bytes = pcap(1, [...frames, ethernet([0x08, 0])]).slice(0, -1);
  const { link, packets } = replay(bytes);
  const dropped = Object.values(link.drops).reduce((sum, n) => sum + n, 0);
  assert.equal([link.records, packets.length, dropped], [5, 1, 4]);
  assert.equal([link.received, link.receivedBytes], [1, packet.length]);
  assert.is(link.recordedMs, 4500);
  link.close();
  assert.is(link.records, 5);
  // Ended before its end: what the file has left out so far is known, what is ahead is not.
  const broken = [...section(), ...interfaceBlock(101), ...enhancedBlock(7, 0, packet)];
  const late = enhancedBlock(0, 5_000_000, packet);
  const early = new PcapLink({
    path: write([...broken, ...enhancedBlock(0, 0, packet), ...late]),
    pace: "recorded",
    clock: new ManualClock(),
  });
  early.receive(burstOf());
  assert.equal([early.dueInMs, early.records], [5000, 1]);
  early.close();
  assert.equal([early.received, early.drops.malformedRecord, early.records], [1, 1, 2]);
});

captureTest(
  test,
  "PcapLink, delivers all IP packets of the real captures, and counts the other frames",
  () => {
    for (const [name, packets, others] of [
      ["raw_ip", 100, 0],
      ["example2", 4699, 10],
      ["ip-frag", 2996, 4],
    ] as const) {
      const link = new PcapLink({ path: join(CAPTURES, `${name}.pcap`) });
      assert.is(receiveAll(link).length, packets);
      assert.is(link.drops.nonIp, others);
    }
  },
);

test.run();
