// ESTABLISHED: data both ways, acknowledgments and their delay (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TcpScript } from "../../support/tcp-script.js";

test("ESTABLISHED, a request, is answered by one segment that carries the ACK, and the client's ACK by none", () => {
  const script = new TcpScript();
  script.connect();
  script.onReceived = (connection) => connection.send(new Uint8Array(Buffer.from("response")));
  const before = script.egress.transmits;
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "request" });
  script.expect({ flags: "PA", seq: 1, ack: 8, data: "response" });
  script.inject({ flags: "A", seq: 8, ack: 9 });
  script.expectNothing();
  assert.is(script.egress.transmits - before, 1);
  assert.is(script.stack.timerCount, 0);
  script.advance(10_000);
  script.expectNothing();
});

test("ESTABLISHED, responses to pipelined requests of one turn, share a segment", () => {
  const script = new TcpScript();
  script.connect();
  script.onReceived = (connection) => connection.send(new Uint8Array(Buffer.from("<answer>")));
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "one" }, { flags: "PA", seq: 4, ack: 1, data: "two" });
  script.expect({ flags: "PA", seq: 1, ack: 7, data: "<answer><answer>" });
  script.expectNothing();
});

test("ESTABLISHED, data that the user does not answer, is acknowledged after 40 ms", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "abc" });
  script.advance(39);
  script.expectNothing();
  script.advance(1);
  script.expect({ flags: "A", seq: 1, ack: 4, length: 0 });
  script.expectNothing();
  assert.is(script.stack.timerCount, 0);
});

test("ESTABLISHED, every second full segment, is acknowledged at once", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: 1460 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1461, ack: 1, data: 1460 });
  script.expect({ flags: "A", ack: 2921 });
  script.expectNothing();
});

test("ESTABLISHED, a segment that a device has not cut, counts as those that it would have been cut into", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: 40_000 });
  script.expect({ flags: "A", ack: 40_001 });
  assert.equal(script.given, [40_000]);
  // Nor is the next ACK waited for until as much has come again.
  script.inject({ flags: "A", seq: 40_001, ack: 1, data: 1460 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 41_461, ack: 1, data: 1460 });
  script.expect({ flags: "A", ack: 42_921 });
  script.expectNothing();
});

test("ESTABLISHED, an uncut segment that begins before and ends beyond the window, gives what lies in it", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 20_000 } });
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: 10_000 });
  script.expect({ flags: "A", ack: 10_001 });
  script.inject({ flags: "PA", seq: 5001, ack: 1, data: 40_000 });
  script.expect({ flags: "A", ack: 30_001 });
  assert.equal(script.given, [10_000, 20_000]);
});

test("ESTABLISHED, each segment out of order, is answered at once and the filled hole too", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 4, ack: 1, data: "def" }, { flags: "A", seq: 7, ack: 1, data: "ghi" });
  script.expect({ flags: "A", ack: 1 });
  script.expect({ flags: "A", ack: 1 });
  assert.is(script.text, "");
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abc" });
  script.expect({ flags: "A", ack: 10 });
  script.expectNothing();
  assert.is(script.text, "abcdefghi");
  assert.equal(script.given, [9]);
});

test("ESTABLISHED, a segment that overlaps what is there, gives only what is new", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abcd" });
  script.inject({ flags: "A", seq: 3, ack: 1, data: "cdef" });
  script.expect({ flags: "A", ack: 7 });
  assert.is(script.text, "abcdef");
});

test("ESTABLISHED, a duplicate of data, is acknowledged at once and not given again", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abcd" });
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abcd" });
  script.expect({ flags: "A", ack: 5 });
  assert.is(script.text, "abcd");
  assert.is(script.stack.counters.duplicateSegments, 1);
});

test("ESTABLISHED, more ranges out of order than are kept, drops the newest and stays right", () => {
  const script = new TcpScript();
  script.connect();
  for (let index = 1; index <= 40; index++) {
    script.inject({ flags: "A", seq: 1 + 2 * index, ack: 1, data: "x" });
  }
  assert.is(script.skip(), 40);
  assert.is(script.stack.counters.outOfOrderDropped, 8);
  script.inject({ flags: "A", seq: 1, ack: 1, data: "x".repeat(81) });
  script.expect({ flags: "A", ack: 82 });
  assert.is(script.text, "x".repeat(81));
});

test("ESTABLISHED, what the user leaves, is given again together with what comes after it", () => {
  const script = new TcpScript();
  script.connect();
  script.consume = () => 2;
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abcdef" });
  script.consume = (available) => available;
  script.inject({ flags: "A", seq: 7, ack: 1, data: "ghi" });
  assert.equal(script.given, [6, 7]);
  assert.is(script.text, "abcdefghi");
});

test("ESTABLISHED, resume, gives kept data at once and nothing without any", () => {
  const script = new TcpScript();
  script.connect();
  script.act((connection) => connection.resume());
  assert.equal(script.given, []);
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abc" });
  script.consume = (available) => available;
  script.act((connection) => connection.resume());
  assert.is(script.text, "abc");
  assert.equal(script.given, [3, 3]);
});

test("ESTABLISHED, resume from within received, does nothing", () => {
  const script = new TcpScript();
  script.connect();
  script.consume = () => 1;
  script.onReceived = (connection) => connection.resume();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abc" });
  assert.equal(script.given, [3]);
});

test("ESTABLISHED, urgent data, are data like any other", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "PAU", seq: 1, ack: 1, data: "abc" });
  assert.is(script.text, "abc");
});

test("ESTABLISHED, a segment without ACK, is dropped", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "P", seq: 1, data: "abc" });
  script.expectNothing();
  assert.is(script.text, "");
  assert.is(script.stack.counters.missingAcks, 1);
});

test("ESTABLISHED, an ACK of what was never sent, is challenged and its data dropped", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "PA", seq: 1, ack: 2, data: "abc" });
  script.expect({ flags: "A", seq: 1, ack: 1 });
  assert.is(script.text, "");
  assert.is(script.stack.counters.badAcks, 1);
});

test("ESTABLISHED, an ACK older than a window, is challenged and its data dropped", () => {
  const script = new TcpScript();
  script.connect({ win: 1000 });
  script.inject({ flags: "PA", seq: 1, ack: 1 - 1001, data: "abc" });
  script.expect({ flags: "A" });
  assert.is(script.text, "");
  script.inject({ flags: "PA", seq: 1, ack: 1 - 1000, data: "abc" });
  assert.is(script.text, "abc");
});

test("ESTABLISHED, segments without data outside the window, are answered at most twice a second", () => {
  const script = new TcpScript();
  script.connect();
  for (let index = 0; index < 10; index++) script.inject({ flags: "A", seq: 0, ack: 1 });
  script.expect({ flags: "A", seq: 1, ack: 1 });
  script.expectNothing();
  assert.is(script.stack.counters.challengeAcksLimited, 9);
  script.advance(500);
  script.inject({ flags: "A", seq: 0, ack: 1 });
  script.expect({ flags: "A", seq: 1, ack: 1 });
});

test("ESTABLISHED, the initial window, is ten segments and grows by what is acknowledged", () => {
  const script = new TcpScript({ mtuBytes: 1500 });
  script.connect({ ws: 7 });
  script.act((connection) => connection.send(new Uint8Array(200_000)));
  assert.is(script.skip(), 10);
  script.inject({ flags: "A", seq: 1, ack: 1 + 2 * 1460 });
  assert.is(script.skip(), 4);
});

test("ESTABLISHED, the window, grows by every ACK of a turn, though nothing is sent between them", () => {
  const script = new TcpScript();
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(100 * 1460)));
  assert.is(script.skip(), 10);
  script.inject(...[2, 4, 6, 8, 10].map((segments) => ({ flags: "A", seq: 1, ack: 1 + segments * 1460 })));
  assert.is(script.skip(), 20);
});

test("ESTABLISHED, an idle time longer than the timeout, begins with the initial window again", () => {
  const script = new TcpScript();
  script.connect({ ws: 7 });
  script.act((connection) => connection.send(new Uint8Array(14_600)));
  script.inject({ flags: "A", seq: 1, ack: 14_601 });
  script.act((connection) => connection.send(new Uint8Array(29_200)));
  assert.is(script.skip(), 10 + 20);
  script.inject({ flags: "A", seq: 1, ack: 43_801 });
  script.advance(5000);
  script.act((connection) => connection.send(new Uint8Array(60_000)));
  assert.is(script.skip(), 10);
});

test("ESTABLISHED, a device that cuts segments, gets one packet for the whole window", () => {
  const script = new TcpScript({ isCutting: true });
  script.connect({ ws: 7 });
  const before = script.egress.transmits;
  script.act((connection) => connection.send(new Uint8Array(14_600)));
  assert.is(script.egress.transmits - before, 1);
  for (let index = 0; index < 9; index++) script.expect({ flags: "A", seq: 1 + index * 1460, length: 1460 });
  script.expect({ flags: "PA", seq: 1 + 9 * 1460, length: 1460 });
});

test("ESTABLISHED, small writes of one turn, become full segments in order", () => {
  const script = new TcpScript();
  script.connect();
  const bytes = Uint8Array.from({ length: 3000 }, (_, index) => index & 0x7f);
  script.act((connection) => {
    for (let from = 0; from < 3000; from += 7) connection.send(bytes, from, Math.min(from + 7, 3000));
  });
  const text = Buffer.from(bytes).toString("latin1");
  script.expect({ data: text.slice(0, 1460) });
  script.expect({ data: text.slice(1460, 2920) });
  script.expect({ flags: "PA", data: text.slice(2920) });
});

test("ESTABLISHED, a link without room, sends again two milliseconds later without a timeout", () => {
  const script = new TcpScript();
  script.connect();
  script.egress.isFull = true;
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.advance(3);
  script.egress.isFull = false;
  script.advance(2);
  script.expect({ seq: 1, length: 10 });
  assert.is(script.stack.counters.retransmissionTimeouts, 0);
});

test("ESTABLISHED, a queue that passes the high-water mark, is told drained once when less than the low one is unsent", () => {
  const script = new TcpScript({ limits: { sendHighWaterBytes: 5000, sendLowWaterBytes: 2000 } });
  script.connect({ win: 1460 });
  script.act((connection) => connection.send(new Uint8Array(1460 + 5001)));
  assert.ok(script.connection!.isAboveHighWater);
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1461, win: 1460 });
  script.inject({ flags: "A", seq: 1, ack: 2921, win: 1460 });
  assert.equal(script.events, ["opened"]);
  script.inject({ flags: "A", seq: 1, ack: 4381, win: 1460 });
  assert.equal(script.events, ["opened", "drained"]);
  assert.not(script.connection!.isAboveHighWater);
  script.inject({ flags: "A", seq: 1, ack: 5841, win: 1460 });
  assert.equal(script.events, ["opened", "drained"]);
});

test("ESTABLISHED, a peer that acknowledges late, is sent more for all that, up to what the send buffer holds", () => {
  const limits = { sendHighWaterBytes: 5000, sendLowWaterBytes: 2000, sendBufferBytes: 8000 };
  const script = new TcpScript({ limits });
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(6000)));
  assert.equal(script.events, ["opened", "drained"]);
  script.act((connection) => connection.send(new Uint8Array(2001)));
  assert.ok(script.connection!.isAboveHighWater);
  script.inject({ flags: "A", seq: 1, ack: 2 });
  script.inject({ flags: "A", seq: 1, ack: 3 });
  assert.equal(script.events, ["opened", "drained", "drained"]);
});

test("ESTABLISHED, a queue beyond its limit, ends the connection with a RST", () => {
  const script = new TcpScript({ limits: { maxQueuedBytes: 1000 } });
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(1001)));
  script.expect({ flags: "RA" });
  assert.equal(script.events, ["opened", "closed aborted"]);
  script.expectIdle();
});

test("ESTABLISHED, an MSS of 0, counts as none", () => {
  const script = new TcpScript();
  script.connect({ mss: 0 });
  script.act((connection) => connection.send(new Uint8Array(537)));
  script.expect({ length: 536 });
});

test.run();
