// Bodies that arrive as the app reads them: what is called when, back-pressure, limits, 100 Continue, what becomes of what nobody
// reads, and of a client that breaks off.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_DISCARDED_BYTES } from "../../../workers/http/answering.js";
import { MAX_PIECE_BYTES, type RequestBodyError } from "../../../workers/http/incoming-body.js";
import type { BodyRules, HttpOptions } from "../../../workers/http/options.js";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer, type Responder } from "../../../workers/http/server.js";
import { FakeStream } from "../../support/fake-stream.js";
import { settle } from "../../support/settle.js";
import { statusesIn } from "./observed.js";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const UNLIMITED: BodyRules = { streams: true, maxBytes: Number.POSITIVE_INFINITY };

function post(length: number, fields = ""): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${length}\r\n\r\n`;
}

function serve(respond: Responder, rules: BodyRules = UNLIMITED, options: Partial<HttpOptions> = {}) {
  const server = new HttpServer(
    options,
    respond,
    () => 0,
    () => rules,
  );
  return { server, stream: new FakeStream(server) };
}

/** An app that waits until the test answers. */
function held(rules: BodyRules = UNLIMITED, options: Partial<HttpOptions> = {}) {
  const requests: HttpRequest[] = [];
  const answers: ((response: HttpResponse) => void)[] = [];
  const respond: Responder = (request) => {
    requests.push(request);
    return new Promise((resolve) => answers.push(resolve));
  };
  const answer = async (response: HttpResponse = HttpResponse.text("done")) => {
    answers.shift()!(response);
    await settle();
  };
  return { ...serve(respond, rules, options), requests, answer };
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of stream) text += Buffer.from(piece).toString("latin1");
  return text;
}

async function codeOf(failing: Promise<unknown>): Promise<string> {
  try {
    await failing;
  } catch (error) {
    return (error as RequestBodyError).code;
  }
  return "none";
}

test("the app, of a streamed body, is called when the head is there, and reads what comes as it comes", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(post(11));
  assert.ok(requests[0]!.isStreamed);
  const reader = requests[0]!.body!.getReader();
  const first = reader.read();
  await settle();
  stream.deliver("hello ");
  assert.is(Buffer.from((await first).value!).toString(), "hello ");
  stream.deliver("world");
  assert.is(Buffer.from((await reader.read()).value!).toString(), "world");
  assert.ok((await reader.read()).done);
  await answer();
  assert.equal(statusesIn(stream.output), [200]);
});

test("the app, of a gathered body, is called when all of it is there, and may read it as a stream, and again", async () => {
  const { stream, requests } = held({});
  const body = "x".repeat(MAX_PIECE_BYTES + 10);
  stream.deliver(post(body.length) + body.slice(1));
  assert.is(requests.length, 0);
  stream.deliver("x");
  const [request] = requests;
  assert.not(request!.isStreamed);
  assert.is(await request!.text(), body);
  assert.is(await readAll(request!.body!), body);
  assert.is(await request!.text(), body, "the stream's pieces were copies");
});

test("request.body, of a request without one, is null", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(GET + post(0));
  await answer();
  assert.equal(
    requests.map(({ body, isStreamed }) => [body, isStreamed]),
    [
      [null, false],
      [null, false],
    ],
  );
  assert.equal(await Promise.all(requests.map((request) => request.text())), ["", ""]);
});

test("a body, unread, stays with the transport; a read takes one piece of it", async () => {
  const { server, stream, requests } = held();
  const length = 10 * MAX_PIECE_BYTES;
  stream.deliver(post(length));
  stream.deliver(new Uint8Array(length));
  assert.is(stream.keptBytes, length);
  const reader = requests[0]!.body!.getReader();
  await settle();
  assert.is(stream.keptBytes, length, "a stream is not read ahead of its reader");
  assert.is((await reader.read()).value!.length, MAX_PIECE_BYTES);
  await settle();
  assert.is(stream.keptBytes, length - MAX_PIECE_BYTES);
  assert.is(server.heldBytes, 0);
});

test("a body of any length, however it is framed, passes through in little memory", async () => {
  const sent = 64 * 1024 * 1024;
  const windowBytes = 256 * 1024;
  for (const isChunked of [false, true]) {
    let read = 0;
    let largest = 0;
    const { server, stream } = serve(async (request) => {
      for await (const piece of request.body!) {
        read += piece.length;
        largest = Math.max(largest, piece.length);
      }
      return HttpResponse.text(String(read));
    });
    stream.deliver(isChunked ? CHUNKED : post(sent));
    const data = new Uint8Array(windowBytes);
    const framed = Buffer.concat([Buffer.from("40000\r\n"), data, Buffer.from("\r\n")]);
    for (let at = 0; at < sent; at += data.length) {
      // The client fills the window, and no more goes in until the app has taken something.
      stream.deliver(isChunked ? framed : data);
      assert.ok(stream.keptBytes <= framed.length);
      while (stream.keptBytes > 0) await settle();
    }
    if (isChunked) stream.deliver("0\r\n\r\n");
    await settle();
    assert.is(read, sent);
    assert.ok(largest <= MAX_PIECE_BYTES, `${largest} bytes in one piece`);
    assert.ok(stream.output.endsWith(String(sent)));
    assert.is(server.heldBytes, 0);
  }
});

test("bytes(), text(), json(), arrayBuffer() and form(), of a streamed body, gather it", async () => {
  const { stream, requests, answer } = held();
  const json = '{"a":[1,2]}';
  stream.deliver(post(json.length));
  const [request] = requests;
  const all = Promise.all([request!.json(), request!.text(), request!.arrayBuffer(), request!.bytes()]);
  for (const byte of json) stream.deliver(byte);
  const [value, text, buffer, bytes] = await all;
  assert.equal(value, { a: [1, 2] });
  assert.is(text, json);
  assert.is(Buffer.from(buffer).toString(), json);
  assert.is(Buffer.from(bytes).toString(), json);
  assert.is(await readAll(request!.body!), json, "and what is gathered can be had as a stream");
  await answer();
  stream.deliver(`${post(3, "Content-Type: application/x-www-form-urlencoded\r\n")}a=b`);
  assert.is((await requests[1]!.form()).get("a"), "b");
});

test("gathering, of a body that is too large for that, is 413, whether that is announced or not", async () => {
  for (const head of [post(101), CHUNKED]) {
    const { server, stream, requests, answer } = held(UNLIMITED, { maxBodyBytes: 100 });
    stream.deliver(head);
    const gathered = codeOf(requests[0]!.bytes());
    if (head === CHUNKED) stream.deliver(`64\r\n${"x".repeat(100)}\r\n1\r\nx\r\n`);
    assert.is(await gathered, "body_too_large");
    assert.equal(statusesIn(stream.output), [413]);
    assert.ok(stream.isClosed);
    await answer();
    assert.equal(statusesIn(stream.output), [413], "the app's own answer is not sent any more");
    assert.is(server.inFlight, 0);
  }
});

test("a body, longer than its rules allow, is 413: before the app is called where that is announced", async () => {
  const rules = { streams: true, maxBytes: 100 };
  const announced = held(rules);
  announced.stream.deliver(post(101, "Expect: 100-continue\r\n"));
  assert.equal(statusesIn(announced.stream.output), [413]);
  assert.not.match(announced.stream.output, CONTINUE);
  assert.is(announced.requests.length, 0);
  const chunked = held(rules);
  chunked.stream.deliver(CHUNKED);
  const read = codeOf(readAll(chunked.requests[0]!.body!));
  chunked.stream.deliver(`64\r\n${"x".repeat(100)}\r\n1\r\n`);
  assert.is(await read, "body_too_large");
  assert.equal(statusesIn(chunked.stream.output), [413]);
});

test("rules, that allow more or less than the server's limit, hold for gathered bodies, too", async () => {
  const more = held({ maxBytes: 200 }, { maxBodyBytes: 100 });
  more.stream.deliver(post(200) + "x".repeat(200));
  assert.is((await more.requests[0]!.bytes()).length, 200);
  const less = held({ maxBytes: 50 }, { maxBodyBytes: 100 });
  less.stream.deliver(post(51));
  assert.equal(statusesIn(less.stream.output), [413]);
});

test("100 Continue, for a streamed body, is sent when it is first read", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(post(2, "Expect: 100-continue\r\n"));
  const reader = requests[0]!.body!.getReader();
  await settle();
  assert.is(stream.output, "");
  const first = reader.read();
  assert.is(stream.output, CONTINUE);
  stream.deliver("a");
  await first;
  const second = reader.read();
  stream.deliver("b");
  await second;
  await answer();
  assert.ok(stream.output.startsWith(`${CONTINUE}HTTP/1.1 200 `));
  assert.not(stream.isClosed);
});

test("100 Continue, where the app answers without reading, is not sent, and the connection ends", async () => {
  for (const response of [HttpResponse.text("no"), new HttpResponse(new Blob(["no"]).stream())]) {
    const { stream } = serve(() => response);
    stream.deliver(post(2, "Expect: 100-continue\r\n"));
    for (let turn = 0; turn < 20; turn++) await settle();
    assert.ok(stream.output.startsWith("HTTP/1.1 200 "));
    assert.match(stream.output, "Connection: close\r\n");
    assert.ok(stream.isClosed);
  }
});

test("100 Continue is not sent into an answer that has begun", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(post(2, "Expect: 100-continue\r\n"));
  const body = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) });
  await answer(new HttpResponse(body));
  void requests[0]!.bytes();
  assert.not.match(stream.output, "100 Continue");
});

test("what the app leaves of a body is read and thrown away, and the next request is served", async () => {
  for (const head of [post(1000), CHUNKED]) {
    const { stream, requests, answer } = held();
    stream.deliver(head);
    await answer();
    assert.equal(statusesIn(stream.output), [200]);
    stream.deliver(head === CHUNKED ? "3\r\nabc\r\n" : "x".repeat(999));
    assert.is(stream.keptBytes, 0);
    stream.deliver((head === CHUNKED ? "0\r\n\r\n" : "x") + GET);
    assert.is(requests.length, 2);
    assert.is(await codeOf(requests[0]!.bytes()), "body_discarded");
    assert.not(stream.isClosed);
  }
});

test("what the app leaves of a body, too much to be thrown away, ends the connection with the answer", async () => {
  const { stream, answer } = held();
  stream.deliver(post(MAX_DISCARDED_BYTES + 1));
  stream.deliver("x".repeat(1000));
  await answer();
  assert.match(stream.output, "Connection: close\r\n");
  assert.ok(stream.isClosed);
  assert.is(stream.keptBytes, 0, "nothing is left unread, so that no RST overtakes the answer");
  stream.deliver(GET);
  assert.equal(statusesIn(stream.output), [200]);
});

test("what the app leaves of a body of unknown length is thrown away up to a bound", async () => {
  const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
  const inTime = held();
  inTime.stream.deliver(CHUNKED);
  await inTime.answer();
  for (let sent = 0; sent + chunk.length < MAX_DISCARDED_BYTES; sent += chunk.length)
    inTime.stream.deliver(chunk);
  inTime.stream.deliver(`0\r\n\r\n${GET}`);
  assert.is(inTime.requests.length, 2);
  const tooMuch = held();
  tooMuch.stream.deliver(CHUNKED);
  await tooMuch.answer();
  for (let sent = 0; sent <= MAX_DISCARDED_BYTES; sent += chunk.length) tooMuch.stream.deliver(chunk);
  assert.ok(tooMuch.stream.isClosed);
  tooMuch.stream.deliver(`0\r\n\r\n${GET}`);
  assert.is(tooMuch.requests.length, 1);
  assert.equal(statusesIn(tooMuch.stream.output), [200]);
});

test("a body that is malformed where nobody reads it any more ends the connection without a word", async () => {
  const { server, stream, answer } = held();
  stream.deliver(CHUNKED);
  await answer();
  stream.deliver("nonsense");
  assert.equal(statusesIn(stream.output), [200]);
  assert.ok(stream.isClosed);
  assert.is(server.connectionCount, 1, "until the client has closed, too");
});

test("a body that is malformed in the middle is 400, and its reader hears of it", async () => {
  const { server, stream, requests, answer } = held();
  stream.deliver(`${CHUNKED}3\r\nabc\r\n`);
  const read = codeOf(readAll(requests[0]!.body!));
  await settle();
  stream.deliver("x\r\n");
  assert.is(await read, "body_malformed");
  assert.equal(statusesIn(stream.output), [400]);
  assert.ok(stream.isClosed);
  await answer();
  assert.equal(statusesIn(stream.output), [400]);
  assert.is(server.inFlight, 0);
  assert.is(server.counters.refusals[400], 1);
});

test("a body that is malformed, while its answer is under way, lets the answer end and the connection with it", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(`${CHUNKED}3\r\nabc\r\nx\r\n`);
  let finish = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      finish = () => {
        controller.enqueue(Buffer.from("whole"));
        controller.close();
      };
    },
  });
  await answer(new HttpResponse(body));
  assert.is(await codeOf(readAll(requests[0]!.body!)), "body_malformed");
  finish();
  await settle();
  assert.ok(stream.output.endsWith("5\r\nwhole\r\n0\r\n\r\n"));
  assert.ok(stream.isClosed);
});

test("a client that goes in the middle of a body is told to its reader", async () => {
  const { server, stream, requests, answer } = held();
  stream.deliver(`${post(10)}hello`);
  const read = codeOf(readAll(requests[0]!.body!));
  await settle();
  stream.end("reset");
  assert.is(await read, "body_incomplete");
  await answer();
  assert.is(stream.output, "");
  assert.is(server.inFlight, 0);
  assert.is(server.connectionCount, 0);
});

test("a client that ends its side in the middle of a body gets the app's answer to that, and is closed", async () => {
  const { server, stream, requests, answer } = held();
  stream.deliver(`${post(10)}hello`);
  stream.deliverEnd();
  assert.is(await codeOf(readAll(requests[0]!.body!)), "body_incomplete");
  assert.is(server.counters.incompleteRequests, 1);
  await answer(HttpResponse.text("half", { status: 400 }));
  assert.equal(statusesIn(stream.output), [400]);
  assert.ok(stream.isClosed);
});

test("a client that ends its side after the whole body is answered, though the body was still unread", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(`${post(5)}hello`);
  stream.deliverEnd();
  assert.is(await requests[0]!.text(), "hello");
  await answer();
  assert.equal(statusesIn(stream.output), [200]);
  assert.ok(stream.isClosed);
});

test("an answer made of the request's body goes out as that comes in", async () => {
  const { server, stream } = serve((request) => new HttpResponse(request.body));
  stream.deliver(`${post(6)}abc`);
  await settle();
  assert.ok(stream.output.endsWith("\r\n\r\n3\r\nabc\r\n"));
  stream.deliver(`def${GET}`);
  await settle();
  assert.match(stream.output, "\r\n3\r\ndef\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n");
  assert.is(server.inFlight, 0);
});

test("an answer made of the request's body, to a client that takes none of it, holds the body back", async () => {
  const server = new HttpServer(
    {},
    (request) => new HttpResponse(request.body),
    () => 0,
    () => UNLIMITED,
  );
  const stream = new FakeStream(server, false);
  const length = 4 * 1024 * 1024;
  stream.deliver(post(length));
  stream.deliver(new Uint8Array(length));
  await settle();
  const taken = length - stream.keptBytes;
  assert.ok(taken < 512 * 1024, `${taken} bytes were taken`);
  for (let turn = 0; server.inFlight > 0 && turn < 1000; turn++) {
    stream.acknowledge();
    await settle();
  }
  assert.ok(stream.output.endsWith("\r\n0\r\n\r\n"));
});

test("the stream of a body, when the answer has been given, ends with an error", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(`${post(1000)}hello`);
  const reader = requests[0]!.body!.getReader();
  await reader.read();
  const next = codeOf(reader.read());
  await answer();
  assert.is(await next, "body_discarded");
});

test("the stream of a body, cancelled, is thrown away behind the answer", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(`${post(10)}hello`);
  await requests[0]!.body!.cancel();
  stream.deliver("world");
  assert.is(stream.keptBytes, 10);
  await answer();
  assert.is(stream.keptBytes, 0);
  stream.deliver(GET);
  assert.is(requests.length, 2);
});

test("a body that was taken as a stream cannot be gathered", async () => {
  const { stream, requests } = held();
  stream.deliver(`${post(5)}hello`);
  const [request] = requests;
  const { body } = request!;
  assert.is(request!.body, body, "it is one stream");
  assert.is(await codeOf(request!.text()), "body_taken");
  assert.is(await readAll(body!), "hello");
});

test("a body, read into its reader's own memory, fills that", async () => {
  for (const rules of [UNLIMITED, {}]) {
    const { stream, requests } = held(rules);
    stream.deliver(`${CHUNKED}5\r\nhello\r\n2\r\n w\r\n`);
    stream.deliver("4\r\norld\r\n0\r\n\r\n");
    const reader = (requests[0]!.body as ReadableStream).getReader({ mode: "byob" });
    let text = "";
    for (let piece = await reader.read(new Uint8Array(3)); ; piece = await reader.read(new Uint8Array(3))) {
      text += Buffer.from(piece.value ?? []).toString();
      if (piece.done) break;
    }
    assert.is(text, "hello world");
  }
});

test("trailers can be had once the body has been read, apart from the head's fields", async () => {
  const { stream, requests, answer } = held();
  stream.deliver(`${CHUNKED}1\r\nx\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\nX-More: J\xfcrg\r\n\r\n`);
  const [request] = requests;
  assert.is(request!.trailers, null);
  await request!.text();
  assert.equal(
    [...request!.trailers!],
    [
      ["x-sum", "1, 2"],
      ["x-more", "J\xfcrg"],
    ],
  );
  assert.is(request!.headers.get("x-sum"), null);
  await answer();
  stream.deliver(GET);
  assert.is(requests[1]!.trailers, null);
});

test("a promise of a body, that nobody waits for when its client goes, ends nothing", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  const { stream, requests } = held();
  stream.deliver(post(10));
  for (const read of ["bytes", "text", "json", "form", "arrayBuffer"] as const) void requests[0]![read]();
  stream.end("reset");
  for (let turn = 0; turn < 3; turn++) await settle();
  process.off("unhandledRejection", note);
  assert.equal(unhandled, []);
});

test("an answer in place of rules is given at once, and the body thrown away", async () => {
  const server = new HttpServer(
    {},
    () => HttpResponse.text("x"),
    () => 0,
    () => HttpResponse.text("no", { status: 500 }),
  );
  const stream = new FakeStream(server);
  stream.deliver(`${post(5)}hello${GET}`);
  assert.equal(statusesIn(stream.output), [500, 200]);
  assert.is(server.inFlight, 0);
  assert.is(server.counters.requests, 2);
});

test.run();
