// Connections that a SYN cookie opens (RFC 4987): which SYNs get one, what the ACK that brings it back makes of it, and all the
// ACKs that bring none.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateCookiePeriod } from "../../../core/memory/cookie-period.js";
import { type ScriptOptions, type ScriptSegment, TcpScript } from "../../support/tcp-script.js";

/** A stack that answers every SYN by a cookie. */
function flooded(options: ScriptOptions = {}): TcpScript {
  return new TcpScript({ ...options, limits: { maxHalfOpen: 0, ...options.limits } });
}

/** The SYN and its answer, of which the stack keeps nothing. Returns the timestamp of the answer. */
function cookieFor(script: TcpScript, syn: Partial<ScriptSegment> = {}): number {
  script.inject({ flags: "S", seq: 0, mss: 1460, ...syn });
  const timestamp = script.expectTimestamp({ flags: "SA", seq: 0, ack: 1, win: 65_535 });
  script.expectIdle();
  return timestamp;
}

/** Two stacks of one farm. */
function pair(options: ScriptOptions = {}): [TcpScript, TcpScript] {
  const cookiePeriod = allocateCookiePeriod();
  return [flooded({ ...options, cookiePeriod }), flooded({ ...options, cookiePeriod })];
}

/** Lets `other` see the connection whose SYN-ACK came from `script`. */
function goOn(script: TcpScript, other: TcpScript): void {
  other.iss = script.iss;
}

test("SYN, beyond those that may be half open, is answered by a cookie; nothing is kept but its flow", () => {
  const script = new TcpScript({ limits: { maxHalfOpen: 2 } });
  for (const port of [1001, 1002, 1003]) {
    script.endpoint = { ...script.endpoint, port };
    script.flow = port;
    script.inject({ flags: "S", seq: 0 });
    script.expect({ flags: "SA" });
  }
  script.expectNothing();
  assert.is(script.stack.connectionCount, 2);
  assert.is(script.stack.counters.synCookiesSent, 1);
  assert.equal(script.ended, []);
  // The two that were there first are as they were.
  script.endpoint = { ...script.endpoint, port: 1001 };
  script.inject({ flags: "R", seq: 1 });
  script.endpoint = { ...script.endpoint, port: 1004 };
  script.inject({ flags: "S", seq: 0 });
  script.expect({ flags: "SA" });
  assert.is(script.stack.counters.synCookiesSent, 1, "there is room again");
  assert.is(script.stack.connectionCount, 2);
});

test("SYN without a flow, is answered by a cookie, however few are half open", () => {
  const script = new TcpScript();
  script.flow = -1;
  cookieFor(script);
  assert.is(script.stack.counters.synCookiesSent, 1);
  assert.equal(script.ended, []);
});

test("SYNs, a hundred thousand of them, leave nothing", () => {
  const script = flooded();
  for (let count = 0; count < 100_000; count++) {
    script.endpoint = { ...script.endpoint, port: count & 0xffff };
    script.inject({ flags: "S", seq: count, mss: 1460, ts: [count, 0] });
    script.skip();
  }
  script.expectIdle();
  assert.is(script.stack.counters.synCookiesSent, 100_000);
  assert.equal(script.ended, []);
  assert.is(script.stack.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

test("ACK of a cookie, opens the connection, in the flow that it came with", () => {
  const script = flooded();
  cookieFor(script);
  script.flow = 8;
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expectNothing();
  assert.equal(script.events, ["opened"]);
  assert.is(script.stack.timerCount, 0);
  script.act((connection) => connection.send(Buffer.from("hello")));
  script.expect({ flags: "PA", seq: 1, ack: 1, data: "hello" });
  script.inject({ flags: "PA", seq: 1, ack: 6, data: "bye" });
  script.inject({ flags: "R", seq: 4 });
  assert.is(script.text, "bye");
  assert.equal([script.ended, script.vain], [[[8, 1]], []]);
  assert.is(script.stack.counters.synCookiesAccepted, 1);
});

test("ACK of a cookie, with data and FIN, opens the connection, gives the data and ends the peer's side", () => {
  const script = flooded();
  cookieFor(script, { ts: [500, 0] });
  script.inject({ flags: "FPA", seq: 1, ack: 1, data: "hello", ts: [501, script.timestamp] });
  script.expect({ flags: "A", seq: 1, ack: 7 });
  assert.equal(script.events, ["opened", "peerClosed"]);
  assert.is(script.text, "hello");
});

test("ACK of a cookie, lost, is made up for by the data after it", () => {
  const script = flooded();
  cookieFor(script);
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "hello" });
  assert.equal(script.events, ["opened"]);
  assert.is(script.text, "hello");
});

test("ACK of a cookie, twice, opens one connection", () => {
  const script = flooded();
  cookieFor(script);
  script.inject({ flags: "A", seq: 1, ack: 1 }, { flags: "A", seq: 1, ack: 1 });
  assert.equal(script.events, ["opened"]);
  assert.is(script.stack.connectionCount, 1);
});

test("SYN again, is answered by the same cookie", () => {
  const script = flooded();
  cookieFor(script);
  const { iss } = script;
  script.advance(1000);
  cookieFor(script);
  assert.is(script.iss, iss);
});

test("window scale and SACK, of a SYN with timestamps, are in use after its cookie", () => {
  const script = flooded();
  script.nowMs = 5017;
  script.inject({ flags: "S", seq: 0, mss: 1460, ws: 7, sackOk: true, ts: [500, 0] });
  const timestamp = script.expectTimestamp({ flags: "SA", ws: 3, sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, win: 23, ts: [501, timestamp] });
  script.act((connection) => connection.send(new Uint8Array(4000)));
  // The window is 23 << 7 bytes; segments leave room for the timestamps.
  script.expect({ seq: 1, length: 1448, ts: [script.timestamp, 501] });
  script.expect({ seq: 1449, length: 1448 });
  script.expectNothing();
  script.inject({ flags: "PA", seq: 101, ack: 1, data: 50, ts: [502, script.timestamp], win: 23 });
  script.expect({ flags: "A", ack: 1, sack: [[101, 151]] });
});

test("window scale and SACK, of a SYN without timestamps, are not agreed to", () => {
  const script = flooded();
  script.inject({ flags: "S", seq: 0, mss: 1200, ws: 7, sackOk: true });
  script.expect({ flags: "SA", mss: 1460, sackOk: false, ws: undefined as never, ts: undefined as never });
  script.inject({ flags: "A", seq: 1, ack: 1, win: 1100 });
  script.act((connection) => connection.send(new Uint8Array(4000)));
  script.expect({ seq: 1, length: 536 });
  script.expect({ seq: 537, length: 536 });
  script.expectNothing();
});

test("ACK of a cookie, without the timestamps that were agreed to, opens the connection without what they would have told", () => {
  const script = flooded();
  cookieFor(script, { ws: 7, sackOk: true, ts: [500, 0] });
  script.inject({ flags: "PA", seq: 1, ack: 1, win: 500, data: "hello" });
  assert.equal(script.events, ["opened"]);
  script.act((connection) => connection.send(new Uint8Array(4000)));
  script.expect({ seq: 1, ack: 6, length: 500, ts: undefined as never });
});

test("round trip, of a handshake by cookie, is not known: the first timeout is that of RFC 6298", () => {
  const script = flooded();
  const timestamp = cookieFor(script, { ts: [500, 0] });
  script.advance(50);
  script.inject({ flags: "A", seq: 1, ack: 1, ts: [550, timestamp] });
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.expect({ length: 10 });
  script.advance(999);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: 1, length: 10 });
});

test("ACK of a number that is no cookie, or for another SYN, is answered with its RST, and its flow ends", () => {
  const script = flooded();
  cookieFor(script);
  script.inject({ flags: "A", seq: 1, ack: 2 });
  script.expect({ flags: "R", seq: 2 });
  script.inject({ flags: "PA", seq: 2, ack: 1, data: "hello" });
  script.expect({ flags: "R", seq: 1 });
  assert.equal(script.events, []);
  assert.is(script.stack.counters.synCookiesRejected, 2);
  assert.equal(script.vain, [7, 7]);
  script.expectIdle();
});

test("ACK of a cookie, from another port, is answered with its RST", () => {
  const script = flooded();
  cookieFor(script);
  script.endpoint = { ...script.endpoint, port: 40_001 };
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ flags: "R", seq: 1 });
  script.expectIdle();
});

test("ACK of a cookie, with SYN or RST, opens nothing", () => {
  const script = flooded();
  cookieFor(script);
  script.inject({ flags: "SA", seq: 1, ack: 1 }, { flags: "RA", seq: 1, ack: 1 });
  script.expect({ flags: "R", seq: 1 });
  script.expectIdle();
});

test("ACK of a cookie, a minute old, opens the connection; two minutes and some old, is answered with its RST", () => {
  const young = flooded();
  cookieFor(young);
  young.advance(64_000);
  young.inject({ flags: "A", seq: 1, ack: 1 });
  assert.equal(young.events, ["opened"]);
  const old = flooded();
  cookieFor(old);
  old.advance(128_000);
  const { iss } = old;
  // The flood goes on.
  old.endpoint = { ...old.endpoint, port: 40_001 };
  cookieFor(old);
  old.endpoint = { ...old.endpoint, port: 40_000 };
  old.iss = iss;
  old.inject({ flags: "A", seq: 1, ack: 1 });
  old.expect({ flags: "R", seq: 1 });
  old.expectIdle();
  assert.is(old.stack.counters.synCookiesRejected, 1);
});

test("ACK, while no cookies are sent, is what it always was, and nobody can guess", () => {
  const script = new TcpScript();
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ flags: "R", seq: 1 });
  assert.is(script.stack.counters.synCookiesRejected, 0);
  assert.is(script.stack.counters.noConnection, 1);
});

test("cookie of one stack, is proven by another one of the farm, and by none with another secret", () => {
  for (const ipVersion of [4, 6] as const) {
    const [one, other] = pair({ ipVersion });
    one.inject({ flags: "S", seq: 0, mss: 1400, ws: 5, sackOk: true, ts: [500, 0] });
    const timestamp = one.expectTimestamp({ flags: "SA" });
    goOn(one, other);
    other.inject({ flags: "A", seq: 1, ack: 1, ts: [501, timestamp] });
    assert.equal(other.events, ["opened"]);
    other.act((connection) => connection.send(new Uint8Array(5000)));
    other.expect({ seq: 1, length: 1360 - 12, ts: [other.timestamp, 501] });
    assert.ok(other.timestamp >= timestamp, "to the client time goes on");

    const cookiePeriod = allocateCookiePeriod();
    const stranger = flooded({ ipVersion, cookiePeriod, secret: [1, 9, 3] });
    const asked = flooded({ ipVersion, cookiePeriod });
    cookieFor(asked);
    goOn(asked, stranger);
    stranger.inject({ flags: "A", seq: 1, ack: 1 });
    stranger.expect({ flags: "R", seq: 1 });
    stranger.expectIdle();
  }
});

test("ACK of a cookie, when all connections are in use, is dropped and counted and its flow ended", () => {
  const script = flooded({ limits: { maxConnections: 1 } });
  cookieFor(script);
  const first = script.iss;
  script.endpoint = { ...script.endpoint, port: 40_001 };
  cookieFor(script);
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.endpoint = { ...script.endpoint, port: 40_000 };
  script.iss = first;
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expectNothing();
  assert.is(script.stack.counters.connectionsFull, 1);
  assert.is(script.stack.connectionCount, 1);
  assert.equal(script.vain, [7]);
});

test("SYN, when the link has no room, is left to be sent again", () => {
  const script = flooded();
  script.egress.isFull = true;
  script.inject({ flags: "S", seq: 0 });
  script.egress.isFull = false;
  script.advance(5000);
  script.expectIdle();
  assert.is(script.stack.counters.synCookiesSent, 0);
  cookieFor(script);
});

/** A connection that a cookie has opened, and that we have closed, in TIME-WAIT. */
function timeWaiting(script: TcpScript): void {
  const timestamp = cookieFor(script, { ts: [500, 0] });
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "x", ts: [501, timestamp] });
  script.act((connection) => connection.close());
  script.expect({ flags: "FPA", seq: 1, ack: 2 });
  script.inject({ flags: "FA", seq: 2, ack: 2, ts: [502, script.timestamp] });
  script.expect({ flags: "A", seq: 2, ack: 3 });
  assert.is(script.stack.timeWaitCount, 1);
}

test("TIME-WAIT, a newer SYN without a flow, is answered by a cookie that opens the next connection", () => {
  const script = flooded();
  timeWaiting(script);
  script.flow = -1;
  script.inject({ flags: "S", seq: 100, ts: [600, 0] });
  const timestamp = script.expectTimestamp({ flags: "SA", seq: 0, ack: 101 });
  script.flow = 9;
  script.inject({ flags: "A", seq: 101, ack: 1, ts: [601, timestamp] });
  script.expectNothing();
  assert.is(script.events.at(-1), "opened");
  assert.is(script.stack.timeWaitCount, 0);
});

test("TIME-WAIT, the ACK of a cookie that another stack has sent, opens the next connection", () => {
  const [one, other] = pair();
  timeWaiting(one);
  other.inject({ flags: "S", seq: 100, ts: [600, 0] });
  const timestamp = other.expectTimestamp({ flags: "SA" });
  goOn(other, one);
  one.inject({ flags: "PA", seq: 101, ack: 1, ts: [601, timestamp], data: "y" });
  assert.is(one.events.at(-1), "opened");
  assert.is(one.text, "xy");
  assert.is(one.stack.timeWaitCount, 0);
});

test("TIME-WAIT, the ACK that had opened the connection, again, repeats nothing", () => {
  const script = flooded();
  timeWaiting(script);
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "x", ts: [501, script.timestamp] });
  script.expect({ flags: "A", seq: 2, ack: 3 });
  assert.is(script.text, "x");
  assert.is(script.stack.timeWaitCount, 1);
});

test("SYN-RECEIVED, another SYN in the window, without a flow, is answered by a cookie", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0 });
  script.expect({ flags: "SA" });
  script.flow = -1;
  script.inject({ flags: "S", seq: 100 });
  script.expect({ flags: "SA", ack: 101 });
  script.expectIdle();
  script.flow = 8;
  script.inject({ flags: "A", seq: 101, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test.run();
