// The application without failures of the storage: which session a request gets, what reaches the database, what the
// client is told. See application-failures.test.ts for everything that goes wrong, application-model.test.ts for all of
// it in random order.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpResponse } from "../../../workers/app/app.js";
import { SessionIds } from "../../../workers/session/session-id.js";
import { MAX_STATE_DEPTH } from "../../../workers/session/session-state.js";
import {
  Client,
  fakeRequest,
  Gate,
  type Handler,
  HOUR_MS,
  newIdOf,
  SECRET,
  SessionFarm,
  setCookiesOf,
} from "../../support/session-farm.js";
import { settle } from "../../support/settle.js";
import { signingSecrets } from "../../support/signing-secrets.js";

/** Counts visits in the session for "/count"; tells of the session everywhere; "/later" does so after a turn. */
const counting: Handler = (request, { session }) => {
  if (request.path === "/count") session.state.visits = ((session.state.visits as number) ?? 0) + 1;
  const answer = HttpResponse.json({
    origin: session.origin,
    isNew: session.isNew,
    visits: session.state.visits ?? 0,
    version: session.version,
  });
  return request.path === "/later" ? Promise.resolve().then(() => answer) : answer;
};

function bodyOf(response: HttpResponse): Record<string, unknown> {
  return JSON.parse(String(response.body));
}

test("request, without a cookie, begins a session at once and stores nothing", () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting);
  const response = new Client().sendNow(worker);
  assert.equal(bodyOf(response), { origin: "new", isNew: true, visits: 0, version: 0 });
  assert.is(setCookiesOf(response).length, 1);
  assert.match(
    setCookiesOf(response)[0]!,
    /^limpet\.sid=[\w-]{24}\.[\w-]{24}; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  assert.is(farm.storage.totalCalls, 0);
  assert.is(worker.sessions.counters.started, 1);
});

test("session, never filled, is served from the cache with one query of its version", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting);
  const client = new Client();
  client.sendNow(worker);
  assert.is(bodyOf(await client.send(worker)).origin, "cache");
  assert.equal(farm.storage.calls, { load: 0, version: 1, commit: 0, call: 0 });
  // The storage has told the directory that there is none.
  assert.is(bodyOf(client.sendNow(worker)).origin, "cache");
  assert.is(farm.storage.totalCalls, 1);
});

test("session, cached and current, is read at once and without the database", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting);
  const client = new Client();
  await client.send(worker, "/count");
  assert.is(farm.storage.totalCalls, 1);
  for (let count = 0; count < 50; count++) {
    const response = client.sendNow(worker);
    assert.equal(bodyOf(response), { origin: "cache", isNew: false, visits: 1, version: 1 });
    assert.equal(setCookiesOf(response), []);
  }
  await client.send(worker, "/later");
  assert.is(farm.storage.totalCalls, 1);
  assert.is(worker.sessions.counters.cacheHits, 51);
});

test("change, before it is durable, is not answered", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting);
  const gate = new Gate();
  farm.storage.latency = gate.pass;
  let isAnswered = false;
  const answer = new Client().send(worker, "/count").then((response) => {
    isAnswered = true;
    return response;
  });
  await settle();
  assert.not.ok(isAnswered);
  gate.open();
  assert.is((await answer).status, 200);
  assert.is(farm.storage.rows.size, 1);
});

test("session, asked of another worker, is loaded once and then cached there", async () => {
  const farm = new SessionFarm();
  const [one, two] = [farm.worker(counting), farm.worker(counting)];
  const client = new Client();
  await client.send(one, "/count");
  assert.equal(bodyOf(await client.send(two)), { origin: "database", isNew: false, visits: 1, version: 1 });
  assert.is(bodyOf(client.sendNow(two)).origin, "cache");
  assert.is(farm.storage.calls.load, 1);
  assert.is(two.sessions.counters.misses, 1);
});

test("session, changed by another worker, is stale in the first one's cache and loaded", async () => {
  const farm = new SessionFarm();
  const [one, two] = [farm.worker(counting), farm.worker(counting)];
  const client = new Client();
  await client.send(one, "/count");
  await client.send(two, "/count");
  assert.equal(bodyOf(await client.send(one)), { origin: "database", isNew: false, visits: 2, version: 2 });
  assert.is(one.sessions.counters.stale, 1);
});

test("session, not in the directory, costs a query of its version and no load", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting);
  const client = new Client();
  await client.send(worker, "/count");
  farm.storage.known.clear();
  assert.is(bodyOf(await client.send(worker)).origin, "cache");
  assert.equal(farm.storage.calls, { load: 0, version: 1, commit: 1, call: 0 });
});

test("misses, many at once for one session, are one load", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  await client.send(farm.worker(counting), "/count");
  const worker = farm.worker(counting);
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.send(worker)));
  assert.is(farm.storage.calls.load, 1);
  assert.equal(new Set(answers.map((answer) => bodyOf(answer).visits)), new Set([1]));
});

test("ID, ours but with nothing stored under it, goes on with an empty state", async () => {
  const farm = new SessionFarm();
  const id = new SessionIds(signingSecrets(SECRET)).create();
  const client = new Client(id);
  const response = await client.send(farm.worker(counting), "/count");
  assert.equal(bodyOf(response), { origin: "database", isNew: false, visits: 1, version: 0 });
  assert.is(client.id, id);
});

test("ID, forged or malformed, never reaches the database and is never adopted", () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting);
  const forged = new SessionIds(signingSecrets(new Uint8Array(32).fill(9))).create();
  for (const id of [
    forged,
    "",
    "x",
    "x".repeat(10_000),
    `${"A".repeat(24)}.${"A".repeat(24)}`,
    "\u0000é漢",
  ]) {
    const response = new Client(id).sendNow(worker);
    assert.is(bodyOf(response).isNew, true);
    assert.is.not(newIdOf(response), id);
    assert.ok(newIdOf(response));
  }
  assert.is(worker.sessions.counters.forgedIds, 6);
  assert.is(farm.storage.totalCalls, 0);
});

test("requests of one session, at once in one worker, see each other's writes", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (request, { session }) => {
    const before = (session.state.visits as number) ?? 0;
    await settle();
    if (request.method === "POST") session.state.visits = before + 1;
    return HttpResponse.json({ visits: session.state.visits });
  });
  const client = new Client();
  await client.send(worker, "/", "POST");
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.send(worker, "/", "POST")));
  assert.equal(
    answers.map((answer) => bodyOf(answer).visits),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
  assert.is(worker.sessions.counters.conflicts, 0);
  assert.is(worker.sessions.turns.size, 0);
});

test("requests of one session, more than may wait, are told to come again", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting, { maxWaitingRequests: 2 });
  const client = new Client();
  await client.send(worker, "/count");
  const gate = new Gate();
  farm.storage.latency = gate.pass;
  const answers = Array.from({ length: 5 }, () => client.send(worker, "/count"));
  await settle();
  gate.open();
  const statuses = (await Promise.all(answers)).map((answer) => answer.status);
  assert.equal(statuses, [200, 200, 200, 503, 503]);
});

test("regenerate, moves the state to a new ID and leaves nothing under the old one in the same commit", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((request, context) => {
    if (request.path === "/login") {
      const { session } = context;
      session.state.user = "ada";
      const before = session.id;
      session.regenerate();
      assert.is.not(session.id, before);
    }
    return counting(request, context);
  });
  const client = new Client();
  await client.send(worker, "/count");
  const old = client.id;
  const response = await client.send(worker, "/login", "POST");
  assert.ok(client.id && client.id !== old);
  const { replacesKey } = farm.storage.changes.at(-1)!;
  assert.equal(
    farm.storage.rows.get(replacesKey!)?.state,
    Uint8Array.of(0x80),
    "an empty session, of the next version",
  );
  assert.is(farm.storage.rows.size, 2);
  assert.is(bodyOf(response).visits, 1);
  assert.equal(bodyOf(client.sendNow(worker)), { origin: "cache", isNew: false, visits: 1, version: 2 });
  assert.is(bodyOf(await new Client(old).send(worker)).visits, 0);
});

test("session, however much it is used, and under whatever ID, ends at its absolute age", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(
    (request, context) => {
      if (request.path === "/login") context.session.regenerate();
      return counting(request, context);
    },
    { idleExpiryMs: 10 * HOUR_MS, absoluteExpiryMs: 24 * HOUR_MS },
  );
  const client = new Client();
  assert.is(bodyOf(await client.send(worker, "/count")).visits, 1);
  for (const [hours, path] of [
    [9, "/"],
    [18, "/login"],
    [23, "/"],
  ] as const) {
    farm.nowMs = 1_700_000_000_000 + hours * HOUR_MS;
    assert.is(bodyOf(await client.send(worker, path)).visits, 1, `after ${hours} hours`);
    await settle();
  }
  // Nothing can put it off: reading near the end commits nothing.
  const { commit } = farm.storage.calls;
  await client.send(worker);
  await settle();
  assert.is(farm.storage.calls.commit, commit);
  farm.nowMs = 1_700_000_000_000 + 24 * HOUR_MS;
  assert.is(bodyOf(await client.send(worker)).visits, 0);
});

test("regenerate, of a session that was never stored, stores nothing", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((_request, { session }) => {
    session.regenerate();
    return HttpResponse.json({ id: session.id });
  });
  const client = new Client();
  const first = bodyOf(client.sendNow(worker)).id;
  assert.is(client.id, first);
  const second = bodyOf(await client.send(worker)).id;
  assert.is(client.id, second);
  assert.is.not(first, second);
  assert.is(farm.storage.calls.commit, 0);
});

test("destroy, empties the session for every worker and takes the cookie away", async () => {
  const farm = new SessionFarm();
  const handler: Handler = (request, context) => {
    if (request.path === "/logout") {
      context.session.destroy();
      context.session.state.late = "not kept";
    }
    return counting(request, context);
  };
  const [one, two] = [farm.worker(handler), farm.worker(handler)];
  const client = new Client();
  await client.send(one, "/count");
  await client.send(two);
  const { id } = client;
  const response = await client.send(one, "/logout", "POST");
  assert.match(setCookiesOf(response)[0]!, /^limpet\.sid=; .*Max-Age=0$/);
  assert.is(client.id, undefined);
  for (const worker of [one, two]) assert.is(bodyOf(await new Client(id).send(worker)).visits, 0);
});

test("destroyed session, used again, never passes for its former self in another worker's cache", async () => {
  const farm = new SessionFarm();
  const handler: Handler = (request, context) => {
    if (request.path === "/logout") context.session.destroy();
    if (request.path === "/other") context.session.state.other = true;
    return counting(request, context);
  };
  const [one, two] = [farm.worker(handler), farm.worker(handler)];
  const client = new Client();
  await client.send(one, "/count");
  const again = new Client(client.id);
  await again.send(two);
  await client.send(one, "/logout", "POST");
  await new Client(again.id).send(one, "/other", "POST");
  assert.is(bodyOf(await again.send(two)).visits, 0);
});

test("destroy, of a session that the client has not heard of, says nothing", () => {
  const farm = new SessionFarm();
  const worker = farm.worker((_request, { session }) => {
    session.destroy();
    return HttpResponse.text("");
  });
  assert.equal(setCookiesOf(new Client().sendNow(worker)), []);
  assert.is(farm.storage.totalCalls, 0);
});

test("commitWith, commits the state with its procedure, and later changes after it", async () => {
  const farm = new SessionFarm();
  farm.storage.procedures.set("order", (args) => ({ order: 41, args }));
  const worker = farm.worker(async (_request, { session }) => {
    session.state.cart = [];
    const result = await session.commitWith("order", { item: 5 });
    assert.is(session.version, 1);
    session.state.after = true;
    return HttpResponse.json(result);
  });
  const response = await new Client().send(worker, "/", "POST");
  assert.equal(bodyOf(response), { order: 41, args: { item: 5 } });
  const [first, second] = farm.storage.changes;
  assert.is(first!.procedure, "order");
  assert.is(second!.procedure, undefined);
  assert.is(second!.baseVersion, 1);
});

test("commitWith, a second one before the first is answered, is refused, and so is a handler that does not wait", async () => {
  const farm = new SessionFarm();
  farm.storage.procedures.set("order", () => 1);
  const codes: unknown[] = [];
  const worker = farm.worker(async (request, { session }) => {
    const first = session.commitWith("order", 1);
    if (request.path === "/forgets") return HttpResponse.text("");
    await session.commitWith("order", 2).catch((error) => codes.push(error.code));
    await first;
    return HttpResponse.text("");
  });
  assert.is((await new Client().send(worker)).status, 200);
  assert.equal(codes, ["commit_in_progress"]);
  assert.is((await new Client().send(worker, "/forgets")).status, 500);
  assert.is((worker.faults[0]!.error as { code: string }).code, "commit_in_progress");
});

test("session, used after the response was given, throws", async () => {
  const farm = new SessionFarm();
  const uses: unknown[] = [];
  const worker = farm.worker((_request, { session }) => {
    setImmediate(() => {
      for (const use of [() => session.state, () => session.regenerate(), () => session.destroy()]) {
        try {
          use();
        } catch (error) {
          uses.push((error as { code: string }).code);
        }
      }
    });
    return HttpResponse.text("");
  });
  new Client().sendNow(worker);
  await settle();
  assert.equal(uses, ["session_ended", "session_ended", "session_ended"]);
});

test("sessionless request, has no session, no cookie, and says so when asked for one", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker({
    sessionless: (request) => request.path.startsWith("/static"),
    fetch: (request, context) => {
      // Taken out of the context as handlers do; only its use is an error.
      const { session, source } = context;
      assert.equal({ ...source }, { address: "198.18.0.9", port: 4711 });
      if (request.path === "/static/wrong") return HttpResponse.json(session.state);
      return request.path === "/static/later"
        ? Promise.resolve(HttpResponse.text("a"))
        : HttpResponse.text("a");
    },
  });
  const response = new Client().sendNow(worker, "/static/a");
  assert.equal(setCookiesOf(response), []);
  assert.equal(setCookiesOf(await new Client().send(worker, "/static/later")), []);
  assert.is(worker.sessions.counters.started, 0);
  assert.is((await new Client().send(worker, "/static/wrong")).status, 500);
  assert.is((worker.faults[0]!.error as { code: string }).code, "sessionless");
  assert.is(setCookiesOf(new Client().sendNow(worker, "/")).length, 1);
});

test("response, the same object for everyone, carries nobody's cookie to another", () => {
  const farm = new SessionFarm();
  const shared = HttpResponse.text("the same");
  const worker = farm.worker(() => shared);
  const [one, two] = [new Client(), new Client()];
  one.sendNow(worker);
  const response = two.sendNow(worker);
  assert.is(setCookiesOf(response).length, 1);
  assert.is.not(one.id, two.id);
  assert.equal(setCookiesOf(shared), []);
});

test("response, a WHATWG Response, is taken with its cookies and the session's", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(
    () =>
      new Response("hello", {
        status: 201,
        headers: [
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ],
      }),
  );
  const response = await new Client().send(worker);
  assert.is(response.status, 201);
  assert.is(await new Response(response.body as ReadableStream).text(), "hello");
  assert.is(setCookiesOf(response).length, 3);
});

test("context.call, taken out of the context, runs a procedure", async () => {
  const farm = new SessionFarm();
  farm.storage.procedures.set("products", () => ["a"]);
  const worker = farm.worker(async (_request, { call, worker: number }) =>
    HttpResponse.json({ products: await call("products"), number }),
  );
  assert.equal(bodyOf(await new Client().send(worker)), { products: ["a"], number: 3 });
});

test("session, read in the first half of its time, is not renewed, and in the second half once", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting, { idleExpiryMs: 10 * HOUR_MS, cookie: { maxAgeMs: 10 * HOUR_MS } });
  const client = new Client();
  await client.send(worker, "/count");
  farm.nowMs += 4 * HOUR_MS;
  assert.equal(setCookiesOf(await client.send(worker)), []);
  assert.is(farm.storage.calls.commit, 1);
  farm.nowMs += 2 * HOUR_MS;
  const response = await client.send(worker);
  assert.is(newIdOf(response), client.id);
  assert.is((await client.send(worker)).status, 200);
  await settle();
  assert.is(farm.storage.calls.commit, 2);
  assert.is([...farm.storage.rows.values()][0]!.expiresAtMs, farm.nowMs + 10 * HOUR_MS);
  assert.is(worker.sessions.turns.size, 0);
});

test("session, not used for its whole time, is over", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting, { idleExpiryMs: HOUR_MS, cacheTtlMs: HOUR_MS / 2 });
  const client = new Client();
  await client.send(worker, "/count");
  farm.nowMs += HOUR_MS + 1;
  farm.storage.known.clear();
  assert.is(bodyOf(await client.send(worker)).visits, 0);
  assert.is(bodyOf(await client.send(worker, "/count")).visits, 1);
});

test("response to a write, with a cookie that has an end, moves that end", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting, { cookie: { maxAgeMs: HOUR_MS } });
  const client = new Client();
  await client.send(worker, "/count");
  assert.match(setCookiesOf(await client.send(worker, "/count"))[0]!, /Max-Age=3600$/);
  assert.equal(setCookiesOf(await client.send(worker)), []);
});

test("state, as deep as may be, is kept", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((_request, { session }) => {
    let inner: Record<string, unknown> = {};
    for (let depth = 0; depth < MAX_STATE_DEPTH; depth++) inner = { inner };
    session.state = inner;
    return HttpResponse.text("");
  });
  assert.is((await worker.application.respond(fakeRequest())).status, 200);
});

test.run();
