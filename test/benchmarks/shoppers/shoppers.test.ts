// Shoppers at work: in a real farm, whose database must agree with what they were told, and at servers that do everything wrong, which
// they must notice, survive and be able to leave.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Habits, PEOPLE } from "../../../benchmarks/shoppers/behaviour.js";
import {
  Shoppers,
  type ShoppersOptions,
  type ShoppersReport,
  UnreachableError,
} from "../../../benchmarks/shoppers/shoppers.js";
import { createFarm } from "../../../core/farm.js";
import { readSqlite } from "../../chaos/sqlite.js";

const APP = new URL("../../../benchmarks/shoppers/stocked-shop.js", import.meta.url);

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(5);
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** Has shoppers at a server of this kind until `isEnough`. */
async function shopAt(
  server: RequestListener,
  isEnough: (report: ShoppersReport) => boolean,
  options: Partial<ShoppersOptions> = {},
): Promise<ShoppersReport> {
  const listening = createServer(server).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const { port } = listening.address() as AddressInfo;
  const shoppers = new Shoppers({ url: `http://127.0.0.1:${port}/`, shoppers: 2, thinkMs: 0, ...options });
  await shoppers.start();
  await until(() => isEnough(shoppers.report()));
  const report = await shoppers.stop();
  listening.closeAllConnections();
  listening.close();
  await once(listening, "close");
  return report;
}

test("shoppers, in a farm, come from many sources, and it agrees with them about their orders", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-shoppers-"));
  const database = join(folder, "farm.db");
  const farm = createFarm({
    app: APP,
    socket: "127.0.0.1:0",
    tun: "off",
    admin: "none",
    database,
    durability: "normal",
    workers: 2,
  });
  await farm.listen();
  const shoppers = new Shoppers({ url: farm.urls[0]!, shoppers: 12, thinkMs: 2 });
  const { areMany } = await shoppers.start();
  assert.is(areMany, process.platform === "linux");
  await until(() => shoppers.report().orders >= 15 && (!areMany || shoppers.report().roams >= 5));
  const report = await shoppers.stop();
  assert.ok(farm.status().sources > (areMany ? 12 : 0), "each visitor is a source");
  if (areMany) for (const { sources } of farm.status().workers) assert.ok(sources > 0, "of each worker");
  await farm.close();

  const orders = await readSqlite(database, (knex) => knex("shop_orders").count({ count: "*" }));
  const cutOff = report.requests - sum(report.answersBy);
  const unsure = Number(orders[0]!.count) - report.orders;
  assert.ok(unsure >= 0 && unsure <= cutOff, `${unsure} orders that nobody knows of, ${cutOff} cut off`);
  assert.equal(report.failures, {});
  assert.is(report.sessionsLost, 0);
  assert.is(sum(report.requestsBy), report.requests);
  assert.is(report.answersBy[201], report.orders);
  assert.ok(report.sessionsBegun >= report.sessionsEnded && report.sessionsEnded > 10);
  assert.ok(report.latencies.p50Us > 0 && report.latencies.p50Us <= report.latencies.maxUs);
  rmSync(folder, { recursive: true });
});

test("shopper, of a seed, asks for the same as another time, whatever it is told", async () => {
  const asked = async (seed: number, status: number) => {
    const paths: string[] = [];
    const isEnough = () => paths.length >= 100;
    const listener: RequestListener = (request, response) => {
      paths.push(`${request.method} ${request.url}`);
      response.writeHead(status, { "set-cookie": "sid=1" }).end("{}");
    };
    await shopAt(listener, isEnough, { seed, shoppers: 1 });
    return paths.slice(0, 100).join("\n");
  };
  const first = await asked(5, 200);
  assert.is(await asked(5, 409), first);
  assert.is.not(await asked(6, 200), first);
});

test("session, that is another one, or an older one, is lost, and only that", async () => {
  let n = 0;
  const visitors = new Map<string, number>();
  const another: RequestListener = (_request, response) =>
    response.setHeader("set-cookie", `sid=${++n}`).end();
  assert.ok((await shopAt(another, ({ requests }) => requests > 50)).sessionsLost > 5);
  const older: RequestListener = (request, response) => {
    const version = 100 - (visitors.get(request.headers.cookie ?? "") ?? 0);
    visitors.set(request.headers.cookie ?? "", 101 - version);
    const cookie = request.headers.cookie ?? `sid=${++n}`;
    response.setHeader("set-cookie", cookie).setHeader("x-limpet-version", version).end();
  };
  assert.ok((await shopAt(older, ({ requests }) => requests > 50)).sessionsLost > 0);
  const right: RequestListener = (request, response) => {
    const cookie = request.headers.cookie ?? `sid=${++n}`;
    response.setHeader("set-cookie", `${cookie}; HttpOnly`).setHeader("x-limpet-version", "3").end();
  };
  const { sessionsLost, sessionsBegun } = await shopAt(right, ({ requests }) => requests > 50);
  assert.equal([sessionsLost, sessionsBegun > 2], [0, true]);
});

/** Orders without looking around. */
const BUYERS: Habits = {
  ...PEOPLE,
  next: { ...PEOPLE.next, arrive: { add: 1 }, add: { "check-out": 1 }, "check-out": { add: 1 } },
};

async function bodyOf(request: IncomingMessage): Promise<{ readonly checkout: string }> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

test("checkout, whose answer is lost, is sent again under its name, and is one order", async () => {
  const sent = new Map<string, number>();
  const report = await shopAt(
    async (request, response) => {
      if (request.url !== "/api/checkout") return response.setHeader("set-cookie", "sid=1").end();
      const { checkout } = await bodyOf(request);
      const attempts = (sent.get(checkout) ?? 0) + 1;
      sent.set(checkout, attempts);
      if (attempts < 2) return request.socket.destroy();
      if (attempts < 3) return response.writeHead(503, { "retry-after": "1" }).end();
      return response.writeHead(201).end('{"orderId":"1"}');
    },
    ({ orders }) => orders >= 2,
    { shoppers: 1, habits: BUYERS },
  );
  const done = [...sent.values()].filter((attempts) => attempts === 3);
  assert.is(done.length, report.orders);
  assert.ok([...sent.values()].every((attempts) => attempts <= 3));
  assert.ok(report.failures["connection ended in mid-request"]! >= 2);
  assert.ok(report.failures["status 503"]! >= 2);
});

test("request, that is refused in the shop's own words, is no failure, and is no order either", async () => {
  const { orders, failures, answersBy } = await shopAt(
    (_request, response) => response.writeHead(409, { "set-cookie": "sid=1" }).end(),
    ({ requestsBy }) => (requestsBy["check-out"] ?? 0) > 3,
    { habits: BUYERS },
  );
  assert.equal([orders, failures], [0, {}]);
  assert.ok(answersBy[409]! > 3);
});

test("server, that does not answer, is given up after a time, and left at once", async () => {
  const silent: RequestListener = () => {};
  const { failures } = await shopAt(silent, (report) => (report.failures["no answer in time"] ?? 0) > 2, {
    answerTimeoutMs: 20,
  });
  assert.equal(Object.keys(failures), ["no answer in time"]);
  // Nothing but the end of the shoppers ends these requests.
  const cutOff = await shopAt(silent, ({ requests }) => requests === 2, { answerTimeoutMs: 1e9 });
  assert.equal([cutOff.failures, cutOff.answersBy], [{}, {}]);
});

test("server, that goes away, is a reason, and one that comes back is served from", async () => {
  const answer: RequestListener = (_request, response) => response.setHeader("set-cookie", "sid=1").end();
  const first = createServer(answer).listen(0, "127.0.0.1");
  await once(first, "listening");
  const { port } = first.address() as AddressInfo;
  const shoppers = new Shoppers({ url: `http://127.0.0.1:${port}/`, shoppers: 3, thinkMs: 1 });
  await shoppers.start();
  await until(() => shoppers.report().requests > 10);
  first.closeAllConnections();
  first.close();
  await until(() => shoppers.report().failures["no connection"]! >= 3);
  const second = createServer(answer).listen(port, "127.0.0.1");
  const before = shoppers.report().answersBy[200]!;
  await until(() => shoppers.report().answersBy[200]! > before + 5);
  await shoppers.stop();
  second.closeAllConnections();
  second.close();
});

test("shoppers, whom nobody answers, say so, and can be stopped before, meanwhile and twice", async () => {
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port } = nobody.address() as AddressInfo;
  nobody.close();
  await once(nobody, "close");
  const url = `http://127.0.0.1:${port}/`;
  const shoppers = new Shoppers({ url, shoppers: 2 });
  await shoppers.start().then(
    () => assert.unreachable("it has started"),
    (error: Error) => {
      assert.instance(error, UnreachableError);
      assert.is(error.message, `the shoppers cannot reach ${url} (ECONNREFUSED)`);
    },
  );
  assert.is(await shoppers.stop(), await shoppers.stop());
  const stopped = new Shoppers({ url, shoppers: 2 });
  const starting = stopped.start().catch((error: Error) => error.message);
  assert.is((await stopped.stop()).requests, 0);
  assert.match(String(await starting), "cannot reach");
});

test("connection, that ends when it is used again, is made again for a page, as browsers do, and not for a change", async () => {
  const used = new WeakSet<object>();
  const onceOnly: RequestListener = (request, response) => {
    if (used.has(request.socket)) return request.socket.destroy();
    used.add(request.socket);
    return response.setHeader("set-cookie", request.headers.cookie ?? "sid=1").end();
  };
  const lookers: Habits = {
    ...PEOPLE,
    next: { ...PEOPLE.next, arrive: { browse: 1 }, browse: { browse: 1 } },
    roams: 0,
  };
  const pages = await shopAt(onceOnly, ({ reconnections }) => reconnections > 20, { habits: lookers });
  assert.equal([pages.failures, Object.keys(pages.requestsBy)], [{}, ["browse"]]);
  const changes = await shopAt(onceOnly, ({ failures }) => Object.keys(failures).length > 0, {
    habits: BUYERS,
  });
  assert.equal(
    [changes.reconnections, Object.keys(changes.failures)],
    [0, ["connection ended in mid-request"]],
  );
});

test("count, begun anew, is of what comes then", async () => {
  const server = createServer((_request, response) => response.setHeader("set-cookie", "sid=1").end());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const shoppers = new Shoppers({ url: `http://127.0.0.1:${port}/`, shoppers: 2, thinkMs: 0 });
  await shoppers.start();
  await until(() => shoppers.report().requests > 100);
  shoppers.countAnew();
  assert.equal([shoppers.report().requests, shoppers.report().answersBy], [0, {}]);
  await until(() => shoppers.report().requests > 10);
  const report = await shoppers.stop();
  const before = sum(report.answersBy) - report.requests;
  assert.ok(before >= -2 && before <= 2, "what was under way was answered later");
  server.closeAllConnections();
  server.close();
});

test("shoppers, who leave without a word, leave others their turn", async () => {
  const next = { ...PEOPLE.next, arrive: { leave: 1 } };
  const { requests } = await shopAt(
    () => {},
    () => true,
    { habits: { ...PEOPLE, next } },
  );
  assert.is(requests, 0);
});

test("shoppers, of a number that cannot be, are refused", () => {
  for (const shoppers of [0, -1, 1.5, 10_001, Number.NaN])
    assert.throws(() => new Shoppers({ url: "http://127.0.0.1/", shoppers }), /there can be 1 to 10000/);
});

test.run();
