// Clients that are not ours understand the server: Node's own HTTP client (llhttp) and fetch (undici), over loopback.

import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HttpRequest } from "../../../workers/http/request.js";
import { HttpResponse } from "../../../workers/http/response.js";
import { HttpServer } from "../../../workers/http/server.js";
import { listen } from "../../support/socket-stream.js";

const LARGE = new Uint8Array(3_000_000).map((_, index) => index * 13);

async function respond(request: HttpRequest): Promise<HttpResponse> {
  switch (request.path) {
    case "/echo":
      return new HttpResponse(await request.bytes(), { headers: { "x-method": request.method } });
    case "/not-modified":
      return new HttpResponse("ignored", { status: 304, headers: { etag: '"1"' } });
    case "/no-content":
      return new HttpResponse(null, { status: 204 });
    case "/large":
      return new HttpResponse(LARGE);
    case "/stream":
      return new HttpResponse(streamOf([LARGE.subarray(0, 1_000_000), LARGE.subarray(1_000_000)]));
    case "/cookies": {
      const response = HttpResponse.text("ok");
      response.headers.append("set-cookie", "a=1");
      response.headers.append("set-cookie", "b=2");
      return response;
    }
    default:
      return HttpResponse.text("hello");
  }
}

function streamOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

interface Answer {
  readonly message: IncomingMessage;
  readonly body: Buffer;
  readonly localPort: number | undefined;
  readonly wasContinued: boolean;
}

function ask(options: RequestOptions, body?: string | Uint8Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let wasContinued = false;
    const request = httpRequest({ host: "127.0.0.1", ...options }, (message) => {
      const localPort = message.socket.localPort;
      const pieces: Buffer[] = [];
      message.on("data", (piece: Buffer) => pieces.push(piece));
      message.on("end", () => resolve({ message, body: Buffer.concat(pieces), localPort, wasContinued }));
    });
    request.on("error", reject);
    request.on("continue", () => {
      wasContinued = true;
      request.end(body);
    });
    if (options.headers !== undefined && "expect" in options.headers) request.flushHeaders();
    else request.end(body);
  });
}

async function withServer(
  run: (port: number, agent: Agent, server: HttpServer) => Promise<void>,
): Promise<void> {
  const server = new HttpServer({}, respond, Date.now);
  const listening = await listen(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    await run(listening.port, agent, server);
  } finally {
    agent.destroy();
    await listening.close();
  }
}

test("Node's client, on one connection, reads all kinds of responses one after the other", () =>
  withServer(async (port, agent, server) => {
    const common = { port, agent };
    const plain = await ask({ ...common, path: "/" });
    assert.is(plain.body.toString(), "hello");
    assert.is(plain.message.headers["content-length"], "5");
    const head = await ask({ ...common, path: "/", method: "HEAD" });
    assert.is(head.body.length, 0);
    assert.is(head.message.headers["content-length"], "5");
    assert.is((await ask({ ...common, path: "/not-modified" })).message.statusCode, 304);
    assert.is((await ask({ ...common, path: "/no-content" })).message.statusCode, 204);
    assert.ok((await ask({ ...common, path: "/large" })).body.equals(LARGE));
    const stream = await ask({ ...common, path: "/stream" });
    assert.is(stream.message.headers["transfer-encoding"], "chunked");
    assert.ok(stream.body.equals(LARGE));
    assert.equal((await ask({ ...common, path: "/cookies" })).message.headers["set-cookie"], ["a=1", "b=2"]);
    const last = await ask({ ...common, path: "/" });
    assert.is(last.localPort, plain.localPort, "all on one connection");
    assert.is(server.counters.connections, 1);
    assert.is(server.counters.requests, 8);
  }));

test("Node's client, with bodies of known and unknown length, is understood", () =>
  withServer(async (port, agent) => {
    const common = { port, agent, path: "/echo", method: "POST" };
    const known = await ask({ ...common, headers: { "content-length": LARGE.length } }, LARGE);
    assert.ok(known.body.equals(LARGE));
    const unknown = await ask({ ...common, headers: { "transfer-encoding": "chunked" } }, LARGE);
    assert.ok(unknown.body.equals(LARGE));
    const put = await ask({ ...common, method: "PUT" }, "x");
    assert.is(put.message.headers["x-method"], "PUT");
  }));

test("Node's client, that waits for 100 Continue, gets it", () =>
  withServer(async (port, agent) => {
    const headers = { expect: "100-continue", "content-length": 5 };
    const answer = await ask({ port, agent, path: "/echo", method: "POST", headers }, "hello");
    assert.ok(answer.wasContinued);
    assert.is(answer.body.toString(), "hello");
  }));

test("Node's client, told that the connection is closed, opens another", () =>
  withServer(async (port, agent, server) => {
    const first = await ask({ port, agent, path: "/", headers: { connection: "close" } });
    assert.is(first.message.headers.connection, "close");
    await ask({ port, agent, path: "/" });
    assert.is(server.counters.connections, 2);
  }));

test("Node's client, refused, reads the reason", () =>
  withServer(async (port, agent) => {
    const answer = await ask({ port, agent, path: `/${"a".repeat(9000)}` });
    assert.is(answer.message.statusCode, 414);
    assert.is(answer.body.toString(), "414 URI Too Long\n");
  }));

test("fetch reads a response and is read", () =>
  withServer(async (port) => {
    const response = await fetch(`http://127.0.0.1:${port}/echo`, {
      method: "POST",
      body: "grüße",
      headers: { connection: "close" },
    });
    assert.is(response.status, 200);
    assert.is(await response.text(), "grüße");
  }));

test.run();
