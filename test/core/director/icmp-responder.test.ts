// What the director answers itself: which packets, with what bytes, and how many in a second.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { IcmpResponder } from "../../../core/director/icmp-responder.js";
import { VERDICTS } from "../../../core/director/verdict.js";
import { MemoryLink } from "../../../core/link/memory.js";
import { allocatePacketPool, PacketPool } from "../../../core/memory/packet-pool.js";
import { PARSE_OK } from "../../../core/wire/faults.js";
import { parsePacket } from "../../../core/wire/packet.js";
import { PacketView } from "../../../core/wire/packet-view.js";
import {
  icmpPacket,
  type PacketFields,
  pseudoHeader,
  referenceChecksum,
  udpPacket,
} from "../../support/packets.js";

const V4 = { source: "198.19.0.1", destination: "198.18.0.1" };
const V6 = { source: "fd00::5", destination: "fd98:18::1" };
const BACK_4 = { source: V4.destination, destination: V4.source };
const BACK_6 = { source: V6.destination, destination: V6.source };

/** A responder, and what it has sent. */
class Fixture {
  readonly sent: Uint8Array[] = [];
  readonly #responder = new IcmpResponder();
  readonly #pool = new PacketPool(allocatePacketPool(2, 2048));
  readonly #view = new PacketView();
  readonly #link = new MemoryLink({ transmitted: (packet) => this.sent.push(packet) });

  /** Gives the packet, in a slot, to the responder. Returns the verdict's name. */
  give(packet: Uint8Array, how: "answer" | "portUnreachable", nowMs = 5000): string {
    const offset = this.#pool.packetOffset(1);
    this.#pool.bytes.set(packet, offset);
    const fault = parsePacket(this.#pool.bytes, this.#pool.halves, offset, packet.length, 0, this.#view);
    assert.is(fault, PARSE_OK);
    return VERDICTS[this.#responder[how](this.#pool, this.#view, this.#link, nowMs)]!;
  }
}

test("echo request, over IPv4 and IPv6, with a payload of any length, comes back whole with right checksums", () => {
  for (const length of [0, 1, 2, 55, 56, 1400]) {
    const rest = [0, 7, 0, 1, ...Array.from({ length }, (_, i) => (i * 5) & 255)];
    const icmp = new Fixture();
    assert.is(icmp.give(icmpPacket({ ...V4, ttl: 3 }, 8, 0, rest), "answer"), "echo-answered");
    assert.is(icmp.give(icmpPacket({ ...V6, ttl: 3 }, 128, 0, rest), "answer"), "echo-answered");
    assert.equal(icmp.sent, [icmpPacket(BACK_4, 0, 0, rest), icmpPacket(BACK_6, 129, 0, rest)]);
  }
});

test("echo request, followed by a link's padding, is answered without it", () => {
  const icmp = new Fixture();
  icmp.give(Uint8Array.of(...icmpPacket(V4, 8, 0, [0, 7, 0, 1]), 9, 9, 9), "answer");
  assert.equal(icmp.sent, [icmpPacket(BACK_4, 0, 0, [0, 7, 0, 1])]);
});

test("ICMP, that is no echo request or was sent to a group, is ignored", () => {
  const ignored: [PacketFields, number, number][] = [
    [V4, 0, 0],
    [V4, 13, 0],
    [V6, 129, 0],
    [V4, 128, 0],
    [{ ...V4, destination: "224.0.0.1" }, 8, 0],
    [{ ...V6, destination: "ff02::1" }, 128, 0],
  ];
  const icmp = new Fixture();
  for (const [fields, type, code] of ignored)
    assert.is(icmp.give(icmpPacket(fields, type, code, [0, 7, 0, 1]), "answer"), "icmp-ignored");
  assert.is(icmp.sent.length, 0);
});

/** The ICMP message in a packet that has one of the shape we send, after its checksums have been found right. */
function messageOf(packet: Uint8Array, back: PacketFields): Uint8Array {
  const isIpv4 = packet[0]! >>> 4 === 4;
  const message = packet.subarray(isIpv4 ? 20 : 40);
  if (isIpv4) assert.is(referenceChecksum(packet.subarray(0, 20)), 0);
  const covered = isIpv4 ? [] : pseudoHeader(back, 58, message.length);
  assert.is(referenceChecksum(covered, message), 0);
  return message;
}

test("datagram, that nobody listens for, is quoted in a port unreachable with right checksums", () => {
  const icmp = new Fixture();
  for (const [fields, back, type, code] of [
    [V4, BACK_4, 3, 3],
    [V6, BACK_6, 1, 4],
  ] as const) {
    const datagram = udpPacket(fields);
    assert.is(icmp.give(datagram, "portUnreachable"), "port-unreachable");
    const message = messageOf(icmp.sent.pop()!, back);
    assert.equal([...message.subarray(0, 2)], [type, code]);
    assert.equal([...message.subarray(4, 8)], [0, 0, 0, 0]);
    assert.equal(message.slice(8), datagram);
  }
});

test("datagram, longer than an error may be, is quoted in part: 576 bytes of IPv4 in all, 1280 of IPv6", () => {
  const icmp = new Fixture();
  const payload = Array.from({ length: 1400 }, (_, i) => i & 255);
  for (const [fields, back, longest, headers] of [
    [V4, BACK_4, 576, 28],
    [V6, BACK_6, 1280, 48],
  ] as const) {
    const datagram = udpPacket(fields, payload);
    icmp.give(datagram, "portUnreachable");
    const packet = icmp.sent.pop()!;
    assert.is(packet.length, longest);
    assert.equal(messageOf(packet, back).slice(8), datagram.slice(0, longest - headers));
  }
});

test("datagram, to a group, is not answered", () => {
  const icmp = new Fixture();
  icmp.give(udpPacket({ ...V4, destination: "224.0.0.1" }), "portUnreachable");
  icmp.give(udpPacket({ ...V6, destination: "ff02::1" }), "portUnreachable");
  assert.is(icmp.sent.length, 0);
});

test("answers, of both kinds together, are a thousand a second at most, and go on in the next", () => {
  const icmp = new Fixture();
  const ping = icmpPacket(V4, 8, 0, [0, 7, 0, 1]);
  const datagram = udpPacket(V6);
  for (let i = 0; i < 500; i++) {
    assert.is(icmp.give(ping, "answer", 5000 + i), "echo-answered");
    assert.is(icmp.give(datagram, "portUnreachable", 5000 + i), "port-unreachable");
  }
  assert.is(icmp.give(ping, "answer", 5999.9), "icmp-limited");
  assert.is(icmp.give(datagram, "portUnreachable", 5999.9), "icmp-limited");
  assert.is(icmp.sent.length, 1000);
  assert.is(icmp.give(ping, "answer", 6000), "echo-answered");
});

test("ICMP, that would not be answered anyway, is ignored and not limited, and does not count", () => {
  const icmp = new Fixture();
  const reply = icmpPacket(V4, 0, 0, [0, 7, 0, 1]);
  for (let i = 0; i < 1100; i++) assert.is(icmp.give(reply, "answer"), "icmp-ignored");
  const ping = icmpPacket(V4, 8, 0, [0, 7, 0, 1]);
  for (let i = 0; i < 1000; i++) assert.is(icmp.give(ping, "answer"), "echo-answered");
  assert.is(icmp.give(ping, "answer"), "icmp-limited");
  assert.is(icmp.give(reply, "answer"), "icmp-ignored");
});

test.run();
