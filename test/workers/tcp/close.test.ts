// How connections end in order: FIN-WAIT-1, FIN-WAIT-2, CLOSING, CLOSE-WAIT, LAST-ACK (RFC 9293 section 3.6).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { TcpScript } from "../../support/tcp-script.js";

function connected(options = {}): TcpScript {
  const script = new TcpScript(options);
  script.connect();
  return script;
}

function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value));
}

test("FIN-WAIT-1, close with data queued, sends the FIN with the last of it", () => {
  const script = connected();
  script.act((connection) => {
    connection.send(text("bye"));
    connection.close();
  });
  script.expect({ flags: "FPA", seq: 1, data: "bye" });
  script.expectNothing();
});

test("FIN-WAIT-2, the peer's FIN, is acknowledged and the connection goes to TIME-WAIT", () => {
  const script = connected();
  script.act((connection) => connection.close());
  script.expect({ flags: "FPA", seq: 1 });
  script.inject({ flags: "A", seq: 1, ack: 2 });
  script.inject({ flags: "FA", seq: 1, ack: 2 });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  assert.equal(script.events, ["opened", "peerClosed", "closed closed"]);
  assert.is(script.stack.timeWaitCount, 1);
  script.expectIdle();
});

test("FIN-WAIT-1, FIN and the acknowledgment of ours in one segment, goes to TIME-WAIT at once", () => {
  const script = connected();
  script.act((connection) => connection.close());
  script.skip();
  script.inject({ flags: "FA", seq: 1, ack: 2 });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  assert.is(script.stack.timeWaitCount, 1);
});

test("CLOSING, both close at the same time, ends in TIME-WAIT when our FIN is acknowledged", () => {
  const script = connected();
  script.act((connection) => connection.close());
  script.expect({ flags: "FPA", seq: 1 });
  script.inject({ flags: "FA", seq: 1, ack: 1 });
  script.expect({ flags: "A", seq: 2, ack: 2 });
  assert.equal(script.events, ["opened", "peerClosed"]);
  script.inject({ flags: "A", seq: 2, ack: 2 });
  assert.equal(script.events, ["opened", "peerClosed", "closed closed"]);
  assert.is(script.stack.timeWaitCount, 1);
  script.expectIdle();
});

test("FIN-WAIT-2, data from the peer, are still given to the user", () => {
  const script = connected();
  script.act((connection) => connection.close());
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 2 });
  script.inject({ flags: "PA", seq: 1, ack: 2, data: "more" });
  assert.is(script.text, "more");
  script.advance(40);
  script.expect({ flags: "A", ack: 5 });
});

test("FIN-WAIT-2, a peer that never closes, is given up after a minute without a segment", () => {
  const script = connected();
  script.act((connection) => connection.close());
  script.skip();
  script.inject({ flags: "A", seq: 1, ack: 2 });
  script.advance(59_999);
  assert.equal(script.events, ["opened"]);
  script.advance(1);
  assert.equal(script.events, ["opened", "closed timeout"]);
  assert.equal(script.ended, [[7, 1]]);
  script.expectIdle();
});

test("CLOSE-WAIT, the peer's FIN, is acknowledged, and data may still be sent", () => {
  const script = connected();
  script.inject({ flags: "FA", seq: 1, ack: 1 });
  script.expect({ flags: "A", ack: 2 });
  assert.equal(script.events, ["opened", "peerClosed"]);
  script.act((connection) => connection.send(text("late")));
  script.expect({ seq: 1, data: "late" });
  assert.equal(script.events, ["opened", "peerClosed"]);
});

test("CLOSE-WAIT, a user that closes when the peer does, sends FIN and ACK in one segment", () => {
  const script = connected();
  script.onPeerClosed = (connection) => connection.close();
  script.inject({ flags: "FA", seq: 1, ack: 1 });
  script.expect({ flags: "FPA", seq: 1, ack: 2 });
  script.expectNothing();
  script.inject({ flags: "A", seq: 2, ack: 2 });
  assert.equal(script.events, ["opened", "peerClosed", "closed closed"]);
  assert.equal(script.ended, [[7, 1]]);
  assert.is(script.stack.timeWaitCount, 0);
  script.expectIdle();
});

test("LAST-ACK, a FIN that is lost, is sent again", () => {
  const script = connected();
  script.onPeerClosed = (connection) => connection.close();
  script.inject({ flags: "FA", seq: 1, ack: 1 });
  script.expect({ flags: "FPA", seq: 1 });
  script.advance(200);
  script.expect({ flags: "FPA", seq: 1, ack: 2 });
  script.inject({ flags: "A", seq: 2, ack: 2 });
  script.expectIdle();
});

test("FIN-WAIT-1, data and FIN that are lost, are both sent again", () => {
  const script = connected();
  script.act((connection) => {
    connection.send(new Uint8Array(2000));
    connection.close();
  });
  assert.is(script.skip(), 2);
  script.advance(200);
  script.expect({ flags: "PA", seq: 1, length: 1460 });
  script.inject({ flags: "A", seq: 1, ack: 1461 });
  script.expect({ flags: "FPA", seq: 1461, length: 540 });
  script.inject({ flags: "A", seq: 1, ack: 2001 });
  script.expectNothing();
  script.advance(400);
  script.expect({ flags: "FPA", seq: 2001, length: 0 });
  script.inject({ flags: "A", seq: 1, ack: 2002 });
  assert.is(script.connection!.queuedBytes, 0);
  script.inject({ flags: "FA", seq: 1, ack: 2002 });
  script.expect({ flags: "A", ack: 2 });
  script.expectIdle();
});

test("FIN, before data that is missing, waits for it", () => {
  const script = connected();
  script.inject({ flags: "FA", seq: 4, ack: 1, data: "def" });
  script.expect({ flags: "A", ack: 1 });
  assert.equal(script.events, ["opened"]);
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abc" });
  script.expect({ flags: "A", ack: 8 });
  assert.is(script.text, "abcdef");
  assert.equal(script.events, ["opened", "peerClosed"]);
});

test("FIN, into a closed window, is sent without waiting and sent again until it is acknowledged", () => {
  const script = new TcpScript();
  script.connect({ win: 0 });
  script.act((connection) => connection.close());
  script.expect({ flags: "FPA", seq: 1 });
  script.advance(200);
  script.expect({ flags: "FPA", seq: 1 });
  script.inject({ flags: "A", seq: 1, ack: 2, win: 0 });
  script.advance(50_000);
  script.expectNothing();
});

test("close, with data left unread, is a RST in the FIN's place, after everything that was queued", () => {
  const script = connected();
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: "unread" });
  script.act((connection) => {
    connection.send(text("answer"));
    connection.close();
  });
  script.expect({ flags: "PA", seq: 1, data: "answer" });
  script.expectNothing();
  script.inject({ flags: "A", seq: 7, ack: 7 });
  script.expect({ flags: "RA", seq: 7, ack: 7 });
  assert.equal(script.events, ["opened", "closed aborted"]);
  script.expectIdle();
});

test("close, with data left unread that is read later, is a FIN after all", () => {
  const script = connected();
  script.consume = () => 0;
  script.inject({ flags: "A", seq: 1, ack: 1, data: "unread" });
  script.act((connection) => {
    connection.send(text("answer"));
    connection.close();
  });
  script.skip();
  script.consume = (available) => available;
  script.act((connection) => connection.resume());
  script.expect({ flags: "FPA", seq: 7 });
});

test("close, twice and then send and abort after the end, does nothing more", () => {
  const script = connected();
  script.onPeerClosed = (connection) => connection.close();
  script.inject({ flags: "FA", seq: 1, ack: 1 });
  script.skip();
  script.act((connection) => {
    connection.close();
    connection.send(text("late"));
  });
  script.expectNothing();
  script.inject({ flags: "A", seq: 2, ack: 2 });
  script.act((connection) => {
    connection.send(text("late"));
    connection.resume();
    connection.close();
    connection.abort();
  });
  assert.equal(script.events, ["opened", "peerClosed", "closed closed"]);
  script.expectIdle();
});

test("abort, by the user, is a RST at the end of the turn, and closed is told once", () => {
  const script = connected();
  script.onReceived = (connection) => {
    connection.send(text("never"));
    connection.abort();
    connection.abort();
    connection.send(text("never"));
  };
  script.inject({ flags: "A", seq: 1, ack: 1, data: "abc" }, { flags: "A", seq: 4, ack: 1, data: "def" });
  // The second segment of the turn finds no connection any more.
  script.expect({ flags: "R", seq: 1 });
  script.expect({ flags: "RA", seq: 1, ack: 4 });
  assert.equal(script.events, ["opened", "closed aborted"]);
  script.expectIdle();
});

test("abortAll, with connections in several states, resets each and leaves nothing", () => {
  const script = new TcpScript();
  for (const port of [1, 2, 3]) {
    script.endpoint = { ...script.endpoint, port };
    script.connect();
  }
  script.act((connection) => connection.close());
  script.skip();
  script.endpoint = { ...script.endpoint, port: 4 };
  script.inject({ flags: "S", seq: 0 });
  script.skip();
  script.stack.abortAll();
  for (let index = 0; index < 3; index++) script.expect({ flags: "RA" });
  assert.is(script.events.filter((event) => event === "closed aborted").length, 3);
  script.expectIdle();
});

test.run();
