// The failover benchmark's client against servers that count rightly and wrongly: it must see what a session has lost.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SessionClient } from "../../benchmarks/support/session-client.js";

/** What the server answers to request number n, from 1; undefined: it hangs up. */
type Counting = (n: number) => number | undefined;

/** A client that asks until there were so many requests. */
async function ask(counting: Counting, requests: number): Promise<SessionClient> {
  const client = new SessionClient();
  const server = createServer();
  let seen = 0;
  const enough = new Promise<void>((resolve) => {
    server.on("request", (request, response) => {
      const count = counting(++seen);
      if (count === undefined) request.socket.destroy();
      else response.end(`0 ${count}`);
      if (seen >= requests) resolve();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  client.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "127.0.0.1", 0);
  await enough;
  await client.stop();
  server.closeAllConnections();
  server.close();
  return client;
}

test("session client, of a server that counts, finds nothing wrong", async () => {
  const client = await ask((n) => n, 5);
  assert.is(client.wrongCounts, 0);
  assert.ok(client.answers.length >= 5);
  assert.ok(client.answers.every(({ sentUs, answeredUs, worker }) => sentUs < answeredUs && worker === 0));
});

test("session client, whose request was not answered, takes it for counted and for not counted", async () => {
  for (const counted of [true, false]) {
    const client = await ask((n) => (n === 3 ? undefined : n > 3 && !counted ? n - 1 : n), 6);
    assert.is(client.wrongCounts, 0);
    assert.is(client.failedUs.length, 1);
  }
});

test("session client, of a server that forgets a count, sees it", async () => {
  assert.is((await ask((n) => (n === 4 ? 3 : n), 4)).wrongCounts, 1);
});

test("session client, of a server that counts twice, sees it", async () => {
  assert.is((await ask((n) => (n === 4 ? 5 : n), 4)).wrongCounts, 1);
});

test.run();
