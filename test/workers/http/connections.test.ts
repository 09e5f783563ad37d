// Too many connections: who has to give way, in which order, and with which answer, so that slow clients hold no more than
// their share of a worker.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HttpOptions } from "../../../workers/http/options.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer, type Responder } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";
import { statusesIn } from "./observed.js";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HALF = "GET / HTTP/1.1\r\nHo";

function post(length: number): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
}

function serve(options: Partial<HttpOptions>, respond: Responder = () => HttpResponse.text("x")) {
  const streamsPut = () => ({ streams: true });
  const server = new HttpServer(
    options,
    respond,
    () => 0,
    (request) => (request.method === "PUT" ? streamsPut() : {}),
  );
  const open = (...pieces: string[]) => {
    const stream = new FakeStream(server);
    for (const piece of pieces) stream.deliver(piece);
    return stream;
  };
  return { server, open };
}

const never: Responder = () => new Promise(() => {});

function closedOf(streams: readonly FakeStream[]): boolean[] {
  return streams.map((stream) => stream.isClosed);
}

test("heads that do not come: the one that is owed longest gives way, 408 if it has begun", () => {
  const { server, open } = serve({ maxHeadsAwaited: 2 });
  const served = open(GET);
  const silent = open();
  const half = open(HALF);
  const third = open();
  assert.equal(closedOf([served, silent, half, third]), [false, true, false, false]);
  assert.is(silent.output, "");
  const fourth = open();
  assert.equal(statusesIn(half.output), [408]);
  assert.equal(closedOf([third, fourth]), [false, false]);
  assert.is(server.counters.displaced, 2);
  // A head that is complete is owed no longer.
  third.deliver(GET);
  open();
  assert.equal(closedOf([third, fourth]), [false, false]);
});

test("heads that drip count from their first byte, not from their last", () => {
  const { open } = serve({ maxHeadsAwaited: 2 });
  const slow = open(HALF);
  const other = open(HALF);
  slow.deliver("s");
  open(HALF);
  assert.equal(closedOf([slow, other]), [true, false]);
});

test("a kept connection that begins its next head owes it from then on", () => {
  const { open } = serve({ maxHeadsAwaited: 1 });
  const kept = open(GET);
  const silent = open();
  kept.deliver(HALF);
  assert.equal(closedOf([kept, silent]), [false, true]);
});

test("bodies that do not come: the one without progress for longest is 408", () => {
  const { server, open } = serve({ maxBodiesAwaited: 2, bodyStepBytes: 10, bodyTimeoutMs: 1e6 });
  const first = open(post(1000), "x");
  const second = open(post(1000), "x");
  server.sweep(1_000);
  first.deliver("x".repeat(10));
  second.deliver("x".repeat(9));
  server.sweep(2_000);
  const third = open(post(1000));
  assert.equal(statusesIn(second.output), [408]);
  assert.equal(closedOf([first, second, third]), [false, true, false]);
});

test("bodies that are streamed count as owed, until their answer has begun", async () => {
  let answer = (_response: HttpResponse) => {};
  const respond: Responder = (request) => {
    void request.bytes();
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const { open, server } = serve({ maxBodiesAwaited: 1 }, respond);
  const put = post(1000).replace("POST", "PUT");
  const first = open(put);
  const second = open(put);
  assert.equal(statusesIn(first.output), [408]);
  // The second one's answer begins: it can be told nothing any more, but keeps nobody out.
  answer(new HttpResponse(new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })));
  await new Promise(setImmediate);
  const third = open(put);
  assert.equal(closedOf([first, second, third]), [true, false, false]);
  assert.equal(statusesIn(second.output), [200]);
  assert.is(server.connectionCount, 3);
});

test("bodies that take too much memory: the one without progress for longest is 408", () => {
  const { server, open } = serve({ maxGatheredBytes: 100_000 });
  const small = open(post(1_000_000), "x".repeat(20_000));
  const streams = [open(post(1_000_000), "x".repeat(40_000)), open(post(1_000_000), "x")];
  assert.ok(server.heldBytes <= 100_000);
  streams[1]!.deliver("x".repeat(60_000));
  assert.equal(statusesIn(small.output), [408]);
  assert.equal(closedOf(streams), [true, false], "as many as it takes");
  assert.ok(server.heldBytes <= 100_000);
});

test("bodies that take too much memory: one may give way to itself, with data that it could not take yet", () => {
  const { server, open } = serve({ maxGatheredBytes: 1000 });
  const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  // A byte of the next size line stays with the transport.
  const stream = open(`${head}7d0\r\n${"x".repeat(2000)}\r\n7`);
  assert.equal(statusesIn(stream.output), [408]);
  assert.is(stream.keptBytes, 0);
  assert.is(server.heldBytes, 0);
  assert.is(server.counters.displaced, 1);
});

test("memory of a body is counted until its request has been answered", async () => {
  const answers: ((response: HttpResponse) => void)[] = [];
  const { server, open } = serve(
    {},
    () =>
      new Promise((resolve) => {
        answers.push(resolve);
      }),
  );
  const one = open(post(5000), "x".repeat(5000));
  open(post(100), "x".repeat(100));
  assert.is(server.heldBytes, 5100);
  one.end("reset");
  assert.is(server.heldBytes, 100);
  for (const answer of answers) answer(HttpResponse.text("x"));
  await new Promise(setImmediate);
  assert.is(server.heldBytes, 0);
});

test("a full table: who has been idle longest gives way, then who owes a head, never who is being answered", () => {
  const { server, open } = serve({ maxConnections: 3 });
  const streams = [open(GET), open(GET), open(GET)];
  streams[0]!.deliver(GET);
  const fourth = open();
  assert.equal(closedOf(streams), [false, true, false]);
  open(HALF);
  open(HALF);
  assert.equal(closedOf([...streams, fourth]), [true, true, true, false]);
  open(HALF);
  assert.ok(fourth.isClosed);
  assert.is(server.counters.displaced, 4);
  const busy = serve({ maxConnections: 2 }, never);
  const answering = [busy.open(GET), busy.open(GET)];
  const refused = busy.open(GET);
  assert.equal(closedOf(answering), [false, false]);
  assert.ok(refused.isClosed);
});

test("connections that were closed, and whose clients stay, are aborted when there are too many", () => {
  const { server, open } = serve({ maxLingering: 2 });
  const streams = [open("\x01"), open("\x01"), open("\x01")];
  assert.equal(
    streams.map(({ isAborted }) => isAborted),
    [true, false, false],
  );
  assert.is(server.connectionCount, 2);
  for (const stream of streams) stream.deliverEnd();
  assert.is(server.counters.displaced, 1);
});

test("a flood of slow clients, of every kind, leaves a client that is not slow its service", () => {
  const { server, open } = serve({
    maxConnections: 40,
    maxHeadsAwaited: 10,
    maxBodiesAwaited: 10,
    maxLingering: 10,
  });
  const kept = open(GET);
  for (let round = 0; round < 500; round++) {
    open();
    open(HALF);
    open(post(10), "x");
    open("nonsense\r\n\r\n");
    kept.deliver(GET);
    assert.ok(open(GET).output.startsWith("HTTP/1.1 200 "));
    assert.ok(server.connectionCount <= 50, `${server.connectionCount} connections`);
  }
  assert.not(kept.isClosed);
  assert.is(statusesIn(kept.output).length, 501);
});

test.run();
