// The datagram service from packet to packet: answers parse as the director would parse them, with right checksums.

import { Packr } from "msgpackr";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Egress } from "../../../core/link/egress.js";
import { EVENT_DATAGRAM } from "../../../core/memory/descriptor.js";
import {
  allocateTransmitRing,
  TransmitConsumer,
  TransmitProducer,
} from "../../../core/memory/transmit-ring.js";
import { parseAddress } from "../../../core/wire/address.js";
import { emitIpv4Header, IPV4_HEADER_BYTES } from "../../../core/wire/ipv4.js";
import { emitIpv6Header, IPV6_HEADER_BYTES } from "../../../core/wire/ipv6.js";
import { PARSE_OK, PacketView, parsePacket } from "../../../core/wire/packet.js";
import { PEER_BYTES } from "../../../core/wire/peer-block.js";
import { PROTOCOL_UDP } from "../../../core/wire/protocols.js";
import { emitUdpHeader, UDP_HEADER_BYTES } from "../../../core/wire/udp.js";
import type { App } from "../../../workers/app/app.js";
import { DatagramServer } from "../../../workers/datagram/datagram-server.js";
import { peerBlock } from "../../support/fake-relay-link.js";

const packr = new Packr({ useRecords: false });
const CLIENT_PORT = 5353;
const SERVER_PORT = 80;

/** Keeps what is sent, checked as a receiver would. */
class KeepingEgress implements Egress {
  readonly mtuBytes = 1500;
  readonly maxPacketBytes = 1500;
  readonly checksumOffload = false;
  readonly buffer = new Uint8Array(2048);
  readonly start = 12;
  readonly packets: Uint8Array[] = [];
  isFull = false;

  transmit(length: number, l4Offset: number, checksumOffset: number, segmentBytes: number): boolean {
    if (this.isFull) return false;
    assert.ok(length <= this.mtuBytes);
    assert.ok(l4Offset === IPV4_HEADER_BYTES || l4Offset === IPV6_HEADER_BYTES);
    assert.is(checksumOffset, 6);
    assert.is(segmentBytes, 0);
    this.packets.push(this.buffer.slice(this.start, this.start + length));
    return true;
  }
}

function packetOf(source: string, destination: string, payload: Uint8Array): Uint8Array {
  const addresses = Buffer.concat([parseAddress(source)!, parseAddress(destination)!]);
  const isIpv4 = addresses.length === 8;
  const headerBytes = isIpv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  const udpLength = UDP_HEADER_BYTES + payload.length;
  const packet = new Uint8Array(headerBytes + udpLength);
  packet.set(payload, headerBytes + UDP_HEADER_BYTES);
  if (isIpv4) emitIpv4Header(packet, 0, packet.length, PROTOCOL_UDP, 0, 64, addresses, 0, 4);
  else emitIpv6Header(packet, 0, udpLength, PROTOCOL_UDP, 64, addresses, 0, 16);
  const at = isIpv4 ? 12 : 8;
  const addressLength = addresses.length / 2;
  emitUdpHeader(
    packet,
    headerBytes,
    CLIENT_PORT,
    SERVER_PORT,
    payload.length,
    at,
    at + addressLength,
    addressLength,
    false,
  );
  return packet;
}

function parse(packet: Uint8Array): PacketView {
  const padded = new Uint8Array(packet.length + 1);
  padded.set(packet);
  const view = new PacketView();
  const halves = new Uint16Array(padded.buffer, 0, padded.length >>> 1);
  assert.is(parsePacket(padded, halves, 0, packet.length, false, view), PARSE_OK);
  return view;
}

/** Delivers from shared memory, at an offset, and wipes it: as a slot that is given back. */
function deliver(server: DatagramServer, packet: Uint8Array, link: number): void {
  const offset = 16;
  const slot = new Uint8Array(new SharedArrayBuffer(2048)).fill(0xc1);
  slot.set(packet, offset);
  const view = parse(packet);
  server.packetArrives(slot, offset, view.ipVersion, offset + view.l4Offset, link);
  slot.fill(0);
}

function serverOf(datagram: App["datagram"]) {
  const egresses = [new KeepingEgress(), new KeepingEgress()];
  const fetch = () => {
    throw new Error("a datagram is no HTTP request");
  };
  const app: App = datagram === undefined ? { fetch } : { fetch, datagram };
  const ring = allocateTransmitRing(1024);
  const transmit = new TransmitProducer(ring);
  const relayed = { transmit, consumer: new TransmitConsumer(ring), outputsDue: 0 };
  const server = new DatagramServer({
    app,
    worker: 3,
    call: async <Result>(procedure: string) => `called ${procedure}` as Result,
    egresses,
    transmit,
    outputDue: () => relayed.outputsDue++,
  });
  return { server, egresses, relayed };
}

function answerIn(packet: Uint8Array): unknown {
  const view = parse(packet);
  return packr.unpack(Buffer.from(packet.subarray(view.l4Offset + UDP_HEADER_BYTES)));
}

async function settle(): Promise<void> {
  for (let link = 0; link < 20; link++) await Promise.resolve();
}

for (const [client, service] of [
  ["198.18.0.9", "198.18.0.1"],
  ["fd00::9", "fd00::1"],
] as const) {
  test(`a request from ${client} is answered on its link, addresses and ports the other way round`, () => {
    const { server, egresses } = serverOf(({ path, body }, { source, worker }) => [
      path,
      body,
      source,
      worker,
    ]);
    deliver(server, packetOf(client, service, packr.pack([5, "/x", "hi"])), 1);
    assert.is(egresses[0]!.packets.length, 0);
    const [packet] = egresses[1]!.packets;
    const address = { address: client, port: CLIENT_PORT };
    assert.equal(answerIn(packet!), [5, 200, ["/x", "hi", address, 3]]);
    const view = parse(packet!);
    const at = (offset: number, length: number) => [...packet!.subarray(offset, offset + length)];
    assert.equal(at(view.sourceOffset, view.addressLength), [...parseAddress(service)!]);
    assert.equal(at(view.destinationOffset, view.addressLength), [...parseAddress(client)!]);
    assert.equal(at(view.l4Offset, 4), [0, SERVER_PORT, CLIENT_PORT >>> 8, CLIENT_PORT & 0xff]);
  });
}

test("answers that come late reach the peer although their packets are gone", async () => {
  const { server, egresses } = serverOf(async ({ path }, { call, source }) => [
    await call(path),
    source.address,
  ]);
  deliver(server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([1, "a"])), 0);
  deliver(server, packetOf("fd00::9", "fd00::1", packr.pack([2, "b"])), 0);
  assert.is(server.inFlight, 2);
  await settle();
  assert.is(server.inFlight, 0);
  assert.equal(egresses[0]!.packets.map(answerIn), [
    [1, 200, ["called a", "198.18.0.9"]],
    [2, 200, ["called b", "fd00::9"]],
  ]);
});

test("an answer as large as the MTU allows leaves in one packet; a larger one is too_large", () => {
  const { server, egresses } = serverOf(({ body }) => "x".repeat(body as number));
  const fitting = 1500 - IPV4_HEADER_BYTES - UDP_HEADER_BYTES - 7;
  deliver(server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([1, "/", fitting])), 0);
  deliver(server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([2, "/", fitting + 1])), 0);
  assert.is(egresses[0]!.packets[0]!.length, 1500);
  assert.equal(answerIn(egresses[0]!.packets[1]!), [2, 500, "too_large"]);
});

test("bytes behind the UDP length are nobody's", () => {
  const { server, egresses } = serverOf(({ path }) => path);
  const packet = packetOf("198.18.0.9", "198.18.0.1", packr.pack([1, "/"]));
  const slot = new Uint8Array(2048).fill(0xc0);
  slot.set(packet, 0);
  server.packetArrives(slot, 0, 4, IPV4_HEADER_BYTES, 0);
  assert.equal(answerIn(egresses[0]!.packets[0]!), [1, 200, "/"]);
});

test("an app without datagrams answers 404; one that fails, 500", async () => {
  const without = serverOf(undefined);
  deliver(without.server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([1, "/"])), 0);
  assert.equal(answerIn(without.egresses[0]!.packets[0]!), [1, 404, "not_found"]);
  const error = new Error("no");
  const broken: App["datagram"][] = [
    () => {
      throw error;
    },
    () => Promise.reject(error),
  ];
  for (const datagram of broken) {
    const { server, egresses } = serverOf(datagram);
    deliver(server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([1, "/x"])), 0);
    await settle();
    assert.equal(answerIn(egresses[0]!.packets[0]!), [1, 500, "failed"]);
  }
});

test("an answer that the link has no room for is lost, as datagrams are", () => {
  const { server, egresses } = serverOf(({ path }) => path);
  egresses[0]!.isFull = true;
  deliver(server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([1, "/"])), 0);
  egresses[0]!.isFull = false;
  deliver(server, packetOf("198.18.0.9", "198.18.0.1", packr.pack([2, "/"])), 0);
  assert.equal(egresses[0]!.packets.map(answerIn), [[2, 200, "/"]]);
  assert.is(server.inFlight, 0);
});

const RELAY_LINK = 2;

/** A relayed datagram, in a slot that is wiped afterwards. */
function deliverRelayed(server: DatagramServer, client: string, payload: Uint8Array): void {
  const offset = 16;
  const slot = new Uint8Array(new SharedArrayBuffer(2048)).fill(0xc1);
  slot.set(peerBlock(client, CLIENT_PORT), offset);
  slot.set(payload, offset + PEER_BYTES);
  server.eventArrives(slot, offset, PEER_BYTES + payload.length, RELAY_LINK);
  slot.fill(0);
}

/** The answers that have been put into the ring: each a peer block and what is behind it. */
function relayedAnswers({ relayed }: ReturnType<typeof serverOf>): { block: Uint8Array; payload: Buffer }[] {
  const { transmit, consumer } = relayed;
  transmit.publish();
  const answers: { block: Uint8Array; payload: Buffer }[] = [];
  while (consumer.next()) {
    const { bytes, offset, length, link, event } = consumer;
    assert.equal([link, event], [RELAY_LINK, EVENT_DATAGRAM]);
    const block = bytes.slice(offset, offset + PEER_BYTES);
    answers.push({ block, payload: Buffer.from(bytes.slice(offset + PEER_BYTES, offset + length)) });
  }
  consumer.release();
  return answers;
}

for (const client of ["198.19.0.9", "fd00::9"]) {
  test(`a relayed request from ${client} is answered through the ring, behind the peer block that it came with`, () => {
    const parts = serverOf(({ path, body }, { source, worker }) => [path, body, source, worker]);
    deliverRelayed(parts.server, client, packr.pack([5, "/x", "hi"]));
    const answers = relayedAnswers(parts);
    assert.is(answers.length, 1);
    assert.equal(answers[0]!.block, peerBlock(client, CLIENT_PORT));
    const source = { address: client, port: CLIENT_PORT };
    assert.equal(packr.unpack(answers[0]!.payload), [5, 200, ["/x", "hi", source, 3]]);
    assert.is(parts.relayed.outputsDue, 1);
    assert.ok(parts.egresses.every(({ packets }) => packets.length === 0));
  });
}

test("relayed requests whose answers come late and in another order are each answered to who asked", async () => {
  const release = new Map<string, () => void>();
  const parts = serverOf(async ({ path }, { source }) => {
    await new Promise<void>((resolve) => release.set(path, resolve));
    return source.address;
  });
  deliverRelayed(parts.server, "198.19.0.1", packr.pack([1, "a"]));
  deliverRelayed(parts.server, "fd00::2", packr.pack([2, "b"]));
  await settle();
  assert.equal([parts.server.inFlight, parts.relayed.outputsDue], [2, 0]);
  release.get("b")!();
  release.get("a")!();
  await settle();
  assert.equal([parts.server.inFlight, parts.relayed.outputsDue], [0, 2]);
  const answers = relayedAnswers(parts);
  assert.equal(
    answers.map(({ block, payload }) => [block, packr.unpack(payload)]),
    [
      [peerBlock("fd00::2", CLIENT_PORT), [2, 200, "fd00::2"]],
      [peerBlock("198.19.0.1", CLIENT_PORT), [1, 200, "198.19.0.1"]],
    ],
  );
});

test("a relayed answer is as long as a packet over IPv6 can carry; a longer one is too_large", () => {
  const parts = serverOf(({ body }) => "x".repeat(body as number));
  const fitting = 1500 - IPV6_HEADER_BYTES - UDP_HEADER_BYTES - 7;
  deliverRelayed(parts.server, "198.19.0.9", packr.pack([1, "/", fitting]));
  deliverRelayed(parts.server, "198.19.0.9", packr.pack([2, "/", fitting + 1]));
  const [first, second] = relayedAnswers(parts);
  assert.is(first!.payload.length, 1452);
  assert.equal(packr.unpack(second!.payload), [2, 500, "too_large"]);
});

test("a relayed answer that the ring has no room for is lost, and the next one is not", () => {
  const parts = serverOf(({ path }) => path);
  while (parts.relayed.transmit.reserve(RELAY_LINK, EVENT_DATAGRAM, 0, 0, 0) >= 0);
  deliverRelayed(parts.server, "198.19.0.9", packr.pack([1, "lost"]));
  assert.equal([parts.relayed.outputsDue, parts.server.inFlight], [0, 0]);
  relayedAnswers(parts);
  deliverRelayed(parts.server, "198.19.0.9", packr.pack([2, "found"]));
  assert.equal(
    relayedAnswers(parts).map(({ payload }) => packr.unpack(payload)),
    [[2, 200, "found"]],
  );
});

test("a relayed datagram that is no request is ignored, an empty one too", () => {
  const parts = serverOf(({ path }) => path);
  deliverRelayed(parts.server, "198.19.0.9", new Uint8Array(0));
  deliverRelayed(parts.server, "198.19.0.9", Uint8Array.of(0xff, 0xff));
  assert.equal(relayedAnswers(parts), []);
  assert.is(parts.server.counters.ignored, 2);
});

test.run();
