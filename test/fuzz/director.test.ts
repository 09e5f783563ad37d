// Any bytes at the director: it throws nothing, counts every packet once, loses no slot, and its load board agrees with
// its flow table, whatever workers report. LIMPET_FUZZ_PACKETS packets; repeat a failure with LIMPET_FUZZ_SEED.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { STATE_SOURCE } from "../../core/flow/flow-entry.js";
import {
  BOARD_FLOWS,
  BOARD_SOURCES,
  BOARD_STATE,
  WORKER_DRAINING,
  WORKER_SERVING,
} from "../../core/memory/load-board.js";
import { DirectorFixture } from "../support/director-fixture.js";
import { dataOf, fragmentOf } from "../support/fragments.js";
import { icmpPacket, ipPacket, tcpPacket, udpPacket, word } from "../support/packets.js";

const WORKERS = 4;
const LARGE_SLOTS = 4;
const packetCount = Math.ceil(Number(process.env.LIMPET_FUZZ_PACKETS ?? 1_000_000) / 2) * 2;
const seed = Number(process.env.LIMPET_FUZZ_SEED ?? Date.now() % 2 ** 31);
process.stdout.write(`# director fuzz: ${packetCount} packets, LIMPET_FUZZ_SEED=${seed}\n`);

/** Whole numbers 0 … bound-1, the same for the same seed (xorshift32). */
let state = seed | 1;
function random(bound: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
}

const V6 = { source: "fd00::2", destination: "fd98:18::1" };
const templates = [
  tcpPacket({}, [], 0x02),
  tcpPacket({}, [1, 2, 3]),
  tcpPacket(V6, [], 0x02),
  tcpPacket(V6, [1, 2, 3], 0x11),
  udpPacket(),
  udpPacket(V6),
  icmpPacket({}, 8, 0, [0, 1, 0, 1, 1, 2, 3]),
  icmpPacket({}, 3, 3, [0, 0, 0, 0, ...udpPacket({ source: "198.18.0.1", destination: "198.18.0.2" })]),
  // An error about what we have sent in the flow of the first template.
  icmpPacket({}, 3, 4, [
    0,
    0,
    5,
    0,
    ...ipPacket({ source: "198.18.0.1", destination: "198.18.0.2" }, [0, 80, ...word(40_000), 0, 0, 0, 0]),
  ]),
];
const large = [udpPacket({}, new Array(300).fill(7)), udpPacket(V6, new Array(300).fill(7))];

/** Bytes of a large packet, as a fragment: mostly one of three that fit together, at times any. */
function nextFragment(): Uint8Array {
  const packet = large[random(2)]!;
  const { length } = dataOf(packet);
  const unit = random(5) === 0 ? random(Math.floor(length / 8)) * 8 : random(3) * 104;
  const end = random(5) === 0 ? unit + 8 * (1 + random(20)) : unit + 104;
  return fragmentOf(packet, random(6), { start: unit, end: Math.min(end, length) });
}

/** Random bytes now and then; else a sound packet of a random source, damaged in up to three places. */
function nextPacket(): Uint8Array {
  if (random(8) === 0) return Uint8Array.from({ length: random(120) }, () => random(256));
  const packet = random(5) === 0 ? nextFragment() : templates[random(templates.length)]!.slice(0);
  const view = new DataView(packet.buffer);
  if (packet[0] === 0x45 && random(2) === 0) {
    // Another source, with the header's checksum mended; the link vouches for the rest.
    view.setUint16(14, random(300));
    view.setUint16(10, 0);
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += view.getUint16(at);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
  }
  for (let damages = random(4); damages > 0; damages--) packet[random(packet.length)] = random(256);
  return random(10) === 0 ? packet.subarray(0, random(packet.length)) : packet;
}

for (const checksumTrusted of [false, true]) {
  test(`director, of any bytes, checksums ${checksumTrusted ? "trusted" : "verified"}, counts every packet and loses no slot`, () => {
    const farm = new DirectorFixture({
      workers: WORKERS,
      poolSlots: 128,
      largeSlots: LARGE_SLOTS,
      ringSlots: 64,
      flowEntries: 256,
      memoryLink: { checksumTrusted },
    });
    const held: { worker: number; slot: number }[] = [];
    let delivered = 0;
    while (delivered < packetCount / 2) {
      const burst = Math.min(32, packetCount / 2 - delivered);
      const before = farm.packetsCounted;
      const dropped = farm.link.drops.noSlot;
      for (let i = 0; i < burst; i++) farm.link.deliver(nextPacket());
      farm.receive();
      delivered += burst;
      // Packets wait while no slot is free: give some back until all have been taken.
      while (farm.packetsCounted - before < burst) {
        assert.ok(farm.link.drops.noSlot > dropped);
        for (const { worker, slot } of held.splice(0)) farm.giveBack(worker, slot);
        farm.receive();
        takeSome(farm, held);
      }
      assert.is(farm.packetsCounted - before, burst);
      takeSome(farm, held);
      if (random(3) === 0)
        for (const { worker, slot } of held.splice(0, random(64))) farm.giveBack(worker, slot);
      if (random(16) === 0) farm.nowMs += random(400_000);
      if (random(64) === 0) {
        // A worker stops taking new flows, or takes them again; at times none does.
        const worker = random(WORKERS);
        farm.board.set(worker, BOARD_STATE, random(3) === 0 ? WORKER_DRAINING : WORKER_SERVING);
      }
      if (random(500) === 0) assertBoardIsTrue(farm);
    }
    for (let worker = 0; worker < WORKERS; worker++)
      for (const { slot } of farm.take(worker)) held.push({ worker, slot });
    farm.nowMs += 31_000;
    farm.receive();
    const large = held.filter(({ slot }) => slot >= farm.poolSlots).length;
    assert.is(farm.director.freeSlots + held.length - large, farm.poolSlots);
    assert.is(farm.director.freeLargeSlots + large, LARGE_SLOTS);
    assertBoardIsTrue(farm);
    // A run that was made short on purpose need not meet them all.
    if (packetCount < 10_000) return;
    const { verdicts } = farm;
    const met = ["new-source", "new-flow", "flow-hit", "echo-answered", "icmp-error", "icmp-unknown-flow"];
    const dropped = ["fragment-kept", "fragment-duplicate", "fragment-overlap", "truncated", "bad-version"];
    for (const verdict of [...met, ...dropped]) assert.ok(verdicts[verdict]! > 0, `${verdict} has been met`);
    assert.ok(farm.director.reassemblyCounters.get("packets_reassembled") > 0);
    assert.is("bad-tcp-checksum" in verdicts, !checksumTrusted);
  });
}

/** The load board has of each worker the flows and sources that the table has of it. */
function assertBoardIsTrue(farm: DirectorFixture): void {
  const { table, board } = farm;
  const flows = new Array<number>(WORKERS).fill(0);
  const sources = new Array<number>(WORKERS).fill(0);
  for (let entry = 0; entry < table.capacity; entry++) {
    const state = table.stateOf(entry);
    if (state === 0) continue;
    (state === STATE_SOURCE ? sources : flows)[table.workerOf(entry)]!++;
  }
  assert.equal(
    flows.map((_, worker) => board.get(worker, BOARD_FLOWS)),
    flows,
  );
  assert.equal(
    sources.map((_, worker) => board.get(worker, BOARD_SOURCES)),
    sources,
  );
}

/** A worker that takes what is in its ring, and reports ends that are true, stale, or nonsense. */
function takeSome(farm: DirectorFixture, held: { worker: number; slot: number }[]): void {
  const worker = random(WORKERS);
  for (const { slot, flow, generation } of farm.take(worker)) {
    held.push({ worker, slot });
    if (random(3) === 0) farm.endFlow(worker, flow, generation);
    if (random(40) === 0) farm.endFlow(worker, random(512) - 128, random(1000));
  }
}

test.run();
