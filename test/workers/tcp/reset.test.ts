// RST and SYN that arrive for a synchronized connection (RFC 9293 section 3.10.7.4, RFC 5961), and PAWS (RFC 7323).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TcpScript } from "../../support/tcp-script.js";

function connected(): TcpScript {
  const script = new TcpScript();
  script.connect();
  return script;
}

test("RST, with exactly the number that is expected, ends the connection and is not answered", () => {
  const script = connected();
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.skip();
  script.inject({ flags: "R", seq: 1 });
  assert.equal(script.events, ["opened", "closed reset"]);
  assert.equal(script.ended, [[7, 1]]);
  script.expectIdle();
});

test("RST, elsewhere in the window, is challenged and ends nothing", () => {
  const script = connected();
  script.inject({ flags: "R", seq: 2 });
  script.expect({ flags: "A", seq: 1, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test("RST, outside the window, is dropped and never answered", () => {
  const script = connected();
  script.inject({ flags: "R", seq: 0 }, { flags: "R", seq: 70_000 }, { flags: "RA", seq: -500, ack: 1 });
  script.expectNothing();
  assert.equal(script.events, ["opened"]);
});

test("RST, exact, into a closed window, ends the connection", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 10 } });
  script.connect();
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: 10 });
  script.inject({ flags: "R", seq: 11 });
  assert.equal(script.events, ["opened", "closed reset"]);
});

test("RST, in each closing state, ends the connection", () => {
  for (const state of ["FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "CLOSE-WAIT", "LAST-ACK"]) {
    const script = connected();
    if (state === "CLOSE-WAIT" || state === "LAST-ACK") script.inject({ flags: "FA", seq: 1, ack: 1 });
    if (state !== "CLOSE-WAIT") script.act((connection) => connection.close());
    if (state === "FIN-WAIT-2") script.inject({ flags: "A", seq: 1, ack: 2 });
    if (state === "CLOSING") script.inject({ flags: "FA", seq: 1, ack: 1 });
    script.skip();
    const hasPeerFin = state === "CLOSING" || state === "CLOSE-WAIT" || state === "LAST-ACK";
    script.inject({ flags: "R", seq: hasPeerFin ? 2 : 1 });
    assert.is(script.events.at(-1), "closed reset", state);
    assert.is(script.stack.timeWaitCount, 0, state);
    script.expectIdle();
  }
});

test("SYN, in or out of the window, is challenged and ends nothing", () => {
  const script = connected();
  script.inject({ flags: "S", seq: 100 });
  script.expect({ flags: "A", seq: 1, ack: 1 });
  script.advance(500);
  script.inject({ flags: "S", seq: -100 });
  script.expect({ flags: "A", seq: 1, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test("SYN, of a client that lost its state, leads by challenge and RST to a new connection", () => {
  const script = connected();
  script.inject({ flags: "S", seq: 5000 });
  script.expect({ flags: "A", seq: 1, ack: 1 });
  script.inject({ flags: "R", seq: 1 });
  assert.equal(script.events, ["opened", "closed reset"]);
  script.inject({ flags: "S", seq: 5000 });
  script.expect({ flags: "SA", ack: 5001 });
});

test("challenge ACKs, to a flood of RSTs and SYNs, are sent at most twice a second", () => {
  const script = connected();
  for (let index = 0; index < 1000; index++) {
    script.inject({ flags: index % 2 === 0 ? "R" : "S", seq: 2 + index });
    script.nowMs += 1;
  }
  assert.is(script.skip(), 2);
});

test("challenge ACKs, between two stacks that challenge each other, come to an end", () => {
  const script = connected();
  // Each ACK of ours is answered by one that we must challenge again.
  let segments = 0;
  script.inject({ flags: "A", seq: 1, ack: 999 });
  for (let round = 0; round < 100; round++) {
    segments += script.skip();
    script.inject({ flags: "A", seq: 1, ack: 999 });
  }
  assert.is(segments, 1);
});

test("timestamps, agreed to, are on every segment and echo the newest that was in order", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.nowMs += 7;
  script.inject({ flags: "A", seq: 1, ack: 1, data: "ab", ts: [150, 0] });
  script.inject({ flags: "A", seq: 5, ack: 1, data: "ef", ts: [170, 0] });
  script.expect({ ack: 3, ts: [script.timestamp, 150] });
  script.inject({ flags: "A", seq: 3, ack: 1, data: "cd", ts: [160, 0] });
  script.expect({ ack: 7, ts: [script.timestamp, 160] });
});

test("timestamps, agreed to, take room from each segment's data", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.act((connection) => connection.send(new Uint8Array(2000)));
  script.expect({ length: 1448 });
  script.expect({ length: 552 });
});

test("timestamps, older than what was accepted, drop the segment and are answered (PAWS)", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.inject({ flags: "A", seq: 1, ack: 1, data: "ab", ts: [99, 0] });
  script.expect({ flags: "A", ack: 1 });
  assert.is(script.text, "");
  assert.is(script.stack.counters.oldTimestamps, 1);
});

test("timestamps, older, do not save a connection from an exact RST", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.inject({ flags: "R", seq: 1, ts: [1, 0] });
  assert.equal(script.events, ["opened", "closed reset"]);
});

test("timestamps, after 24 idle days, prove nothing any more", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.advance(24 * 24 * 3600 * 1000);
  script.inject({ flags: "A", seq: 1, ack: 1, data: "ab", ts: [50, 0] });
  assert.is(script.text, "ab");
});

test("timestamps, of a segment outside the window, change nothing", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.inject({ flags: "A", seq: -9, ack: 1, data: "zz", ts: [1_000_000, 0] });
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "ab", ts: [101, 0] });
  assert.is(script.text, "ab");
});

test("timestamps, that a peer stops sending after agreeing to them, are not missed", () => {
  const script = new TcpScript();
  script.connect({ ts: [100, 0] });
  script.inject({ flags: "A", seq: 1, ack: 1, data: "ab" });
  assert.is(script.text, "ab");
});

test.run();
