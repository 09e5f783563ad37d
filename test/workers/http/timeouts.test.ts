// Timeouts, by a clock that only the test moves: one sweep a second, as the worker does it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { RequestBodyError } from "../../../workers/http/incoming-body.js";
import type { BodyRules } from "../../../workers/http/options.js";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer, type Responder } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";
import { statusesIn } from "./observed.js";

const LIMITS = {
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 20_000,
  bodyStepBytes: 100,
  idleTimeoutMs: 30_000,
  sendTimeoutMs: 40_000,
  lingerTimeoutMs: 5_000,
};
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";

function serve(
  respond: Responder = () => HttpResponse.text("x"),
  acknowledgesAtOnce = true,
  rules: BodyRules = {},
) {
  const server = new HttpServer(
    LIMITS,
    respond,
    () => 0,
    () => rules,
  );
  // Long before the connection: the time of an earlier sweep must mean nothing to it.
  server.sweep(1_000);
  let nowMs = 5_000_000;
  const pass = (seconds: number, each: () => void = () => {}) => {
    for (let second = 0; second < seconds; second++) {
      each();
      nowMs += 1_000;
      server.sweep(nowMs);
    }
  };
  return { server, stream: new FakeStream(server, acknowledgesAtOnce), pass };
}

test("a connection that sends nothing is closed without a word", () => {
  const { server, stream, pass } = serve();
  pass(10);
  assert.not(stream.isClosed);
  pass(1);
  assert.ok(stream.isClosed);
  assert.is(stream.output, "");
  assert.is(server.counters.idleTimeouts, 1);
});

test("a head that drips, a byte a second, is 408 when its time is over", () => {
  const { server, stream, pass } = serve();
  const bytes = [..."GET / HTTP/1.1\r\nHost: a"];
  pass(10, () => stream.deliver(bytes.shift()!));
  assert.is(stream.output, "");
  pass(1, () => stream.deliver(bytes.shift()!));
  assert.equal(statusesIn(stream.output), [408]);
  assert.ok(stream.isClosed);
  assert.is(server.counters.refusals[408], 1);
});

test("a head that drips behind an answered HEAD is 408 with its body", () => {
  const { stream, pass } = serve();
  stream.deliver(GET.replace("GET", "HEAD"));
  stream.deliver("GET / ");
  pass(11);
  assert.ok(stream.output.endsWith("408 Request Timeout\n"));
});

test("an idle connection is closed after its own time, measured from the last answer", () => {
  const { server, stream, pass } = serve();
  stream.deliver(GET);
  pass(25);
  stream.deliver(GET);
  pass(30);
  assert.not(stream.isClosed);
  pass(1);
  assert.ok(stream.isClosed);
  assert.equal(statusesIn(stream.output), [200, 200]);
  assert.is(server.counters.idleTimeouts, 1);
});

test("a body that stops is 408", () => {
  const { server, stream, pass } = serve();
  stream.deliver(POST);
  pass(19);
  stream.deliver("x".repeat(99));
  pass(1);
  assert.is(stream.output, "");
  pass(1);
  assert.equal(statusesIn(stream.output), [408]);
  assert.ok(stream.isClosed);
  assert.is(server.counters.refusals[408], 1);
});

test("a body that drips is 408, one that comes step by step is not", () => {
  for (const [bytesASecond, statuses] of [
    [4, [408]],
    [6, []],
  ] as const) {
    const { stream, pass } = serve();
    stream.deliver(POST);
    pass(100, () => stream.deliver("x".repeat(bytesASecond)));
    assert.equal(statusesIn(stream.output), statuses);
  }
});

test("a body that is streamed is 408 while its reader waits, and not while the app takes its time", async () => {
  const requests: HttpRequest[] = [];
  const { stream, pass } = serve(
    (request) => {
      requests.push(request);
      return new Promise(() => {});
    },
    true,
    { streams: true },
  );
  stream.deliver(POST);
  pass(1_000);
  assert.is(stream.output, "");
  const gathered = requests[0]!.bytes().catch((error: RequestBodyError) => error.code);
  pass(20);
  assert.is(stream.output, "");
  pass(1);
  assert.equal(statusesIn(stream.output), [408]);
  assert.ok(stream.isClosed);
  assert.is(await gathered, "body_timeout");
});

test("what is thrown away behind an answer, and does not come, ends the connection", () => {
  const { stream, pass } = serve(undefined, true, { streams: true });
  stream.deliver(POST);
  assert.equal(statusesIn(stream.output), [200]);
  pass(20);
  assert.not(stream.isClosed);
  pass(1);
  assert.ok(stream.isClosed);
  assert.equal(statusesIn(stream.output), [200]);
});

test("chunks that stop are 408 too", () => {
  const { stream, pass } = serve();
  stream.deliver("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  pass(21);
  assert.equal(statusesIn(stream.output), [408]);
});

test("a responder that takes its time is waited for", () => {
  const { stream, pass } = serve(() => new Promise(() => {}));
  stream.deliver(GET);
  pass(1_000);
  assert.not(stream.isClosed);
});

test("a client that takes nothing of its answer is aborted, a slow one is not", () => {
  const { server, stream, pass } = serve(() => new HttpResponse(new Uint8Array(100_000)), false);
  stream.deliver(GET);
  pass(100, () => stream.acknowledge(10));
  assert.not(stream.isAborted, "slow");
  pass(39);
  assert.not(stream.isAborted);
  pass(1);
  assert.ok(stream.isAborted);
  assert.is(server.counters.abortTimeouts, 1);
});

test("a client that always has the same amount outstanding when swept, but lives, is left alone", () => {
  const { stream, pass } = serve(() => HttpResponse.text("x"), false);
  pass(100, () => {
    stream.acknowledge();
    stream.deliver(GET);
  });
  assert.not(stream.isAborted);
  assert.not(stream.isClosed);
});

test("idle time begins once the answer has been taken", () => {
  const { stream, pass } = serve(() => new HttpResponse(new Uint8Array(1000)), false);
  stream.deliver(GET);
  pass(35);
  stream.acknowledge();
  pass(30);
  assert.not(stream.isClosed);
  pass(1);
  assert.ok(stream.isClosed);
});

test("a client that does not close its side after ours is aborted", () => {
  const { server, stream, pass } = serve();
  stream.deliver("\x01");
  assert.ok(stream.isClosed);
  pass(5, () => stream.deliver("more and more"));
  assert.not(stream.isAborted);
  pass(1);
  assert.ok(stream.isAborted);
  assert.is(server.connectionCount, 0);
  pass(10);
  assert.is(server.counters.abortTimeouts, 1);
});

test.run();
