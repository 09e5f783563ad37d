// The limit of a session's state as the app and its clients see it: an error that a handler can answer for, 413 if it does not,
// and a session that is what it was before; and how long a session lasts that nobody uses.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpResponse, SessionError, SessionStateError, StorageError } from "../../../workers/app/app.js";
import { Client, type Handler, HOUR_MS, SessionFarm, setCookiesOf } from "../../support/session-farm.js";
import { settle } from "../../support/settle.js";

const LIMIT = { maxStateBytes: 1000 };
const TOO_MUCH = "x".repeat(2000);

const counting: Handler = (request, { session }) => {
  if (request.path === "/count") session.state.visits = ((session.state.visits as number) ?? 0) + 1;
  return HttpResponse.text(String(session.state.visits ?? 0));
};

/** Adds too much, and says what came of it. */
const answering: Handler = async (request, context) => {
  const { session } = context;
  if (request.path !== "/add") return counting(request, context);
  session.state.text = TOO_MUCH;
  try {
    await session.commit();
  } catch (error) {
    assert.instance(error, SessionStateError);
    const { code, status } = error as SessionStateError;
    return HttpResponse.text(`${code} ${String(session.state.visits)} ${"text" in session.state}`, {
      status,
    });
  }
  return HttpResponse.text("kept");
};

test("state, too large, in a handler that does not look, is 413, no fault of the app, and leaves the session", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((request, context) => {
    const answer = counting(request, context);
    if (request.path === "/now") context.session.state.text = TOO_MUCH;
    if (request.path !== "/later") return answer;
    return Promise.resolve().then(() => {
      context.session.state.text = TOO_MUCH;
      return answer;
    });
  }, LIMIT);
  const client = new Client();
  await client.send(worker, "/count");
  for (const path of ["/now", "/later"]) {
    const response = await client.send(worker, path, "POST");
    assert.is(response.status, 413);
    assert.match(String(response.body), /^Content Too Large\n/);
    assert.is(response.headers.get("cache-control"), "no-store");
    assert.equal(setCookiesOf(response), []);
  }
  assert.is(client.sendNow(worker).body, "1");
  assert.is(farm.storage.calls.commit, 1);
  assert.equal(worker.faults, []);
  assert.is(worker.sessions.turns.size, 0);
});

test("state, too large, is caught by a handler that commits itself, which finds what was there before", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(answering, LIMIT);
  const client = new Client();
  await client.send(worker, "/count");
  const response = await client.send(worker, "/add", "POST");
  assert.equal([response.status, response.body], [413, "state_too_large 1 false"]);
  assert.is((await client.send(worker, "/count")).body, "2");
  assert.is(farm.storage.calls.commit, 2);
});

test("state, too large, with a procedure: neither is done, and the handler may go on with less", async () => {
  const farm = new SessionFarm();
  let orders = 0;
  farm.storage.procedures.set("order", () => ++orders);
  const worker = farm.worker(async (_request, { session }) => {
    session.state.text = TOO_MUCH;
    const codes: string[] = [];
    await session.commitWith("order", {}).catch((error: SessionStateError) => codes.push(error.code));
    session.state.text = "less";
    await session.commitWith("order", {});
    return HttpResponse.text(codes.join());
  }, LIMIT);
  assert.is((await new Client().send(worker, "/", "POST")).body, "state_too_large");
  assert.is(orders, 1);
  assert.is(farm.storage.calls.commit, 1);
});

test("regeneration, asked for together with a state that is too large, is not done either", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (request, context) => {
    const { session } = context;
    if (request.path !== "/login") return counting(request, context);
    session.regenerate();
    session.state.text = TOO_MUCH;
    await session.commit().catch(() => {});
    return HttpResponse.text(session.id);
  }, LIMIT);
  const client = new Client();
  await client.send(worker, "/count");
  const { id } = client;
  const response = await client.send(worker, "/login", "POST");
  assert.is(response.body, id);
  assert.equal(setCookiesOf(response), []);
  assert.is((await client.send(worker)).body, "1");
});

test("commit, not waited for, is 500, whether it would succeed or not, and ends nothing", async () => {
  const farm = new SessionFarm();
  let unheard = 0;
  const count = () => unheard++;
  process.on("unhandledRejection", count);
  const worker = farm.worker((request, { session }) => {
    session.state.text = request.path === "/add" ? TOO_MUCH : "little";
    void session.commit();
    return HttpResponse.text("");
  }, LIMIT);
  for (const path of ["/add", "/"]) assert.is((await new Client().send(worker, path)).status, 500, path);
  await settle();
  process.off("unhandledRejection", count);
  assert.is(unheard, 0);
  assert.equal(
    worker.faults.map(({ error }) => (error as SessionError).code),
    ["commit_in_progress", "commit_in_progress"],
  );
});

test("commit, of a changed state, is durable before the handler goes on; of an unchanged one it asks nothing", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (_request, { session }) => {
    await session.commit();
    assert.is(farm.storage.calls.commit, 0);
    session.state.visits = 1;
    await session.commit();
    assert.is(farm.storage.rows.size, 1);
    await session.commit();
    return HttpResponse.text(String(session.version));
  });
  const client = new Client();
  assert.is((await client.send(worker)).body, "1");
  assert.is(farm.storage.calls.commit, 1);
  assert.ok(client.id);
});

test("commit, refused by the database, rejects with its error, and the state is again what was committed", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (request, context) => {
    const { session } = context;
    if (request.path !== "/add") return counting(request, context);
    session.state.visits = 100;
    farm.storage.failure = new StorageError("unavailable", "the database is gone");
    const codes: string[] = [];
    await session.commit().catch((error: StorageError) => codes.push(error.code));
    farm.storage.failure = undefined;
    return HttpResponse.text(`${codes.join()} ${String(session.state.visits)}`);
  });
  const client = new Client();
  await client.send(worker, "/count");
  assert.is((await client.send(worker, "/add", "POST")).body, "unavailable 1");
});

test("state, stored under a higher limit, is read and made smaller; made larger it is 413", async () => {
  const farm = new SessionFarm();
  const setting: Handler = (request, { session }) => {
    const length = Number(request.path.slice(1));
    if (length > 0) session.state.text = "x".repeat(length);
    return HttpResponse.text(String((session.state.text as string).length));
  };
  const client = new Client();
  await client.send(farm.worker(setting), "/5000");
  const worker = farm.worker(setting, LIMIT);
  for (const [path, status] of [
    ["/0", 200],
    ["/5001", 413],
    ["/4000", 200],
    ["/4001", 413],
    ["/900", 200],
    ["/2000", 413],
  ] as const)
    assert.is((await client.send(worker, path)).status, status, path);
  assert.is((await client.send(worker, "/0")).body, "900");
});

test("session, unused for its idle time, has ended; its cached state goes before that, whatever the idle time is", async () => {
  for (const idleExpiryMs of [2_000, HOUR_MS]) {
    const farm = new SessionFarm();
    const worker = farm.worker(counting, { idleExpiryMs });
    const client = new Client();
    await client.send(worker, "/count");
    const loads = farm.storage.calls.load;
    farm.nowMs += idleExpiryMs - 1;
    assert.is((await client.send(worker)).body, "1");
    assert.is(farm.storage.calls.load, loads + 1, "loaded anew, because it was cached for long");
    await settle();
    farm.nowMs += idleExpiryMs;
    assert.is((await client.send(worker)).body, "0");
  }
});

test("cookie, rolling, is set with every answer to its client, and not after the session was destroyed", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(
    (request, context) => {
      if (request.path === "/destroy") context.session.destroy();
      return counting(request, context);
    },
    { cookie: { rolling: true, maxAgeMs: HOUR_MS } },
  );
  const client = new Client();
  await client.send(worker, "/count");
  for (let count = 0; count < 2; count++) {
    const [cookie] = setCookiesOf(client.sendNow(worker));
    assert.match(cookie ?? "", `limpet.sid=${client.id}; `);
    assert.match(cookie ?? "", /Max-Age=3600$/);
  }
  assert.match(setCookiesOf(await client.send(worker, "/destroy"))[0] ?? "", /^limpet\.sid=; .*Max-Age=0$/);
  assert.equal(setCookiesOf(await new Client().send(worker, "/destroy")), []);
});

test("request, outside of the cookie's path, has no session and sets no cookie that would replace the right one", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(
    (request, context) => {
      if (!request.path.startsWith("/shop/")) return HttpResponse.text("elsewhere");
      return HttpResponse.text(context.session.id);
    },
    { cookie: { path: "/shop" } },
  );
  const client = new Client();
  assert.match(setCookiesOf(client.sendNow(worker, "/shop/"))[0] ?? "", /; Path=\/shop; /);
  for (const path of ["/", "/shopping"]) {
    const response = client.sendNow(worker, path);
    assert.is(response.body, "elsewhere");
    assert.equal(setCookiesOf(response), []);
  }
  assert.is((await client.send(worker, "/shop/")).body, client.id);

  const asking = farm.worker((_request, { session }) => HttpResponse.text(session.id), {
    cookie: { path: "/shop" },
  });
  assert.is((await new Client().send(asking, "/")).status, 500);
  assert.instance(asking.faults[0]!.error, SessionError);
});

test.run();
