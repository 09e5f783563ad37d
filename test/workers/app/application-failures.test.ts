// The application when something fails: the handler, its state, the database. Whatever it is, the session stays as it was
// last committed, the client gets no error's text, and the next request is served.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpResponse, StorageError } from "../../../workers/app/app.js";
import {
  Client,
  fakeRequest,
  Gate,
  type Handler,
  HOUR_MS,
  SessionFarm,
  setCookiesOf,
} from "../../support/session-farm.js";
import { settle } from "../../support/settle.js";

const UNAVAILABLE = new StorageError("unavailable", "the database is gone");

/** "/count" counts in the session, every answer is the count. */
const counting: Handler = (request, { session }) => {
  if (request.path === "/count") session.state.visits = ((session.state.visits as number) ?? 0) + 1;
  return HttpResponse.text(String(session.state.visits ?? 0));
};

async function textOf(answer: Promise<HttpResponse>): Promise<string> {
  return String((await answer).body);
}

test("handler, throwing at once or later, is answered for with 500, logged, and changes nothing", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((request, context) => {
    const answer = counting(request, context);
    context.session.state.secret = "hidden";
    if (request.path === "/throw") throw new Error("hunter2");
    if (request.path === "/reject") return Promise.reject(new Error("hunter2"));
    context.session.state.secret = undefined;
    delete context.session.state.secret;
    return answer;
  });
  const client = new Client();
  await client.send(worker, "/count");
  for (const path of ["/throw", "/reject"]) {
    const response = await client.send(worker, path, "POST");
    assert.is(response.status, 500);
    assert.not.match(String(response.body), "hunter2");
    assert.equal(setCookiesOf(response), []);
  }
  assert.is(worker.faults.length, 2);
  assert.is((worker.faults[0]!.error as Error).message, "hunter2");
  assert.match(String((await client.send(worker, "/throw")).body), worker.faults[2]!.fault);
  assert.is(await textOf(client.send(worker)), "1");
  assert.is(farm.storage.calls.commit, 1);
});

test("handler, returning something else, is answered for with 500 and a log that says so", async () => {
  const farm = new SessionFarm();
  for (const [wrong, name] of [
    [undefined, "undefined"],
    [null, "null"],
    ["text", "string"],
    [{}, "Object"],
    [Object.create(null), "an object"],
    [Promise.resolve(7), "number"],
  ] as const) {
    const worker = farm.worker(() => wrong as never);
    assert.is((await new Client().send(worker)).status, 500);
    assert.match((worker.faults[0]!.error as Error).message, `returned ${name}, neither`);
  }
});

test("Response, whose body is used already, is answered for with 500 and nothing is committed", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (_request, { session }) => {
    session.state.a = 1;
    const used = new Response("body");
    await used.text();
    return used;
  });
  assert.is((await new Client().send(worker)).status, 500);
  assert.is(farm.storage.calls.commit, 0);
});

test("sessionless(), throwing, is answered for with 500", () => {
  const farm = new SessionFarm();
  const worker = farm.worker({
    sessionless: () => {
      throw new Error("hunter2");
    },
    fetch: () => HttpResponse.text(""),
  });
  assert.is(new Client().sendNow(worker).status, 500);
  assert.is(worker.faults.length, 1);
});

test("state, that cannot be kept, is answered for with 500 and leaves the session as it was", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((request, context) => {
    const { state } = context.session;
    if (request.path === "/function") state.f = () => 1;
    if (request.path === "/cycle") state.self = state;
    if (request.path === "/array") context.session.state = [] as never;
    return counting(request, context);
  });
  const client = new Client();
  await client.send(worker, "/count");
  for (const path of ["/function", "/cycle", "/array"]) {
    assert.is((await client.send(worker, path, "POST")).status, 500, path);
  }
  const codes = worker.faults.map(({ error }) => (error as { code: string }).code);
  assert.equal(codes, ["state_not_encodable", "state_not_encodable", "state_not_encodable"]);
  assert.is(client.sendNow(worker).body, "1");
});

test("stored state, corrupt, is an error of that session alone, and can be replaced", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker((request, context) => {
    if (request.path === "/reset") context.session.state = {};
    return counting(request, context);
  });
  const [victim, other] = [new Client(), new Client()];
  await victim.send(worker, "/count");
  const [key, row] = [...farm.storage.rows][0]!;
  await other.send(worker, "/count");
  farm.storage.rows.set(key, { ...row, state: Uint8Array.of(0xc1), version: 5 });
  farm.storage.known.set(key, 5);
  assert.is((await victim.send(worker)).status, 500);
  assert.is((worker.faults[0]!.error as { code: string }).code, "state_corrupt");
  assert.is(await textOf(other.send(worker)), "1");
  assert.is((await victim.send(worker, "/reset", "POST")).status, 200);
  assert.is(await textOf(victim.send(worker, "/count")), "1");
});

test("database, gone, fails what needs it with 503 and Retry-After, not what does not", async () => {
  const farm = new SessionFarm();
  const [one, two] = [farm.worker(counting), farm.worker(counting)];
  const client = new Client();
  await client.send(one, "/count");
  farm.storage.failure = UNAVAILABLE;
  assert.is(client.sendNow(one).body, "1");
  for (const response of [
    await client.send(one, "/count"),
    await client.send(two),
    await new Client().send(two, "/count"),
  ]) {
    assert.is(response.status, 503);
    assert.is(response.headers.get("retry-after"), "1");
    assert.equal(setCookiesOf(response), []);
  }
  assert.is(new Client().sendNow(two).status, 200);
  farm.storage.failure = undefined;
  assert.is(await textOf(client.send(one, "/count")), "2");
  assert.is(await textOf(client.send(two)), "2");
  assert.is(one.faults.length + two.faults.length, 0);
});

test("load, failed, fails all who wait for it with one call", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  await client.send(farm.worker(counting), "/count");
  const worker = farm.worker(counting);
  farm.storage.failure = UNAVAILABLE;
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.send(worker)));
  assert.equal(new Set(answers.map(({ status }) => status)), new Set([503]));
  assert.is(farm.storage.calls.load, 1);
  assert.is(worker.sessions.turns.size, 0);
  farm.storage.failure = undefined;
  assert.is(await textOf(client.send(worker)), "1");
});

/** Two workers read version 1; the second one's commit comes first; then the first one's. */
async function conflicting(method: string, worker2: (farm: SessionFarm, client: Client) => Promise<unknown>) {
  const farm = new SessionFarm();
  const client = new Client();
  const gate = new Gate();
  let visits = 0;
  const one = farm.worker(async (request, context) => {
    visits++;
    const answer = counting(request, context);
    if (visits === 2) await gate.pass();
    return answer;
  });
  await client.send(one, "/count");
  const answer = client.send(one, "/count", method);
  await settle();
  await worker2(farm, client);
  gate.open();
  const response = await answer;
  return { farm, client, one, response, visits };
}

const countElsewhere = (farm: SessionFarm, client: Client) => client.send(farm.worker(counting), "/count");

test("conflict, of a safe method, is tried once more on the new state", async () => {
  const { one, response, visits } = await conflicting("GET", countElsewhere);
  assert.is(response.status, 200);
  assert.is(String(response.body), "3");
  assert.is(visits, 3);
  assert.is(one.sessions.counters.conflicts, 1);
});

test("conflict, of another method, is 409; the state is the other's, and the next request goes on from it", async () => {
  const { client, one, response, visits } = await conflicting("POST", countElsewhere);
  assert.is(response.status, 409);
  assert.is(visits, 2);
  assert.is(await textOf(client.send(one, "/count", "POST")), "3");
  assert.is(one.faults.length, 0);
});

test("conflict, twice in a row of a safe method, is 409", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  const other = farm.worker(counting);
  const one = farm.worker(async (request, context) => {
    const answer = counting(request, context);
    if (request.path === "/count") await new Client(client.id).send(other, "/count");
    return answer;
  });
  await client.send(other, "/count");
  assert.is((await client.send(one, "/count")).status, 409);
  assert.is(one.sessions.counters.conflicts, 2);
});

test("conflict, after a regenerate, loses neither the other's change nor the old ID", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  const other = farm.worker(counting);
  const one = farm.worker(async (_request, { session }) => {
    session.regenerate();
    await new Client(client.id).send(other, "/count");
    return HttpResponse.text("");
  });
  await client.send(other, "/count");
  const response = await client.send(one, "/", "POST");
  assert.is(response.status, 409);
  assert.equal(setCookiesOf(response), []);
  assert.is(await textOf(client.send(other)), "2");
});

test("procedure, throwing, rejects into the handler, which may answer; the state is what it was", async () => {
  const farm = new SessionFarm();
  farm.storage.procedures.set("order", () => {
    throw new Error("out of stock");
  });
  const worker = farm.worker(async (request, context) => {
    const { session } = context;
    if (request.path !== "/order") return counting(request, context);
    session.state.visits = 100;
    session.regenerate();
    try {
      await session.commitWith("order", {});
    } catch (error) {
      assert.instance(error, StorageError);
      return HttpResponse.text(
        `${(error as StorageError).code} ${(error as Error).message} ${session.state.visits}`,
      );
    }
    return HttpResponse.text("");
  });
  const client = new Client();
  await client.send(worker, "/count");
  const { id } = client;
  assert.is(await textOf(client.send(worker, "/order", "POST")), "procedure_failed out of stock 1");
  assert.is(client.id, id);
  assert.is(await textOf(client.send(worker)), "1");
});

test("commitWith, failing in a handler that does not catch it, is answered for by its cause", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (_request, { session }) => {
    session.state.a = 1;
    return HttpResponse.json(await session.commitWith("order", {}));
  });
  assert.is((await new Client().send(worker)).status, 500);
  assert.is((worker.faults[0]!.error as StorageError).code, "unknown_procedure");
  farm.storage.failure = UNAVAILABLE;
  assert.is((await new Client().send(worker)).status, 503);
});

test("commitWith, failing after a handler that did not wait for it, is 500 and ends nothing", async () => {
  const farm = new SessionFarm();
  let unheard = 0;
  const count = () => unheard++;
  process.on("unhandledRejection", count);
  const worker = farm.worker((_request, { session }) => {
    void session.commitWith("no such procedure", {});
    return HttpResponse.text("");
  });
  assert.is((await new Client().send(worker)).status, 500);
  await settle();
  process.off("unhandledRejection", count);
  assert.is(unheard, 0);
});

test("handler, throwing after commitWith, keeps what was committed and tells the client its ID", async () => {
  const farm = new SessionFarm();
  farm.storage.procedures.set("login", () => true);
  const worker = farm.worker(async (request, context) => {
    const { session } = context;
    if (request.path !== "/login") return counting(request, context);
    session.regenerate();
    session.state.user = "ada";
    await session.commitWith("login", {});
    session.state.visits = 100;
    throw new Error("too late");
  });
  const client = new Client();
  await client.send(worker, "/count");
  const { id } = client;
  const response = await client.send(worker, "/login", "POST");
  assert.is(response.status, 500);
  assert.is.not(client.id, id);
  assert.is(await textOf(client.send(worker)), "1");
});

test("handler, throwing after a commit, is answered with the cookie that a commit moves, streamed or not", async () => {
  const farm = new SessionFarm();
  const failing: Handler = async (_request, { withSession }) => {
    await withSession((session) => {
      session.state.visits = ((session.state.visits as number) ?? 0) + 1;
    });
    throw new Error("too late");
  };
  for (const isStreamed of [true, false]) {
    for (const rolling of [true, false]) {
      const worker = farm.worker(failing, { cookie: { maxAgeMs: HOUR_MS, rolling } });
      const client = new Client();
      await client.send(worker);
      const request = Object.assign(fakeRequest("POST", "/", client.id), { isStreamed });
      const response = await worker.application.respond(request);
      assert.is(response.status, 500);
      assert.match(setCookiesOf(response).join(), /Max-Age=3600$/, `${isStreamed} ${rolling}`);
    }
  }
});

test("renewal, refused by the database, disturbs nobody and is not tried with every request", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting, { idleExpiryMs: HOUR_MS, cacheTtlMs: 0.9 * HOUR_MS });
  const client = new Client();
  await client.send(worker, "/count");
  farm.storage.calls.commit = 0;
  farm.storage.failure = UNAVAILABLE;
  farm.nowMs += 0.6 * HOUR_MS;
  for (let count = 0; count < 5; count++) {
    assert.is(client.sendNow(worker).body, "1");
    await settle();
  }
  assert.is(farm.storage.calls.commit, 1);
  farm.storage.failure = undefined;
  farm.nowMs += 60_000;
  assert.is(client.sendNow(worker).body, "1");
  await settle();
  assert.is(farm.storage.calls.commit, 2);
  assert.is([...farm.storage.rows.values()][0]!.expiresAtMs, farm.nowMs + HOUR_MS);
});

test.run();
