// The admin interface as whoever asks it meets it: every route, every wrong question, every limit.

import { connect } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AdminServer } from "../../../core/admin/admin-server.js";
import { OptionError } from "../../../core/options.js";
import { post, type Reply, withAdmin } from "./admin-fixture.js";
import { FakeFarm, withResolvers } from "./fake-farm.js";

function refused({ status, headers, json }: Reply, expected: number, message: RegExp): void {
  assert.is(status, expected);
  assert.is(headers["content-type"], "application/json");
  assert.equal(Object.keys(json), ["error"]);
  assert.match(json.error, message);
}

test("healthz and readyz, tell probes whether the process runs and whether the farm serves", () =>
  withAdmin(async ({ farm, ask }) => {
    const health = await ask("/healthz");
    assert.equal([health.status, health.text], [200, "ok\n"]);
    assert.equal([(await ask("/readyz")).status, (await ask("/readyz")).text], [200, "ready\n"]);
    farm.current.isReady = false;
    assert.equal([(await ask("/readyz")).status, (await ask("/readyz")).text], [503, "not ready\n"]);
    farm.trouble = new Error("boom");
    assert.is((await ask("/healthz")).status, 200);
  }));

test("status, settings and workers, are the farm's own words in JSON", () =>
  withAdmin(async ({ farm, ask }) => {
    assert.equal((await ask("/status")).json, JSON.parse(JSON.stringify(farm.status())));
    assert.equal((await ask("/settings")).json, farm.settings());
    const { targetWorkers, workers } = (await ask("/workers")).json;
    assert.is(targetWorkers, 2);
    assert.equal(
      workers.map(({ worker, counts }: { worker: number; counts: { requests: number } }) => [
        worker,
        counts.requests,
      ]),
      [
        [0, 10_000],
        [1, 20_000],
      ],
    );
  }));

test("answers, are never kept, sniffed or framed", () =>
  withAdmin(async ({ ask }) => {
    for (const path of ["/", "/status", "/healthz", "/metrics", "/nowhere"]) {
      const { headers } = await ask(path);
      assert.is(headers["cache-control"], "no-store");
      assert.is(headers["x-content-type-options"], "nosniff");
      assert.is(headers.server, "limpet");
      assert.match(headers["content-security-policy"] as string, /default-src 'none'/);
    }
  }));

test("HEAD, has GET's head and no content", () =>
  withAdmin(async ({ ask }) => {
    const [get, head] = [await ask("/settings"), await ask("/settings", { method: "HEAD" })];
    assert.equal([head.status, head.text], [200, ""]);
    assert.is(head.headers["content-length"], get.headers["content-length"]);
  }));

test("resize, answers when it is done, with the workers as they are then", () =>
  withAdmin(async ({ farm, ask }) => {
    const gate = withResolvers();
    farm.change = () => {
      // Long enough for the answer to be wrong, should it not wait.
      setImmediate(() => setImmediate(gate.resolve));
      return gate.promise;
    };
    const answer = await ask("/workers", post({ workers: 5 }));
    assert.equal([answer.status, answer.json.targetWorkers], [200, 5]);
    assert.is((await ask("/workers", post({ workers: "auto" }))).json.targetWorkers, 7);
    assert.equal(farm.calls, ["resize 5", "resize auto"]);
  }));

test("change, without waiting, is answered while it goes on, and its later failure is a warning", () =>
  withAdmin(async ({ farm, ask, warnings }) => {
    const gate = withResolvers();
    farm.change = () => gate.promise;
    const answer = await ask("/workers?wait=false", post({ workers: 5 }));
    assert.equal([answer.status, answer.json.targetWorkers], [202, 2]);
    gate.reject(new Error("no room"));
    await ask("/healthz");
    assert.is(warnings.length, 1);
    assert.match(warnings[0]!, /has failed: no room$/);
    refused(await ask("/workers?wait=false", post({ workers: 0 })), 400, /from 1 to 64, not 0/);
    assert.is(warnings.length, 1, "a refusal is the answer, not a warning");
  }));

test("drain and reload, ask the farm, with an empty body or none", () =>
  withAdmin(async ({ farm, ask }) => {
    const answer = await ask("/workers/1/drain", { method: "POST" });
    assert.equal([answer.status, answer.json.targetWorkers, answer.json.workers.length], [200, 1, 1]);
    assert.is((await ask("/reload", post({}))).status, 200);
    assert.is((await ask("/reload?wait=false", { method: "POST" })).status, 202);
    assert.equal(farm.calls, ["drain 1", "reload", "reload"]);
    refused(await ask("/workers/1/drain", { method: "POST" }), 400, /no worker 1/);
    refused(await ask("/workers/one/drain", { method: "POST" }), 400, /^worker takes a number, not "one"$/);
  }));

test("policy, is changed at once, and what is none is refused", () =>
  withAdmin(async ({ farm, ask }) => {
    const answer = await ask("/policy", post({ policy: "hash" }));
    assert.equal([answer.status, answer.json.policy], [200, "hash"]);
    refused(await ask("/policy", post({})), 400, /^policy takes a name, not nothing$/);
    refused(await ask("/policy", post({ policy: "luck" })), 400, /no luck/);
    refused(await ask("/policy", post({ workers: 3 })), 400, /no part "workers"/);
    assert.equal(farm.calls, ["policy hash"]);
  }));

test("change, with a wrong body, is refused and not begun", () =>
  withAdmin(async ({ farm, ask }) => {
    refused(await ask("/workers", post({})), 400, /^workers takes auto or a number, not nothing$/);
    refused(await ask("/workers", post({ workers: "3" })), 400, /^workers takes auto or a number, not "3"$/);
    refused(await ask("/workers", post({ workers: 2.5 })), 400, /from 1 to 64, not 2.5/);
    refused(await ask("/workers", post({ worker: 3 })), 400, /no part "worker"/);
    refused(await ask("/workers", post([3])), 400, /must be a JSON object/);
    refused(await ask("/workers", post(null)), 400, /must be a JSON object/);
    refused(await ask("/workers", { ...post(1), body: "{workers: 3}" }), 400, /no JSON/);
    refused(await ask("/reload", post({ workers: 3 })), 400, /no part "workers"/);
    refused(await ask("/workers?wait=no", post({ workers: 3 })), 400, /^wait takes true or false/);
    refused(await ask("/workers?now=true", post({ workers: 3 })), 400, /no parameter "now": it takes wait/);
    refused(await ask("/workers", post({ workers: "x".repeat(5000) })), 413, /at most 4096 bytes/);
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    refused(await ask("/reload", { method: "POST", headers: form, body: "a=b" }), 415, /application\/json/);
    refused(await ask("/reload", { method: "POST", headers: form }), 415, /application\/json/);
    refused(await ask("/reload", { method: "POST", body: "{}" }), 415, /application\/json/);
    const patch = { "Content-Type": "application/json-patch+json" };
    refused(await ask("/reload", { method: "POST", headers: patch, body: "{}" }), 415, /application\/json/);
    assert.equal(farm.calls, []);
  }));

test("change, that fails, is answered with the farm's sentence; what has no code is a warning too", () =>
  withAdmin(async ({ farm, ask, warnings }) => {
    farm.change = async () => {
      throw Object.assign(new Error("the app does not load"), { code: "worker_start_failed" });
    };
    refused(await ask("/reload", { method: "POST" }), 500, /^the app does not load$/);
    assert.equal(warnings, []);
    farm.trouble = new TypeError("x is undefined");
    refused(await ask("/status"), 500, /^x is undefined$/);
    assert.match(warnings[0]!, /TypeError: x is undefined\n +at /);
  }));

test("flows, listed by filter, are cut at the limit and say so", () =>
  withAdmin(async ({ ask }) => {
    const all = (await ask("/flows")).json;
    assert.equal([all.entries.length, all.hasMore], [8, false]);
    assert.equal(all.entries[3], {
      kind: "flow",
      state: "established",
      worker: 3,
      source: "198.18.0.3",
      idleSeconds: 65,
      protocol: "tcp",
      sourcePort: 40_000,
      destination: "198.18.9.1",
      destinationPort: 80,
    });
    const some = (await ask("/flows?limit=3")).json;
    assert.equal([some.entries, some.hasMore], [all.entries.slice(0, 3), true]);
    assert.is((await ask("/flows?limit=8")).json.hasMore, false);
    assert.is((await ask("/flows?worker=2&source=198.18.0.0%2F29")).json.entries.length, 2);
    assert.equal((await ask("/flows/count?worker=2")).json, { count: 2 });
    assert.equal((await ask("/flows/count")).json, { count: 8 });
  }));

test("flows, removed, need a filter, or all=true in its place", () =>
  withAdmin(async ({ ask }) => {
    const remove = (query: string) => ask(`/flows${query}`, { method: "DELETE" });
    refused(await remove(""), 400, /either a filter, or all=true/);
    refused(await remove("?worker=1&all=true"), 400, /either a filter, or all=true/);
    refused(await remove("?all=false"), 400, /^all takes true/);
    refused(await remove("?limit=5"), 400, /no parameter "limit"/);
    assert.equal((await ask("/flows/count")).json, { count: 8 });
    assert.equal((await remove("?worker=1")).json, { removed: 2 });
    assert.equal((await remove("?worker=1")).json, { removed: 0 });
    assert.equal((await remove("?all=true")).json, { removed: 6 });
  }));

test("flows, with a wrong parameter, say which and what it takes", () =>
  withAdmin(async ({ ask }) => {
    refused(await ask("/flows?wroker=1"), 400, /no parameter "wroker": it takes kind, .*, limit$/);
    refused(await ask("/flows?worker=1&worker=2"), 400, /^worker is there more than once$/);
    refused(await ask("/flows?worker=one"), 400, /^worker takes a number, not "one"$/);
    refused(await ask("/flows?worker=64"), 400, /^worker takes a number from 0 to 63/);
    refused(await ask("/flows?worker="), 400, /^worker takes a number/);
    refused(await ask("/flows?state=open"), 400, /^state takes one of/);
    refused(await ask("/flows?source=here"), 400, /^source takes an address/);
    for (const limit of ["0", "10001", "1.5"])
      refused(await ask(`/flows?limit=${limit}`), 400, /^limit takes a whole number from 1 to 10000/);
    refused(await ask("/flows?limit=-1"), 400, /^limit takes a number/);
    refused(await ask("/status?verbose=1"), 400, /no parameter "verbose": it takes none$/);
  }));

test("path that is not there, lists those that are; method that is not, names those that are", () =>
  withAdmin(async ({ ask }) => {
    for (const path of ["/nowhere", "/status/", "//status", "/workers/1", "/workers/1/2/drain", "/%73tatus"])
      refused(await ask(path), 404, /POST \/workers\/N\/drain.*DELETE \/flows.*GET \/metrics/);
    const cases = [
      ["POST", "/status", "GET, HEAD"],
      ["PUT", "/workers", "GET, HEAD, POST"],
      ["GET", "/workers/1/drain", "POST"],
      ["OPTIONS", "/flows", "GET, HEAD, DELETE"],
      ["GET", "/reload", "POST"],
    ] as const;
    for (const [method, path, allow] of cases) {
      const answer = await ask(path, { method });
      refused(answer, 405, new RegExp(`takes ${allow}, not ${method}$`));
      assert.is(answer.headers.allow, allow);
    }
  }));

test("page, is one file whose policy lets its own script and style run and no other", () =>
  withAdmin(async ({ ask }) => {
    const { status, headers, text } = await ask("/");
    assert.is(status, 200);
    assert.is(headers["content-type"], "text/html; charset=utf-8");
    const policy = String(headers["content-security-policy"]);
    for (const [element, directive] of [
      ["script", "script-src"],
      ["style", "style-src"],
    ]) {
      const parts = [...text.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, "gs"))];
      assert.is(parts.length, 1);
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(parts[0]![1]));
      const hash = `'sha256-${Buffer.from(digest).toString("base64")}'`;
      assert.ok(policy.includes(`${directive} ${hash}`), policy);
    }
    assert.not.match(policy, /unsafe|\*/);
    assert.not.match(
      text,
      /\b(src|href)="(?!data:)|\bon\w+=|style=/,
      "nothing from elsewhere, nothing inline",
    );
    assert.match(text, /prefers-color-scheme|color-scheme: light dark/);
    const [, script = ""] = /<script>(.*?)<\/script>/s.exec(text) ?? [];
    assert.not.throws(() => new Function(script), "the script is a program");
    assert.not.match(script, /innerHTML|insertAdjacentHTML|document\.write/);
  }));

test("connection, is kept for the next question, and closed after a body that was too long", () =>
  withAdmin(async ({ server }) => {
    const { port } = new URL(server.url);
    const head = "Host: localhost\r\nContent-Type: application/json\r\n";
    const text = await exchange(
      Number(port),
      `GET /healthz HTTP/1.1\r\n${head}\r\nGET /healthz HTTP/1.1\r\n${head}\r\n` +
        `POST /reload HTTP/1.1\r\n${head}Content-Length: 100000\r\n\r\n${"x".repeat(5000)}`,
    );
    assert.equal(
      [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status),
      ["200", "200", "413"],
    );
    assert.match(text, /HTTP\/1\.1 413 .*Connection: close/s);
    assert.not.match(text.split("HTTP/1.1 413")[0]!, /Connection: close/);
  }));

test("head, longer than the limit, and what is no HTTP, are refused without an answer of ours", () =>
  withAdmin(async ({ server }) => {
    const port = Number(new URL(server.url).port);
    const long = `GET /status HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(9000)}\r\n\r\n`;
    assert.match(await exchange(port, long), /^HTTP\/1\.1 431 /);
    assert.match(await exchange(port, "\u0016\u0003\u0001 hello\r\n\r\n"), /^HTTP\/1\.1 400 /);
    assert.match(await exchange(port, "GET /status HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 /, "no Host");
    const without = "GET /status HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n";
    assert.match(await exchange(port, without), /^HTTP\/1\.1 421 /, "an empty Host is nobody's");
  }));

test("server, that others could reach, is not made without a token", () => {
  const make = (host: string, token?: string) =>
    new AdminServer(new FakeFarm(), { host, port: 0 }, token, () => {});
  assert.throws(
    () => make("0.0.0.0"),
    (error: unknown) => error instanceof OptionError,
  );
  assert.throws(() => make("::"), /needs a token/);
  assert.not.throws(() => make("0.0.0.0", "a long enough token"));
});

test("close, while a change goes on, ends its connection within its time; again, does the same", () =>
  withAdmin(async ({ farm, server, ask }) => {
    const begun = withResolvers();
    farm.change = () => {
      begun.resolve();
      return new Promise(() => {});
    };
    const answer = ask("/reload", { method: "POST" }).then(
      () => "answered",
      (error: NodeJS.ErrnoException) => error.code,
    );
    await begun.promise;
    await Promise.all([server.close(), server.close()]);
    assert.is(await answer, "ECONNRESET");
  }));

/** Sends text and resolves with all that comes back until the server closes. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", (chunk) => (received += chunk));
    socket.once("error", (error) => (received === "" ? reject(error) : resolve(received)));
    socket.once("close", () => resolve(received));
  });
}

test.run();
