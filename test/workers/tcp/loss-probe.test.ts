// Loss at the end of a flight, where nothing follows that could tell of it: the tail loss probe (RFC 8985 section 7), and in fast
// recovery the rescue retransmission (RFC 6675 section 4). For short responses it is the difference between 10 and 200 ms.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { edge, MSS, sending, TcpScript } from "../../support/tcp-script.js";

test("loss probe, the end of a response is lost, sends its last segment again after 10 ms and its answer the others", () => {
  const script = sending(8, { sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: edge(5) });
  script.advance(9);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: edge(7), length: MSS });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(5), sack: [[edge(7), edge(8)]] });
  script.advance(1);
  script.expect({ seq: edge(5), length: MSS });
  script.expect({ seq: edge(6), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(8) });
  script.expectNothing();
  assert.is(script.stack.counters.retransmissionTimeouts, 0);
  assert.is(script.stack.timerCount, 0);
});

test("loss probe, a single segment is lost, waits for as long as its acknowledgment may be delayed", () => {
  const script = sending(1, { sackOk: true });
  script.advance(59);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: 1, length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(1) });
  script.expectNothing();
  assert.is(script.stack.timerCount, 0);
});

test("loss probe, the FIN is lost with the last bytes, sends both again", () => {
  const script = new TcpScript();
  script.connect({ sackOk: true });
  script.act((connection) => {
    connection.send(new Uint8Array(10));
    connection.close();
  });
  script.expect({ flags: "FPA", seq: 1, length: 10 });
  script.advance(60);
  script.expect({ flags: "FPA", seq: 1, length: 10 });
});

test("loss probe, with data that the congestion window keeps back, sends of that instead", () => {
  const script = sending(14, { sackOk: true });
  script.advance(10);
  script.expect({ seq: edge(10), length: MSS });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: edge(11) });
  assert.is(script.stack.counters.retransmissions, 0);
});

test("loss probe, of which nothing comes back either, is followed by the timeout and by no second probe", () => {
  const script = sending(3, { sackOk: true });
  script.advance(10);
  assert.is(script.skip(), 1);
  // The timer starts anew with the probe.
  script.advance(199);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: 1, length: MSS });
  assert.equal([script.stack.counters.lossProbes, script.stack.counters.retransmissionTimeouts], [1, 1]);
});

test("loss probe, that was needless, costs no window and makes the next one wait longer", () => {
  const script = sending(1, { sackOk: true });
  script.advance(60);
  script.expect({ seq: 1 });
  script.inject({ flags: "A", seq: 1, ack: edge(1), sack: [[1, edge(1)]] });
  script.act((connection) => connection.send(new Uint8Array(MSS)));
  script.expect({ seq: edge(1) });
  script.advance(109);
  script.expectNothing();
  script.advance(1);
  script.expect({ seq: edge(1) });
  script.inject({ flags: "A", seq: 1, ack: edge(2), sack: [[edge(1), edge(2)]] });
  script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
  assert.is(script.skip(), 10);
});

test("loss probe, that has made good a loss that nothing else tells of, costs what a loss costs", () => {
  const script = sending(1, { sackOk: true });
  script.advance(60);
  script.expect({ seq: 1 });
  script.inject({ flags: "A", seq: 1, ack: edge(1) });
  script.act((connection) => connection.send(new Uint8Array(MSS)));
  script.inject({ flags: "A", seq: 1, ack: edge(2) });
  script.skip();
  script.act((connection) => connection.send(new Uint8Array(20 * MSS)));
  assert.is(script.skip(), 7);
});

test("loss probe, without SACK, is not sent", () => {
  const script = new TcpScript();
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(3 * MSS)));
  script.skip();
  script.advance(199);
  script.expectNothing();
});

test("loss probe, into a closed window, leaves it to the window's own probes", () => {
  const script = new TcpScript();
  script.connect({ sackOk: true, win: 0 });
  script.act((connection) => connection.send(new Uint8Array(3)));
  script.advance(200);
  script.expect({ seq: 1, length: 1 });
  script.advance(399);
  script.expectNothing();
  assert.is(script.stack.counters.lossProbes, 0);
});

test("rescue retransmission, what was sent again is lost as well, is sent once more without the timeout", () => {
  const script = sending(6, { sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(5)]] });
  // Segments 0 and 5 were lost; 0 is lost again.
  script.expect({ seq: 1, length: MSS });
  script.expectNothing();
  script.advance(10);
  script.expect({ seq: edge(5), length: MSS });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(6)]] });
  script.expect({ seq: 1, length: MSS });
  script.inject({ flags: "A", seq: 1, ack: edge(6) });
  script.expectNothing();
  assert.is(script.stack.counters.retransmissionTimeouts, 0);
  assert.is(script.stack.timerCount, 0);
});

test("rescue retransmission, nothing comes back at all, leaves it to the timeout", () => {
  const script = sending(6, { sackOk: true });
  script.inject({ flags: "A", seq: 1, ack: 1, sack: [[edge(1), edge(6)]] });
  script.skip();
  script.advance(600);
  assert.is(script.stack.counters.lossProbes, 1);
  assert.ok(script.stack.counters.retransmissionTimeouts >= 1);
});

test.run();
