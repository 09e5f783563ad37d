// Loss and its recovery: the retransmission timeout (RFC 6298), fast retransmit and recovery (RFC 5681, 6582, 6675).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { edge, MSS, sending, TcpScript } from "../../support/tcp-script.js";

test("retransmission timeout, at a round trip of less than a millisecond, comes after 200 ms and doubles", () => {
  const script = sending(1);
  for (const waitMs of [200, 400, 800, 1600]) {
    script.advance(waitMs - 1);
    script.expectNothing();
    script.advance(1);
    script.expect({ seq: 1 });
  }
});

test("retransmission timeout, of a slow path, follows its round trips", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1460 });
  script.skip();
  script.nowMs += 300;
  script.inject({ flags: "A", seq: 1, ack: 1 });
  // R = 300: SRTT 300, RTTVAR 150, RTO 900.
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.expect({ length: 10 });
  script.advance(899);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: 1, length: 10 });
});

test("retransmission timeout, data sent twice, gives no round trip and keeps the doubled timeout (Karn)", () => {
  const script = sending(1);
  script.advance(200);
  script.expect({ seq: 1 });
  script.inject({ flags: "A", seq: 1, ack: 1 + MSS });
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.expect({ length: 10 });
  script.advance(399);
  script.expectNothing();
  script.advance(1);
  script.expect({ length: 10 });
});

test("retransmission timeout, the ACK of a duplicate, echoes an earlier time and gives no round trip", () => {
  const script = sending(1, { sackOk: true, ts: [500, 0] });
  const sentAt = script.timestamp;
  const { counters } = script.stack;
  const end = 1 + MSS - 12;
  const timesOut = () => {
    const before = counters.retransmissionTimeouts;
    let waitMs = 0;
    for (; counters.retransmissionTimeouts === before; waitMs++) script.advance(1);
    script.skip();
    return waitMs;
  };
  // It arrived, and its ACK was lost. So are those of what is sent again, for three seconds.
  for (let waitMs = 0; waitMs < 3000; ) waitMs += timesOut();
  script.inject({ flags: "A", seq: 1, ack: end, ts: [4000, sentAt], sack: [[1, end]] });
  // The next segment's comes at once, and is the round trip.
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: end + 10, ts: [4000, script.timestamp] });
  script.act((connection) => connection.send(new Uint8Array(10)));
  script.skip();
  assert.ok(timesOut() < 300);
});

test("retransmission timeout, is not put off by duplicate ACKs", () => {
  const script = sending(2);
  for (let index = 0; index < 4; index++) {
    script.advance(45);
    script.inject({ flags: "A", seq: 1, ack: 1 });
  }
  script.skip();
  script.advance(20);
  assert.is(script.stack.counters.retransmissionTimeouts, 1);
});

test("retransmission timeout, a burst that was acknowledged in part, is sent again from there", () => {
  const script = sending(5);
  script.inject({ flags: "A", seq: 1, ack: edge(2) });
  script.advance(200);
  script.expect({ seq: edge(2), length: MSS });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(3) });
  script.expect({ seq: edge(3), length: MSS });
  script.expect({ seq: edge(4), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(5) });
  script.expectNothing();
  assert.is(script.stack.timerCount, 0);
});

test("retransmission timeout, no answer ever, ends the connection after ten of them", () => {
  const script = sending(1);
  script.advance(400_000);
  assert.is(script.skip(), 10);
  assert.equal(script.events, ["opened", "closed timeout"]);
  assert.equal(script.ended, [[7, 1]]);
  script.expectIdle();
});

test("retransmission timeout, no answer ever, is no reason to end the connection before 100 seconds (R2)", () => {
  const script = sending(1);
  script.advance(100_000);
  assert.ok(script.skip() >= 3, "R1 comes before that");
  assert.equal(script.events, ["opened"]);
});

test("fast retransmit, the third duplicate ACK, sends the first segment again and only that", () => {
  const script = sending(10);
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ seq: 1, length: MSS });
  script.expectNothing();
  assert.is(script.stack.counters.fastRetransmits, 1);
});

test("limited transmit, the first two duplicate ACKs, each send one new segment", () => {
  const script = new TcpScript();
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
  assert.is(script.skip(), 10);
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ seq: edge(10), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ seq: edge(11), length: MSS });
  script.expectNothing();
});

test("fast recovery, a partial acknowledgment, sends the next hole again at once", () => {
  const script = sending(10);
  for (let index = 0; index < 3; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ seq: 1 });
  script.inject({ flags: "A", seq: 1, ack: edge(3) });
  script.expect({ seq: edge(3), length: MSS });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  script.expectNothing();
  assert.is(script.stack.timerCount, 0);
});

for (const [congestion, left] of [
  ["new-reno", 5],
  ["cubic", 7],
] as const) {
  test(`fast recovery, its end, leaves of a window of ten segments what ${congestion} leaves`, () => {
    const script = sending(10, {}, { congestion });
    for (let index = 0; index < 3; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
    script.skip();
    script.inject({ flags: "A", seq: 1, ack: edge(10) });
    script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
    assert.is(script.skip(), left);
  });
}

test("fast recovery, begun by one ACK for most of the window, halves the window and not what is left of it", () => {
  const script = sending(10, { sackOk: true }, { congestion: "new-reno" });
  script.advance(5);
  script.inject({ flags: "A", seq: 1, ack: edge(5), sack: [[edge(6), edge(10)]] });
  script.expect({ seq: edge(5) });
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
  assert.is(script.skip(), 5);
});

test("fast recovery, each duplicate ACK, stands for a segment that has left the network", () => {
  const script = new TcpScript({ congestion: "new-reno" });
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(30 * MSS)));
  script.skip();
  for (let index = 0; index < 3; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
  // Two by limited transmit, the first again. Nine of twelve are in flight still, five may be.
  assert.is(script.skip(), 3);
  for (let index = 0; index < 4; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expect({ seq: edge(12), length: MSS });
});

test("duplicate ACKs, a hundred thousand of them, neither overflow nor send anything but the one retransmission", () => {
  const script = sending(4);
  for (let index = 0; index < 100_000; index++) script.inject({ flags: "A", seq: 1, ack: 1 });
  assert.is(script.skip(), 1);
});

test("duplicate ACKs, with data, a changed window or nothing outstanding, are none", () => {
  const script = sending(4);
  for (let index = 0; index < 5; index++) script.inject({ flags: "A", seq: 1 + index, ack: 1, data: "x" });
  for (let index = 0; index < 5; index++) script.inject({ flags: "A", seq: 6, ack: 1, win: 60_000 - index });
  assert.is(script.stack.counters.fastRetransmits, 0);
  const idle = new TcpScript();
  idle.connect();
  for (let index = 0; index < 5; index++) idle.inject({ flags: "A", seq: 1, ack: 1 });
  idle.expectNothing();
});

test("SACK, three blocks above a hole, send the hole again and not what the peer has", () => {
  const script = sending(10, { sackOk: true });
  // Segments 0 and 4 are lost.
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(2)]] });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(3)]] });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(4)]] });
  script.expect({ seq: edge(0), length: MSS });
  script.expectNothing();
  script.inject({
    flags: "A",
    seq: 1,
    ack: 1,
    sack: [
      [edge(5), edge(8)],
      [edge(1), edge(4)],
    ],
  });
  script.expect({ seq: edge(4), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(4), sack: [[edge(5), edge(10)]] });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  script.expectNothing();
  assert.is(script.stack.counters.retransmissions, 2);
  assert.is(script.stack.timerCount, 0);
});

test("SACK, a retransmission timeout, sends again only what was not reported", () => {
  const script = sending(4, { sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(2), edge(3)]] });
  // It counts as lost after a millisecond; what is sent again then is lost, too, and its probe.
  script.advance(199);
  script.skip();
  script.advance(50);
  assert.is(script.stack.counters.retransmissionTimeouts, 1);
  script.expect({ seq: 1, length: MSS });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(1), sack: [[edge(2), edge(3)]] });
  script.expect({ seq: edge(1), length: MSS });
  script.expect({ seq: edge(3), length: MSS });
  script.expectNothing();
});

test("SACK, what a peer reported and threw away again, is sent again after a timeout", () => {
  const script = sending(4, { sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(4)]] });
  script.expect({ seq: 1, length: MSS });
  // Its user has not read, and it was short of memory.
  script.inject({ flags: "A", seq: 1, ack: edge(1) });
  script.advance(500);
  script.expect({ seq: edge(1), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(2) });
  script.expect({ seq: edge(2), length: MSS });
  script.expect({ seq: edge(3), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(4) });
  assert.is(script.stack.timerCount, 0);
  assert.is(script.stack.transmissionCount, 0);
});

test("SACK, blocks that are nonsense, are ignored", () => {
  const script = sending(4, { sackOk: true });
  for (let index = 0; index < 5; index++) {
    script.inject({
      flags: "A",
      seq: 1,
      ack: 1,
      sack: [
        [1_000_000 + index, 1_001_000],
        [3000, 2000],
        [-50, -10],
        [1, 1461],
      ],
    });
  }
  script.expectNothing();
  assert.is(script.stack.counters.fastRetransmits, 0);
});

test("SACK, data out of order, are reported with the range that came last first", () => {
  const script = new TcpScript();
  script.connect({ sackOk: true });
  script.inject({ flags: "A", seq: 11, ack: 1, data: 10 });
  script.expect({ ack: 1, sack: [[11, 21]] });
  script.inject({ flags: "A", seq: 31, ack: 1, data: 10 });
  script.expect({
    ack: 1,
    sack: [
      [31, 41],
      [11, 21],
    ],
  });
  script.inject({ flags: "A", seq: 21, ack: 1, data: 5 });
  script.expect({
    ack: 1,
    sack: [
      [11, 26],
      [31, 41],
    ],
  });
  script.inject({ flags: "A", seq: 1, ack: 1, data: 10 });
  script.expect({ ack: 26, sack: [[31, 41]] });
});

test("SACK, duplicate data, are reported first (D-SACK)", () => {
  const script = new TcpScript();
  script.connect({ sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, data: 10 });
  script.inject({ flags: "A", seq: 1, ack: 1, data: 10 });
  script.expect({ ack: 11, sack: [[1, 11]] });
  script.inject({ flags: "A", seq: 21, ack: 1, data: 10 });
  script.expect({ ack: 11, sack: [[21, 31]] });
  script.inject({ flags: "A", seq: 21, ack: 1, data: 10 });
  script.expect({
    ack: 11,
    sack: [
      [21, 31],
      [21, 31],
    ],
  });
});

test("SACK, not agreed to, is neither sent nor believed", () => {
  const script = sending(4);
  for (let index = 0; index < 4; index++) {
    script.inject({ flags: "A", seq: 1, ack: 1, win: 60_000 + index, sack: [[1461, 5841]] });
  }
  script.inject({ flags: "A", seq: 11, ack: 1, data: 10 });
  script.expect({ ack: 1, sack: [] });
  script.expectNothing();
});

test("an offloaded packet, of which only some segments arrive, is made whole", () => {
  const script = new TcpScript({ isCutting: true });
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(10 * MSS)));
  assert.is(script.skip(), 10);
  script.inject({ flags: "A", seq: 1, ack: edge(7) });
  script.advance(200);
  script.expect({ seq: edge(7), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(8) });
  script.expect({ seq: edge(8), length: MSS });
  script.expect({ seq: edge(9), length: MSS });
});

test("an offloaded packet, whose ACKs are lost but the last, is acknowledged by that and sends nothing again", () => {
  const script = new TcpScript({ isCutting: true });
  script.connect({ sackOk: true });
  script.act((connection) => connection.send(new Uint8Array(40 * MSS)));
  assert.is(script.skip(), 10);
  script.advance(5);
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  assert.is(script.skip(), 20, "the window has doubled, as with every ACK");
  assert.is(script.stack.counters.retransmissions, 0);
});

test("an offloaded packet, all of whose ACKs are lost, is acknowledged in answer to its last segment alone", () => {
  const script = new TcpScript({ isCutting: true });
  script.connect({ sackOk: true });
  script.act((connection) => connection.send(new Uint8Array(10 * MSS)));
  assert.is(script.skip(), 10);
  script.advance(10);
  script.expect({ seq: edge(9), length: MSS });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(10), sack: [[edge(9), edge(10)]] });
  script.expectNothing();
  assert.is(script.stack.timerCount, 0);
});

test("an offloaded packet, lost whole, is sent again in pieces as large as the window", () => {
  const script = new TcpScript({ isCutting: true });
  script.connect({ sackOk: true });
  script.act((connection) => connection.send(new Uint8Array(10 * MSS)));
  script.skip();
  // The probe's answer tells that all before it is lost; half of the window is sent again at once, in one packet.
  script.advance(10);
  script.skip();
  const { transmits } = script.egress;
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(9), edge(10)]] });
  script.advance(1);
  assert.is(script.skip(), 7);
  assert.is(script.egress.transmits, transmits + 1);
  script.inject({ flags: "A", seq: 1, ack: edge(7), sack: [[edge(9), edge(10)]] });
  assert.is(script.skip(), 2);
  script.inject({ flags: "A", seq: 1, ack: edge(10) });
  assert.is(script.stack.counters.retransmissionTimeouts, 0);
});

test.run();
