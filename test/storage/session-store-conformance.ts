// What every `SessionStore` must do, whatever database is behind it. Not a test by itself: the tests of the
// implementations call `testSessionStore` with a way to open an empty one.

import type { Knex } from "knex";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DatabaseOptions, openDatabase } from "../../storage/database.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import { migrateLimpet } from "../../storage/migrations.js";
import type { Change, Outcome, SessionStore } from "../../storage/session-store.js";

export interface OpenStore {
  readonly store: SessionStore;
  /** For the tests' own table `notes (text unique)`, which exists. */
  readonly database: Knex;
  /** Sets the time that the store judges expiry by, in ms. */
  setNow(nowMs: number): void;
  close(): Promise<void>;
}

export const START_MS = 1_000_000;
export const LATER_MS = START_MS + 60_000;

/** The store on a database that is empty, and the tests' own table. */
export async function openStore(
  options: DatabaseOptions,
  onClose: () => void | Promise<void> = () => {},
): Promise<OpenStore> {
  const opened = await openDatabase(options);
  let nowMs = START_MS;
  await opened.migrate(() => migrateLimpet(opened.knex));
  await opened.knex.schema.createTable("notes", (table) => {
    table.string("text").unique();
  });
  return {
    store: new KnexSessionStore(opened, () => nowMs),
    database: opened.knex,
    setNow: (ms) => {
      nowMs = ms;
    },
    close: async () => {
      await opened.close();
      await onClose();
    },
  };
}

export function keyOf(number: number): string {
  return number.toString(16).padStart(32, "0");
}

export function changeOf(
  key: string,
  baseVersion: number,
  text: string | null,
  more?: Partial<Change>,
): Change {
  const state = text === null ? null : new TextEncoder().encode(text);
  return { key, baseVersion, state, expiresAtMs: LATER_MS, replacesKey: null, procedure: null, ...more };
}

/** A procedure that notes a text, and throws afterwards if it is told to. */
export function noting(text: string, failure?: Error): NonNullable<Change["procedure"]> {
  return async (database) => {
    await database("notes").insert({ text });
    if (failure) throw failure;
    return Uint8Array.of(text.length);
  };
}

function codes(outcomes: readonly Outcome[]): string[] {
  return outcomes.map((outcome) => outcome.code);
}

async function stateOf(store: SessionStore, key: string): Promise<string | undefined> {
  const record = (await store.load([key])).get(key);
  return record && `${new TextDecoder().decode(record.state)}@${record.version}`;
}

async function notesOf(database: Knex): Promise<string[]> {
  const rows = await database<{ text: string }>("notes").select("text").orderBy("text");
  return rows.map((row) => row.text);
}

export function testSessionStore(name: string, open: () => Promise<OpenStore>): void {
  function storeTest(title: string, run: (opened: OpenStore) => Promise<void>): void {
    test(`${name}, ${title}`, async () => {
      const opened = await open();
      opened.setNow(START_MS);
      try {
        await run(opened);
      } finally {
        await opened.close();
      }
    });
  }
  testRecords(storeTest);
  testGroups(storeTest);
  testProcedures(storeTest);
  testExpiry(storeTest);
}

type StoreTest = (title: string, run: (opened: OpenStore) => Promise<void>) => void;

function testRecords(storeTest: StoreTest): void {
  storeTest("has nothing, when it is new", async ({ store }) => {
    assert.is((await store.load([keyOf(1), keyOf(2)])).size, 0);
    assert.is((await store.versions([keyOf(1)])).size, 0);
    assert.is((await store.load([])).size, 0);
    assert.equal(await store.commit([]), []);
  });

  storeTest("counts versions from 1, as a session is inserted and changed", async ({ store }) => {
    const key = keyOf(1);
    for (let version = 1; version <= 3; version++) {
      const outcomes = await store.commit([changeOf(key, version - 1, `state ${version}`)]);
      assert.equal(outcomes, [{ code: "committed", version, result: null }]);
      assert.is(await stateOf(store, key), `state ${version}@${version}`);
      assert.is((await store.versions([key])).get(key), version);
    }
    assert.is((await store.load([key])).get(key)?.expiresAtMs, LATER_MS);
  });

  storeTest("keeps any bytes, also none", async ({ store }) => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index);
    await store.commit([
      { ...changeOf(keyOf(1), 0, ""), state: bytes.subarray(1) },
      changeOf(keyOf(2), 0, ""),
    ]);
    const records = await store.load([keyOf(1), keyOf(2)]);
    assert.equal(new Uint8Array(records.get(keyOf(1))!.state), bytes.slice(1));
    assert.is(records.get(keyOf(2))!.state.length, 0);
  });

  storeTest("refuses a change, from any version but the current one", async ({ store }) => {
    const key = keyOf(1);
    assert.equal(codes(await store.commit([changeOf(key, 1, "x")])), ["conflict"]);
    await store.commit([changeOf(key, 0, "a")]);
    await store.commit([changeOf(key, 1, "b")]);
    for (const base of [0, 1, 3]) {
      assert.equal(codes(await store.commit([changeOf(key, base, "x")])), ["conflict"]);
      assert.equal(codes(await store.commit([changeOf(key, base, null)])), ["conflict"]);
    }
    assert.is(await stateOf(store, key), "b@2");
  });

  storeTest("deletes a session, from its current version", async ({ store }) => {
    const key = keyOf(1);
    await store.commit([changeOf(key, 0, "a")]);
    assert.equal(await store.commit([changeOf(key, 1, null)]), [
      { code: "committed", version: 0, result: null },
    ]);
    assert.is(await stateOf(store, key), undefined);
  });

  storeTest("moves a session to another key, and leaves an empty one; both count on", async ({ store }) => {
    const [from, to] = [keyOf(1), keyOf(2)];
    await store.commit([changeOf(from, 0, "a")]);
    const stale = await store.commit([changeOf(to, 0, "x", { replacesKey: from })]);
    assert.equal(codes(stale), ["conflict"]);
    const moved = await store.commit([changeOf(to, 1, "b", { replacesKey: from })]);
    assert.equal(moved, [{ code: "committed", version: 2, result: null }]);
    const left = (await store.load([from])).get(from)!;
    assert.equal([[...left.state], left.version], [[0x80], 2]);
    const kept = (await store.load([to])).get(to)!;
    assert.ok(kept.createdAtMs <= left.createdAtMs, "it is as old as it was");
    assert.is(await stateOf(store, to), "b@2");
  });

  storeTest("refuses to move a session, onto another one", async ({ store }) => {
    await store.commit([changeOf(keyOf(1), 0, "a"), changeOf(keyOf(2), 0, "b")]);
    assert.equal(codes(await store.commit([changeOf(keyOf(2), 1, "x", { replacesKey: keyOf(1) })])), [
      "conflict",
    ]);
    assert.is(await stateOf(store, keyOf(1)), "a@1");
    assert.is(await stateOf(store, keyOf(2)), "b@1");
  });
}

function testGroups(storeTest: StoreTest): void {
  storeTest("commits and loads thousands at once, beyond any limit of one statement", async ({ store }) => {
    const keys = Array.from({ length: 7_000 }, (_, number) => keyOf(number));
    const outcomes = await store.commit(keys.map((key) => changeOf(key, 0, key.slice(-4))));
    assert.ok(outcomes.every((outcome) => outcome.code === "committed" && outcome.version === 1));
    const records = await store.load(keys);
    assert.is(records.size, keys.length);
    for (const key of keys) assert.is(new TextDecoder().decode(records.get(key)!.state), key.slice(-4));
    assert.is((await store.versions(keys)).size, keys.length);
    assert.ok(
      (await store.commit(keys.map((key) => changeOf(key, 1, null)))).every(
        ({ code }) => code === "committed",
      ),
    );
    assert.is((await store.versions(keys)).size, 0);
  });

  storeTest("does two changes of one session in a group, one after the other", async ({ store }) => {
    const key = keyOf(1);
    const same = await store.commit([changeOf(key, 0, "first"), changeOf(key, 0, "second")]);
    assert.equal(codes(same), ["committed", "conflict"]);
    assert.is(await stateOf(store, key), "first@1");
    const chained = await store.commit([changeOf(key, 1, "second"), changeOf(key, 2, "third")]);
    assert.equal(
      chained.map((outcome) => outcome.code === "committed" && outcome.version),
      [2, 3],
    );
    assert.is(await stateOf(store, key), "third@3");
    const deleted = await store.commit([
      changeOf(key, 3, null),
      changeOf(key, 3, "x"),
      changeOf(key, 0, "new"),
    ]);
    assert.equal(codes(deleted), ["committed", "conflict", "committed"]);
    assert.is(await stateOf(store, key), "new@1");
  });

  storeTest("undoes a conflict alone, in a group", async ({ store }) => {
    await store.commit([changeOf(keyOf(2), 0, "old")]);
    const outcomes = await store.commit([
      changeOf(keyOf(1), 0, "a"),
      changeOf(keyOf(2), 0, "x"),
      changeOf(keyOf(3), 0, "c"),
    ]);
    assert.equal(codes(outcomes), ["committed", "conflict", "committed"]);
    assert.is(await stateOf(store, keyOf(1)), "a@1");
    assert.is(await stateOf(store, keyOf(2)), "old@1");
    assert.is(await stateOf(store, keyOf(3)), "c@1");
  });
}

function testProcedures(storeTest: StoreTest): void {
  storeTest("does a procedure with its change, and gives its result", async ({ store, database }) => {
    const outcomes = await store.commit([changeOf(keyOf(1), 0, "a", { procedure: noting("one") })]);
    assert.equal(outcomes, [{ code: "committed", version: 1, result: Uint8Array.of(3) }]);
    assert.equal(await notesOf(database), ["one"]);
  });

  storeTest(
    "undoes change and procedure, when the procedure throws, and nothing else",
    async ({ store, database }) => {
      const failure = new Error("sold out");
      const outcomes = await store.commit([
        changeOf(keyOf(1), 0, "a", { procedure: noting("one") }),
        changeOf(keyOf(2), 0, "b", { procedure: noting("two", failure) }),
        changeOf(keyOf(3), 0, "c"),
        changeOf(keyOf(2), 0, "d", { procedure: noting("four") }),
      ]);
      assert.equal(codes(outcomes), ["committed", "procedure_failed", "committed", "committed"]);
      assert.is(outcomes[1]!.code === "procedure_failed" && outcomes[1]!.error, failure);
      assert.equal(await notesOf(database), ["four", "one"]);
      assert.is(await stateOf(store, keyOf(1)), "a@1");
      assert.is(await stateOf(store, keyOf(2)), "d@1");
      assert.is(await stateOf(store, keyOf(3)), "c@1");
    },
  );

  storeTest("undoes a procedure alone, that breaks a constraint", async ({ store, database }) => {
    const outcomes = await store.commit([
      changeOf(keyOf(1), 0, "a", { procedure: noting("same") }),
      changeOf(keyOf(2), 0, "b", { procedure: noting("same") }),
      changeOf(keyOf(3), 0, "c", { procedure: noting("other") }),
    ]);
    assert.equal(codes(outcomes), ["committed", "procedure_failed", "committed"]);
    assert.equal(await notesOf(database), ["other", "same"]);
    assert.is(await stateOf(store, keyOf(2)), undefined);
  });

  storeTest("does not run the procedure of a conflict", async ({ store, database }) => {
    const outcomes = await store.commit([changeOf(keyOf(1), 4, "a", { procedure: noting("never") })]);
    assert.equal(codes(outcomes), ["conflict"]);
    assert.equal(await notesOf(database), []);
  });

  storeTest(
    "tries each change alone, when a procedure spoils the group's transaction",
    async ({ store, database }) => {
      const outcomes = await store.commit([
        changeOf(keyOf(1), 0, "a", { procedure: noting("one") }),
        changeOf(keyOf(2), 0, "b", {
          procedure: async (savepoint) => {
            await savepoint.raw("ROLLBACK");
            return Uint8Array.of();
          },
        }),
        changeOf(keyOf(3), 0, "c"),
      ]);
      assert.equal(codes(outcomes), ["committed", "unavailable", "committed"]);
      assert.equal(await notesOf(database), ["one"]);
      assert.is(await stateOf(store, keyOf(1)), "a@1");
      assert.is(await stateOf(store, keyOf(2)), undefined);
      assert.is(await stateOf(store, keyOf(3)), "c@1");
    },
  );
}

function testExpiry(storeTest: StoreTest): void {
  storeTest("takes an expired session for none", async ({ store, setNow }) => {
    const key = keyOf(1);
    await store.commit([changeOf(key, 0, "a")]);
    setNow(LATER_MS - 1);
    assert.is(await stateOf(store, key), "a@1");
    setNow(LATER_MS);
    assert.is(await stateOf(store, key), undefined);
    assert.is((await store.versions([key])).size, 0);
    assert.equal(codes(await store.commit([changeOf(key, 1, "x")])), ["conflict"]);
    const again = await store.commit([changeOf(key, 0, "b", { expiresAtMs: LATER_MS + 1 })]);
    assert.equal(again, [{ code: "committed", version: 1, result: null }]);
    assert.is(await stateOf(store, key), "b@1");
  });

  storeTest(
    "deletes expired sessions, a slice at a time, and no others",
    async ({ store, database, setNow }) => {
      const changes = Array.from({ length: 25 }, (_, number) => changeOf(keyOf(number), 0, "a"));
      await store.commit([...changes, changeOf(keyOf(99), 0, "stays", { expiresAtMs: LATER_MS + 1 })]);
      assert.equal(await store.expire(10), []);
      setNow(LATER_MS);
      const slices = [
        await store.expire(10),
        await store.expire(10),
        await store.expire(10),
        await store.expire(10),
      ];
      assert.equal(
        slices.map((keys) => keys.length),
        [10, 10, 5, 0],
      );
      assert.equal(slices.flat().sort(), changes.map((change) => change.key).sort());
      assert.is((await database("limpet_sessions").select("key")).length, 1);
      assert.is(await stateOf(store, keyOf(99)), "stays@1");
    },
  );
}
