// A server's turn over relayed events: what the director puts into its ring reaches the connection, the datagram service or
// nobody, every slot goes back, and what it has to say comes out at the turn's end.

import { Packr } from "msgpackr";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MemoryLink } from "../../core/link/memory.js";
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
import { DatagramServer } from "../../workers/datagram/datagram-server.js";
import { HttpResponse } from "../../workers/http/response.js";
import { HttpServer } from "../../workers/http/server.js";
import { Relay } from "../../workers/relay/relay.js";
import { Server } from "../../workers/server.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { DirectorFixture, SYN, sourceAddress, tcpFrom } from "../support/director-fixture.js";
import { FakeRelayLink } from "../support/fake-relay-link.js";
import { icmpPacket, ipPacket, udpPacket, word } from "../support/packets.js";
import { SimEgress } from "../support/sim-network.js";

const WORKER = 0;

/**
 * A director with one worker, which is a real server, in one thread. `hasRelay`: whether it knows the link for one; `packetLink`: a
 * link instead that carries packets.
 */
function serverFarm(hasRelay = true, packetLink?: MemoryLink) {
  const link = new FakeRelayLink();
  const farm = new DirectorFixture({ link: packetLink ?? link, workers: 1 });
  const rings = farm.rings[WORKER]!;
  const transmit = new TransmitProducer(rings.transmit);
  const respond = ({ path }: { path: string }) => HttpResponse.text(`you asked for ${path}`);
  const http = new HttpServer({}, respond, () => 0);
  const outputDue = () => {};
  const flowEnded = () => {};
  const app = { fetch: respond, datagram: ({ path }: { path: string }) => path };
  const call = async <Result>() => undefined as Result;
  const egress = new SimEgress(1500, false, () => {});
  const tcp = new TcpStack({
    egresses: [egress],
    user: http,
    listenPorts: [80],
    nowMs: 0,
    secret: [1, 2, 3],
    flowEnded,
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
  return { link, farm, server, http, tcp, turn };
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
  const link = new MemoryLink();
  const { farm, tcp, turn } = serverFarm(false, link);
  const source = sourceAddress(1);
  const error = (protocol: number, ports: number[]) => {
    const inner = ipPacket({ source: "198.18.0.1", destination: source, protocol }, [...ports, 1, 2, 3, 4]);
    return icmpPacket({ source: "10.0.0.1", destination: "198.18.0.1" }, 3, 1, [0, 0, 0, 0, ...inner]);
  };
  link.deliver(tcpFrom(source, SYN));
  link.deliver(udpPacket({ source }));
  turn();
  // Of the SYN-ACK's sequence number nobody knows: it is about the connection, and not about what is under way.
  link.deliver(error(6, [...word(80), ...word(40_000)]));
  link.deliver(error(17, [...word(53), ...word(40_000)]));
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

test.run();
