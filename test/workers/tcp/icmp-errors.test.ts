// ICMP errors about a connection's segments (RFC 9293 section 3.9.2.2, RFC 5927): believed only if about a segment that is under
// way, the end of none that is established, and what is said when one is given up.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TcpScript } from "../../support/tcp-script.js";

const HOST_4 = { type: 3, code: 1 };
const PORT_4 = { type: 3, code: 3 };
const ROUTE_6 = { type: 1, code: 0 };
const PORT_6 = { type: 1, code: 4 };

/** A connection with 100 bytes in flight: sequence numbers 1 to 100. */
function sending(ipVersion: 4 | 6 = 4): TcpScript {
  const script = new TcpScript({ ipVersion });
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(100)));
  script.expect({ seq: 1, length: 100 });
  return script;
}

test("error, soft or hard, about a segment under way, does not end an established connection", () => {
  for (const [ipVersion, soft, hard] of [
    [
      4,
      [HOST_4, { type: 3, code: 0 }, { type: 3, code: 13 }, { type: 11, code: 0 }, { type: 12, code: 0 }],
      PORT_4,
    ],
    [6, [ROUTE_6, { type: 1, code: 3 }, { type: 3, code: 0 }, { type: 4, code: 1 }], PORT_6],
  ] as const) {
    const script = sending(ipVersion);
    for (const error of soft) script.injectError(error, 1);
    script.injectError(hard, 100);
    const { counters } = script.stack;
    assert.equal([counters.icmpSoftErrors, counters.icmpHardErrors], [soft.length, 1]);
    script.inject({ flags: "A", seq: 1, ack: 101 });
    assert.equal(script.events, ["opened"]);
    script.expectNothing();
  }
});

test("error, that says that a SYN-ACK is too big for the path, is not believed, and the handshake is given up in its time", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1460 });
  script.expect({ flags: "SA" });
  script.injectError({ type: 3, code: 4, mtu: 600 }, 0);
  assert.is(script.stack.counters.icmpIgnored, 1);
  script.expectNothing();
  script.advance(1000);
  script.expect({ flags: "SA" });
  script.advance(120_000);
  script.skip();
  assert.equal([script.stack.connectionCount, script.stack.timerCount], [0, 0]);
});

test("error, about a segment that is not under way, does nothing but count", () => {
  const script = sending();
  for (const seq of [-1, 0, 101, 0x8000_0000]) script.injectError(PORT_4, seq);
  // In SYN-RECEIVED only the SYN-ACK is under way.
  const opening = new TcpScript();
  opening.inject({ flags: "S", seq: 0, mss: 1460 });
  opening.expect({ flags: "SA" });
  opening.injectError(PORT_4, 1);
  opening.injectError(PORT_4, -1);
  assert.is(opening.stack.connectionCount, 1);
  assert.equal(
    [script, opening].map(({ stack }) => stack.counters.icmpOutOfWindow),
    [4, 2],
  );
  assert.equal(
    [script, opening].map(({ stack }) => stack.counters.icmpHardErrors),
    [0, 0],
  );
  // All acknowledged: nothing is under way.
  script.inject({ flags: "A", seq: 1, ack: 101 });
  script.injectError(HOST_4, 100);
  assert.is(script.stack.counters.icmpOutOfWindow, 5);
});

test("error, about no connection, does nothing but count", () => {
  const script = sending();
  script.endpoint = { ...script.endpoint, port: 40_001 };
  script.injectError(PORT_4, 1);
  assert.is(script.stack.counters.icmpUnknown, 1);
  assert.is(script.stack.connectionCount, 1);
});

test("hard error, in SYN-RECEIVED about the SYN-ACK, ends the connection", () => {
  for (const [ipVersion, error] of [
    [4, PORT_4],
    [4, { type: 3, code: 2 }],
    [6, PORT_6],
    [6, { type: 1, code: 1 }],
  ] as const) {
    const script = new TcpScript({ ipVersion });
    script.inject({ flags: "S", seq: 0, mss: 1460 });
    script.expect({ flags: "SA" });
    script.injectError(error, 0);
    assert.equal(script.events, []);
    assert.equal(script.ended, [[7, 1]]);
    script.expectIdle();
  }
});

test("soft error, in SYN-RECEIVED, leaves the handshake going on", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1460 });
  script.expect({ flags: "SA" });
  script.injectError(HOST_4, 0);
  script.advance(1000);
  script.expect({ flags: "SA" });
  script.inject({ flags: "A", seq: 1, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test("timeout, after an error without an answer since, says that the peer was unreachable", () => {
  const script = sending();
  script.injectError(HOST_4, 1);
  script.advance(400_000);
  assert.equal(script.events, ["opened", "closed unreachable"]);
  assert.is(script.stack.counters.timeouts, 1);
});

test("timeout, after an error that an answer has made old, is a timeout like any other", () => {
  const script = sending();
  script.injectError(HOST_4, 1);
  script.inject({ flags: "A", seq: 1, ack: 51 });
  script.advance(400_000);
  assert.equal(script.events, ["opened", "closed timeout"]);
});

test("error, after a connection has gone into TIME-WAIT, is about none", () => {
  const script = sending();
  script.inject({ flags: "A", seq: 1, ack: 101 });
  script.act((connection) => connection.close());
  script.expect({ flags: "FPA", seq: 101 });
  script.inject({ flags: "FA", seq: 1, ack: 102 });
  script.skip();
  assert.is(script.stack.timeWaitCount, 1);
  script.injectError(PORT_4, 101);
  assert.equal([script.stack.counters.icmpUnknown, script.stack.timeWaitCount], [1, 1]);
});

test.run();
