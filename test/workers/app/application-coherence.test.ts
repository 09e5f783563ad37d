// Requests of one session on two workers: one after the other, each seeing what the one before it has written, and none
// waiting for ever. Two applications share a storage in memory and real locks.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateSessionLocks, SessionLocks } from "../../../core/memory/session-locks.js";
import { HttpResponse } from "../../../workers/app/app.js";
import type { SessionsOptions } from "../../../workers/session/sessions.js";
import { kept } from "../../support/kept.js";
import { Client, type Handler, SessionFarm, type Worker } from "../../support/session-farm.js";
import { settle } from "../../support/settle.js";

/** So many that two sessions, whose IDs are random, do not share one but once in 262,144 runs. */
const STRIPES = 1 << 18;

/** Two workers of one farm with this handler. */
function twoWorkers(handler: Handler, options: Partial<SessionsOptions> = {}): [Worker, Worker] {
  const farm = new SessionFarm();
  const memory = allocateSessionLocks(STRIPES);
  const create = (worker: number) => {
    const locks = new SessionLocks(memory, worker, () => performance.now());
    return farm.worker(handler, { locks, ...options });
  };
  return [create(0), create(1)];
}

function textOf(response: HttpResponse): string {
  return String(response.body);
}

/** Adds one to the session's count; at /slow only when it is let go on. */
function counting(): { handler: Handler; letGo: () => void } {
  let resume = () => {};
  const handler: Handler = async (request, { session }) => {
    const count = Number(session.state.count ?? 0);
    if (request.path === "/slow") {
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
    }
    session.state.count = count + 1;
    return HttpResponse.text(String(count + 1));
  };
  return { handler, letGo: () => resume() };
}

test("request, while another worker handles one of its session, waits and sees what that one wrote", () =>
  kept(async () => {
    const { handler, letGo } = counting();
    const [a, b] = twoWorkers(handler);
    const client = new Client();
    await client.send(a);
    const first = client.send(a, "/slow");
    await settle();
    const second = client.send(b);
    await settle();
    letGo();
    assert.equal([textOf(await first), textOf(await second)], ["2", "3"]);
    assert.is(textOf(await client.send(a)), "4");
  }));

test("requests of other sessions, are not held up", () =>
  kept(async () => {
    const { handler, letGo } = counting();
    const [a, b] = twoWorkers(handler);
    const [one, other] = [new Client(), new Client()];
    await one.send(a);
    await other.send(b);
    const slow = one.send(a, "/slow");
    await settle();
    assert.is(textOf(await other.send(b)), "2");
    letGo();
    await slow;
  }));

test("request that has waited too long, is answered 503 with Retry-After, and has changed nothing", () =>
  kept(async () => {
    const { handler, letGo } = counting();
    const [a, b] = twoWorkers(handler, { turnWaitMs: 20 });
    const client = new Client();
    await client.send(a);
    const slow = client.send(a, "/slow");
    await settle();
    for (const worker of [a, b]) {
      const refused = await client.send(worker);
      assert.equal([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    }
    letGo();
    assert.is(textOf(await slow), "2");
    assert.is(textOf(await client.send(b)), "3");
  }));

test("handler that never answers, keeps its session no longer than its lease", () =>
  kept(async () => {
    const { handler, letGo } = counting();
    const [a, b] = twoWorkers(handler, { turnLeaseMs: 0 });
    const client = new Client();
    await client.send(a);
    // No safe method, which would be tried again.
    const stuck = client.send(a, "/slow", "POST");
    await settle();
    const second = client.send(b);
    await settle();
    assert.is(a.sessions.turns.sweep(), 1);
    assert.is(textOf(await second), "2");
    // It answers after all: what it has read is old by now, and its change is refused rather than the other's lost.
    letGo();
    assert.is((await stuck).status, 409);
    assert.is(textOf(await client.send(a)), "3");
  }));

test("request that is answered at once, keeps the session's lock no longer than that, read or written", () =>
  kept(async () => {
    const reading: Handler = (_, { session }) => HttpResponse.text(String(session.state.count ?? 0));
    const [a, b] = twoWorkers(reading);
    const client = new Client();
    await client.send(a);
    for (let round = 0; round < 3; round++) {
      for (const worker of [a, b]) {
        await client.send(worker);
        assert.is(textOf(client.sendNow(worker)), "0", "from the cache, at once");
      }
    }
    assert.equal([a.sessions.turns.size, b.sessions.turns.size], [0, 0]);
  }));

test("failing handlers and storages, leave no lock behind", () =>
  kept(async () => {
    const failing: Handler = (request, { session }) => {
      if (request.path === "/throw") throw new Error("on purpose");
      if (request.path === "/reject") return Promise.reject(new Error("on purpose"));
      session.state.n = Number(session.state.n ?? 0) + 1;
      return HttpResponse.text("done");
    };
    const [a, b] = twoWorkers(failing, { turnWaitMs: 1000 });
    const client = new Client();
    await client.send(a);
    for (const path of ["/throw", "/reject"]) {
      assert.is((await client.send(a, path)).status, 500);
      assert.is((await client.send(b)).status, 200, `after ${path}`);
    }
  }));

test.run();
