// SYN-RECEIVED (RFC 9293 section 3.10.7.4).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TcpScript } from "../../support/tcp-script.js";

function halfOpen(options = {}): TcpScript {
  const script = new TcpScript(options);
  script.inject({ flags: "S", seq: 0, mss: 1460 });
  script.expect({ flags: "SA", seq: 0, ack: 1 });
  return script;
}

test("SYN-RECEIVED, the third segment, opens the connection", () => {
  const script = halfOpen();
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.expectNothing();
  assert.equal(script.events, ["opened"]);
  assert.is(script.stack.timerCount, 0);
});

test("SYN-RECEIVED, data on the third segment, opens the connection and is received", () => {
  const script = halfOpen();
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "hello" });
  assert.equal(script.events, ["opened"]);
  assert.is(script.text, "hello");
});

test("SYN-RECEIVED, a third segment that was lost, is made up for by the data after it", () => {
  const script = halfOpen();
  script.inject({ flags: "PA", seq: 6, ack: 1, data: "world" });
  script.expect({ flags: "A", ack: 1 });
  script.inject({ flags: "PA", seq: 1, ack: 1, data: "hello" });
  assert.is(script.text, "helloworld");
});

test("SYN-RECEIVED, a third segment without the timestamps that were agreed to, opens the connection", () => {
  const script = new TcpScript();
  script.inject({ flags: "S", seq: 0, mss: 1460, ts: [5, 0] });
  script.expect({ flags: "SA" });
  script.inject({ flags: "A", seq: 1, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test("SYN-RECEIVED, the SYN again, is answered with the SYN-ACK again", () => {
  const script = halfOpen();
  script.inject({ flags: "S", seq: 0, mss: 1460 });
  script.expect({ flags: "SA", seq: 0, ack: 1 });
  script.expectNothing();
  assert.is(script.stack.connectionCount, 1);
});

test("SYN-RECEIVED, no answer, sends the SYN-ACK again after 1, 2, 4 … seconds and gives up in silence", () => {
  const script = halfOpen();
  for (const waitMs of [1000, 2000, 4000, 8000, 16_000]) {
    script.advance(waitMs - 1);
    script.expectNothing();
    script.advance(1);
    script.expect({ flags: "SA", seq: 0, ack: 1 });
  }
  script.advance(32_000);
  script.expectIdle();
  assert.equal(script.events, []);
  assert.equal([script.ended, script.vain], [[[7, 1]], [7]]);
});

test("SYN-RECEIVED, an ACK of something else, is answered with its RST and changes nothing", () => {
  const script = halfOpen();
  script.inject({ flags: "A", seq: 1, ack: 9 });
  script.expect({ flags: "R", seq: 9 });
  script.inject({ flags: "A", seq: 1, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test("SYN-RECEIVED, an exact RST, returns to LISTEN without telling the user", () => {
  const script = halfOpen();
  script.inject({ flags: "R", seq: 1 });
  script.expectIdle();
  assert.equal(script.events, []);
  assert.equal([script.ended, script.vain], [[[7, 1]], [7]]);
});

test("SYN-RECEIVED, a RST that is not exact, is not believed", () => {
  const script = halfOpen();
  script.inject({ flags: "R", seq: 2 }, { flags: "R", seq: 0 });
  script.expectNothing();
  assert.is(script.stack.connectionCount, 1);
});

test("SYN-RECEIVED, another SYN in the window, begins anew and keeps the flow", () => {
  const script = halfOpen();
  script.inject({ flags: "S", seq: 100, mss: 1460 });
  script.expect({ flags: "SA", seq: 0, ack: 101 });
  assert.equal(script.ended, []);
  script.inject({ flags: "A", seq: 101, ack: 1 });
  assert.equal(script.events, ["opened"]);
});

test("SYN-RECEIVED, FIN with the third segment, opens the connection and ends the peer's side", () => {
  const script = halfOpen();
  script.inject({ flags: "FA", seq: 1, ack: 1, data: "bye" });
  script.expect({ flags: "A", ack: 5 });
  assert.equal(script.events, ["opened", "peerClosed"]);
  assert.is(script.text, "bye");
});

test("SYN-RECEIVED, a segment that opened the connection after a lost SYN-ACK, begins with a window of one segment", () => {
  const script = halfOpen();
  script.advance(1000);
  script.expect({ flags: "SA" });
  script.inject({ flags: "A", seq: 1, ack: 1 });
  script.act((connection) => connection.send(new Uint8Array(5000)));
  script.expect({ seq: 1, length: 1460 });
  script.expectNothing();
});

test.run();
