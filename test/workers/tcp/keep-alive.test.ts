// TCP's own keep-alive (RFC 9293 section 3.8.4): asked by a sweep, not by a timer of each connection.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SWEEPS_PER_ROUND } from "../../../workers/tcp/keep-alive.js";
import { TcpScript } from "../../support/tcp-script.js";

const LIMITS = { keepAliveIdleMs: 10_000, keepAliveIntervalMs: 2000, keepAliveProbes: 3 };

/** Sweeps once a second, as a worker does, for `seconds`. */
function sweep(script: TcpScript, seconds: number): void {
  for (let second = 0; second < seconds; second++) {
    script.advance(1000);
    script.stack.sweep();
    script.stack.flush();
  }
}

test("keep-alive, a silent peer, is asked with a number that it has acknowledged, and its answer begins anew", () => {
  const script = new TcpScript({ limits: LIMITS });
  script.connect();
  script.act((connection) => connection.send(new Uint8Array(5)));
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 6 });
  sweep(script, 9);
  script.expectNothing();
  sweep(script, 1);
  script.expect({ flags: "A", seq: 5, ack: 1, length: 0 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 1, ack: 6 });
  script.expectNothing();
  sweep(script, 9);
  script.expectNothing();
  sweep(script, 1);
  script.expect({ flags: "A", seq: 5, ack: 1, length: 0 });
  assert.equal(script.events, ["opened"]);
});

test("keep-alive, a peer that is gone, is asked three times and given up", () => {
  const script = new TcpScript({ limits: LIMITS });
  script.connect();
  sweep(script, 15);
  assert.is(script.skip(), 3);
  assert.equal(script.events, ["opened"]);
  sweep(script, 1);
  assert.equal(script.events, ["opened", "closed timeout"]);
  assert.equal(script.ended, [[7, 1]]);
  script.expectIdle();
});

test("keep-alive, a peer that answers each time, is never given up, though it is looked at so seldom that it is silent each time", () => {
  const script = new TcpScript({ limits: LIMITS });
  script.connect();
  for (let question = 0; question < 10; question++) {
    script.advance(16_000);
    script.stack.sweep();
    script.stack.flush();
    script.expect({ flags: "A", seq: 0, ack: 1, length: 0 });
    script.inject({ flags: "A", seq: 1, ack: 1 });
  }
  assert.equal(script.events, ["opened"]);
});

test("keep-alive, not asked for, asks nothing, ever", () => {
  const script = new TcpScript();
  script.connect();
  for (let day = 0; day < 10; day++) {
    script.advance(24 * 3600 * 1000);
    script.stack.sweep();
    script.stack.flush();
  }
  script.expectNothing();
  assert.equal(script.events, ["opened"]);
});

test("keep-alive, an idle connection, has no timer", () => {
  const script = new TcpScript({ limits: LIMITS });
  script.connect();
  assert.is(script.stack.timerCount, 0);
  assert.is(script.stack.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

test("keep-alive, data on its way or kept back by the window, is left to their own timers", () => {
  const outstanding = new TcpScript({ limits: { ...LIMITS, rtoMinMs: 60_000 } });
  outstanding.connect();
  outstanding.act((connection) => connection.send(new Uint8Array(5)));
  outstanding.skip();
  sweep(outstanding, 30);
  outstanding.expectNothing();
  const closed = new TcpScript({ limits: { ...LIMITS, rtoMinMs: 60_000 } });
  closed.connect({ win: 0 });
  closed.act((connection) => connection.send(new Uint8Array(5)));
  sweep(closed, 30);
  closed.expectNothing();
});

test("keep-alive, of the peer, is answered each time", () => {
  const script = new TcpScript();
  script.connect();
  script.inject({ flags: "A", seq: 1, ack: 1, data: "a" });
  script.advance(40);
  script.skip();
  for (let index = 0; index < 3; index++) {
    script.advance(1000);
    // Without data, and with the byte that old stacks send.
    script.inject(index === 1 ? { flags: "A", seq: 1, ack: 1, data: "a" } : { flags: "A", seq: 1, ack: 1 });
    script.expect({ flags: "A", seq: 1, ack: 2, length: 0 });
    script.expectNothing();
  }
});

test("keep-alive, many connections, looks at a part of them each time and at all of them in a round", () => {
  const script = new TcpScript({ limits: LIMITS });
  const connections = 10 * SWEEPS_PER_ROUND;
  for (let port = 0; port < connections; port++) {
    script.endpoint = { ipVersion: 4, port: 20_000 + port, localPort: 80 };
    script.connect();
  }
  script.advance(10_000);
  for (let step = 0; step < SWEEPS_PER_ROUND; step++) {
    script.stack.sweep();
    script.stack.flush();
    assert.is(script.skip(), 10);
  }
  script.stack.sweep();
  script.stack.flush();
  script.expectNothing();
});

test.run();
