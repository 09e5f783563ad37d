// Responses whose bodies are streams: chunked framing, back-pressure, the source's failure, the client's departure.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** A source that gives a piece each time it is asked, and notes what happens to it. */
class Source {
  given = 0;
  cancelled: unknown = null;
  readonly stream: ReadableStream<Uint8Array>;

  constructor(pieces: readonly Uint8Array[], failsAtEnd = false) {
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const piece = pieces[this.given];
          if (piece !== undefined) {
            this.given++;
            controller.enqueue(piece);
          } else if (failsAtEnd) {
            controller.error(new Error("the source has failed"));
          } else {
            controller.close();
          }
        },
        cancel: (reason) => {
          this.cancelled = reason;
        },
      },
      { highWaterMark: 0 },
    );
  }
}

function serve(body: () => ReadableStream<Uint8Array>, acknowledgesAtOnce = true) {
  const server = new HttpServer(
    {},
    () => new HttpResponse(body()),
    () => 0,
  );
  return { server, stream: new FakeStream(server, acknowledgesAtOnce) };
}

async function settle(): Promise<void> {
  for (let link = 0; link < 300; link++) await Promise.resolve();
}

function bodyOf(output: string): string {
  return output.slice(output.indexOf("\r\n\r\n") + 4);
}

const text = (value: string) => Buffer.from(value, "latin1");

test("a stream, to HTTP/1.1, is sent in chunks and the connection goes on", async () => {
  const { server, stream } = serve(() => new Source([text("hello"), text(""), text("x".repeat(16))]).stream);
  stream.deliver(GET + GET);
  await settle();
  const answers = stream.output.split("HTTP/1.1 200 OK\r\n").slice(1);
  assert.is(answers.length, 2);
  for (const answer of answers) {
    assert.match(answer, "Transfer-Encoding: chunked\r\n");
    assert.not.match(answer, "Content-Length");
    assert.is(bodyOf(answer), `5\r\nhello\r\n10\r\n${"x".repeat(16)}\r\n0\r\n\r\n`);
  }
  assert.not(stream.isClosed);
  assert.is(server.inFlight, 0);
});

test("a stream, of large chunks, is sent without their being copied into one piece", async () => {
  const large = new Uint8Array(100_000).fill(0x61);
  const { stream } = serve(() => new Source([large]).stream);
  stream.deliver(GET);
  await settle();
  assert.is(bodyOf(stream.output), `186a0\r\n${"a".repeat(100_000)}\r\n0\r\n\r\n`);
  assert.ok(stream.sent.some((piece) => piece.length === large.length));
});

test("a stream, to HTTP/1.0, is sent as it is and ends with the connection", async () => {
  const { stream } = serve(() => new Source([text("hello "), text("world")]).stream);
  stream.deliver("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  await settle();
  assert.is(bodyOf(stream.output), "hello world");
  assert.match(stream.output, "Connection: close\r\n");
  assert.not.match(stream.output, "Transfer-Encoding");
  assert.ok(stream.isClosed);
});

test("a stream, to HEAD or with 304, is cancelled and only the head sent", async () => {
  const source = new Source([text("x")]);
  const { server, stream } = serve(() => source.stream);
  stream.deliver(GET.replace("GET", "HEAD"));
  await settle();
  assert.is(bodyOf(stream.output), "");
  assert.ok(source.cancelled instanceof Error);
  assert.is(server.inFlight, 0);
});

test("a stream, to a client that takes nothing, is not read further until it does", async () => {
  const piece = new Uint8Array(100_000);
  const source = new Source(Array<Uint8Array>(10).fill(piece));
  const { server, stream } = serve(() => source.stream, false);
  stream.deliver(GET);
  await settle();
  assert.is(source.given, 3, "three pieces pass the high-water mark of 256 KiB");
  stream.acknowledge();
  await settle();
  assert.is(source.given, 6);
  assert.is(server.inFlight, 1);
  for (let round = 0; round < 3; round++) {
    stream.acknowledge();
    await settle();
  }
  assert.is(source.given, 10);
  assert.ok(stream.output.endsWith("\r\n0\r\n\r\n"));
  assert.is(server.inFlight, 0);
});

test("a stream, whose client goes while it waits, is cancelled", async () => {
  const source = new Source(Array<Uint8Array>(10).fill(new Uint8Array(300_000)));
  const { server, stream } = serve(() => source.stream, false);
  stream.deliver(GET);
  await settle();
  stream.end("reset");
  await settle();
  assert.ok(source.cancelled instanceof Error);
  assert.is(source.given, 1);
  assert.is(server.inFlight, 0);
  assert.is(server.counters.streamFailures, 0);
});

test("a stream, whose client goes while its source is at work, is cancelled", async () => {
  let cancelled = false;
  const { server, stream } = serve(
    () =>
      new ReadableStream<Uint8Array>({
        pull: () => new Promise(() => {}),
        cancel: () => {
          cancelled = true;
          throw new Error("and fails at that too");
        },
      }),
  );
  stream.deliver(GET);
  await settle();
  stream.end("timeout");
  await settle();
  assert.ok(cancelled);
  assert.is(server.inFlight, 0);
});

test("a stream, whose source fails, ends the connection so that nobody takes it for whole", async () => {
  const { server, stream } = serve(() => new Source([text("half")], true).stream);
  stream.deliver(GET);
  await settle();
  assert.ok(stream.isAborted);
  assert.not.match(stream.output, "\r\n0\r\n");
  assert.is(server.counters.streamFailures, 1);
  assert.is(server.inFlight, 0);
});

test("a stream, of something other than bytes, ends the connection", async () => {
  const source = new Source(["text" as unknown as Uint8Array]);
  const { server, stream } = serve(() => source.stream);
  stream.deliver(GET);
  await settle();
  assert.ok(stream.isAborted);
  assert.ok(source.cancelled instanceof Error);
  assert.is(server.counters.streamFailures, 1);
});

test("a stream, given a second time, is a 500", async () => {
  const source = new Source([text("once")]);
  const { server, stream } = serve(() => source.stream);
  stream.deliver(GET + GET);
  await settle();
  assert.match(stream.output, /\r\n0\r\n\r\nHTTP\/1\.1 500 /);
  assert.is(server.counters.responderFailures, 1);
});

test("a WHATWG Response is sent with its status, fields and body", async () => {
  const server = new HttpServer(
    {},
    () => {
      const headers = new Headers({ "content-length": "999", "x-a": "1", connection: "upgrade" });
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return HttpResponse.from(new Response("héllo", { status: 202, headers }));
    },
    () => 0,
  );
  const stream = new FakeStream(server);
  stream.deliver(GET);
  // A Response's own stream needs turns of the event loop.
  for (let turn = 0; turn < 100 && server.inFlight > 0; turn++)
    await new Promise((next) => setImmediate(next));
  assert.match(stream.output, /^HTTP\/1\.1 202 Accepted\r\n/);
  assert.match(stream.output, "Content-Type: text/plain;charset=UTF-8\r\n");
  assert.match(stream.output, "set-cookie: a=1\r\nset-cookie: b=2\r\n");
  assert.match(stream.output, "x-a: 1\r\n");
  assert.not.match(stream.output, /999|upgrade/);
  assert.is(bodyOf(stream.output), "6\r\nh\xc3\xa9llo\r\n0\r\n\r\n");
});

test.run();
