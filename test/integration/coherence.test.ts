// One session, one truth: clients at many source addresses, and so on all workers, use one session at once, and each of them
// adds to one counter. No update is lost, and no one sees an older number than it was told. LIMPET_COHERENCE_ROUNDS sets how
// many times each adds.

import { Agent } from "node:http";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createFarm, type Farm } from "../../core/farm.js";
import { ask, cookieOf } from "../support/client.js";

const CLIENTS = 64;
const ROUNDS = Number(process.env.LIMPET_COHERENCE_ROUNDS ?? 25);
const WORKERS = 4;

interface Counted {
  readonly worker: number;
  readonly count: number;
}

const test = suite("coherence");
let farm: Farm;
test.before(async () => {
  farm = createFarm({
    app: new URL("../support/test-app.js", import.meta.url),
    workers: WORKERS,
    tun: "off",
    socket: "127.0.0.1:0",
    admin: "none",
    database: ":memory:",
    logLevel: "fatal",
  });
  await farm.listen();
});
test.after(() => farm.close());

/** Adds one, again and again until it is told that it has. Returns what it was told. */
async function add(url: string, cookie: string, agent: Agent, localAddress: string): Promise<Counted> {
  for (;;) {
    const answer = await ask(`${url}session/add`, { cookie, agent, localAddress });
    if (answer.status === 200) return answer.json<Counted>();
    // Too busy; nothing was changed.
    assert.is(answer.status, 503, answer.body.toString());
    assert.ok(answer.headers["retry-after"]);
  }
}

test(`counter that ${CLIENTS} clients raise on ${WORKERS} workers, ends where it must`, async () => {
  const url = farm.urls[0]!;
  const cookie = cookieOf(await ask(`${url}session/add`))!;
  const seen = new Set<number>();
  const workers = new Set<number>();
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let last = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { count, worker } = await add(url, cookie, agent, `127.1.0.${client + 1}`);
      assert.ok(count > last, "what was told once stays true");
      assert.not(seen.has(count), `${count} was told twice`);
      seen.add(count);
      workers.add(worker);
      last = count;
    }
    agent.destroy();
  });
  await Promise.all(clients);
  assert.is(workers.size, WORKERS);
  const { count } = (await ask(`${url}session`, { cookie })).json<Counted>();
  assert.is(count, 1 + CLIENTS * ROUNDS);
});

test("readers and writers of one session on all workers, see what was written before they asked", async () => {
  const url = farm.urls[0]!;
  const cookie = cookieOf(await ask(`${url}session/add`))!;
  let written = 1;
  let isDone = false;
  const readers = Array.from({ length: 8 }, async (_, reader) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!isDone) {
      const atLeast = written;
      const answer = await ask(`${url}session`, { cookie, agent, localAddress: `127.1.1.${reader + 1}` });
      if (answer.status === 200) assert.ok(answer.json<Counted>().count >= atLeast);
    }
    agent.destroy();
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let round = 0; round < 50; round++) {
    written = (await add(url, cookie, agent, "127.1.2.1")).count;
  }
  agent.destroy();
  isDone = true;
  await Promise.all(readers);
  assert.is(written, 51);
});

test("worker that dies holding a session's lock, gives it back at once", async () => {
  const url = farm.urls[0]!;
  const first = await ask(`${url}session/add`, { localAddress: "127.1.3.1" });
  const cookie = cookieOf(first)!;
  const { worker } = first.json<Counted>();
  // The handler hangs with the session in its hands.
  const hanging = ask(`${url}session/loop`, { cookie, localAddress: "127.1.3.1" }).catch(() => {});
  let other = 2;
  while ((await ask(url, { localAddress: `127.1.3.${other}` })).json<Counted>().worker === worker) other++;
  const agent = new Agent();
  const counted = await add(url, cookie, agent, `127.1.3.${other}`);
  assert.is(counted.count, 2);
  assert.is.not(counted.worker, worker);
  await hanging;
});

test.run();
