// The whole farm over sockets, as anyone can run it: sessions, large bodies, slow readers, datagrams; what happens when a
// worker dies, hangs or cannot be started; resize, drain and reload under load. Loopback only, no privileges.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { pack, unpack } from "msgpackr";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createFarm, type Farm, type FarmOptions, OptionError } from "../../core/farm.js";
import { ask, cookieOf, upload } from "../support/client.js";
import { startLoad } from "../support/keep-alive-load.js";
import { untilStill } from "../support/settle.js";
import { patternBytes, sha256 } from "../support/test-app.js";

const WORKERS = 3;
const BIG_BYTES = 10_000_000;

const options = {
  app: new URL("../support/test-app.js", import.meta.url),
  workers: WORKERS,
  tun: "off",
  socket: "127.0.0.1:0",
  admin: "none",
  database: ":memory:",
  logLevel: "fatal",
  slowStartSeconds: 0,
} as const satisfies FarmOptions;

/** Loopback addresses are sources like any others, and every system has some thousands. */
function source(number: number): string {
  return `127.0.${number >> 8}.${(number & 255) + 1}`;
}

const sources = (count: number) => Array.from({ length: count }, (_, i) => source(i));

interface Shown {
  readonly worker: number;
  readonly origin: string;
  readonly count: number;
}

const test = suite("socket link");
let farm: Farm;
let url: string;
test.before(async () => {
  farm = createFarm(options);
  await farm.listen();
  url = farm.urls[0]!;
});
test.after(() => farm.close());

async function shownTo(localAddress: string, cookie?: string): Promise<Shown> {
  return (await ask(`${url}session`, { localAddress, cookie })).json<Shown>();
}

async function workerOf(localAddress: string): Promise<number> {
  return (await ask(url, { localAddress })).json<Shown>().worker;
}

/** Asks again and again until the worker has this state. */
async function untilWorker(worker: number, state: string): Promise<void> {
  for (;;) {
    if (farm.status().workers.find((one) => one.worker === worker)?.state === state) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("session, begins with the first answer, and goes on from the cache of the source's worker", async () => {
  const first = await ask(`${url}session/add`, { localAddress: source(1) });
  const { worker } = first.json<Shown>();
  const cookie = cookieOf(first);
  assert.ok(cookie);
  for (let i = 0; i < 10; i++) {
    assert.equal(await shownTo(source(1), cookie), { worker, origin: "cache", version: 1, count: 1 });
  }
});

test("sources, are spread over the workers, and each stays with its own", async () => {
  const homes = new Map<string, number>();
  for (const one of sources(30)) homes.set(one, await workerOf(one));
  assert.is(new Set(homes.values()).size, WORKERS);
  for (const [one, home] of homes) assert.is(await workerOf(one), home);
});

test("download and upload of 10 MB arrive as they were sent", async () => {
  const bytes = patternBytes(BIG_BYTES);
  assert.is(sha256((await ask(`${url}bytes?n=${BIG_BYTES}`)).body), sha256(bytes));
  assert.is((await ask(`${url}upload`, { body: bytes })).body.toString(), sha256(bytes));
});

test("upload to an app that reads it as it comes, arrives as it was sent", async () => {
  const body = patternBytes(BIG_BYTES);
  assert.is((await ask(`${url}digest`, { body })).body.toString(), sha256(body));
});

test("upload of 64 MiB to an app that does not read, waits with its client, and arrives once it does", async () => {
  const count = 64 * 1024 * 1024;
  const sending = upload(`${url}digest/later`, count, source(8));
  // What is sent settles, once our window and the kernel's buffers are full. Each question goes to the same worker.
  const sent = await untilStill(async () => {
    await ask(url, { localAddress: source(8) });
    return sending.sentBytes;
  });
  assert.ok(sent < 16 * 1024 * 1024, `${sent} bytes were sent`);
  await ask(`${url}release`, { localAddress: source(8) });
  assert.is(await sending.answer, sha256(new Uint8Array(count)));
});

test("stream of 1 GB to a client that does not read, is made no faster than it is taken", async () => {
  const made = async () => Number((await ask(`${url}streamed`, { localAddress: source(7) })).body);
  const before = await made();
  const response = await new Promise<import("node:http").IncomingMessage>((resolve) => {
    get(`${url}stream?n=1000000000`, { agent: false, localAddress: source(7) }, resolve);
  });
  // What is made settles, once the kernel's buffers, ours and the window are full.
  const bytes = await untilStill(made, before);
  assert.ok(bytes - before < 32 * 1024 * 1024, `${bytes - before} bytes made`);
  response.destroy();
});

test("client that ends its side, still gets its answer", async () => {
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
  socket.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
  });
  await once(socket, "end");
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
});

test("connections, once their clients have reset them, leave nothing on the load board", async () => {
  const { port } = new URL(url);
  for (let i = 0; i < 50; i++) {
    const socket = connect({ port: Number(port), host: "127.0.0.1" });
    await once(socket, "connect");
    socket.write("GET /wait?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n");
    socket.resetAndDestroy();
  }
  const isQuiet = () =>
    farm.status().workers.every(({ flows, connections, inFlight }) => flows + connections + inFlight === 0);
  while (!isQuiet()) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(farm.status().freeSlots, farm.status().poolSlots);
});

test("datagram, longer than a slot, is counted by the farm as dropped", async () => {
  const socket = createSocket("udp4");
  socket.send(new Uint8Array(4000), Number(new URL(url).port), "127.0.0.1");
  while (farm.status().drops.oversize === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  socket.close();
  assert.equal(farm.status().drops, { oversize: 1, noSlot: 0, noRoom: 0 });
});

test("datagram, is answered by the app of the source's worker", async () => {
  const socket = createSocket("udp4");
  socket.connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.send(pack([7, "echo", { n: 7 }]));
  const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
  socket.close();
  const [id, status, { path, body, source: from }] = unpack(answer);
  assert.equal([id, status, path, body, from], [7, 200, "echo", { n: 7 }, "127.0.0.1"]);
});

for (const [path, what] of [
  ["die", "ends its thread"],
  ["throw", "throws where nobody catches it"],
  ["loop", "hangs in an endless loop"],
] as const) {
  test(`worker that ${what}, is replaced, and its clients go on with their sessions`, async () => {
    const client = source(100);
    const added = await ask(`${url}session/add`, { localAddress: client });
    const cookie = cookieOf(added);
    const { worker } = added.json<Shown>();
    const others = sources(60).slice(30);
    const bystanders: string[] = [];
    for (const other of others) if ((await workerOf(other)) !== worker) bystanders.push(other);
    const load = startLoad(url, bystanders);
    const failed = once(farm, "workerFailed");
    await ask(`${url}${path}`, { localAddress: client }).catch(() => {});
    assert.is((await failed)[0], worker);
    const shown = await shownTo(client, cookie);
    assert.equal([shown.count, shown.origin], [1, "database"]);
    await untilWorker(worker, "serving");
    await load.stop();
    assert.equal(load.failures, [], "clients of the other workers notice nothing");
  });
}

test("resize, drain and reload, while clients ask without pause, fail no request", async () => {
  const load = startLoad(url, sources(40));
  for (const workers of [1, 4, 2]) {
    await farm.resize(workers);
    assert.is(farm.status().workers.length, workers);
  }
  const [{ worker } = { worker: -1 }] = farm.status().workers;
  await farm.drain(worker);
  await farm.resize(WORKERS);
  await farm.reload();
  farm.usePolicy("round-robin");
  const answered = load.answered();
  while (load.answered() < answered + 200) await new Promise(setImmediate);
  await load.stop();
  assert.equal(load.failures, []);
  assert.is(farm.status().policy, "round-robin");
  farm.usePolicy("least-loaded");
});

test("changes that cannot be, are refused by name", async () => {
  for (const change of [farm.resize(0), farm.resize(65), farm.drain(63)]) {
    await change.then(
      () => assert.unreachable(),
      (error) => assert.instance(error, OptionError),
    );
  }
  await farm.resize(1);
  const [{ worker } = { worker: -1 }] = farm.status().workers;
  await farm.drain(worker).then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /last one/),
  );
});

test("farm whose workers cannot be started, answers 503, and serves again once they can", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-broken-"));
  const app = join(folder, "app.mjs");
  writeFileSync(
    app,
    "export default { sessionless: () => true, fetch: (r) => r.path === '/die' ? process.exit(1) : new Response('well') };",
  );
  const broken = createFarm({ ...options, app: pathToFileURL(app), workers: 2 });
  await broken.listen();
  try {
    const [at] = broken.urls;
    assert.is((await ask(at!)).body.toString(), "well");
    writeFileSync(app, "throw new Error('broken');");
    for (let workers = 0; workers < 2; workers++) await ask(`${at}die`).catch(() => {});
    // The last worker is gone, or about to be.
    let answer = await ask(at!).catch(() => undefined);
    while (answer?.status !== 503) answer = await ask(at!).catch(() => undefined);
    assert.is(answer.headers["retry-after"], "1");
    assert.is(broken.status().isReady, false);
    writeFileSync(
      app,
      "export default { sessionless: () => true, fetch: () => new Response('well again') };",
    );
    while (answer.status !== 200) answer = await ask(at!);
    assert.is(answer.body.toString(), "well again");
  } finally {
    await broken.close();
    rmSync(folder, { recursive: true });
  }
});

test("drain of the whole farm, lets requests finish and takes no new connections", async () => {
  const draining = createFarm(options);
  await draining.listen();
  const [at] = draining.urls;
  const unfinished = ask(`${at}wait?ms=300`);
  while (draining.status().workers.every(({ inFlight }) => inFlight === 0)) await new Promise(setImmediate);
  const drained = draining.drain();
  await ask(at!).then(
    () => assert.unreachable("a new connection was taken"),
    (error) => assert.is(error.code, "ECONNREFUSED"),
  );
  assert.is((await unfinished).status, 200);
  await drained;
  assert.equal(draining.status().workers, []);
  await draining.close();
});

test.run();
