// Who may ask: with a token and without one, programs and web pages, over TCP and through a unix socket.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { post, type Request, withAdmin } from "./admin-fixture.js";

const TOKEN = "correct horse battery".replaceAll(" ", "-");

function adding(request: Request, headers: Record<string, string>): Request {
  return { ...request, headers: { ...request.headers, ...headers } };
}

test("token, when there is one, is needed for all but probes and the page that asks for it", () =>
  withAdmin(async ({ farm, ask }) => {
    for (const path of ["/healthz", "/readyz", "/"]) assert.is((await ask(path)).status, 200, path);
    const paths = ["/status", "/workers", "/flows", "/flows/count", "/settings", "/metrics", "/nowhere"];
    for (const path of paths) {
      const answer = await ask(path);
      assert.is(answer.status, 401, path);
      assert.match(answer.headers["www-authenticate"] as string, /^Bearer /);
      assert.match(answer.json.error, /Authorization: Bearer/);
    }
    assert.is((await ask("/workers", post({ workers: 3 }))).status, 401);
    assert.is((await ask("/flows?all=true", { method: "DELETE" })).status, 401);
    assert.equal(farm.calls, []);
    assert.equal((await ask("/flows/count", { headers: { Authorization: `Bearer ${TOKEN}` } })).json, {
      count: 8,
    });
  }, TOKEN));

test("token, shown in any wrong way, is none", () =>
  withAdmin(async ({ ask }) => {
    const status = async (Authorization: string) =>
      (await ask("/status", { headers: { Authorization } })).status;
    for (const wrong of [
      "",
      "Bearer",
      "Bearer ",
      TOKEN,
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(0, -1)}`,
      `Bearer ${TOKEN} ${TOKEN}`,
      `Bearer ${TOKEN.toUpperCase()}`,
      `Bearer x, Bearer ${TOKEN}`,
    ])
      assert.is(await status(wrong), 401, wrong);
    // RFC 9110 section 11.1: the scheme's case does not matter.
    for (const right of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `Bearer  ${TOKEN} `])
      assert.is(await status(right), 200, right);
  }, TOKEN));

test("token, shown, does for any Host and Origin: no page knows it", () =>
  withAdmin(async ({ ask }) => {
    const headers = {
      Authorization: `Bearer ${TOKEN}`,
      Host: "farm.example",
      Origin: "https://console.example",
    };
    assert.is((await ask("/reload", adding(post({}), headers))).status, 200);
    assert.is(
      (await ask("/reload", adding({ method: "POST" }, { ...headers, "Content-Type": "text/plain" }))).status,
      415,
    );
  }, TOKEN));

test("Host, without a token, must be this machine's own: names can be made to mean it", () =>
  withAdmin(async ({ ask }) => {
    const status = async (Host: string) => (await ask("/status", { headers: { Host } })).status;
    for (const own of [
      "localhost",
      "LOCALHOST:9090",
      "127.0.0.1",
      "127.0.0.1:80",
      "127.9.9.9",
      "[::1]:9090",
      "[::1]",
    ])
      assert.is(await status(own), 200, own);
    for (const other of [
      "farm.example",
      "localhost.example:9090",
      "127.0.0.1.example",
      "198.18.0.1",
      "0.0.0.0",
      "[::]",
      "[::ffff:127.0.0.1]",
      "::1",
      "127.1",
      "localhost@farm.example",
      "localhost:80:80",
      "user@127.0.0.1",
    ])
      assert.is(await status(other), 421, other);
    const answer = await ask("/healthz", { headers: { Host: "farm.example" } });
    assert.is(answer.status, 421, "probes too");
    assert.match(answer.json.error, /Host must be localhost/);
  }));

test("Origin, without a token, of elsewhere, may change nothing", () =>
  withAdmin(async ({ farm, ask }) => {
    const Host = "localhost:9090";
    for (const Origin of [
      "https://evil.example",
      "http://localhost:3000",
      "http://localhost",
      "https://localhost:9090",
      "http://localhost:9090.evil.example",
      "null",
      "",
    ]) {
      const reload = await ask("/reload", adding(post({}), { Host, Origin }));
      assert.is(reload.status, 403, Origin);
      assert.match(reload.json.error, /other origins/);
      const remove = { method: "DELETE", headers: { Host, Origin } };
      assert.is((await ask("/flows?all=true", remove)).status, 403, Origin);
    }
    assert.equal(farm.calls, []);
    assert.equal((await ask("/flows/count")).json, { count: 8 });
    assert.is(
      (await ask("/reload", adding(post({}), { Host, Origin: "http://localhost:9090" }))).status,
      200,
    );
    // No answer lets a page of elsewhere read it.
    const read = await ask("/status", { headers: { Host, Origin: "https://evil.example" } });
    assert.not("access-control-allow-origin" in read.headers);
  }));

test("Host and token, through a unix socket: any name, but the token if there is one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-admin-"));
  try {
    const path = join(folder, "admin.sock");
    await withAdmin(
      async ({ ask }) => {
        assert.is((await ask("/status", { headers: { Host: "anything" } })).status, 200);
        assert.is((await ask("/reload", post({}))).status, 200);
      },
      undefined,
      { path },
    );
    await withAdmin(async ({ ask }) => assert.is((await ask("/status")).status, 401), TOKEN, { path });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
