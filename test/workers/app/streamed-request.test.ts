// Requests whose bodies are streamed, as the app sees them: the session is theirs for a moment at a time, and nobody waits for it
// because an upload is slow. And what the app says about bodies.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type App,
  type BodyRules,
  type Context,
  type HttpRequest,
  HttpResponse,
  RequestBodyError,
  type SessionError,
  StorageError,
} from "../../../workers/app/app.js";
import { HttpServer } from "../../../workers/http/server.js";
import type { SessionCookieOptions } from "../../../workers/session/session-cookie.js";
import { FakeStream } from "../../support/fake-stream.js";
import {
  Client,
  fakeRequest,
  Gate,
  type Handler,
  HOUR_MS,
  newIdOf,
  SessionFarm,
  setCookiesOf,
  type Worker,
} from "../../support/session-farm.js";
import { settle } from "../../support/settle.js";

type WithSession = Context["withSession"];

function upload(cookie?: string, path = "/"): HttpRequest {
  return Object.assign(fakeRequest("PUT", path, cookie), { isStreamed: true });
}

async function send(worker: Worker, cookie?: string): Promise<HttpResponse> {
  return worker.application.respond(upload(cookie));
}

/** A worker whose app answers uploads by this, and everything else with the session's count, one more at "/count". */
function workerOf(farm: SessionFarm, onUpload: Handler): Worker {
  return farm.worker((request, context) => {
    if (request.isStreamed) return onUpload(request, context);
    if (request.path === "/count") count(context);
    return HttpResponse.text(String(context.session.state.count ?? 0));
  });
}

function count({ session }: Pick<Context, "session">): number {
  const next = Number(session.state.count ?? 0) + 1;
  session.state.count = next;
  return next;
}

async function codeOf(failing: () => Promise<unknown>): Promise<string> {
  try {
    await failing();
  } catch (error) {
    return (error as SessionError).code;
  }
  return "none";
}

test("the session, of an upload that takes its time, is free for other requests", async () => {
  const farm = new SessionFarm();
  const gate = new Gate();
  const worker = workerOf(farm, async (_request, { withSession }) => {
    const before = await withSession((session) => session.state.count);
    await gate.pass();
    const after = await withSession((session) => count({ session }));
    return HttpResponse.text(`${before} ${after}`);
  });
  const client = new Client();
  await client.send(worker, "/count");
  const uploading = send(worker, client.id);
  await settle();
  for (let round = 0; round < 3; round++) await client.send(worker, "/count");
  gate.open();
  assert.is((await uploading).body, "1 5", "each visit sees what others have written");
  assert.is((await client.send(worker)).body, "5");
  assert.is(worker.sessions.turns.size, 0);
});

test("a visit waits for a request that has the session, and is waited for", async () => {
  const farm = new SessionFarm();
  const gates = { request: new Gate(), visit: new Gate() };
  const order: string[] = [];
  const worker = farm.worker(async (request, { session, withSession }) => {
    if (!request.isStreamed) {
      await gates.request.pass();
      order.push(`request ${count({ session })}`);
      return HttpResponse.text("x");
    }
    await withSession(async (visited) => {
      await gates.visit.pass();
      order.push(`visit ${count({ session: visited })}`);
    });
    return HttpResponse.text("x");
  });
  const client = new Client();
  const first = client.send(worker);
  gates.request.open();
  await first;
  gates.request.isOpen = false;
  const all = [client.send(worker), send(worker, client.id), client.send(worker)];
  await settle();
  gates.visit.open();
  await settle();
  assert.equal(order, ["request 1"]);
  gates.request.open();
  await Promise.all(all);
  assert.equal(order, ["request 1", "request 2", "visit 3", "request 4"]);
});

/** An upload has visited its session; then that is changed at `path`, and then the upload ends. */
async function changedMeanwhile(path: string, cookie: SessionCookieOptions) {
  const farm = new SessionFarm();
  const gate = new Gate();
  const options = { idleExpiryMs: HOUR_MS, cacheTtlMs: 0.9 * HOUR_MS, cookie };
  const worker = farm.worker(async (request, context) => {
    if (request.isStreamed) {
      await context.withSession((session) => session.state.count);
      await gate.pass();
    } else if (request.path === "/count") count(context);
    else if (request.path === "/login") context.session.regenerate();
    return HttpResponse.text("x");
  }, options);
  const client = new Client();
  await client.send(worker, "/count");
  const uploading = send(worker, client.id);
  await settle();
  farm.nowMs += 0.6 * HOUR_MS;
  await client.send(worker, path);
  farm.storage.calls.commit = 0;
  gate.open();
  const response = await uploading;
  await settle();
  return { farm, worker, client, response };
}

test("a session, that others have changed since an upload's last visit, is not renewed at its end", async () => {
  for (const path of ["/count", "/login"]) {
    const { farm, worker, client, response } = await changedMeanwhile(path, { maxAgeMs: HOUR_MS });
    assert.equal(setCookiesOf(response), [], path);
    assert.equal([farm.storage.calls.commit, worker.sessions.counters.conflicts], [0, 0], path);
    await client.send(worker);
    assert.is(worker.sessions.counters.loads, 0, "what is cached is what is current");
  }
});

test("a session, given another ID since an upload's last visit, does not get its old cookie back, rolling or not", async () => {
  const cookie = { maxAgeMs: HOUR_MS, rolling: true };
  const { worker, client, response } = await changedMeanwhile("/login", cookie);
  assert.equal(setCookiesOf(response), []);
  assert.is(newIdOf(await send(worker, client.id)), client.id, "the new one is rolled");
});

test("a session, that an upload begins, is told once, and is one for all its visits", async () => {
  const farm = new SessionFarm();
  const worker = workerOf(farm, async (_request, { withSession }) => {
    const ids = [
      await withSession((session) => session.id),
      await withSession((session) => {
        count({ session });
        return session.id;
      }),
      await withSession((session) => session.id),
    ];
    return HttpResponse.json(ids);
  });
  const response = await send(worker);
  const id = newIdOf(response);
  assert.equal(JSON.parse(String(response.body)), [id, id, id]);
  assert.is(setCookiesOf(response).length, 1);
  assert.is((await new Client(id).send(worker)).body, "1");
  assert.is(worker.sessions.counters.started, 1);
});

test("a session, that an upload only reads, is told nothing; without a visit there is none", async () => {
  const farm = new SessionFarm();
  const worker = workerOf(farm, async (request, { withSession }) => {
    if (request.path === "/") await withSession((session) => session.state.count);
    return HttpResponse.text("x");
  });
  const client = new Client();
  await client.send(worker, "/count");
  assert.equal(setCookiesOf(await send(worker, client.id)), []);
  assert.equal(setCookiesOf(await worker.application.respond(upload(undefined, "/x"))), []);
  assert.is(worker.sessions.counters.started, 1);
});

test("regenerate and destroy, in a visit, reach the client; after destroy a visit begins anew", async () => {
  const farm = new SessionFarm();
  const steps: Record<string, (withSession: WithSession) => Promise<unknown>> = {
    "/regenerate": (withSession) => withSession((session) => session.regenerate()),
    "/destroy": (withSession) => withSession((session) => session.destroy()),
    "/replace": async (withSession) => {
      await withSession((session) => session.destroy());
      await withSession((session) => {
        session.state.count = 10;
      });
    },
  };
  const worker = workerOf(farm, async (request, { withSession }) => {
    await steps[request.path]!(withSession);
    return HttpResponse.text("x");
  });
  const client = new Client();
  await client.send(worker, "/count");
  const regenerated = newIdOf(await worker.application.respond(upload(client.id, "/regenerate")));
  assert.is.not(regenerated, client.id);
  assert.is((await new Client(regenerated).send(worker)).body, "1");
  const replaced = newIdOf(await worker.application.respond(upload(regenerated, "/replace")));
  assert.is.not(replaced, regenerated);
  assert.is((await new Client(replaced).send(worker)).body, "10");
  assert.is(newIdOf(await worker.application.respond(upload(replaced, "/destroy"))), "");
  assert.is((await new Client(replaced).send(worker)).body, "0");
});

test("a visit that throws has changed nothing, and what was committed before it stays", async () => {
  const farm = new SessionFarm();
  const worker = workerOf(farm, async (_request, { withSession }) => {
    await withSession((session) => count({ session }));
    await withSession((session) => {
      count({ session });
      throw new Error("on second thoughts");
    });
    return HttpResponse.text("x");
  });
  const response = await send(worker);
  assert.is(response.status, 500);
  assert.is((await new Client(newIdOf(response)).send(worker)).body, "1");
  assert.match(String(worker.faults[0]!.error), "on second thoughts");
  assert.is(worker.sessions.turns.size, 0);
});

test("a first visit that throws begins no session", async () => {
  const farm = new SessionFarm();
  const worker = workerOf(farm, async (_request, { withSession }) => {
    await withSession(() => Promise.reject(new Error("no"))).catch(() => {});
    return HttpResponse.text("x");
  });
  assert.equal(setCookiesOf(await send(worker)), []);
});

test("a visit that fails in the storage is answered for as a request is", async () => {
  const farm = new SessionFarm();
  const worker = workerOf(farm, async (_request, { withSession }) => {
    await withSession((session) => count({ session }));
    return HttpResponse.text("x");
  });
  farm.storage.failure = new StorageError("unavailable", "away");
  assert.is((await send(worker)).status, 503);
  assert.equal(worker.faults, []);
});

test("the session, of a streamed request, is had in no other way than by visits, one at a time", async () => {
  const farm = new SessionFarm();
  let later: WithSession | undefined;
  const codes: string[] = [];
  const worker = workerOf(farm, async (_request, { session, withSession }) => {
    later = withSession;
    codes.push(await codeOf(async () => session.state));
    codes.push(await codeOf(() => withSession(() => withSession(() => {}))));
    codes.push(await codeOf(() => Promise.all([withSession(() => {}), withSession(() => {})])));
    return HttpResponse.text("x");
  });
  await send(worker);
  codes.push(await codeOf(() => later!(() => {})));
  assert.equal(codes, ["body_streamed", "session_in_use", "session_in_use", "session_ended"]);
});

test("a handler that does not wait for its visit is a fault, and the visit goes on", async () => {
  const farm = new SessionFarm();
  const gate = new Gate();
  const worker = workerOf(farm, (_request, { withSession }) => {
    void withSession(async (session) => {
      await gate.pass();
      count({ session });
    });
    return HttpResponse.text("x");
  });
  const client = new Client();
  await client.send(worker, "/count");
  assert.is((await send(worker, client.id)).status, 500);
  assert.is((worker.faults[0]!.error as SessionError).code, "session_in_use");
  gate.open();
  assert.is((await client.send(worker)).body, "2");
});

test("a visit that fails after a handler that did not wait for it ends nothing", async () => {
  const farm = new SessionFarm();
  let unheard = 0;
  const note = () => unheard++;
  process.on("unhandledRejection", note);
  const worker = workerOf(farm, (_request, { withSession }) => {
    void withSession((session) => count({ session }));
    return HttpResponse.text("x");
  });
  farm.storage.failure = new StorageError("unavailable", "away");
  assert.is((await send(worker)).status, 500);
  await settle();
  process.off("unhandledRejection", note);
  assert.is(unheard, 0);
  assert.is(worker.sessions.turns.size, 0);
});

test("withSession, in any other request, commits what was changed so far", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (_request, { session, withSession }) => {
    const visits = [await withSession((same) => count({ session: same })), session.version];
    await withSession(() => {});
    return HttpResponse.json([...visits, session.version]);
  });
  const client = new Client();
  assert.is((await client.send(worker)).body, "[1,1,1]");
  assert.is((await client.send(worker)).body, "[2,2,2]");
  assert.is(farm.storage.calls.commit, 2);
});

test("withSession, in any other request, leaves the session as it was last committed when it throws", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(async (request, { session, withSession }) => {
    if (request.path === "/count") count({ session });
    else {
      const { id } = session;
      const failing = withSession(async (same) => {
        count({ session: same });
        await same.commit();
        count({ session: same });
        same.regenerate();
        throw new Error("on second thoughts");
      });
      assert.match(String(await failing.catch((error) => error)), "on second thoughts");
      assert.is(session.id, id);
    }
    return HttpResponse.text(String(session.state.count));
  });
  const client = new Client();
  await client.send(worker, "/count");
  const { id } = client;
  assert.is((await client.send(worker)).body, "2");
  assert.is(client.id, id);
  assert.is((await client.send(worker, "/count")).body, "3");
  assert.equal(worker.faults, []);
});

test("withSession, in any other request, that throws before its commit is answered, does not undo that", async () => {
  const farm = new SessionFarm();
  farm.storage.procedures.set("order", () => 1);
  const worker = farm.worker(async (request, { session, withSession }) => {
    if (request.path !== "/order") return HttpResponse.text(String(session.state.count));
    const failing = withSession(async (same) => {
      count({ session: same });
      void same.commitWith("order", {});
      throw new Error("on second thoughts");
    });
    await failing.catch(() => {});
    const now = session.state.count;
    await settle();
    return HttpResponse.text(String(now));
  });
  const client = new Client();
  assert.is((await client.send(worker, "/order")).body, "1");
  assert.is((await client.send(worker)).body, "1");
  assert.is(farm.storage.calls.commit, 1);
});

test("withSession, in any other request, is one at a time, and not after the response", async () => {
  const farm = new SessionFarm();
  let later: WithSession | undefined;
  let works = 0;
  const codes: string[] = [];
  const worker = farm.worker(async (_request, context) => {
    later = context.withSession;
    // Taken out of the context twice, too.
    codes.push(await codeOf(() => context.withSession(() => context.withSession(() => works++))));
    codes.push(await codeOf(() => Promise.all([context.withSession(() => {}), later!(() => works++)])));
    codes.push(await codeOf(() => context.withSession(() => {})));
    return HttpResponse.text("x");
  });
  assert.is((await new Client().send(worker)).status, 200);
  codes.push(await codeOf(() => later!(() => works++)));
  assert.equal(codes, ["session_in_use", "session_in_use", "none", "session_ended"]);
  assert.is(works, 0);
});

test("withSession, in any other request, that its handler does not wait for, is a fault and changes nothing", async () => {
  const farm = new SessionFarm();
  const gate = new Gate();
  let unheard = 0;
  const note = () => unheard++;
  process.on("unhandledRejection", note);
  const worker = farm.worker((request, { session, withSession }) => {
    if (request.path === "/forgets") {
      void withSession(async (same) => {
        await gate.pass();
        count({ session: same });
      });
    }
    return HttpResponse.text(String(session.state.count ?? 0));
  });
  const client = new Client();
  assert.is((await client.send(worker, "/forgets")).status, 500);
  assert.is((worker.faults[0]!.error as SessionError).code, "session_in_use");
  gate.open();
  await settle();
  process.off("unhandledRejection", note);
  assert.is(unheard, 0);
  assert.is((await client.send(worker)).body, "0");
});

test("withSession, in a sessionless request, is refused as the session is", async () => {
  const farm = new SessionFarm();
  const codes: string[] = [];
  const worker = farm.worker({
    sessionless: () => true,
    async fetch(_request, { withSession }) {
      codes.push(await codeOf(() => withSession(() => {})));
      return HttpResponse.text("x");
    },
  });
  await send(worker);
  assert.equal(codes, ["sessionless"]);
  assert.is(worker.sessions.counters.started, 0);
});

test("a body that cannot be had, where the app says nothing of it, is the client's fault and not the app's", async () => {
  const farm = new SessionFarm();
  for (const [code, status, faults] of [
    ["body_incomplete", 400, 0],
    ["body_malformed", 400, 0],
    ["body_timeout", 408, 0],
    ["body_too_large", 413, 0],
    ["body_taken", 500, 1],
    ["body_discarded", 500, 1],
  ] as const) {
    const worker = farm.worker(() => Promise.reject(new RequestBodyError(code)));
    assert.is((await send(worker)).status, status, code);
    assert.is((await new Client().send(worker)).status, status, code);
    assert.is(worker.faults.length, 2 * faults, code);
  }
});

const POST = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";

/** What the app's worker answers to `input`, and what it has logged. */
async function exchange(app: App, input: string): Promise<{ output: string; faults: unknown[] }> {
  const { application, faults } = new SessionFarm().worker(app);
  const stream = new FakeStream(new HttpServer({}, application.respond, () => 0, application.planBody));
  stream.deliver(input);
  for (let turn = 0; turn < 10; turn++) await settle();
  return { output: stream.output, faults: faults.map(({ error }) => error) };
}

test("rules of bodies are asked once for a request with a body, and for no other", async () => {
  const asked: string[] = [];
  const app: App = {
    body: (request) => {
      asked.push(request.method);
      return undefined;
    },
    fetch: async (request) => HttpResponse.text(await request.text()),
  };
  const { output } = await exchange(app, `GET / HTTP/1.1\r\nHost: a\r\n\r\n${POST}`);
  assert.ok(output.endsWith("\r\n\r\nabc"));
  assert.equal(asked, ["POST"]);
});

test("rules of bodies, to stream, give the app its request at once", async () => {
  const app: App = {
    body: () => ({ streams: true }),
    fetch: (request) => HttpResponse.text(String(request.isStreamed)),
  };
  const { output } = await exchange(app, POST.slice(0, -1));
  assert.ok(output.endsWith("true"));
});

test("rules of bodies, that are none, are a fault of the app: 500, and the connection goes on", async () => {
  const wrong: (() => BodyRules)[] = [
    () => ({ maxBytes: -1 }),
    () => ({ maxBytes: Number.NaN }),
    () => ({ maxBytes: "1" as unknown as number }),
    () => ({ maxBytes: Number.POSITIVE_INFINITY }),
    () => {
      throw new Error("thrown");
    },
  ];
  for (const body of wrong) {
    const { output, faults } = await exchange({ body, fetch: () => HttpResponse.text("x") }, POST + POST);
    assert.is(output.split("HTTP/1.1 500 ").length, 3);
    assert.is(faults.length, 2);
  }
});

test("OPTIONS of the server as a whole is answered without the app", async () => {
  const app: App = { fetch: () => HttpResponse.text("the app's") };
  for (const line of ["OPTIONS * HTTP/1.1", "OPTIONS http://a HTTP/1.1"]) {
    const { output } = await exchange(app, `${line}\r\nHost: a\r\n\r\n`);
    assert.match(output, /^HTTP\/1\.1 204 No Content\r\nDate: [^\r]*\r\n\r\n$/);
  }
  assert.match((await exchange(app, "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n")).output, "the app's");
});

test.run();
