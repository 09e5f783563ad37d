// Windows: scaling (RFC 7323 section 2), silly-window avoidance on both sides, zero windows and their probes (RFC
// 9293 section 3.8.6).

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TcpConnection } from "../../../workers/tcp/connection.js";
import { TcpScript } from "../../support/tcp-script.js";

test("window scale, of the peer, is applied after the handshake and not in it", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1000, ws: 4, win: 100 });
  script.expect({ flags: "SA", ws: 3 });
  script.inject({ flags: "A", seq: 1, ack: 1, win: 125 });
  script.act((connection) => connection.send(new Uint8Array(5000)));
  assert.is(script.skip(), 2);
});

test("window scale, a shift above 14, counts as 14", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1000, ws: 200 });
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1, win: 1 });
  script.act((connection) => connection.send(new Uint8Array(20_000)));
  // 1 << 14 is a little more than 16 segments, of which the initial window lets 10 go.
  assert.is(script.skip(), 10);
});

test("send window, in a segment that acknowledges new data, counts though its sequence number is an older one", () => {
  const script = new TcpScript();
  script.connect({ mss: 1000 });
  script.act((connection) => connection.send(new Uint8Array(9000)));
  assert.is(script.skip(), 9);
  // The peer's second segment overtakes its first, which it sends again when it has more of our data and no room for further.
  script.inject({ flags: "A", seq: 101, ack: 1001, data: 100, win: 8000 });
  script.inject({ flags: "A", seq: 1, ack: 9001, data: 100, win: 0 });
  script.skip();
  script.act((connection) => connection.send(new Uint8Array(1000)));
  assert.is(script.skip(), 0);
});

test("receive window, without the peer's window scale, is not scaled", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: 100 });
  script.advance(40);
  script.expect({ ack: 101, win: 65_435 });
  script.inject({ flags: "A", seq: 101, ack: 1, data: 1400 });
  script.advance(40);
  script.expect({ ack: 1501, win: 65_535 });
});

test("receive window, with the peer's window scale, opens to the whole buffer", () => {
  const script = new TcpScript();
  script.connect({ ws: 0 });
  script.inject({ flags: "A", seq: 1, ack: 1, data: 100 });
  script.advance(40);
  script.expect({ ack: 101, win: 262_144 >>> 3 });
});

test("receive window, data that the user leaves, narrows it and its right edge never moves back", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 4000 } });
  script.connect();
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: 1000 });
  script.inject({ flags: "A", seq: 1001, ack: 1, data: 1000 });
  script.expect({ ack: 2001, win: 2000 });
  script.inject({ flags: "A", seq: 2001, ack: 1, data: 1000 });
  script.inject({ flags: "A", seq: 3001, ack: 1, data: 1000 });
  script.expect({ ack: 4001, win: 0 });
});

test("receive window, the user's reading, is told at once when the window doubles and not for a few bytes", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 4000 } });
  script.connect();
  script.consume = () => 0;
  for (let index = 0; index < 4; index++)
    script.inject({ flags: "A", seq: 1 + 1000 * index, ack: 1, data: 1000 });
  script.skip();
  script.consume = () => 100;
  script.act((connection) => connection.resume());
  script.expectNothing();
  script.consume = () => 1500;
  script.act((connection) => connection.resume());
  script.expect({ flags: "A", ack: 4001, win: 1600 });
  script.consume = (available) => available;
  script.act((connection) => connection.resume());
  script.expect({ flags: "A", ack: 4001, win: 4000 });
  script.expectNothing();
});

test("receive window, data beyond it, are cut off and asked for again", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 1000 } });
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: 1500 });
  assert.is(script.receivedBytes, 1000);
});

test("receive window, a FIN beyond it, is not believed until it comes inside", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 1000 } });
  script.connect();
  script.inject({ flags: "FA", seq: 1, ack: 1, data: 1500 });
  assert.equal(script.events, ["opened"]);
  script.advance(40);
  script.expect({ ack: 1001, win: 1000 });
  script.inject({ flags: "FA", seq: 1001, ack: 1, data: 500 });
  assert.equal(script.events, ["opened", "peerClosed"]);
});

test("receive window, closed, a probe is answered every time and its ACK taken", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 1000 } });
  script.connect();
  script.consume = () => 0;
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1, data: 1000 });
  script.skip();
  script.advance(40);
  script.expect({ ack: 1001, win: 0 });
  for (let index = 0; index < 3; index++) {
    script.inject({ flags: "A", seq: 1001, ack: 11, data: "x" });
    script.expect({ flags: "A", ack: 1001, win: 0 });
    script.expectNothing();
  }
  assert.is(script.connection!.queuedBytes, 0);
});

test("receive window, closed, a probe without data is answered, too", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 1000 } });
  script.connect();
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: 1000 });
  script.advance(40);
  script.skip();
  // Linux probes so: with the number before the next one, at growing distances.
  for (const waitMs of [500, 1000, 2000]) {
    script.advance(waitMs);
    script.inject({ flags: "A", seq: 1000, ack: 1 });
    script.expect({ flags: "A", seq: 1, ack: 1001, win: 0, length: 0 });
    script.expectNothing();
  }
});

test("receive window, closed, the answer to a probe opens no window that is not worth a segment", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 8000 } });
  script.connect();
  script.consume = () => 0;
  for (let seq = 1; seq < 8001; seq += 1000) script.inject({ flags: "A", seq, ack: 1, data: 1000 });
  script.advance(40);
  script.skip();
  script.consume = () => 500;
  script.act((connection) => connection.resume());
  script.consume = () => 0;
  script.expectNothing();
  script.inject({ flags: "A", seq: 8001, ack: 1, data: "x" });
  script.expect({ flags: "A", ack: 8001, win: 0 });
  script.consume = () => 1000;
  script.act((connection) => connection.resume());
  script.consume = () => 0;
  script.expect({ flags: "A", ack: 8001, win: 1500 });
  script.inject({ flags: "A", seq: 8001, ack: 1, data: "x" });
  script.advance(40);
  script.expect({ flags: "A", ack: 8002, win: 1499 });
});

test("receive window, closed, a FIN is answered once each time it comes and does not loop", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 1000 } });
  script.connect();
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: 1000 });
  script.advance(40);
  script.skip();
  script.inject({ flags: "FA", seq: 1001, ack: 1 });
  script.expect({ flags: "A", ack: 1001, win: 0 });
  script.advance(10_000);
  script.expectNothing();
  script.consume = (available) => available;
  script.act((connection) => connection.resume());
  script.expect({ ack: 1001, win: 1000 });
  script.inject({ flags: "FA", seq: 1001, ack: 1 });
  script.expect({ flags: "A", ack: 1002 });
});

test("send window, closed, is probed with one byte at growing distances, for as long as the peer answers", () => {
  const script = new TcpScript();
  script.connect({ win: 0 });
  script.act((connection) => connection.send(new Uint8Array(Buffer.from("abc"))));
  script.expectNothing();
  let waitMs = 200;
  for (let index = 0; index < 40; index++) {
    script.advance(waitMs - 1);
    script.expectNothing();
    script.advance(1);
    script.expect({ seq: 1, data: "a" });
    script.inject({ flags: "A", seq: 1, ack: 1, win: 0 });
    waitMs = Math.min(2 * waitMs, 60_000);
  }
  assert.equal(script.events, ["opened"]);
  script.inject({ flags: "A", seq: 1, ack: 1, win: 1000 });
  script.expect({ seq: 1, data: "a" });
  script.expect({ seq: 2, data: "bc" });
  script.inject({ flags: "A", seq: 1, ack: 4 });
  assert.is(script.stack.timerCount, 0);
});

test("send window, closed, a probe that the peer takes, goes on with the next byte", () => {
  const script = new TcpScript();
  script.connect({ win: 0 });
  script.act((connection) => connection.send(new Uint8Array(Buffer.from("abc"))));
  script.advance(200);
  script.expect({ seq: 1, data: "a" });
  script.inject({ flags: "A", seq: 1, ack: 2, win: 0 });
  script.advance(400);
  script.expect({ seq: 2, data: "b" });
  script.inject({ flags: "A", seq: 1, ack: 3, win: 100 });
  script.expect({ seq: 3, data: "c" });
});

test("send window, opened again, without SACK, what duplicate ACKs had stood for is forgotten: all is sent again", () => {
  const script = new TcpScript();
  script.connect({ mss: 1000, win: 10_000 });
  script.act((connection) => connection.send(new Uint8Array(12_000)));
  assert.is(script.skip(), 10);
  script.inject({ flags: "A", seq: 1, ack: 1, win: 10_000 });
  script.inject({ flags: "A", seq: 1, ack: 1, win: 10_000 });
  const connection = script.connection as TcpConnection;
  assert.is(connection.sackedBytes, 2000);
  script.inject({ flags: "A", seq: 1, ack: 1, win: 0 });
  script.advance(1000);
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1, win: 10_000 });
  assert.is(connection.sackedBytes, 0);
  assert.is(script.skip(), 10);
});

test("send window, closed, a peer that never answers probes, is given up", () => {
  const script = new TcpScript();
  script.connect({ win: 0 });
  script.act((connection) => connection.send(new Uint8Array(3)));
  script.advance(900_000);
  assert.is(script.skip(), 10);
  assert.equal(script.events, ["opened", "closed timeout"]);
});

test("send window, smaller than a segment, is filled after a wait and not with crumbs at once", () => {
  const script = new TcpScript();
  script.connect({ win: 2000 });
  script.act((connection) => connection.send(new Uint8Array(4000)));
  script.expect({ seq: 1, length: 1460 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: 1461, win: 300 });
  script.expectNothing();
  script.advance(200);
  script.expect({ seq: 1461, length: 300 });
});

test("send window, smaller than a segment for long, is filled again and again without longer waits", () => {
  const script = new TcpScript();
  script.connect({ win: 2000 });
  script.act((connection) => connection.send(new Uint8Array(4000)));
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1461, win: 300 });
  for (let seq = 1461; seq + 300 < 4001; seq += 300) {
    script.advance(200);
    script.expect({ seq, length: 300 });
    script.inject({ flags: "A", seq: 1, ack: seq + 300, win: 300 });
  }
});

test("send window, of a tiny peer, is used from half of its largest on", () => {
  const script = new TcpScript();
  script.connect({ win: 500 });
  script.act((connection) => connection.send(new Uint8Array(2000)));
  script.expect({ seq: 1, length: 500 });
  script.inject({ flags: "A", seq: 1, ack: 501, win: 250 });
  script.expect({ seq: 501, length: 250 });
});

test("send window, an old segment, does not change it", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "ab", win: 2000 });
  script.inject({ flags: "A", seq: 2, ack: 1, data: "bc", win: 50 });
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abcd", win: 7 });
  script.skip();
  script.act((connection) => connection.send(new Uint8Array(60)));
  script.advance(200);
  script.expect({ length: 50 });
});

test("send window, of one connection, is not another's after a RST", () => {
  const script = new TcpScript();
  script.connect({ win: 0 });
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.inject({ flags: "R", seq: 1 });
  script.connect({ win: 1000 });
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.expect({ seq: 1, length: 10 });
});

test.run();
