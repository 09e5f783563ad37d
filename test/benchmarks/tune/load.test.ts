// Both kinds of load, at a server that is no farm: what they ask for, what they count, and that they can be counted anew and left.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as eventLoopTurn } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Tally } from "../../../benchmarks/shoppers/tally.js";
import type { RunningLoad, TuneLoad } from "../../../benchmarks/tune/load.js";
import { RequestLoad } from "../../../benchmarks/tune/request-load.js";
import { parseRequests } from "../../../benchmarks/tune/requests.js";
import { figuresOf, ShopperLoad } from "../../../benchmarks/tune/shopper-load.js";
import { loadOf, type TuneOptions } from "../../../benchmarks/tune/sweep.js";

const requests = (text: string) =>
  new RequestLoad({ requests: parseRequests(text, "file"), connections: 3, seed: 1, about: "file" });
const shoppers = (thinkMs = 0) => new ShopperLoad({ shoppers: 3, seed: 1, thinkMs });

/** Puts a server of this kind under load until `isEnough`, and returns what it saw, addresses and paths. */
async function loadServer(
  load: TuneLoad,
  server: RequestListener,
  use: (running: RunningLoad, until: (isSo: () => boolean) => Promise<void>) => Promise<void>,
): Promise<{ readonly sources: ReadonlySet<string>; readonly paths: ReadonlySet<string> }> {
  const sources = new Set<string>();
  const paths = new Set<string>();
  const listening = createServer((request, response) => {
    sources.add(request.socket.remoteAddress!);
    paths.add(`${request.method} ${request.url}`);
    server(request, response);
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  const running = await load.start([`http://127.0.0.1:${port}/`]);
  await use(running, async (isSo) => {
    while (!isSo()) await eventLoopTurn();
  });
  await running.stop();
  listening.close();
  listening.closeAllConnections();
  await once(listening, "close");
  return { sources, paths };
}

const serve: RequestListener = (request, response) =>
  response.setHeader("set-cookie", request.headers.cookie ?? "sid=1").end("here");

test("load, of either kind, comes from many addresses, and counts anew when it is told", async () => {
  for (const load of [requests('[{"path": "/a"}, {"path": "/b"}]'), shoppers()]) {
    const { sources } = await loadServer(load, serve, async (running, until) => {
      await until(() => running.figures().requests > 60);
      running.countAnew();
      const { requests: counted, failures } = running.figures();
      assert.equal([counted, failures, running.figures().p99Us], [0, 0, 0]);
      await until(() => running.figures().requests > 20);
      const { requestsPerSecond, p50Us, p99Us, ...rest } = running.figures();
      assert.ok(requestsPerSecond > 0 && p50Us > 0 && p50Us <= p99Us);
      assert.equal([rest.failures, rest.firstFailure], [0, undefined]);
    });
    assert.ok(sources.size >= (process.platform === "linux" ? 3 : 1), `${[...sources]}`);
  }
});

test("load, of either kind, tells failures from answers, and what the first was", async () => {
  const refuse: RequestListener = (_request, response) => response.writeHead(503).end();
  for (const [load, words] of [
    [requests('[{"path": "/a"}]'), "GET /a: answered with 503"],
    [shoppers(), "status 503"],
  ] as const)
    await loadServer(load, refuse, async (running, until) => {
      await until(() => running.figures().failures >= 3);
      assert.equal([running.figures().requests, running.figures().firstFailure], [0, words]);
    });
});

test("load, of either kind, that is never answered, can be stopped", async () => {
  for (const load of [requests('[{"path": "/a"}]'), shoppers()])
    await loadServer(
      load,
      () => {},
      async (running) => {
        await eventLoopTurn();
        assert.is(running.figures().requests, 0);
      },
    );
});

test("shoppers, with nobody there, say so", async () => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address() as AddressInfo;
  nobody.close();
  await once(nobody, "close");
  const error = await shoppers()
    .start([`http://127.0.0.1:${port}/`])
    .then(
      () => undefined,
      (reason: NodeJS.ErrnoException) => reason,
    );
  assert.is(error?.code, "unreachable");
});

test("figures of shoppers, take a refusal in the shop's words for an answer, and a lost session for a failure", () => {
  const tally = new Tally(0);
  for (const status of [200, 201, 409, 503]) tally.answered(status, 5, 100);
  tally.failed("status 503");
  tally.failed("no answer in time");
  tally.sessionsLost = 2;
  const figures = figuresOf(tally.report(3, 2000));
  assert.equal(
    [figures.requests, figures.requestsPerSecond, figures.failures, figures.firstFailure],
    [3, 1.5, 4, "status 503"],
  );
  assert.ok(Math.abs(figures.p99Us - 5000) < 10, `${figures.p99Us}`);
});

test("load, is shoppers in the shop, and requests for an app, a handler or a list of one's own", () => {
  const base = { policies: ["hash"], cacheMib: [64], handlerConcurrency: 4, link: "socket" } as const;
  const options: TuneOptions = { ...base, seconds: 1, rounds: 1, seed: 1 };
  const settings = [4, 32].map((workers) => ({ workers, policy: "hash", cacheMib: 64 }) as const);
  const about = (more: Partial<TuneOptions>) => loadOf({ ...options, ...more }, settings).description;
  assert.is(about({}), "128 shoppers who never pause");
  assert.is(about({ thinkMs: 250, connections: 8 }), "8 shoppers who think for 250 ms");
  assert.is(about({ app: "app.js" }), "128 connections, GET /");
  assert.is(about({ handlerWaitMs: 1 }), "128 connections, GET /");
  assert.is(loadOf({ ...options, thinkMs: 500 }, settings).arrivalSeconds, 1);
  assert.throws(() => about({ app: "app.js", thinkMs: 1 }), /--think-ms is for shoppers/);
});

test.run();
