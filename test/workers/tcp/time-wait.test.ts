// TIME-WAIT: its record, its end, and the newer SYN that takes its place (RFC 9293 section 3.6.1, RFC 6191, RFC
// 1337).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ScriptOptions, type ScriptSegment, TcpScript } from "../../support/tcp-script.js";

function timeWaiting(options: ScriptOptions = {}, syn: Partial<ScriptSegment> = {}): TcpScript {
  const script = new TcpScript(options);
  reachTimeWait(script, syn);
  return script;
}

function reachTimeWait(script: TcpScript, syn: Partial<ScriptSegment> = {}): void {
  script.connect(syn);
  script.act((connection) => connection.close());
  script.expect({ flags: "FPA", seq: 1 });
  script.inject({ flags: "FA", seq: 1, ack: 2, ...(syn.ts === undefined ? {} : { ts: syn.ts }) });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  script.expectNothing();
}

test("TIME-WAIT, when it begins, gives the flow back: it is no load", () => {
  assert.equal(timeWaiting().ended, [[7, 1]]);
});

test("TIME-WAIT, 2 MSL without anything, ends", () => {
  const script = timeWaiting();
  script.advance(59_999);
  assert.is(script.stack.timeWaitCount, 1);
  script.advance(1);
  assert.is(script.stack.timeWaitCount, 0);
  assert.equal(script.ended, [[7, 1]]);
  assert.is(script.stack.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

test("TIME-WAIT, the FIN again, is acknowledged and starts the 2 MSL again", () => {
  const script = timeWaiting();
  script.advance(50_000);
  script.inject({ flags: "FA", seq: 1, ack: 2 });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  script.advance(59_999);
  assert.is(script.stack.timeWaitCount, 1);
  script.advance(1);
  assert.is(script.stack.timeWaitCount, 0);
});

test("TIME-WAIT, segments without data, are not answered: two stacks would go on for ever", () => {
  const script = timeWaiting();
  script.inject(
    { flags: "A", seq: 2, ack: 2 },
    { flags: "A", seq: 1, ack: 2 },
    { flags: "A", seq: 900, ack: 900 },
  );
  script.expectNothing();
});

test("TIME-WAIT, a RST, does not end it (RFC 1337)", () => {
  const script = timeWaiting();
  script.inject({ flags: "R", seq: 2 }, { flags: "RA", seq: 2, ack: 2 });
  script.expectNothing();
  assert.is(script.stack.timeWaitCount, 1);
});

test("TIME-WAIT, a SYN with a greater sequence number, opens a new connection at once on its own flow", () => {
  const script = timeWaiting();
  script.generation = 2;
  const oldIss = script.iss;
  script.inject({ flags: "S", seq: 3, mss: 1460 });
  script.expect({ flags: "SA", seq: 0, ack: 4 });
  assert.ok(
    ((script.iss - oldIss) | 0) > 0x1_0000,
    "the new first sequence number lies beyond the old connection",
  );
  assert.equal(script.ended, [[7, 1]]);
  script.inject({ flags: "A", seq: 4, ack: 1 });
  assert.is(script.events.at(-1), "opened");
  assert.is(script.stack.timeWaitCount, 0);
  assert.is(script.stack.counters.timeWaitReused, 1);
});

test("TIME-WAIT, the FIN again, which the director has made a new flow of, gives that flow back", () => {
  const script = timeWaiting();
  script.generation = 2;
  script.inject({ flags: "FA", seq: 1, ack: 2 });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  assert.equal(script.ended, [
    [7, 1],
    [7, 2],
  ]);
});

test("TIME-WAIT, a SYN with an older sequence number but a newer timestamp, opens a new connection", () => {
  const script = timeWaiting({}, { ts: [1000, 0] });
  script.inject({ flags: "S", seq: -5000, ts: [1001, 0] });
  script.expect({ flags: "SA", seq: 0 });
});

test("TIME-WAIT, a SYN of the same millisecond, is judged by its sequence number", () => {
  const newer = timeWaiting({}, { ts: [1000, 0] });
  newer.inject({ flags: "S", seq: 100, ts: [1000, 0] });
  newer.expect({ flags: "SA" });
  const older = timeWaiting({}, { ts: [1000, 0] });
  older.inject({ flags: "S", seq: -100, ts: [1000, 0] });
  older.expect({ flags: "A", seq: 2, ack: 2 });
  assert.is(older.stack.timeWaitCount, 1);
});

test("TIME-WAIT, an old SYN, is answered with an ACK and opens nothing", () => {
  const script = timeWaiting({}, { ts: [1000, 0] });
  script.inject({ flags: "S", seq: 100, ts: [999, 0] });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  assert.is(script.stack.connectionCount, 0);
});

test("TIME-WAIT, a client that reuses its port again and again, never waits", () => {
  const script = timeWaiting();
  let seq = 3;
  for (let round = 0; round < 200; round++) {
    script.inject({ flags: "S", seq });
    script.expect({ flags: "SA", seq: 0, ack: seq + 1 });
    script.inject({ flags: "PA", seq: seq + 1, ack: 1, data: "x" });
    script.act((connection) => connection.close());
    script.expect({ flags: "FPA", seq: 1, ack: seq + 2 });
    script.inject({ flags: "FA", seq: seq + 2, ack: 2 });
    script.expect({ flags: "A", seq: 2, ack: seq + 3 });
    script.expectNothing();
    seq += 4;
  }
  assert.is(script.stack.timeWaitCount, 1);
});

test("TIME-WAIT, more records than there may be, forget the oldest", () => {
  const script = new TcpScript({ limits: { maxTimeWait: 2 } });
  for (const port of [5001, 5002, 5003]) {
    script.endpoint = { ...script.endpoint, port };
    script.flow = port;
    reachTimeWait(script);
  }
  assert.is(script.stack.timeWaitCount, 2);
  assert.is(script.stack.counters.timeWaitEvicted, 1);
  // The first is forgotten: its FIN, sent again, finds a listener that knows nothing of it.
  script.endpoint = { ...script.endpoint, port: 5001 };
  script.inject({ flags: "FA", seq: 1, ack: 2 });
  script.expect({ flags: "R" });
  script.advance(60_000);
  assert.is(script.stack.timeWaitCount, 0);
});

test("TIME-WAIT, hundreds of records of one hash over IPv6, are each found and each end", () => {
  const script = new TcpScript({ ipVersion: 6 });
  for (let port = 1; port <= 300; port++) {
    script.endpoint = { ...script.endpoint, port };
    reachTimeWait(script);
  }
  for (let port = 1; port <= 300; port += 7) {
    script.endpoint = { ...script.endpoint, port };
    script.inject({ flags: "FA", seq: 1, ack: 2 });
    script.expect({ flags: "A", ack: 2 });
  }
  script.advance(60_000);
  assert.is(script.stack.timeWaitCount, 0);
  assert.is(script.ended.length, 300 + 43);
});

test.run();
