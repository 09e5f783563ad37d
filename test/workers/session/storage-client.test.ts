// The worker's end of the storage, against a port that the test answers: what travels together, what is shared, what is
// bounded, and that every promise is settled.

import { once } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeRequests,
  encodeReplies,
  encodeValue,
  type Reply,
  type Request,
} from "../../../storage/messages.js";
import { StorageError } from "../../../workers/session/storage.js";
import { StorageClient, type StorageClientOptions } from "../../../workers/session/storage-client.js";

const key = (number: number) => number.toString(16).padStart(32, "0");
const change = { key: key(1), baseVersion: 0, state: Uint8Array.of(1), expiresAtMs: 5 };

interface Ends {
  readonly client: StorageClient;
  /** The storage's end. */
  readonly port: MessagePort;
  /** The requests of the next message. */
  received(): Promise<readonly Request[]>;
  reply(...replies: Reply[]): void;
}

async function withClient(options: StorageClientOptions, run: (ends: Ends) => Promise<void>): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const client = new StorageClient(port1, options);
  const received = async () => {
    const [message] = (await once(port2, "message")) as [Uint8Array];
    const { requests, refusals } = decodeRequests(message);
    assert.equal(refusals, []);
    return requests;
  };
  try {
    await run({
      client,
      port: port2,
      received,
      reply: (...replies) => port2.postMessage(encodeReplies(replies)),
    });
  } finally {
    client.close();
    port2.close();
  }
}

async function errorOf(promise: Promise<unknown>): Promise<StorageError> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, StorageError);
    return error as StorageError;
  }
  throw new Error("it did not reject");
}

test("what is asked in one turn, also after awaits that were ready, travels in one message", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const later = (async () => {
      for (let wait = 0; wait < 20; wait++) await undefined;
      return client.version(key(2));
    })();
    const asked = Promise.all([client.load(key(1)), client.commit(change), client.call("list", [1]), later]);
    const requests = await received();
    assert.equal(
      requests.map(([kind]) => kind),
      ["load", "commit", "call", "version"],
    );
    assert.is(client.pending, 4);
    const [load, commit, call, version] = requests.map(([, id]) => id) as [number, number, number, number];
    reply([version, "done", 9], [call, "done", encodeValue("result")]);
    reply([commit, "done", 1, null], [load, "done", Uint8Array.of(5), 3, 77, 55]);
    assert.equal(await asked, [
      { state: Uint8Array.of(5), version: 3, expiresAtMs: 77, createdAtMs: 55 },
      { version: 1, result: undefined },
      "result",
      9,
    ]);
    assert.is(client.pending, 0);
  });
});

test("a loaded state, has a buffer of its own", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const loaded = client.load(key(1));
    await received();
    reply([0, "done", new Uint8Array(10), 1, 1, 1]);
    assert.is((await loaded)!.state.buffer.byteLength, 10);
  });
});

test("loads of one key, share a request until it is sent, and no longer", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const [first, again, other] = [client.load(key(1)), client.load(key(1)), client.load(key(2))];
    const versions = [client.version(key(1)), client.version(key(1))];
    assert.is(first, again);
    assert.equal(
      (await received()).map(([kind, , of]) => [kind, of]),
      [
        ["load", key(1)],
        ["load", key(2)],
        ["version", key(1)],
      ],
    );
    // On its way: a commit that this caller knows of may be newer than its answer.
    const second = client.load(key(1));
    assert.is.not(first, second);
    assert.equal((await received()).length, 1);
    reply(
      [0, "done", null, 0, 0, 0],
      [1, "done", null, 0, 0, 0],
      [2, "done", 4],
      [3, "done", Uint8Array.of(), 1, 2, 1],
    );
    assert.is(await first, undefined);
    assert.is(await other, undefined);
    assert.equal(await Promise.all(versions), [4, 4]);
    assert.is((await second)!.version, 1);
  });
});

test("a change, travels with all that belongs to it", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const args = { order: 1 };
    const committed = client.commit({
      ...change,
      state: null,
      replacesKey: key(9),
      procedure: "place",
      args,
    });
    // The arguments are those of the moment of the call.
    args.order = 2;
    const [request] = await received();
    assert.equal(request!.slice(2, 8), [key(1), 0, null, 5, key(9), "place"]);
    assert.equal(new Uint8Array(request![8] as Uint8Array), encodeValue({ order: 1 }));
    reply([0, "done", 0, encodeValue({ number: 17 })]);
    assert.equal(await committed, { version: 0, result: { number: 17 } });
  });
});

test("a failure, rejects with its code and message", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const failing = client.commit(change);
    const living = client.version(key(1));
    await received();
    reply([0, "procedure_failed", "sold out"], [1, "done", 2]);
    const error = await errorOf(failing);
    assert.is(error.code, "procedure_failed");
    assert.is(error.message, "sold out");
    assert.is(await living, 2);
  });
});

test("arguments that cannot be encoded, fail their own caller alone", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const bad = client.call("list", cyclic);
    const good = client.call("list", null);
    assert.is((await errorOf(bad)).code, "invalid_request");
    assert.is((await received()).length, 1);
    reply([0, "done", encodeValue(1)]);
    assert.is(await good, 1);
  });
});

test("a request without an answer, is given up after the bounded wait, and a late answer is ignored", async () => {
  let nowMs = 100;
  await withClient({ timeoutMs: 50, nowMs: () => nowMs }, async ({ client, received, reply }) => {
    const early = client.version(key(1));
    await received();
    nowMs = 120;
    const late = client.version(key(2));
    await received();
    nowMs = 149;
    client.rejectOverdue();
    assert.is(client.pending, 2);
    nowMs = 150;
    client.rejectOverdue();
    assert.is((await errorOf(early)).code, "unavailable");
    assert.is(client.pending, 1);
    reply([0, "done", 1], [1, "done", 2]);
    assert.is(await late, 2);
  });
});

test("the bounded wait, ends by itself, when nobody answers", async () => {
  await withClient({ timeoutMs: 10 }, async ({ client, received }) => {
    const asked = client.load(key(1));
    await received();
    assert.is((await errorOf(asked)).code, "unavailable");
  });
});

test("requests beyond the limit, are refused at once, and asked again once there is room", async () => {
  await withClient({ maxPending: 2 }, async ({ client, received, reply }) => {
    const waiting = [client.version(key(1)), client.version(key(2))];
    const refused = client.version(key(3));
    assert.is((await errorOf(refused)).code, "unavailable");
    assert.is((await received()).length, 2);
    // Nothing is unsent now: a refused request must not be what a later caller shares.
    assert.is((await errorOf(client.version(key(3)))).code, "unavailable");
    reply([0, "done", 1], [1, "done", 2]);
    assert.equal(await Promise.all(waiting), [1, 2]);
    const again = client.version(key(3));
    assert.equal((await received())[0], ["version", 2, key(3)]);
    reply([2, "done", 3]);
    assert.is(await again, 3);
  });
});

test("a port that closes, ends the wait of everyone, sent or not, and of who comes later", async () => {
  await withClient({}, async ({ client, port, received }) => {
    const sent = client.load(key(1));
    await received();
    port.close();
    assert.is((await errorOf(sent)).code, "unavailable");
    assert.is((await errorOf(client.load(key(1)))).code, "unavailable");
    assert.is((await errorOf(client.commit(change))).code, "unavailable");
    assert.is(client.pending, 0);
  });
  await withClient({}, async ({ client }) => {
    const unsent = client.load(key(1));
    client.close();
    assert.is((await errorOf(unsent)).code, "unavailable");
  });
});

test("the storage's deadline, is the end of the bounded wait", async () => {
  await withClient({ timeoutMs: 50, nowMs: () => 1_000 }, async ({ client, port, reply }) => {
    const asked = client.version(key(1));
    const [message] = (await once(port, "message")) as [Uint8Array];
    assert.is(decodeRequests(message).deadlineMs, 1_050);
    reply([0, "done", 1]);
    await asked;
  });
});

// ---- The storage is replaced --------------------------------------------------------------------------------------------

/** A new storage for the client; its end of the port. */
function replaceStorage(client: StorageClient): MessagePort {
  const { port1, port2 } = new MessageChannel();
  client.use(port1);
  return port2;
}

async function requestsOn(port: MessagePort): Promise<readonly Request[]> {
  const [message] = (await once(port, "message")) as [Uint8Array];
  return decodeRequests(message).requests;
}

test("a replaced storage, answers what it was asked, the next one what is asked from then on", async () => {
  await withClient({}, async ({ client, port, received, reply }) => {
    const old = client.version(key(1));
    await received();
    const next = replaceStorage(client);
    const later = client.version(key(1));
    const [request] = await requestsOn(next);
    assert.is(client.pending, 2);
    const released = once(port, "close");
    next.postMessage(encodeReplies([[request![1], "done", 2]]));
    assert.is(await later, 2);
    // Its port is held as long as it owes an answer.
    reply([0, "done", 1]);
    assert.is(await old, 1);
    await released;
    assert.is(client.pending, 0);
    next.close();
  });
});

test("what has been asked in the same turn before the storage is replaced, is sent to the old one", async () => {
  await withClient({}, async ({ client, received, reply }) => {
    const before = client.load(key(1));
    const next = replaceStorage(client);
    const after = client.load(key(1));
    assert.is.not(before, after);
    assert.equal(await received(), [["load", 0, key(1)]]);
    assert.equal(await requestsOn(next), [["load", 1, key(1)]]);
    reply([0, "done", Uint8Array.of(1), 1, 5, 4]);
    next.postMessage(encodeReplies([[1, "done", Uint8Array.of(2), 2, 5, 4]]));
    assert.equal([(await before)?.version, (await after)?.version], [1, 2]);
    next.close();
  });
});

test("a replaced storage that owes nothing, is let go at once", async () => {
  await withClient({}, async ({ client, port }) => {
    const released = once(port, "close");
    // The test's end keeps nothing alive by itself.
    port.ref();
    const next = replaceStorage(client);
    await released;
    next.close();
  });
});

test("a replaced storage that is gone, fails what it owed, and nothing else", async () => {
  await withClient({}, async ({ client, port, received }) => {
    const owed = client.version(key(1));
    await received();
    const next = replaceStorage(client);
    const later = client.version(key(2));
    port.close();
    assert.is((await errorOf(owed)).code, "unavailable");
    const [request] = await requestsOn(next);
    next.postMessage(encodeReplies([[request![1], "done", 7]]));
    assert.is(await later, 7);
    next.close();
  });
});

test("a new storage, after the old one was lost, is asked again", async () => {
  await withClient({}, async ({ client, port, received }) => {
    const owed = client.version(key(1));
    await received();
    port.close();
    assert.is((await errorOf(owed)).code, "unavailable");
    // Asked while there is none, and in the same turn as the next one comes.
    const between = errorOf(client.version(key(1)));
    const next = replaceStorage(client);
    assert.is((await between).code, "unavailable");
    const later = client.version(key(1));
    const [request] = await requestsOn(next);
    next.postMessage(encodeReplies([[request![1], "done", 3]]));
    assert.is(await later, 3);
    next.close();
  });
});

test("a replaced storage that does not answer, is let go when the bounded wait is over", async () => {
  let nowMs = 0;
  await withClient({ timeoutMs: 50, nowMs: () => nowMs }, async ({ client, port, received }) => {
    const owed = client.version(key(1));
    await received();
    nowMs = 10;
    const next = replaceStorage(client);
    const later = client.version(key(2));
    await requestsOn(next);
    const released = once(port, "close");
    port.ref();
    nowMs = 50;
    client.rejectOverdue();
    assert.is((await errorOf(owed)).code, "unavailable");
    await released;
    assert.is(client.pending, 1);
    next.postMessage(encodeReplies([[1, "done", 4]]));
    assert.is(await later, 4);
    next.close();
  });
});

test("a storage that is replaced again and again, keeps what each one owes apart, and counts it as one", async () => {
  await withClient({ maxPending: 4 }, async ({ client, port }) => {
    const ports = [port];
    const asked: Promise<number>[] = [];
    for (let storage = 0; storage < 4; storage++) {
      asked.push(client.version(key(storage)));
      ports.push(replaceStorage(client));
    }
    assert.is(client.pending, 4);
    assert.is((await errorOf(client.version(key(9)))).code, "unavailable");
    for (const [storage, end] of ports.slice(0, 4).entries()) {
      const [request] = await requestsOn(end);
      end.postMessage(encodeReplies([[request![1], "done", 10 + storage]]));
    }
    assert.equal(await Promise.all(asked), [10, 11, 12, 13]);
    assert.is(client.pending, 0);
    for (const end of ports) end.close();
  });
});

test("closing, ends the wait for every storage, and a new one that comes too late is let go", async () => {
  await withClient({}, async ({ client, port }) => {
    const first = client.version(key(1));
    const next = replaceStorage(client);
    const second = client.version(key(2));
    await Promise.all([requestsOn(port), requestsOn(next)]);
    const released = [port, next].map((end) => once(end, "close"));
    for (const end of [port, next]) end.ref();
    client.close();
    assert.is((await errorOf(first)).code, "unavailable");
    assert.is((await errorOf(second)).code, "unavailable");
    await Promise.all(released);
    const late = replaceStorage(client);
    late.ref();
    const lateReleased = once(late, "close");
    assert.is((await errorOf(client.version(key(3)))).code, "unavailable");
    await lateReleased;
    assert.is(client.pending, 0);
  });
});

test.run();
