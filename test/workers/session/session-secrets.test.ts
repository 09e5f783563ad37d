// Rotation as clients see it: a session goes on while the secret that signed its ID is among the farm's; what none of them has
// signed never reaches the database, and neither does an ID that somebody else has chosen.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { signingKeyOf } from "../../../core/secret.js";
import { HttpResponse } from "../../../workers/app/app.js";
import { SessionIds } from "../../../workers/session/session-id.js";
import { Client, type Handler, SessionFarm, setCookiesOf } from "../../support/session-farm.js";
import { signingSecrets } from "../../support/signing-secrets.js";

const [NEW, OLD, OLDEST, FOREIGN] = [1, 2, 3, 4].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

const counting: Handler = (request, { session }) => {
  if (request.path === "/count") session.state.visits = ((session.state.visits as number) ?? 0) + 1;
  if (request.path === "/login") session.regenerate();
  return HttpResponse.text(String(session.state.visits ?? 0));
};

function idBy(...secrets: readonly Uint8Array[]): string {
  return new SessionIds(signingSecrets(...secrets)).create();
}

test("session, signed by an old secret, goes on under its ID, read and changed, and is not given another", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  await client.send(farm.worker(counting, { secrets: signingSecrets(OLD) }), "/count");
  const { id } = client;
  const worker = farm.worker(counting, { secrets: signingSecrets(NEW, OLD) });
  for (const [path, visits] of [
    ["/", "1"],
    ["/count", "2"],
    ["/", "2"],
  ] as const) {
    const response = await client.send(worker, path);
    assert.is(response.body, visits);
    assert.equal(setCookiesOf(response), []);
  }
  assert.is(client.id, id);
  assert.is(worker.sessions.counters.forgedIds, 0);
});

test("session, signed by an old secret, is signed by the new one from its next regeneration on", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  await client.send(farm.worker(counting, { secrets: signingSecrets(OLD) }), "/count");
  await client.send(farm.worker(counting, { secrets: signingSecrets(NEW, OLD) }), "/login");
  const response = await client.send(farm.worker(counting, { secrets: signingSecrets(NEW) }));
  assert.is(response.body, "1");
});

test("session, whose secret is no longer the farm's, begins anew without a question to the database", async () => {
  const farm = new SessionFarm();
  const client = new Client();
  await client.send(farm.worker(counting, { secrets: signingSecrets(OLD) }), "/count");
  const { id } = client;
  const calls = farm.storage.totalCalls;
  const worker = farm.worker(counting, { secrets: signingSecrets(NEW) });
  assert.is(client.sendNow(worker).body, "0");
  assert.is.not(client.id, id);
  assert.is(farm.storage.totalCalls, calls);
  assert.is(worker.sessions.counters.forgedIds, 1);
});

test("secret, new while clients are served by two workers, costs none of them its session", async () => {
  const farm = new SessionFarm();
  const secrets = signingSecrets(OLD);
  const [one, two] = [farm.worker(counting, { secrets }), farm.worker(counting, { secrets })];
  const [before, after] = [new Client(), new Client()];
  await before.send(one, "/count");
  secrets.publish([NEW, OLD].map(signingKeyOf));
  await after.send(one, "/count");
  for (const client of [before, after]) {
    assert.is((await client.send(two, "/count")).body, "2");
    assert.is((await client.send(one, "/count")).body, "3");
  }
  assert.is(one.sessions.counters.forgedIds + two.sessions.counters.forgedIds, 0);
});

test("ID, forged or chosen by somebody, of a farm with several secrets, never reaches the database", async () => {
  const farm = new SessionFarm();
  const worker = farm.worker(counting, { secrets: signingSecrets(NEW, OLD, OLDEST) });
  const ours = idBy(OLD);
  const forged = [
    idBy(FOREIGN),
    // The random part of one and the MAC of another.
    `${ours.slice(0, 25)}${idBy(NEW).slice(25)}`,
    `${ours.slice(0, 25)}${"A".repeat(24)}`,
    `${ours.slice(0, 25)}`,
    `${ours}A`,
    "A".repeat(49),
    "",
  ];
  for (const id of forged) {
    const client = new Client(id);
    assert.is(client.sendNow(worker).body, "0");
    assert.is.not(client.id, id);
    assert.match(client.id ?? "", /^[\w-]{24}\.[\w-]{24}$/);
    assert.ok(
      new SessionIds(signingSecrets(NEW)).verify(client.id!),
      "the new ID is signed by the first secret",
    );
  }
  assert.is(farm.storage.totalCalls, 0);
  assert.is(worker.sessions.counters.forgedIds, forged.length);
});

test.run();
