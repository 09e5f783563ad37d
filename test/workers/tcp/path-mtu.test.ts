// Path MTU discovery (RFC 1191, RFC 8201): segments that were too big for the path go again at once in the size that it takes,
// without being taken for congestion; what is not credible is not believed; what was learned serves later connections; and
// full segments that vanish without a word become smaller in time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { UNKNOWN_MTU } from "../../../workers/path-mtus.js";
import { RECOVERY_FAST, RECOVERY_NONE, type TcpConnection } from "../../../workers/tcp/connection.js";
import type { IcmpError } from "../../support/tcp-packet.js";
import { edge, MSS, MSS_IPV6, sending, TcpScript } from "../../support/tcp-script.js";

const MSS_OF = { 4: MSS, 6: MSS_IPV6 } as const;
const HEADERS = { 4: 40, 6: 60 } as const;
const MAX_AGE_MS = 10 * 60_000;

function tooBig(ipVersion: 4 | 6, mtu: number, packetBytes = 1500): IcmpError {
  return ipVersion === 4 ? { type: 3, code: 4, mtu, packetBytes } : { type: 2, code: 0, mtu, packetBytes };
}

function cwndOf(script: TcpScript): readonly [cwnd: number, ssthresh: number] {
  const { cwnd, ssthresh } = (script.connection as TcpConnection).congestion;
  return [cwnd, ssthresh];
}

/** Expects `bytes` from `seq` on in segments of `mss`. */
function expectSegments(script: TcpScript, seq: number, bytes: number, mss: number): void {
  for (let at = 0; at < bytes; at += mss) script.expect({ seq: seq + at, length: Math.min(mss, bytes - at) });
  script.expectNothing();
}

for (const ipVersion of [4, 6] as const) {
  for (const isCutting of [false, true]) {
    test(`too big, over IPv${ipVersion}${isCutting ? ", with a device that cuts" : ""}, sends all that is under way again in the size told`, () => {
      const script = sending(10, {}, { ipVersion, isCutting });
      const bytes = 10 * MSS_OF[ipVersion];
      script.injectError(tooBig(ipVersion, 1300), 1);
      const mss = 1300 - HEADERS[ipVersion];
      // As a new connection would begin: RFC 1191 section 6.4.
      expectSegments(script, 1, 10 * mss, mss);
      script.inject({ flags: "A", seq: 1, ack: 1 + 10 * mss });
      expectSegments(script, 1 + 10 * mss, bytes - 10 * mss, mss);
      script.inject({ flags: "A", seq: 1, ack: 1 + bytes });
      assert.is(script.stack.timerCount, 0);
      assert.is(script.stack.counters.pathMtuLowered, 1);
    });
  }
}

test("too big, is no congestion: slow start goes as far as it would have gone", () => {
  const script = sending(10);
  const [cwnd, ssthresh] = cwndOf(script);
  script.injectError(tooBig(4, 1000), 1);
  script.skip();
  assert.equal(cwndOf(script), [10 * 960, Math.max(cwnd, ssthresh)]);
  const { counters } = script.stack;
  assert.equal([counters.retransmissionTimeouts, counters.fastRetransmits], [0, 0]);
});

test("too big, in congestion avoidance, opens the window anew up to what it was", () => {
  const script = sending(10);
  // A loss, and recovery from it: the window is half of what was under way.
  for (let index = 0; index < 3; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  script.act((connection) => connection.send(new Uint8Array(100 * MSS)));
  let acked = edge(10);
  for (let index = 0; index < 60; index++) {
    acked += MSS;
    script.inject({ flags: "A", seq: 1, ack: acked });
  }
  script.skip();
  const [cwnd, ssthresh] = cwndOf(script);
  assert.ok(ssthresh < cwnd);
  script.injectError(tooBig(4, 600), acked);
  assert.equal(cwndOf(script), [10 * 560, cwnd]);
});

test("too big, with timestamps, leaves room for them", () => {
  const script = sending(10, { ts: [100, 0] });
  script.injectError(tooBig(4, 1000), 1);
  script.expect({ seq: 1, length: 1000 - 52 });
});

test("too big, told once for each of ten segments, sends them again once", () => {
  const script = sending(10);
  for (let segment = 0; segment < 10; segment++) script.injectError(tooBig(4, 1400), edge(segment));
  assert.is(script.skip(), 10);
  assert.equal([script.stack.counters.pathMtuLowered, script.stack.counters.icmpIgnored], [1, 9]);
});

test("too big, told again by a router further on, is followed again", () => {
  const script = sending(10);
  for (const mtu of [1400, 1280, 1006]) {
    script.injectError(tooBig(4, mtu, mtu + 100), 1);
    script.expect({ seq: 1, length: mtu - 40 });
    script.skip();
  }
  assert.is(script.stack.counters.pathMtuLowered, 3);
});

test("too big, what the peer has by SACK is not sent again", () => {
  const script = sending(10, { sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(9), edge(10)]] });
  script.expectNothing();
  script.injectError(tooBig(4, 1500 - 100, 1500), 1);
  const sent = script.skip();
  script.inject({ flags: "A", seq: 1, ack: edge(9) });
  const rest = script.skip();
  assert.is(sent + rest, Math.ceil((9 * MSS) / 1360));
});

test("too big, in fast recovery, ends it and sends what is under way in the new size", () => {
  const script = sending(10);
  for (let index = 0; index < 3; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ seq: 1, length: MSS });
  const connection = script.connection as TcpConnection;
  assert.is(connection.recovery, RECOVERY_FAST);
  script.injectError(tooBig(4, 1000), 1);
  assert.is(connection.recovery, RECOVERY_NONE);
  script.expect({ seq: 1, length: 960 });
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1 + 5 * 960 });
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1 + 14_600 });
  script.skip();
  assert.is(script.stack.timerCount, 0);
});

test("too big, starts the retransmission timer anew and doubles nothing", () => {
  const script = sending(10);
  script.advance(150);
  script.injectError(tooBig(4, 1000), 1);
  script.skip();
  script.advance(199);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: 1, length: 960 });
});

test("too big, with the FIN under way, sends it again behind the data", () => {
  const script = new TcpScript();
  script.connect();
  script.act((connection) => {
    connection.send(new Uint8Array(MSS));
    connection.close();
  });
  script.expect({ flags: "FPA", seq: 1, length: MSS });
  script.injectError(tooBig(4, 1000), 1);
  script.expect({ flags: "PA", seq: 1, length: 960 });
  script.expect({ flags: "FPA", seq: 961, length: 500 });
  script.expectNothing();
});

test("too big, of a path below the least that is believed, goes down to that", () => {
  const script = sending(10);
  script.injectError(tooBig(4, 68), 1);
  script.expect({ seq: 1, length: 552 - 40 });
});

test("too big, over IPv6 with less than 1280, is not believed", () => {
  const script = sending(10, {}, { ipVersion: 6 });
  for (const mtu of [0, 68, 1279]) script.injectError(tooBig(6, mtu), 1);
  script.expectNothing();
  assert.is(script.stack.counters.icmpIgnored, 3);
  script.injectError(tooBig(6, 1280), 1);
  script.expect({ seq: 1, length: 1220 });
});

test("too big, that tells no MTU, goes down one plateau at a time", () => {
  const script = sending(10);
  for (const [packetBytes, length] of [
    [1500, 1452],
    [1492, 966],
    [1006, 512],
  ] as const) {
    script.injectError(tooBig(4, 0, packetBytes), 1);
    script.expect({ seq: 1, length });
    script.skip();
  }
  script.injectError(tooBig(4, 0, 552), 1);
  script.expectNothing();
});

test("too big, with an MTU that the packet would have fitted, or that is no smaller, is not believed", () => {
  const script = sending(10);
  script.injectError(tooBig(4, 1500), 1);
  script.injectError(tooBig(4, 1200, 1200), 1);
  script.injectError(tooBig(4, 9000, 9000), 1);
  script.expectNothing();
  assert.equal([script.stack.counters.icmpIgnored, script.stack.counters.pathMtuLowered], [3, 0]);
});

test("too big, about a segment that is not under way, is not believed", () => {
  const script = sending(10);
  script.injectError(tooBig(4, 600), 0);
  script.injectError(tooBig(4, 600), edge(10));
  script.expectNothing();
  assert.is(script.stack.counters.icmpOutOfWindow, 2);
});

test("path MTU, once learned, is what later connections to the same address begin with, for ten minutes", () => {
  for (const ipVersion of [4, 6] as const) {
    const script = sending(10, {}, { ipVersion });
    script.injectError(tooBig(ipVersion, 1300), 1);
    script.skip();
    const later = (afterMs: number, expected: number): void => {
      script.nowMs += afterMs;
      script.endpoint = { ...script.endpoint, port: script.endpoint.port + 1 };
      script.connect({ mss: MSS_OF[ipVersion] });
      script.act((connection) => connection.send(new Uint8Array(3000)));
      script.expect({ seq: 1, length: expected });
      script.act((connection) => connection.abort());
      script.skip();
    };
    later(0, 1300 - HEADERS[ipVersion]);
    later(MAX_AGE_MS - 1, 1300 - HEADERS[ipVersion]);
    later(1, MSS_OF[ipVersion]);
  }
});

test("path MTU, does not change what the peer is told it may send", () => {
  const script = sending(10);
  script.injectError(tooBig(4, 1000), 1);
  script.skip();
  script.endpoint = { ...script.endpoint, port: 40_001 };
  script.inject({ flags: "S", seq: 0, mss: MSS });
  script.expect({ flags: "SA", mss: MSS });
});

test("black hole, full segments that vanish without a word, become smaller after three timeouts, and again after three more", () => {
  const script = sending(10);
  for (const [waitMs, length] of [
    [200, MSS],
    [400, MSS],
    [800, 984],
    [1600, 984],
    [3200, 984],
    [6400, 512],
    [12_800, 512],
  ] as const) {
    script.advance(waitMs);
    script.expect({ seq: 1, length });
    script.expectNothing();
  }
  assert.is(script.stack.counters.pathMtuBlackHoles, 2);
});

test("black hole, over IPv6, is passed with 1280 bytes, and no fewer", () => {
  const script = sending(10, {}, { ipVersion: 6 });
  script.advance(600);
  script.skip();
  script.advance(800);
  script.expect({ seq: 1, length: 1220 });
  script.advance(1600 + 3200);
  script.skip();
  script.advance(6400);
  script.expect({ seq: 1, length: 1220 });
});

test("black hole, once small segments pass, is no more: the transfer goes on in that size", () => {
  const script = sending(10);
  script.advance(1400);
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1 + 984 });
  script.expect({ seq: 1 + 984, length: 984 });
  script.expect({ seq: 1 + 2 * 984, length: 984 });
  script.expectNothing();
});

/** Acknowledges all that is sent, until nothing is. Returns the length of the longest segment, the first flight's left out. */
function acknowledgeAll(script: TcpScript): number {
  let longest = 0;
  for (let sent = script.take(); sent.length > 0; ) {
    const ends = sent.map(({ seq, length }) => seq! + length!);
    script.inject({ flags: "A", seq: 1, ack: Math.max(...ends) });
    sent = script.take();
    longest = Math.max(longest, ...sent.map(({ length }) => length!));
  }
  return longest;
}

function send(script: TcpScript, bytes: number): void {
  script.act((connection) => connection.send(new Uint8Array(bytes)));
}

test("black hole, that there is none after all, is found out after five seconds: segments are full again", () => {
  const script = sending(10);
  script.advance(1400);
  assert.is(acknowledgeAll(script), 984);
  script.advance(4999);
  send(script, 10 * MSS);
  assert.is(acknowledgeAll(script), 984);
  script.advance(1);
  send(script, 20 * MSS);
  assert.is(acknowledgeAll(script), MSS);
});

test("black hole, that is there, is tried again after twice the time each", () => {
  const script = sending(10);
  script.advance(1400);
  for (const [tries, holdMs] of [5000, 10_000, 20_000].entries()) {
    acknowledgeAll(script);
    assert.is(script.stack.counters.pathMtuBlackHoles, 1 + tries);
    script.advance(holdMs - 1);
    send(script, 10 * MSS);
    assert.is(acknowledgeAll(script), 984, `within ${holdMs} ms`);
    script.advance(1);
    send(script, 1);
    acknowledgeAll(script);
    send(script, 10 * MSS);
    assert.is(Math.max(...script.take().map(({ length }) => length!)), MSS, `after ${holdMs} ms`);
    // Nothing of that size arrives.
    script.advance(1400);
  }
});

test("black hole, that proves to be none, is doubted as soon when it is suspected again", () => {
  const script = sending(10);
  for (const _ of [1, 2, 3]) {
    script.advance(1400);
    acknowledgeAll(script);
    script.advance(5000);
    send(script, 100 * MSS);
    assert.is(acknowledgeAll(script), MSS);
    send(script, 10 * MSS);
    script.skip();
  }
});

test("black hole, is not suspected where nothing is larger than what passes everywhere", () => {
  const script = new TcpScript();
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(512)));
  script.advance(30_000);
  assert.is(script.stack.counters.pathMtuBlackHoles, 0);
});

test("black hole, segments that the peer's window keeps small, become as small as passes everywhere", () => {
  const script = new TcpScript();
  script.connect({ win: 800 });
  script.act((connection) => connection.send(new Uint8Array(5000)));
  for (const [waitMs, length] of [
    [0, 800],
    [200, 800],
    [400, 800],
    [800, 512],
  ] as const) {
    script.advance(waitMs);
    script.expect({ seq: 1, length });
  }
});

test("black hole, is a guess, and is not remembered for other connections", () => {
  const script = sending(10);
  script.advance(1400);
  script.skip();
  script.endpoint = { ...script.endpoint, port: 40_001 };
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(MSS)));
  script.expect({ seq: 1, length: MSS });
});

test("UNKNOWN_MTU, is more than any packet has", () => {
  assert.ok(UNKNOWN_MTU > 65_535);
});

test.run();
