// The counting of sessions that the http benchmark believes its servers by: a server that lies is noticed.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askForEach, Client } from "../../../benchmarks/http/clients.js";
import { type Contender, findContenders, isFor } from "../../../benchmarks/http/contenders.js";
import { Visits } from "../../../benchmarks/http/visits.js";
import { WORKLOADS, workloadOf } from "../../../benchmarks/http/workloads.js";
import { READ_PATH, visitsText, WRITE_PATH } from "../../../benchmarks/peers/response.js";

const visits = suite("visits");

/** Sessions in memory, and what they are said to be in a file that there is not. */
class Sessions {
  readonly counts = new Map<string, number>();
  /** How many of the writes the file has not. */
  missing = 0;

  readonly answer: RequestListener = (request, response) => {
    const cookie = request.headers.cookie ?? `sid=${this.counts.size}`;
    if (request.url === WRITE_PATH) this.counts.set(cookie, (this.counts.get(cookie) ?? 0) + 1);
    response.setHeader("set-cookie", `${cookie}; Path=/`);
    response.end(visitsText(this.counts.get(cookie) ?? 0));
  };

  stored(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0) - this.missing;
  }
}

async function withSessions(
  test: (sessions: Sessions, client: Client, contender: Contender) => Promise<void>,
) {
  const sessions = new Sessions();
  const server = createServer(sessions.answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new Client({ user: 0, address: "127.0.0.1" }, origin);
  const [any] = findContenders(["node-http"], []).contenders;
  try {
    await test(sessions, client, { ...any!, storedVisits: async () => sessions.stored() });
  } finally {
    client.close();
    server.close();
    server.closeAllConnections();
  }
}

visits("sessions of a client, are as many as are wanted, and each has been written once", async () => {
  await withSessions(async (sessions, client, contender) => {
    const begun = await Visits.begin(contender, "", [client], 20);
    assert.is(new Set(begun.cookiesOf(client)).size, 20);
    assert.is(await begun.total(1), 20);
    await client.ask(WRITE_PATH, begun.cookiesOf(client)[3]);
    assert.is(await begun.total(1), 21);
    assert.is(sessions.counts.size, 20);
  });
});

visits("a write that the file does not have, is an error that tells both numbers", async () => {
  await withSessions(async (sessions, client, contender) => {
    const begun = await Visits.begin(contender, "", [client], 3);
    sessions.missing = 1;
    await begun.total(1).then(
      () => assert.unreachable("it was believed"),
      (error: Error) => assert.match(error.message, /written 3 times, its database 2$/),
    );
  });
});

visits("a session that is not new, is an error", async () => {
  await withSessions(async (sessions, client, contender) => {
    sessions.counts.set("sid=1", 7);
    await Visits.begin(contender, "", [client], 1).then(
      () => assert.unreachable("it was believed"),
      (error: Error) => assert.match(error.message, /begins a session with "visits 8/),
    );
  });
});

visits("Client, reads what it is asked for", async () => {
  await withSessions(async (_sessions, client) => {
    const { status, body, cookie } = await client.ask(READ_PATH);
    assert.equal([status, body.toString(), cookie], [200, visitsText(0), "sid=0"]);
  });
});

visits("askForEach, has the results in the items' order, however late they are", async () => {
  const items = Array.from({ length: 100 }, (_, n) => n);
  let underWay = 0;
  let most = 0;
  const results = await askForEach(items, async (n) => {
    most = Math.max(most, ++underWay);
    for (let turns = n % 7; turns > 0; turns--) await null;
    underWay--;
    return n * n;
  });
  assert.equal(
    results,
    items.map((n) => n * n),
  );
  assert.ok(most > 1 && most <= 16, `${most} at once`);
});

visits("durable workloads, are for those alone that keep what they acknowledge", () => {
  const { contenders } = findContenders(["limpet-tun", "node-http", "node-cluster-sticky"], [1]);
  const able = WORKLOADS.map((name) => [
    name,
    contenders.filter((one) => isFor(one, workloadOf(name))).map(({ server }) => server),
  ]);
  const all = ["limpet-tun", "node-http", "node-cluster-sticky"];
  assert.equal(able, [
    ["hello", all],
    ["16-kib", all],
    ["1-mib", all],
    ["session-read", ["limpet-tun", "node-cluster-sticky"]],
    ["session-write", ["limpet-tun"]],
  ]);
});

visits.run();
