// The server on a fake stream: order, back-pressure, persistence, the rules of content, and what becomes of a
// responder that breaks its contract or a client that goes away.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer, type Responder } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";
import { statusesIn } from "./observed.js";

const WALL_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const DATE = "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function serve(respond: Responder, acknowledgesAtOnce = true) {
  const server = new HttpServer({}, respond, () => WALL_MS);
  return { server, stream: new FakeStream(server, acknowledgesAtOnce) };
}

function request(path: string, fields = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

/** Lets promises that are settled run their continuations, many links deep. */
async function settle(): Promise<void> {
  for (let link = 0; link < 50; link++) await Promise.resolve();
}

/** A responder whose answers wait until the test gives them. */
class Waiting {
  readonly paths: string[] = [];
  readonly #resolvers: ((response: HttpResponse) => void)[] = [];
  readonly respond: Responder = (one) => {
    this.paths.push(one.path);
    return new Promise((resolve) => this.#resolvers.push(resolve));
  };

  async answer(body: string): Promise<void> {
    this.#resolvers.shift()!(HttpResponse.text(body));
    await settle();
  }
}

test("a response, of a string, is one head with its length and the body", () => {
  const { stream } = serve(() => HttpResponse.text("hello"));
  stream.deliver(GET);
  const head = `HTTP/1.1 200 OK\r\n${DATE}Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\n`;
  assert.is(stream.output, `${head}hello`);
  assert.is(stream.sent.length, 1, "sent in one piece");
});

test("a response, of text beyond ASCII, has its length in bytes", () => {
  for (const text of ["é", "é".repeat(100), "日本", "😀".repeat(5000), "\ud800", "x".repeat(20_000)]) {
    const { stream } = serve(() => HttpResponse.text(text));
    stream.deliver(GET);
    const body = Buffer.from(text, "utf8");
    assert.match(stream.output, `Content-Length: ${body.length}\r\n`);
    assert.ok(Buffer.concat(stream.sent).subarray(-body.length).equals(body));
  }
});

test("a response, of bytes of any size, carries exactly them", () => {
  for (const length of [0, 1, 8192, 8193, 1_000_000]) {
    const bytes = new Uint8Array(length).map((_, index) => index * 7);
    const { stream } = serve(() => new HttpResponse(bytes));
    stream.deliver(GET);
    const sent = Buffer.concat(stream.sent);
    const bodyStart = sent.indexOf("\r\n\r\n") + 4;
    assert.match(stream.output, `\r\nContent-Length: ${length}\r\n`);
    assert.ok(sent.subarray(bodyStart).equals(bytes), `${length} bytes`);
  }
});

test("a response, of many fields, has each on a line of its own", () => {
  const { stream } = serve(() => {
    const response = new HttpResponse(null, { status: 201, headers: { Location: "/x", "X-A": "1" } });
    response.headers.append("Set-Cookie", "a=1");
    response.headers.append("Set-Cookie", "b=2");
    return response;
  });
  stream.deliver(GET);
  const fields = "Location: /x\r\nX-A: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
  assert.is(stream.output, `HTTP/1.1 201 Created\r\n${DATE}Content-Length: 0\r\n${fields}\r\n`);
});

test("a response, with fields beyond a slab's share, is whole", () => {
  const long = "v".repeat(10_000);
  const { stream } = serve(() => HttpResponse.text("x", { headers: { "X-Long": long } }));
  stream.deliver(GET);
  assert.ok(stream.output.endsWith(`X-Long: ${long}\r\n\r\nx`));
});

test("many responses, more than one slab holds, stay as they were sent", () => {
  let count = 0;
  const { stream } = serve(() => HttpResponse.text(`${count++}`.padStart(3000, ".")));
  for (let index = 0; index < 100; index++) stream.deliver(GET);
  const bodies = stream.output
    .split("\r\n\r\n")
    .slice(1)
    .map((part) => part.slice(0, 3000));
  assert.equal(
    bodies,
    Array.from({ length: 100 }, (_, index) => `${index}`.padStart(3000, ".")),
  );
});

test("the Date, when a second has passed, is the new second in every kind of response", () => {
  let wallMs = WALL_MS;
  const server = new HttpServer(
    {},
    (one) => HttpResponse.text("", { status: Number(one.path.slice(1)) }),
    () => wallMs,
  );
  const stream = new FakeStream(server);
  const datesNow = () => {
    stream.sent.length = 0;
    stream.deliver(request("/200") + request("/404"));
    return [...stream.output.matchAll(/Date: (.*)\r/g)].map((match) => match[1]);
  };
  assert.equal(datesNow(), Array(2).fill("Fri, 02 Jan 2026 03:04:05 GMT"));
  wallMs += 321;
  assert.equal(datesNow(), Array(2).fill("Fri, 02 Jan 2026 03:04:05 GMT"));
  wallMs += 1;
  assert.equal(datesNow(), Array(2).fill("Fri, 02 Jan 2026 03:04:06 GMT"));
  wallMs -= 3_600_000;
  assert.equal(datesNow(), Array(2).fill("Fri, 02 Jan 2026 02:04:06 GMT"));
});

test("content types, more than are remembered, are all right", () => {
  const { stream } = serve(
    (one) => new HttpResponse("x", { headers: { "content-type": `a/${one.path.slice(1)}` } }),
  );
  for (let index = 0; index < 600; index++) {
    stream.sent.length = 0;
    stream.deliver(request(`/${index % 300}`));
    assert.match(stream.output, `\r\nContent-Type: a/${index % 300}\r\n`);
  }
});

test("HEAD, of any body, gets the head that GET gets and nothing more", async () => {
  const bodies = ["hello", "x".repeat(20_000), new Uint8Array(10), new Uint8Array(20_000)];
  for (const body of bodies) {
    const { stream } = serve(() => new HttpResponse(body));
    stream.deliver(GET);
    const gotten = stream.output.slice(0, stream.output.indexOf("\r\n\r\n") + 4);
    stream.sent.length = 0;
    stream.deliver(GET.replace("GET", "HEAD"));
    assert.is(stream.output, gotten);
  }
});

test("HEAD, answered without a body, claims no length", () => {
  const { stream } = serve(() => new HttpResponse(null));
  stream.deliver(GET.replace("GET", "HEAD"));
  assert.is(stream.output, `HTTP/1.1 200 OK\r\n${DATE}\r\n`);
});

test("204 and 304, whatever the body, have neither content nor a length", () => {
  for (const [status, reason] of [
    [204, "No Content"],
    [304, "Not Modified"],
  ] as const) {
    const { stream } = serve(() => new HttpResponse(new Uint8Array(9), { status, headers: { etag: '"1"' } }));
    stream.deliver(GET);
    assert.is(stream.output, `HTTP/1.1 ${status} ${reason}\r\n${DATE}etag: "1"\r\n\r\n`);
  }
});

test("pipelined requests, the first answered last, are given one by one and answered in order", async () => {
  const waiting = new Waiting();
  const { server, stream } = serve(waiting.respond);
  stream.deliver(request("/1") + request("/2") + request("/3"));
  assert.equal(waiting.paths, ["/1"]);
  assert.is(server.inFlight, 1);
  assert.is(stream.keptBytes, 2 * request("/2").length, "the rest stays with the transport");
  stream.deliver(request("/4"));
  assert.equal(waiting.paths, ["/1"], "not even when more arrives");
  for (const [index, path] of ["/1", "/2", "/3", "/4"].entries()) {
    assert.is(waiting.paths.length, index + 1);
    await waiting.answer(path);
  }
  assert.equal(
    [...stream.output.matchAll(/\r\n\r\n(\/\d)/g)].map((match) => match[1]),
    ["/1", "/2", "/3", "/4"],
  );
  assert.is(server.inFlight, 0);
  assert.is(stream.keptBytes, 0);
});

test("pipelined requests, of a client that takes no answers, wait until it does", () => {
  let served = 0;
  const { stream } = serve(() => {
    served++;
    return new HttpResponse(new Uint8Array(100_000));
  }, false);
  stream.deliver(GET.repeat(10));
  assert.is(served, 3, "three answers pass the high-water mark of 256 KiB");
  stream.deliver(GET);
  assert.is(served, 3);
  stream.acknowledge(200_000);
  assert.is(served, 3, "above the low-water mark");
  stream.acknowledge();
  assert.is(served, 6);
  for (let round = 0; round < 3; round++) stream.acknowledge();
  assert.is(served, 11);
  assert.is(stream.keptBytes, 0);
});

test("a client that has ended its side gets all answers, then our end", async () => {
  const waiting = new Waiting();
  const { stream } = serve(waiting.respond);
  stream.deliver(request("/1") + request("/2"));
  stream.deliverEnd();
  assert.not(stream.isClosed);
  await waiting.answer("one");
  assert.not(stream.isClosed);
  await waiting.answer("two");
  assert.ok(stream.isClosed);
  assert.equal(statusesIn(stream.output), [200, 200]);
});

test("a client that has ended its side, stalled by its own slowness, gets the rest as well", () => {
  const { stream } = serve(() => new HttpResponse(new Uint8Array(300_000)), false);
  stream.deliver(GET + GET);
  stream.deliverEnd();
  assert.not(stream.isClosed);
  stream.acknowledge();
  assert.ok(stream.isClosed);
  assert.equal(statusesIn(stream.output), [200, 200]);
});

test("a client that ends its side between requests is closed, within one is counted", () => {
  const { server, stream } = serve(() => HttpResponse.text("x"));
  stream.deliver(GET);
  stream.deliverEnd();
  assert.ok(stream.isClosed);
  assert.is(server.counters.incompleteRequests, 0);
  const half = new FakeStream(server);
  half.deliver("GET / HTTP/1.1\r\n");
  half.deliverEnd();
  assert.ok(half.isClosed);
  assert.is(half.output, "");
  assert.is(server.counters.incompleteRequests, 1);
  assert.is(server.connectionCount, 0);
});

test("after the last answer, what the client still sends is thrown away", async () => {
  const waiting = new Waiting();
  const { stream } = serve(waiting.respond);
  stream.deliver(request("/1", "Connection: close\r\n") + GET);
  assert.is(stream.keptBytes, GET.length);
  await waiting.answer("x");
  assert.ok(stream.isClosed);
  assert.is(stream.keptBytes, 0, "nothing is left unread, so that no RST overtakes the answer");
  stream.deliver(GET);
  assert.equal(waiting.paths, ["/1"]);
  assert.match(stream.output, "\r\nConnection: close\r\n");
});

test("the Connection field, in all cases of persistence", () => {
  const cases: [string, string, RegExp | null, boolean][] = [
    ["1.1", "", null, false],
    ["1.1", "Connection: close\r\n", /Connection: close\r/, true],
    ["1.0", "", /Connection: close\r/, true],
    ["1.0", "Connection: keep-alive\r\n", /Connection: keep-alive\r/, false],
  ];
  for (const [version, fields, expected, closes] of cases) {
    const { stream } = serve(() => HttpResponse.text("x"));
    stream.deliver(`GET / HTTP/${version}\r\nHost: a\r\n${fields}\r\n`);
    if (expected === null) assert.not.match(stream.output, /Connection/);
    else assert.match(stream.output, expected);
    assert.is(stream.isClosed, closes);
  }
});

test("a response that asks for the connection's end gets it", () => {
  const { stream } = serve(() => HttpResponse.text("x", { headers: { connection: "close" } }));
  stream.deliver(GET + GET);
  assert.ok(stream.isClosed);
  assert.equal(statusesIn(stream.output), [200]);
});

test("100 Continue is sent before the body and the answer, once", () => {
  const { stream } = serve(() => HttpResponse.text("x"));
  stream.deliver("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  assert.is(stream.output, "HTTP/1.1 100 Continue\r\n\r\n");
  stream.deliver("ab");
  assert.is(stream.output, "HTTP/1.1 100 Continue\r\n\r\n");
  stream.deliver("c");
  assert.match(stream.output, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
});

test("100 Continue is not sent to HTTP/1.0, nor for a body that is too large", () => {
  const fields = "Expect: 100-continue\r\nHost: a\r\n";
  const { server, stream } = serve(() => HttpResponse.text("x"));
  stream.deliver(`POST / HTTP/1.0\r\nContent-Length: 1\r\n${fields}\r\nx`);
  assert.equal(
    [...stream.output.matchAll(/HTTP\/1.1 (\d+)/g)].map((match) => match[1]),
    ["200"],
  );
  const large = new FakeStream(server);
  large.deliver(`POST / HTTP/1.1\r\nContent-Length: 99999999\r\n${fields}\r\n`);
  assert.match(large.output, /^HTTP\/1\.1 413 Content Too Large\r\n/);
  assert.is(server.counters.refusals[413], 1);
});

test("a refusal, of HEAD, has no body", () => {
  const { stream } = serve(() => HttpResponse.text("x"));
  stream.deliver("HEAD / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n");
  assert.match(stream.output, /^HTTP\/1\.1 417 .*\r\n\r\n$/s);
});

test("a responder that throws, rejects or gives no response costs a 500 and a count", async () => {
  const broken: unknown[] = [
    () => {
      throw new Error("thrown");
    },
    () => Promise.reject(new Error("rejected")),
    () => Promise.resolve({ status: 200 }),
    () => undefined,
    () => "hello",
  ];
  for (const respond of broken) {
    const { server, stream } = serve(respond as Responder);
    stream.deliver(GET + GET);
    await settle();
    assert.equal(statusesIn(stream.output), [500, 500]);
    assert.is(server.counters.responderFailures, 2);
    assert.is(server.inFlight, 0);
    assert.not.match(stream.output, /thrown|rejected/);
  }
});

test("an answer that comes after the client has gone is dropped", async () => {
  const waiting = new Waiting();
  const { server, stream } = serve(waiting.respond);
  stream.deliver(GET);
  stream.end("reset");
  assert.is(server.connectionCount, 0);
  assert.is(server.inFlight, 1, "the app is still at it");
  await waiting.answer("x");
  assert.is(stream.output, "");
  assert.is(server.inFlight, 0);
});

test("the responder, given a request with a body, has all of it whatever the pieces", async () => {
  const bodies: Promise<Uint8Array>[] = [];
  const { stream } = serve((one: HttpRequest) => {
    bodies.push(one.bytes());
    return HttpResponse.text("x");
  });
  const body = Buffer.from(new Uint8Array(1_000_000).map((_, index) => index * 31));
  stream.deliver(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
  for (let at = 0; at < body.length; at += 1460) stream.deliver(body.subarray(at, at + 1460));
  stream.deliver("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let at = 0; at < body.length; at += 9999) {
    const chunk = body.subarray(at, at + 9999);
    stream.deliver(`${chunk.length.toString(16)}\r\n`);
    stream.deliver(Buffer.concat([chunk, Buffer.from("\r\n")]));
  }
  stream.deliver("0\r\n\r\n");
  assert.is(bodies.length, 2);
  for (const received of bodies) assert.ok(body.equals(await received));
});

test("draining: busy connections are closed after their answer, idle ones when no request has come for a while", async () => {
  const waiting = new Waiting();
  const { server, stream: busy } = serve(waiting.respond);
  const idle = new FakeStream(server);
  idle.deliver(GET);
  await waiting.answer("idle");
  const fresh = new FakeStream(server);
  busy.deliver(GET + GET);
  server.sweep(0);
  server.drain();
  server.sweep(999);
  assert.not(idle.isClosed, "its next request may be on its way");
  assert.not(fresh.isClosed, "as may its first");
  await waiting.answer("busy");
  assert.ok(busy.isClosed);
  assert.match(busy.output, "\r\nConnection: close\r\n");
  fresh.deliver(GET);
  server.sweep(1000);
  assert.ok(idle.isClosed);
  assert.not(fresh.isClosed, "its request is being answered");
  await waiting.answer("fresh");
  assert.ok(fresh.isClosed);
  assert.is(waiting.paths.length, 3, "the second request of the busy one is not served");
});

test("counters, after all kinds of requests, add up", () => {
  const { server, stream } = serve((one) => new HttpResponse(null, { status: Number(one.path.slice(1)) }));
  stream.deliver(`${["/200", "/204", "/302", "/404", "/503"].map((path) => request(path)).join("")}\x01`);
  assert.is(server.counters.requests, 5);
  assert.equal(server.counters.responses, [0, 0, 2, 1, 2, 1]);
  assert.is(server.counters.refusals[400], 1);
  assert.is(server.counters.connections, 1);
});

test.run();
