// The storage's turns: what shares a query, a transaction and a message, what is refused, what becomes of the session
// directory, and that a database that fails makes answers and not a crash.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateSessionDirectory,
  parseSessionKey,
  SessionDirectory,
  SessionDirectoryWriter,
  VERSION_UNKNOWN,
} from "../../core/memory/session-directory.js";
import { openDatabase } from "../../storage/database.js";
import { DirectoryKeeper } from "../../storage/directory-keeper.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import {
  decodeReplies,
  decodeValue,
  encodeRequests,
  encodeValue,
  type Reply,
  type Request,
} from "../../storage/messages.js";
import { migrateLimpet } from "../../storage/migrations.js";
import { Procedures } from "../../storage/procedures.js";
import type { Change, Outcome, SessionRecord, SessionStore } from "../../storage/session-store.js";
import {
  type Client,
  DEFAULT_SERVICE_LIMITS,
  type ServiceLimits,
  StorageService,
} from "../../storage/storage-service.js";
import type { Procedure } from "../../workers/app/app.js";
import { keyOf } from "./session-store-conformance.js";

const DEADLINE_MS = 1_000;
const EXPIRES_MS = 2 ** 45;

/** Notes what the service asks of it, fails on demand, and can be held up. */
class WatchedStore implements SessionStore {
  readonly log: string[] = [];
  error: Error | undefined;
  /** Called when a step begins. */
  onStep = () => {};
  /** What `commit` waits for before it begins. */
  gate: Promise<void> = Promise.resolve();
  readonly #store: SessionStore;

  constructor(store: SessionStore) {
    this.#store = store;
  }

  load(keys: readonly string[]): Promise<Map<string, SessionRecord>> {
    this.onStep();
    if (keys.length > 0) this.log.push(`load ${keys.length}`);
    if (this.error) return Promise.reject(this.error);
    return this.#store.load(keys);
  }

  versions(keys: readonly string[]): Promise<Map<string, number>> {
    if (keys.length > 0) this.log.push(`versions ${keys.length}`);
    return this.#store.versions(keys);
  }

  async commit(changes: readonly Change[]): Promise<Outcome[]> {
    this.onStep();
    this.log.push(`commit ${changes.length}`);
    await this.gate;
    const { error } = this;
    return error ? changes.map(() => ({ code: "unavailable", error })) : this.#store.commit(changes);
  }

  expire(limit: number): Promise<string[]> {
    this.onStep();
    this.log.push(`expire ${limit}`);
    return this.error ? Promise.reject(this.error) : this.#store.expire(limit);
  }
}

/** A worker's end: one array of replies for each message. */
class FakeClient implements Client {
  readonly messages: (readonly Reply[])[] = [];

  send(message: Uint8Array): void {
    this.messages.push(decodeReplies(message));
  }

  get replies(): Map<number, readonly unknown[]> {
    return new Map(this.messages.flat().map(([id, ...rest]) => [id, rest]));
  }
}

interface Bench {
  readonly service: StorageService;
  readonly store: WatchedStore;
  readonly directory: SessionDirectory;
  readonly writer: SessionDirectoryWriter;
  readonly clock: { ms: number; nowMs: number };
  readonly troubles: (string | null)[];
  ask(client: Client, ...requests: Request[]): void;
  /** Resolves when everything that waits has been answered. */
  settle(): Promise<void>;
}

interface BenchOptions {
  readonly limits?: Partial<ServiceLimits>;
  readonly procedures?: Record<string, Procedure>;
  readonly client?: "sqlite3" | "better-sqlite3";
}

async function withService(
  { limits, procedures = {}, client = "sqlite3" }: BenchOptions,
  run: (bench: Bench) => Promise<void>,
) {
  const database = await openDatabase({ client, filename: ":memory:", durability: "full" });
  const { knex, close } = database;
  await migrateLimpet(knex);
  const clock = { ms: 0, nowMs: 1_000 };
  const troubles: (string | null)[] = [];
  const store = new WatchedStore(new KnexSessionStore(database, () => clock.nowMs));
  const memory = allocateSessionDirectory(64);
  const writer = new SessionDirectoryWriter(memory);
  const service = new StorageService({
    store,
    procedures: new Procedures(procedures, 60_000),
    database: knex,
    directory: new DirectoryKeeper(writer, false, () => clock.ms),
    limits: { ...DEFAULT_SERVICE_LIMITS, ...limits },
    monotonicMs: () => clock.ms,
    onTrouble: (message) => troubles.push(message),
  });
  try {
    await run({
      service,
      store,
      directory: new SessionDirectory(memory),
      writer,
      clock,
      troubles,
      ask: (client, ...requests) => service.receive(client, encodeRequests(DEADLINE_MS, requests)),
      settle: () => service.settled(),
    });
  } finally {
    await service.close();
    await close();
  }
}

function commitOf(
  id: number,
  key: string,
  baseVersion: number,
  bytes = 1,
  procedure: string | null = null,
): Request {
  return ["commit", id, key, baseVersion, new Uint8Array(bytes), EXPIRES_MS, null, procedure, null];
}

test("requests that wait together, share one query and one transaction, one message a worker and step", async () => {
  await withService({}, async ({ store, ask, settle }) => {
    const [first, second] = [new FakeClient(), new FakeClient()];
    ask(
      first,
      ["load", 1, keyOf(1)],
      commitOf(2, keyOf(2), 0),
      ["load", 3, keyOf(3)],
      commitOf(4, keyOf(4), 0),
    );
    ask(
      second,
      ["load", 1, keyOf(1)],
      commitOf(2, keyOf(5), 0),
      ["version", 3, keyOf(6)],
      ["version", 4, keyOf(1)],
    );
    await settle();
    assert.equal(store.log, ["load 2", "versions 1", "commit 3"]);
    assert.equal(
      first.messages.map((replies) => replies.map(([id]) => id)),
      [
        [1, 3],
        [2, 4],
      ],
    );
    assert.equal(
      second.messages.map((replies) => replies.map(([id]) => id)),
      [[1, 3, 4], [2]],
    );
  });
});

test("changes that come while a group is committed, form the next group, from all workers", async () => {
  await withService({}, async ({ store, ask, settle }) => {
    const clients = Array.from({ length: 4 }, () => new FakeClient());
    let open = () => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    ask(clients[0]!, commitOf(1, keyOf(0), 0));
    while (store.log.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const [index, client] of clients.entries()) {
      ask(client, commitOf(2, keyOf(10 + index), 0), commitOf(3, keyOf(20 + index), 0));
    }
    open();
    await settle();
    assert.equal(store.log, ["commit 1", "commit 8"]);
    for (const client of clients) assert.equal(client.replies.get(3), ["done", 1, null]);
  });
});

test("a group, ends at its limit of changes and of bytes, but never below one change", async () => {
  await withService(
    { limits: { maxGroupChanges: 3, maxGroupBytes: 100 } },
    async ({ store, ask, settle }) => {
      const client = new FakeClient();
      ask(
        client,
        ...[1, 1, 1, 1, 60, 60, 500, 1].map((bytes, index) => commitOf(index, keyOf(index), 0, bytes)),
      );
      await settle();
      assert.equal(store.log, ["commit 3", "commit 2", "commit 1", "commit 1", "commit 1"]);
      assert.is([...client.replies.values()].filter(([code]) => code === "done").length, 8);
    },
  );
});

test("loads, tell what is there, what is not, and note both in the directory", async () => {
  await withService({}, async ({ ask, settle, directory, writer }) => {
    const client = new FakeClient();
    ask(client, commitOf(1, keyOf(1), 0, 3));
    await settle();
    writer.remove(parseSessionKey(keyOf(1)));
    ask(
      client,
      ["load", 2, keyOf(1)],
      ["version", 3, keyOf(1)],
      ["load", 4, keyOf(2)],
      ["version", 5, keyOf(3)],
    );
    await settle();
    const { replies } = client;
    assert.equal([...(replies.get(2)![1] as Uint8Array)], [0, 0, 0]);
    assert.equal(replies.get(2)!.slice(2, 4), [1, EXPIRES_MS]);
    assert.equal(replies.get(3), ["done", 1]);
    assert.equal(replies.get(4), ["done", null, 0, 0, 0]);
    assert.equal(replies.get(5), ["done", 0]);
    assert.equal(
      [1, 2, 3, 4].map((number) => directory.versionOf(parseSessionKey(keyOf(number)))),
      [1, 0, 0, VERSION_UNKNOWN],
    );
  });
});

test("a commit, is in the directory before its answer leaves, also a move and a deletion", async () => {
  await withService({}, async ({ ask, settle, directory }) => {
    const seen: string[] = [];
    const versionOf = (number: number) => directory.versionOf(parseSessionKey(keyOf(number)));
    const client = { send: () => seen.push(`${versionOf(1)} ${versionOf(2)}`) };
    ask(client, commitOf(1, keyOf(1), 0));
    await settle();
    ask(client, ["commit", 2, keyOf(2), 1, new Uint8Array(1), EXPIRES_MS, keyOf(1), null, null]);
    await settle();
    ask(client, ["commit", 3, keyOf(2), 2, null, EXPIRES_MS, null, null, null]);
    await settle();
    assert.equal(seen, ["1 -1", "-1 2", "-1 0"]);
  });
});

test("a conflict, is told, and leaves the directory as it is", async () => {
  await withService({}, async ({ ask, settle, directory }) => {
    const client = new FakeClient();
    ask(client, commitOf(1, keyOf(1), 0), commitOf(2, keyOf(1), 0), commitOf(3, keyOf(2), 5));
    await settle();
    assert.equal(
      [1, 2, 3].map((id) => client.replies.get(id)![0]),
      ["done", "conflict", "conflict"],
    );
    assert.is(directory.versionOf(parseSessionKey(keyOf(1))), 1);
  });
});

test("procedures, run with a commit or by a call, and their errors are one line", async () => {
  const procedures: Record<string, Procedure> = {
    double: async (_, args: number) => args * 2,
    fail: () => Promise.reject(new Error("sold out\nand more")),
    function: async () => () => {},
    sessions: async (database) => (await database("limpet_sessions").select("key")).length,
  };
  await withService({ procedures }, async ({ ask, settle, troubles }) => {
    const client = new FakeClient();
    ask(
      client,
      ["call", 1, "double", encodeValue(21)],
      ["call", 2, "fail", null],
      ["call", 3, "nothing", null],
      ["commit", 4, keyOf(1), 0, new Uint8Array(1), EXPIRES_MS, null, "double", encodeValue(4)],
      commitOf(5, keyOf(2), 0, 1, "fail"),
      commitOf(6, keyOf(3), 0, 1, "toString"),
    );
    await settle();
    ask(client, ["call", 7, "sessions", null]);
    await settle();
    const { replies } = client;
    assert.is(decodeValue(replies.get(1)![1] as Uint8Array), 42);
    assert.equal(replies.get(2), ["procedure_failed", "sold out"]);
    assert.is(replies.get(3)![0], "unknown_procedure");
    assert.equal(replies.get(4)!.slice(0, 2), ["done", 1]);
    assert.is(decodeValue(replies.get(4)![2] as Uint8Array), 8);
    assert.equal(replies.get(5), ["procedure_failed", "sold out"]);
    assert.is(replies.get(6)![0], "unknown_procedure");
    assert.is(decodeValue(replies.get(7)![1] as Uint8Array), 1);
    assert.equal(troubles, []);
  });
});

test("a call, may use a transaction of its own, while changes wait", async () => {
  const procedures: Record<string, Procedure> = {
    transact: (database) =>
      database.transaction(async (transaction) => {
        await transaction.raw("CREATE TABLE t (x)");
        await transaction.raw("INSERT INTO t VALUES (1)");
        return (await transaction.raw("SELECT x FROM t")).length;
      }),
  };
  await withService({ procedures }, async ({ ask, settle }) => {
    const client = new FakeClient();
    ask(client, commitOf(1, keyOf(1), 0), ["call", 2, "transact", null], commitOf(3, keyOf(2), 0));
    await settle();
    assert.is(decodeValue(client.replies.get(2)![1] as Uint8Array), 1);
    assert.equal(
      [1, 3].map((id) => client.replies.get(id)![0]),
      ["done", "done"],
    );
  });
});

test("many calls, do not keep a commit waiting, beyond one turn's share", async () => {
  const ran: number[] = [];
  const procedures: Record<string, Procedure> = {
    note: async (_, args: number) => {
      ran.push(args);
    },
  };
  await withService({ procedures, limits: { maxTurnCalls: 2 } }, async ({ ask, settle, store }) => {
    const client = new FakeClient();
    const calls = Array.from({ length: 5 }, (_, id): Request => ["call", id, "note", encodeValue(id)]);
    ask(client, ...calls, commitOf(9, keyOf(1), 0));
    await settle();
    assert.equal(ran, [0, 1, 2, 3, 4]);
    assert.equal(
      client.messages.map((replies) => replies.map(([id]) => id)),
      [[0, 1], [9], [2, 3], [4]],
    );
    assert.equal(store.log, ["commit 1"]);
  });
});

test("steps and procedures, with a client that never waits, are apart by a turn of the event loop", async () => {
  let turn = 0;
  const begun: number[] = [];
  const onStep = () => {
    begun.push(turn);
    // In the turn that follows.
    setImmediate(() => turn++);
  };
  const procedures: Record<string, Procedure> = {
    add: async (database) => {
      onStep();
      await database.raw("SELECT 1");
    },
  };
  await withService({ procedures, client: "better-sqlite3" }, async ({ ask, settle, store, service }) => {
    store.onStep = onStep;
    const client = new FakeClient();
    ask(client, ["load", 1, keyOf(1)], ["call", 2, "add", null], ["call", 3, "add", null]);
    ask(client, commitOf(4, keyOf(1), 0, 1, "add"), commitOf(5, keyOf(2), 0, 1, "add"));
    service.sweep();
    await settle();
    assert.equal(
      [...client.replies.values()].map(([code]) => code),
      ["done", "done", "done", "done", "done"],
    );
    assert.equal(begun, [0, 1, 2, 3, 4, 5, 6]);
  });
});

test("more than may wait, is refused at once, and what waits is done", async () => {
  await withService({ limits: { maxWaiting: 3, maxWaitingBytes: 10 } }, async ({ ask, settle }) => {
    const client = new FakeClient();
    ask(client, commitOf(1, keyOf(1), 0, 8), commitOf(2, keyOf(2), 0, 3), commitOf(3, keyOf(3), 0, 2));
    ask(client, ["load", 4, keyOf(4)], ["load", 5, keyOf(5)]);
    assert.equal([...client.replies.keys()], [2, 5]);
    await settle();
    ask(client, commitOf(6, keyOf(2), 0, 10));
    await settle();
    assert.equal(
      [1, 2, 3, 4, 5, 6].map((id) => client.replies.get(id)![0]),
      ["done", "unavailable", "done", "done", "unavailable", "done"],
    );
  });
});

test("a request whose deadline is over, is not done", async () => {
  const procedures: Record<string, Procedure> = { count: async () => 1 };
  await withService({ procedures }, async ({ ask, settle, store, clock }) => {
    const client = new FakeClient();
    clock.ms = DEADLINE_MS;
    ask(client, ["load", 1, keyOf(1)], ["call", 2, "count", null], commitOf(3, keyOf(1), 0));
    await settle();
    assert.equal(
      [1, 2, 3].map((id) => client.replies.get(id)![0]),
      ["unavailable", "unavailable", "unavailable"],
    );
    assert.equal(store.log, []);
  });
});

test("a database that fails, is answered and told once, until it serves again", async () => {
  await withService({}, async ({ ask, settle, store, troubles, directory }) => {
    const client = new FakeClient();
    ask(client, commitOf(1, keyOf(1), 0));
    await settle();
    store.error = Object.assign(new Error("update x - SQLITE_FULL: database or disk is full"), {
      code: "SQLITE_FULL",
    });
    ask(client, ["load", 2, keyOf(1)], commitOf(3, keyOf(1), 1));
    await settle();
    assert.equal(client.replies.get(2), ["unavailable", "SQLITE_FULL: database or disk is full"]);
    assert.equal(client.replies.get(3), ["unavailable", "SQLITE_FULL: database or disk is full"]);
    assert.is(directory.versionOf(parseSessionKey(keyOf(1))), VERSION_UNKNOWN);
    assert.equal(troubles, ["SQLITE_FULL: database or disk is full"]);
    store.error = undefined;
    ask(client, commitOf(4, keyOf(1), 1));
    await settle();
    assert.equal(client.replies.get(4), ["done", 2, null]);
    assert.equal(troubles, ["SQLITE_FULL: database or disk is full", null]);
  });
});

test("a sweep, deletes expired sessions slice by slice, with requests in between, and notes it", async () => {
  await withService(
    { limits: { maxTurnExpired: 2 } },
    async ({ ask, settle, service, store, clock, directory }) => {
      const client = new FakeClient();
      const expiring = (id: number): Request => [
        "commit",
        id,
        keyOf(id),
        0,
        new Uint8Array(1),
        2_000,
        null,
        null,
        null,
      ];
      ask(client, expiring(1), expiring(2), expiring(3));
      await settle();
      clock.nowMs = 2_000;
      store.log.length = 0;
      service.sweep();
      ask(client, ["version", 4, keyOf(9)]);
      await settle();
      assert.equal(store.log, ["versions 1", "expire 2", "expire 2"]);
      assert.equal(
        [1, 2, 3].map((number) => directory.versionOf(parseSessionKey(keyOf(number)))),
        [0, 0, 0],
      );
      store.error = new Error("no");
      service.sweep();
      await settle();
      assert.is(store.log.length, 4);
    },
  );
});

test("closing, answers what waits and refuses what comes", async () => {
  await withService({}, async ({ ask, service, store }) => {
    const client = new FakeClient();
    ask(client, commitOf(1, keyOf(1), 0));
    const closed = service.close();
    ask(client, commitOf(2, keyOf(2), 0));
    service.sweep();
    await closed;
    assert.equal(
      [1, 2].map((id) => client.replies.get(id)![0]),
      ["done", "unavailable"],
    );
    assert.equal(store.log, ["commit 1"]);
  });
});

test("a message that is none, is answered, and the next one is served", async () => {
  await withService({}, async ({ ask, service, settle }) => {
    const client = new FakeClient();
    for (const message of [undefined, "text", new Uint8Array(3), { port: 1 }])
      service.receive(client, message);
    assert.is(client.messages.length, 4);
    ask(client, ["version", 1, keyOf(1)]);
    await settle();
    assert.equal(client.replies.get(1), ["done", 0]);
  });
});

test.run();
