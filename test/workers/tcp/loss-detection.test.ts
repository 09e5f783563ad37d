// What counts as lost with SACK: by time and not by number (RACK, RFC 8985). And what is done when it was not lost after all
// (RFC 3522 and 4015, RFC 3708).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { edge, MSS, sending, TcpScript } from "../../support/tcp-script.js";

test("reordering, by less than a quarter of the round trip, sends nothing again", () => {
  const script = sending(5, { sackOk: true }, {}, 100);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(2)]] });
  script.advance(24);
  script.inject({ flags: "A", seq: 1, ack: edge(2) });
  script.expectNothing();
  script.advance(30);
  script.expectNothing();
  assert.is(script.stack.counters.fastRetransmits, 0);
});

test("a loss, that two segments after it tell of, is made good after a quarter of the round trip", () => {
  const script = sending(3, { sackOk: true }, {}, 100);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(3)]] });
  script.advance(24);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: 1, length: MSS });
  script.expectNothing();
});

test("a loss, that three segments after it tell of, is made good at once", () => {
  const script = sending(4, { sackOk: true }, {}, 100);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(4)]] });
  script.expect({ seq: 1, length: MSS });
});

test("a loss, once the path has changed the order of segments, is always waited for", () => {
  const script = sending(10, { sackOk: true }, {}, 100);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(2)]] });
  script.inject({ flags: "A", seq: 1, ack: edge(2) });
  script.inject({ flags: "A", seq: 1, ack: edge(2), sack: [[edge(3), edge(8)]] });
  script.advance(24);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: edge(2), length: MSS });
});

test("a loss, of what was sent again, is found by what was sent after it", () => {
  const script = new TcpScript();
  script.connect({ sackOk: true });
  script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
  assert.is(script.skip(), 10);
  script.advance(5);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(5)]] });
  script.expect({ seq: 1 });
  script.expect({ seq: edge(10) });
  // A millisecond later the window lets more go. When that has arrived and the retransmission has not, it never will.
  script.advance(1);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(10)]] });
  script.expect({ seq: edge(11) });
  script.skip();
  script.advance(5);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(11)]] });
  script.skip();
  assert.is(script.stack.counters.retransmissions, 1);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(12)]] });
  script.expect({ seq: 1, length: MSS });
  assert.is(script.stack.counters.retransmissionTimeouts, 0);
  assert.is(script.stack.counters.lossProbes, 0);
});

test("a timeout, that timestamps prove needless, is taken back with its window", () => {
  const script = sending(10, { sackOk: true, ts: [5, 0] });
  const size = MSS - 12;
  const sentAt = script.timestamp;
  // The peer's host stood still.
  script.advance(300);
  assert.is(script.stack.counters.retransmissionTimeouts, 1);
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1 + 10 * size, ts: [305, sentAt] });
  script.expectNothing();
  assert.is(script.stack.counters.needlessRecoveries, 1);
  script.act((connection) => connection.send(new Uint8Array(20 * size)));
  assert.ok(script.skip() >= 10, "the window is what it was");
});

test("a timeout, that was not needless, leaves a window of one segment and slow start", () => {
  const script = sending(10, { sackOk: true, ts: [5, 0] });
  const size = MSS - 12;
  script.advance(300);
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 1 + size, ts: [305, script.timestamp - 50] });
  assert.is(script.stack.counters.needlessRecoveries, 0);
  assert.is(script.skip(), 2);
});

test("a fast retransmit, whose duplicate is reported (D-SACK), is taken back with its window", () => {
  const script = sending(10, { sackOk: true }, {}, 100);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(4)]] });
  script.expect({ seq: 1 });
  // The first one was only late.
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  script.inject({ flags: "A", seq: 1, ack: edge(10), sack: [[1, edge(1)]] });
  assert.is(script.stack.counters.needlessRecoveries, 1);
  script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
  assert.is(script.skip(), 10);
});

test("duplicates, reported again and again, make what counts as late last longer", () => {
  const script = sending(10, { sackOk: true }, {}, 100);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(2)]] });
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  let una = 10;
  for (const waitMs of [25, 50, 75]) {
    script.act((connection) => connection.send(new Uint8Array(4 * MSS)));
    script.skip();
    script.advance(100);
    script.inject({ flags: "A", seq: 1, ack: edge(una), sack: [[edge(una + 1), edge(una + 4)]] });
    script.advance(waitMs - 1);
    script.expectNothing();
    script.advance(1);
    script.expect({ seq: edge(una), length: MSS });
    script.inject({ flags: "A", seq: 1, ack: edge(una + 4) });
    script.inject({ flags: "A", seq: 1, ack: edge(una + 4), sack: [[edge(una), edge(una + 1)]] });
    una += 4;
  }
});

test("time, 25 days without a segment, does not confuse what is lost", () => {
  const script = sending(3, { sackOk: true }, {}, 100);
  script.inject({ flags: "A", seq: 1, ack: edge(3) });
  script.advance(25 * 24 * 3600 * 1000);
  script.act((connection) => connection.send(new Uint8Array(3 * MSS)));
  assert.is(script.skip(), 3);
  script.advance(100);
  script.inject({ flags: "A", seq: 1, ack: edge(4) });
  script.inject({ flags: "A", seq: 1, ack: edge(4), sack: [[edge(5), edge(6)]] });
  script.expectNothing();
  script.advance(25);
  script.expect({ seq: edge(4), length: MSS });
});

test.run();
