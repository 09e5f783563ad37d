// LISTEN and CLOSED (RFC 9293 section 3.10.7.1 and 3.10.7.2): segments that find no connection.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TcpScript } from "../../support/tcp-script.js";

test("LISTEN, a SYN, is answered with a SYN-ACK that has our options where the peer has them", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1460, ws: 7, sackOk: true, ts: [100, 0] });
  script.expect({
    flags: "SA",
    seq: 0,
    ack: 1,
    mss: 1460,
    ws: 3,
    sackOk: true,
    ts: [script.timestamp, 100],
    win: 65_535,
  });
  script.expectNothing();
});

test("LISTEN, a SYN without options, is answered with none but our MSS", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0 });
  script.expect({
    flags: "SA",
    ack: 1,
    mss: 1460,
    sackOk: false,
    ws: undefined as never,
    ts: undefined as never,
  });
});

test("LISTEN, a SYN over IPv6, names an MSS that leaves room for the longer header", () => {
  const script = new TcpScript({ ipVersion: 6 });
  script.connect({ mss: 1440 });
  assert.is(script.connection!.sourceAddress, "fd00::9");
  script.act((connection) => connection.send(new Uint8Array(2000)));
  script.expect({ length: 1440 });
  script.expect({ length: 560 });
});

test("LISTEN, no MSS from the peer, sends segments of 536 and over IPv6 of 1220 bytes", () => {
  for (const [ipVersion, mss] of [
    [4, 536],
    [6, 1220],
  ] as const) {
    const script = new TcpScript({ ipVersion });
    script.inject({ flags: "S", seq: 0 });
    script.expect({ flags: "SA" });
    script.inject({ flags: "A", seq: 1, ack: 1 });
    script.act((connection) => connection.send(new Uint8Array(mss + 1)));
    script.expect({ length: mss });
    script.expect({ length: 1 });
  }
});

test("LISTEN, an ACK of no connection, is answered with a RST of its sequence number", () => {
  const script = new TcpScript();
  script.inject({ flags: "A", seq: 5, ack: 77 });
  script.expect({ flags: "R", seq: 77 });
  assert.equal(script.ended, [[7, 1]]);
  script.expectIdle();
});

test("LISTEN, a RST, is dropped in silence", () => {
  const script = new TcpScript();
  script.inject({ flags: "R", seq: 5 }, { flags: "RA", seq: 5, ack: 1 });
  script.expectIdle();
});

test("LISTEN, segments without SYN or ACK and SYNs with FIN or RST, are dropped and counted", () => {
  const script = new TcpScript();
  script.inject({ flags: "F" }, { flags: "" }, { flags: "SF" }, { flags: "SR" });
  script.expectIdle();
  assert.is(script.stack.counters.badSyns, 1);
  assert.is(script.ended.length, 4);
});

test("CLOSED, a SYN to a port that no one listens on, is answered with RST and ACK", () => {
  const script = new TcpScript();
  script.endpoint = { ...script.endpoint, localPort: 81 };
  script.inject({ flags: "S", seq: 0, data: "abc" });
  script.expect({ flags: "RA", seq: (0 - script.iss) >>> 0, ack: 4 });
  assert.is(script.stack.counters.notListening, 1);
  assert.equal(script.ended, [[7, 1]]);
  script.expectIdle();
});

test("CLOSED, a RST to a port that no one listens on, is never answered", () => {
  const script = new TcpScript();
  script.endpoint = { ...script.endpoint, localPort: 81 };
  script.inject({ flags: "R", seq: 0 }, { flags: "RA", seq: 0, ack: 3 });
  script.expectIdle();
});

test("LISTEN, a SYN when all connections are in use, is dropped and counted and its flow ended", () => {
  const script = new TcpScript({ limits: { maxConnections: 1 } });
  script.connect();
  script.endpoint = { ...script.endpoint, port: 40_001 };
  script.flow = 8;
  script.inject({ flags: "S", seq: 0 });
  script.expectNothing();
  assert.is(script.stack.counters.connectionsFull, 1);
  assert.equal(script.ended, [[8, 1]]);
});

test("LISTEN, connections of the same hash, are told apart by their whole 4-tuple", () => {
  const script = new TcpScript();
  for (const port of [2001, 2002, 2003]) {
    script.endpoint = { ...script.endpoint, port };
    script.connect();
    assert.is(script.connection!.sourcePort, port);
    assert.is(script.connection!.sourceAddress, "198.18.0.9");
  }
  assert.is(script.stack.connectionCount, 3);
});

test("LISTEN, initial sequence numbers, differ by tuple and grow with time", () => {
  const script = new TcpScript();
  const issues: number[] = [];
  for (const port of [3001, 3002]) {
    script.endpoint = { ...script.endpoint, port };
    script.connect();
    issues.push(script.iss);
  }
  assert.is.not(issues[0], issues[1]);
  const first = script.iss;
  script.inject({ flags: "R", seq: 1 });
  script.nowMs += 10;
  script.connect();
  assert.is((script.iss - first) | 0, 2500);
});

test("LISTEN, a link without room, sends the SYN-ACK as soon as there is some", () => {
  const script = new TcpScript();
  script.egress.isFull = true;
  script.inject({ flags: "S", seq: 0 });
  script.expectNothing();
  script.egress.isFull = false;
  script.advance(5);
  script.expect({ flags: "SA" });
  script.expectNothing();
});

test.run();
