// How the commands find a farm and what they say when there is none, or another one, or something else altogether.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AdminClient, AdminClientError } from "../../../core/cli/admin-client.js";
import { drainCommand } from "../../../core/cli/drain.js";
import { statusCommand } from "../../../core/cli/status.js";
import { OptionError } from "../../../core/options.js";
import { withAdmin } from "../admin/admin-fixture.js";
import { failure, runCommand, withFarm } from "./command-fixture.js";

/** Runs `use` with the port of a server that is no farm. */
async function withServer(server: Server, use: (url: string) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
  }
}

test("client, where nobody listens, asks whether limpet serve runs there", async () => {
  // A port that was free a moment ago.
  let url = "";
  await withServer(createServer(), async (free) => {
    url = free;
  });
  const error = await failure(runCommand(statusCommand({ LIMPET_ADMIN: url }), []));
  assert.instance(error, AdminClientError);
  assert.is(error.code, "no_farm");
  assert.is(error.message, `no farm answers at ${url}: is limpet serve running there? (ECONNREFUSED)`);
  const socket = await failure(runCommand(statusCommand({}), ["--admin", "unix:/nowhere/limpet.sock"]));
  assert.is(
    socket.message,
    "no farm answers at unix:/nowhere/limpet.sock: is limpet serve running there? (ENOENT)",
  );
});

test("client, where something else answers, says that it is no farm", async () => {
  const html = createHttpServer((_, response) => response.end("<html>"));
  await withServer(html, async (url) => {
    assert.is((await failure(new AdminClient(url).get("/status"))).code, "not_a_farm");
  });
  const json = createHttpServer((_, response) => response.end('{"status": "success"}'));
  await withServer(json, async (url) => {
    const { code, message } = await failure(new AdminClient(url).get("/status"));
    assert.equal([code, message], ["not_a_farm", `what answers at ${url} is no limpet farm`]);
  });
  const ssh = createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
  await withServer(ssh, async (url) => {
    assert.is((await failure(new AdminClient(url).get("/status"))).code, "not_a_farm");
  });
});

test("client, whose connection is closed without an answer, says so", async () => {
  await withServer(
    createServer((socket) => socket.once("data", () => socket.destroy())),
    async (url) => {
      const { code, message } = await failure(new AdminClient(url).get("/status"));
      assert.is(code, "no_answer");
      assert.match(
        message,
        /^the farm at http:.* has closed the connection before it answered \(ECONNRESET\)$/,
      );
    },
  );
});

test("client, refused, has the farm's sentence", () =>
  withFarm(async ({ run }) => {
    const error = await failure(run(drainCommand, "9"));
    assert.equal([error.code, error.message], ["refused", "there is no worker 9"]);
    assert.match((await failure(run(drainCommand, "../x"))).message, /^worker takes a number, not /);
  }));

test("client, without the farm's token or with another, names the variable", () =>
  withFarm(
    async ({ url, run }) => {
      assert.match(await run(statusCommand), /^limpet 1\.2\.3 /);
      const missing = await failure(runCommand(statusCommand({}), ["--admin", url]));
      assert.equal(
        [missing.code, missing.message],
        ["token_needed", `the farm at ${url} needs its admin token: set LIMPET_ADMIN_TOKEN`],
      );
      const other = await failure(
        runCommand(statusCommand({ LIMPET_ADMIN: url, LIMPET_ADMIN_TOKEN: "another" }), []),
      );
      assert.match(other.message, /has another admin token than the one in LIMPET_ADMIN_TOKEN$/);
    },
    { token: "a-token-long-enough" },
  ));

test("client, takes the address as a URL, as host and port, and as a unix socket; the flag goes first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-admin-"));
  try {
    const path = join(folder, "admin.sock");
    await withAdmin(
      async () => {
        const flags = ["--admin", `unix:${path}`];
        const output = await runCommand(statusCommand({ LIMPET_ADMIN: "http://127.0.0.1:1" }), flags);
        assert.match(output, /^limpet 1\.2\.3 is ready/);
      },
      undefined,
      { path },
    );
    await withAdmin(async ({ server }) => {
      const { host, port } = new URL(server.url);
      for (const address of [
        server.url,
        `${server.url}/`,
        host,
        `http://localhost:${port}`,
        `localhost:${port}`,
      ])
        assert.ok(await new AdminClient(address).get("/status"), address);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("client, with an address that is none, says what it takes", () => {
  for (const wrong of [
    "",
    "none",
    "localhost",
    "https://localhost:9090",
    "http://localhost:9090/status",
    "http://user:pass@localhost:9090",
    "http://localhost:9090?a=b",
    "http://localhost:99999",
    "unix:relative.sock",
    "ftp://localhost",
  ]) {
    const make = () => new AdminClient(wrong);
    assert.throws(make, (error: unknown) => error instanceof OptionError, wrong);
    assert.throws(make, /--admin.*takes http:\/\/host:port or unix:\/path, not "/, wrong);
  }
});

test.run();
