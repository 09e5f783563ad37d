// Segments that no honest peer sends, in every state: nothing is thrown, everything is bounded, and time clears all
// of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../support/sim-network.js";
import { type ScriptSegment, TcpScript } from "../../support/tcp-script.js";

const FLAGS = ["A", "A", "A", "PA", "FA", "S", "SA", "R", "RA", "F", "", "SFRPA", "SF"];

function number(random: Random): number {
  switch (random.between(0, 5)) {
    case 0:
      return random.between(-3, 3);
    case 1:
      return random.between(-70_000, 70_000);
    case 2:
      return Math.floor(random.next() * 2 ** 32);
    default:
      return random.between(0, 5000);
  }
}

function segment(random: Random): ScriptSegment {
  const made: ScriptSegment = {
    flags: FLAGS[random.between(0, FLAGS.length - 1)]!,
    seq: number(random),
    ack: number(random),
    win: random.chance(0.3) ? 0 : random.between(0, 65_535),
  };
  if (random.chance(0.5)) made.data = random.between(0, 1400);
  if (random.chance(0.2)) made.mss = random.between(0, 65_535);
  if (random.chance(0.2)) made.ws = random.between(0, 255);
  if (random.chance(0.2)) made.sackOk = true;
  if (random.chance(0.3)) made.ts = [number(random), number(random)];
  else if (random.chance(0.4)) {
    made.sack = Array.from({ length: random.between(1, 3) }, () => [number(random), number(random)] as const);
  }
  return made;
}

test("hostile peer, random segments in any state, is survived and leaves nothing", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    const script = new TcpScript({
      limits: {
        receiveBufferBytes: random.between(100, 20_000),
        maxConnections: 6,
        maxHalfOpen: 3,
        maxTimeWait: 3,
      },
      isCutting: random.chance(0.5),
    });
    let opened = 0;
    let closed = 0;
    script.consume = (available) => random.between(0, available);
    script.onReceived = (connection) => {
      if (random.chance(0.5)) connection.send(new Uint8Array(random.between(0, 20_000)));
      if (random.chance(0.05)) connection.close();
      if (random.chance(0.02)) connection.abort();
    };
    for (let step = 0; step < 300; step++) {
      script.endpoint = { ...script.endpoint, port: random.between(1, 8) };
      script.egress.isFull = random.chance(0.1);
      if (random.chance(0.1) && script.stack.connectionCount < 6)
        script.inject({ flags: "S", seq: 0, mss: 1460, ws: 3, sackOk: random.chance(0.7) });
      if (random.chance(0.2)) script.inject({ flags: "A", seq: 1, ack: 1 });
      script.inject(segment(random));
      if (random.chance(0.2)) script.advance(random.between(1, 500));
      if (random.chance(0.1) && script.connection !== undefined)
        script.act((connection) => connection.resume());
      script.skip();
      assert.ok(script.stack.connectionCount <= 6);
      assert.ok(script.stack.timeWaitCount <= 3);
    }
    script.egress.isFull = false;
    script.stack.abortAll();
    script.advance(120_000);
    for (const event of script.events) {
      if (event === "opened") opened++;
      if (event.startsWith("closed")) closed++;
    }
    assert.is(opened, closed, "each one opened is closed once");
    assert.is(script.stack.connectionCount, 0);
    assert.is(script.stack.timerCount, 0);
    assert.is(script.stack.timeWaitCount, 0);
    assert.is(script.stack.transmissionCount, 0);
  }
});

test("hostile peer, one-byte segments with gaps, cost no more than the receive buffer", () => {
  const script = new TcpScript({ limits: { receiveBufferBytes: 8192 } });
  script.connect();
  for (let index = 0; index < 5000; index++)
    script.inject({ flags: "A", seq: 3 + 2 * index, ack: 1, data: "x" });
  assert.is(script.stack.counters.outOfOrderSegments, 4095);
  assert.is(script.stack.counters.outOfOrderDropped, 4095 - 32);
  assert.is(script.receivedBytes, 0);
});

test.run();
