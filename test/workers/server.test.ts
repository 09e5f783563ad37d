// A server's turn over packets and relayed events: what the director puts into its ring reaches the connection, the datagram
// service or nobody, every slot goes back, and what it has to say comes out at the turn's end.

import { Packr } from "msgpackr";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Egress } from "../../core/link/egress.js";
import { parseFaultPlan } from "../../core/link/fault-plan.js";
import { FaultyEgress } from "../../core/link/faulty-egress.js";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_DATAGRAM,
  EVENT_END,
  EVENT_RESET,
} from "../../core/memory/descriptor.js";
import { BOARD_CONNECTIONS } from "../../core/memory/load-board.js";
import { RingConsumer, RingProducer } from "../../core/memory/ring.js";
import { TransmitProducer } from "../../core/memory/transmit-ring.js";
import { PEER_BYTES } from "../../core/wire/peer-block.js";
import { ACK, PSH, parseTcpSegment, RST, SYN, TcpSegment } from "../../core/wire/tcp.js";
import { DatagramServer } from "../../workers/datagram/datagram-server.js";
import { HttpResponse } from "../../workers/http/response.js";
import { HttpServer } from "../../workers/http/server.js";
import { Relay } from "../../workers/relay/relay.js";
import { Server } from "../../workers/server.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { DirectorFixture, sourceAddress, tcpFrom } from "../support/director-fixture.js";
import { FakeRelayLink } from "../support/fake-relay-link.js";
import { icmpPacket, ipPacket, udpPacket, word } from "../support/packets.js";
import { SimEgress } from "../support/sim-network.js";
import { buildPacket } from "../support/tcp-packet.js";

const WORKER = 0;

/** A director with one worker, which is a real server, in one thread. `hasRelay`: whether it knows the link for one. */
function serverFarm(hasRelay = true, faulty: readonly FaultyEgress[] = []) {
  const link = new FakeRelayLink();
  return { link, ...withServer(new DirectorFixture({ link, workers: 1 }), { hasRelay, faulty }) };
}

/** The same over packets: `sent` is what leaves. It bears one half-open flow. */
function packetFarm() {
  const farm = new DirectorFixture({ workers: 1, director: { maxOpeningFlows: 1 } });
  const sent: Uint8Array[] = [];
  const egress = new SimEgress(1500, false, (packet) => sent.push(packet));
  return { sent, ...withServer(farm, { hasRelay: false, faulty: [], egress }) };
}

interface ServerLinks {
  readonly hasRelay: boolean;
  readonly faulty: readonly FaultyEgress[];
  readonly egress?: SimEgress;
}

function withServer(farm: DirectorFixture, { hasRelay, faulty, egress }: ServerLinks) {
  const rings = farm.rings[WORKER]!;
  const transmit = new TransmitProducer(rings.transmit);
  const respond = ({ path }: { path: string }) => HttpResponse.text(`you asked for ${path}`);
  const http = new HttpServer({}, respond, () => 0);
  const outputDue = () => {};
  const app = { fetch: respond, datagram: ({ path }: { path: string }) => path };
  const call = async <Result>() => undefined as Result;
  const tcp: TcpStack = new TcpStack({
    egresses: egress === undefined ? [] : [egress],
    user: http,
    listenPorts: [80],
    nowMs: 0,
    secret: [1, 2, 3],
    flowEnded: (flow, generation, wasConnection) => server.flowEnded(flow, generation, wasConnection),
  });
  const server = new Server({
    worker: WORKER,
    pool: farm.pool,
    descriptors: new RingConsumer(rings.descriptors),
    returns: new RingProducer(rings.returns),
    transmit,
    loadBoard: farm.board,
    tcp,
    http,
    datagrams: new DatagramServer({ app, worker: WORKER, call, egresses: [], transmit, outputDue }),
    relays: [hasRelay ? new Relay({ link: 0, transmit, user: http, outputDue }) : undefined],
    faulty,
    housekeep: () => {},
  });
  let nowMs = 0;
  /** Director, server and director again. Returns how many records the server has handled. */
  const turn = (): number => {
    while (farm.director.turn() > 0);
    nowMs += 1;
    const records = server.turn(nowMs);
    while (farm.director.turn() > 0);
    return records;
  };
  return { farm, server, http, tcp, turn };
}

test("server, given a relayed connection's events, answers its requests, and reports it to the load board", () => {
  const { link, farm, http, turn } = serverFarm();
  link.open(5, sourceAddress(1));
  link.data(5, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HT");
  assert.is(turn(), 2);
  link.data(5, "TP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assert.is(turn(), 1);
  const text = link.done.map(({ bytes }) => bytes.toString("latin1")).join("");
  assert.ok(link.done.every(({ connection }) => connection === 5));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n.*you asked for \/aHTTP\/1\.1 200 OK\r\n.*you asked for \/b$/s);
  assert.is(link.done.at(-1)!.event, EVENT_END);
  assert.ok(link.done.slice(0, -1).every(({ event }) => event === EVENT_DATA));
  const board = (word: number) => farm.board.get(WORKER, word);
  assert.equal([board(BOARD_CONNECTIONS), http.counters.requests], [1, 2]);
  link.credit(5, text.length);
  link.end(5);
  link.reset(5);
  assert.is(turn(), 3);
  assert.is(board(BOARD_CONNECTIONS), 0);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("server, given a datagram's event, answers behind its peer block", () => {
  const packr = new Packr({ useRecords: false });
  const { link, farm, turn } = serverFarm();
  link.datagram(sourceAddress(2), packr.pack([7, "/x"]));
  assert.is(turn(), 1);
  assert.is(link.done.length, 1);
  const { event, bytes } = link.done[0]!;
  assert.is(event, EVENT_DATAGRAM);
  assert.equal(packr.unpack(bytes.subarray(PEER_BYTES)), [7, 200, "/x"]);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("server, given events of a link that it has no relay for, gives their slots back and does nothing", () => {
  const { link, farm, turn } = serverFarm(false);
  link.open(5, sourceAddress(1));
  link.data(5, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  link.end(5);
  link.credit(5, 9);
  assert.is(turn(), 4);
  assert.equal(link.done, []);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("server, given an ICMP error, tells the TCP connection that it is about, and nobody of one about a datagram", () => {
  const { farm, tcp, turn } = packetFarm();
  const source = sourceAddress(1);
  const error = (protocol: number, ports: number[]) => {
    const inner = ipPacket({ source: "198.18.0.1", destination: source, protocol }, [...ports, 1, 2, 3, 4]);
    return icmpPacket({ source: "10.0.0.1", destination: "198.18.0.1" }, 3, 1, [0, 0, 0, 0, ...inner]);
  };
  farm.link.deliver(tcpFrom(source, SYN));
  farm.link.deliver(udpPacket({ source }));
  turn();
  // Of the SYN-ACK's sequence number nobody knows: it is about the connection, and not about what is under way.
  farm.link.deliver(error(6, [...word(80), ...word(40_000)]));
  farm.link.deliver(error(17, [...word(53), ...word(40_000)]));
  assert.is(turn(), 2);
  const { icmpOutOfWindow, icmpUnknown } = tcp.counters;
  assert.equal([tcp.connectionCount, icmpOutOfWindow, icmpUnknown], [1, 1, 0]);
  assert.is(farm.verdicts["icmp-error"], 2);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("server, closed, resets its relayed connections", () => {
  const { link, farm, server, turn } = serverFarm();
  link.open(5, sourceAddress(1));
  link.open(6, sourceAddress(1), 40_001);
  link.data(6, "GET / HT");
  turn();
  server.close(100);
  farm.director.turn();
  assert.equal(
    link.done.map(({ event, connection }) => [event, connection]),
    [
      [EVENT_RESET, 5],
      [EVENT_RESET, 6],
    ],
  );
});

test("server, sent a large body, gives credit for it as it is taken", () => {
  const { link, turn, farm } = serverFarm();
  link.open(5, sourceAddress(1));
  link.data(5, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
  for (let sent = 0; sent < 200_000; sent += 2000) {
    link.data(5, new Uint8Array(2000));
    turn();
  }
  const credits = link.done.filter(({ event }) => event === EVENT_CREDIT).map(({ value }) => value);
  assert.is(credits.length, 3);
  assert.ok(credits.every((value) => value >= 65_536));
  assert.match(link.done.at(-1)!.bytes.toString("latin1"), /you asked for \/$/);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("server, with an egress that holds packets back, has a deadline for them, and lets them go in its turn", () => {
  const lengths: number[] = [];
  const device: Egress = {
    mtuBytes: 1500,
    maxPacketBytes: 1500,
    checksumOffload: false,
    buffer: new Uint8Array(1516),
    start: 16,
    transmit: (length) => lengths.push(length) > 0,
  };
  const egress = new FaultyEgress(device, parseFaultPlan("delay=2ms")!, WORKER, () => 0);
  const { server, turn } = serverFarm(false, [egress]);
  turn();
  assert.ok(server.nextDeadlineMs() > 2);
  egress.transmit(100);
  assert.equal([server.nextDeadlineMs(), lengths], [2, []]);
  turn();
  assert.equal(lengths, [100]);
  assert.ok(server.nextDeadlineMs() > 2);
});

test("server, given a SYN without a flow, and the ACK of its cookie, serves the client; of forged ACKs nothing is left", () => {
  const { farm, http, sent, turn } = packetFarm();
  const send = (port: number, sequence: number, acknowledgment: number, flags: number, text = "") => {
    const endpoint = { ipVersion: 4, port, localPort: 80 } as const;
    farm.link.deliver(buildPacket(endpoint, sequence, acknowledgment, flags, 65_535, Buffer.from(text)));
    turn();
  };
  const answer = () => {
    const packet = sent.shift()!;
    const segment = new TcpSegment();
    parseTcpSegment(packet, 20, packet.length, segment);
    return segment;
  };
  // One half-open flow is all that it bears.
  send(40_000, 1, 0, SYN);
  assert.is(answer().flags, SYN | ACK);
  assert.equal([farm.table.flows, farm.table.sources], [1, 1]);
  send(40_001, 1000, 0, SYN);
  const { flags, sequence, acknowledgment } = answer();
  assert.equal([flags, acknowledgment], [SYN | ACK, 1001]);
  assert.is(farm.table.flows, 1, "nothing is kept of it");
  send(40_002, 500, 600, ACK, "x");
  assert.equal([answer().flags, farm.table.flows], [RST, 1]);
  const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  send(40_001, 1001, sequence + 1, ACK | PSH, request);
  assert.is(answer().flags, ACK | PSH);
  assert.equal([farm.table.flows, http.counters.requests], [2, 1]);
  assert.equal(farm.verdicts, { "new-source": 1, "new-flow": 2, "syn-cookie": 1 });
  // Both are reset, and only one of them was a connection.
  send(40_001, 1001 + request.length, 0, RST);
  assert.equal([farm.table.flows, farm.table.sources], [1, 1]);
  send(40_000, 2, 0, RST);
  assert.equal([farm.table.flows, farm.table.sources], [0, 1]);
  assert.equal(sent, []);
  assert.is(farm.director.freeSlots, farm.poolSlots);
});

test("server, told of a half-open flow's end without a connection, has its source forgotten", () => {
  const { farm, sent, turn } = packetFarm();
  const endpoint = { ipVersion: 4, port: 40_000, localPort: 80 } as const;
  for (const [sequence, flags] of [
    [1, SYN],
    [2, RST],
  ] as const) {
    farm.link.deliver(buildPacket(endpoint, sequence, 0, flags, 65_535, new Uint8Array(0)));
    turn();
  }
  assert.is(sent.length, 1);
  assert.equal([farm.table.flows, farm.table.sources], [0, 0]);
});

test.run();
