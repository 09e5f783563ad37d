// The conformance suite on PostgreSQL, and what only a database that several farms change can do wrong: two stores that
// write the same sessions at once, that insert the same one, that hold what the other wants.

import { setImmediate } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Database, openDatabase } from "../../storage/database.js";
import { KnexSessionStore } from "../../storage/knex-session-store.js";
import { migrateLimpet } from "../../storage/migrations.js";
import type { Change, Outcome } from "../../storage/session-store.js";
import { hasPostgres, type PostgresCluster, startCluster } from "../support/postgres.js";
import { changeOf, keyOf, openStore, START_MS, testSessionStore } from "./session-store-conformance.js";

let cluster: PostgresCluster;
let databases = 0;

function newUrl(): string {
  return cluster.createDatabase(`store${++databases}`);
}

interface TwoStores {
  readonly first: KnexSessionStore;
  readonly second: KnexSessionStore;
  readonly databases: readonly [Database, Database];
}

/** Two farms' stores on one new database. */
async function withTwoStores(run: (stores: TwoStores) => Promise<void>): Promise<void> {
  const url = newUrl();
  const first = await openDatabase({ client: "postgres", url, durability: "full", coherence: "told" });
  const second = await openDatabase({ client: "postgres", url, durability: "full", coherence: "told" });
  try {
    await first.migrate(() => migrateLimpet(first.knex));
    const storeOn = (database: Database) => new KnexSessionStore(database, () => START_MS);
    await run({ first: storeOn(first), second: storeOn(second), databases: [first, second] });
  } finally {
    await first.close();
    await second.close();
  }
}

function codes(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ code }) => code);
}

/** A procedure that tells that it runs, and waits. Its transaction holds the group's rows meanwhile. */
function waitingProcedure() {
  let [started, goOn] = [() => {}, () => {}];
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const procedure: Change["procedure"] = async () => {
    started();
    await gate;
    return Uint8Array.of(1);
  };
  return { procedure, running, goOn: () => goOn() };
}

/** Resolves when a statement of the database waits for a lock. */
async function somebodyWaits(): Promise<void> {
  const count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  for (let tries = 0; tries < 200; tries++) {
    if (Number(cluster.sql("postgres", count)) > 0) return;
    // What is to wait needs the event loop to get there.
    await setImmediate();
  }
  throw new Error("nobody waits for a lock");
}

/** What the commit comes to, if its connection is ended once it waits for a standby. */
async function answeredOrCutOff(commit: Promise<Outcome[]>): Promise<Outcome[]> {
  let isSettled = false;
  void commit.finally(() => {
    isSettled = true;
  });
  const cutOff = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  while (!isSettled) {
    cluster.sql("postgres", cutOff);
    await setImmediate();
  }
  return commit;
}

if (hasPostgres()) {
  cluster = await startCluster();
  test.after(() => cluster.remove());

  testSessionStore("PostgreSQL", () =>
    openStore({ client: "postgres", url: newUrl(), durability: "full", coherence: "told" }),
  );

  test("two farms that change one session from one version, one of them is refused, however they meet", () =>
    withTwoStores(async ({ first, second }) => {
      const keys = Array.from({ length: 50 }, (_, number) => keyOf(number));
      for (let round = 0; round < 20; round++) {
        // In opposite orders: rows that were locked as they come would be waited for in a circle.
        const [ours, theirs] = await Promise.all([
          first.commit(keys.map((key) => changeOf(key, round, "first"))),
          second.commit(keys.toReversed().map((key) => changeOf(key, round, "second"))),
        ]);
        const results = keys.map((_, index) =>
          [ours[index]!.code, theirs[keys.length - 1 - index]!.code].sort().join(),
        );
        assert.ok(
          results.every((result) => result === "committed,conflict"),
          `round ${round}: ${results}`,
        );
      }
      const versions = await first.versions(keys);
      assert.ok(keys.every((key) => versions.get(key) === 20));
    }));

  test("a session that another farm inserts, after it was looked for, is a conflict alone", () =>
    withTwoStores(async ({ first, second }) => {
      const { procedure, running, goOn } = waitingProcedure();
      const group = first.commit([
        changeOf(keyOf(1), 0, "a", { procedure }),
        changeOf(keyOf(2), 0, "mine"),
        changeOf(keyOf(3), 0, "c"),
      ]);
      await running;
      assert.equal(codes(await second.commit([changeOf(keyOf(2), 0, "theirs")])), ["committed"]);
      goOn();
      assert.equal(codes(await group), ["committed", "conflict", "committed"]);
      const records = await second.load([keyOf(1), keyOf(2), keyOf(3)]);
      const texts = [...records.values()].map(({ state }) => new TextDecoder().decode(state)).sort();
      assert.equal(texts, ["a", "c", "theirs"]);
    }));

  test("a session that another farm is changing, is waited for, and then the change is refused", () =>
    withTwoStores(async ({ first, second }) => {
      await first.commit([changeOf(keyOf(1), 0, "a")]);
      const { procedure, running, goOn } = waitingProcedure();
      const ours = first.commit([changeOf(keyOf(1), 1, "b", { procedure })]);
      await running;
      const theirs = second.commit([changeOf(keyOf(1), 1, "c"), changeOf(keyOf(2), 0, "d")]);
      await somebodyWaits();
      goOn();
      assert.equal(codes(await ours), ["committed"]);
      assert.equal(codes(await theirs), ["conflict", "committed"]);
    }));

  test("a session that another farm deletes, is none for the change that waits", () =>
    withTwoStores(async ({ first, second }) => {
      await first.commit([changeOf(keyOf(1), 0, "a")]);
      const { procedure, running, goOn } = waitingProcedure();
      const ours = first.commit([changeOf(keyOf(1), 1, null, { procedure })]);
      await running;
      const theirs = second.commit([changeOf(keyOf(1), 1, "c")]);
      await somebodyWaits();
      goOn();
      assert.equal(codes(await ours), ["committed"]);
      assert.equal(codes(await theirs), ["conflict"]);
      assert.is((await second.load([keyOf(1)])).size, 0);
    }));

  test("procedures that want each other's rows, both commit, though one of them is the deadlock's victim", () =>
    withTwoStores(async ({ first, second, databases: [database] }) => {
      await database.knex.schema.createTable("stock", (table) => {
        table.integer("id").primary();
        table.integer("left").notNullable();
      });
      await database.knex("stock").insert([1, 2].map((id) => ({ id, left: 10 })));
      let met = 0;
      let bothAreThere = () => {};
      const both = new Promise<void>((resolve) => {
        bothAreThere = resolve;
      });
      let runs = 0;
      const taking = (ids: readonly number[]): Change["procedure"] => {
        let isFirstRun = true;
        return async (savepoint) => {
          runs++;
          const [here, there] = ids as [number, number];
          await savepoint("stock").where({ id: here }).decrement("left", 1);
          if (isFirstRun && ++met === 2) bothAreThere();
          isFirstRun = false;
          await both;
          await savepoint("stock").where({ id: there }).decrement("left", 1);
          return Uint8Array.of(1);
        };
      };
      const outcomes = await Promise.all([
        first.commit([changeOf(keyOf(1), 0, "a", { procedure: taking([1, 2]) })]),
        second.commit([changeOf(keyOf(2), 0, "b", { procedure: taking([2, 1]) })]),
      ]);
      assert.equal(codes(outcomes.flat()), ["committed", "committed"]);
      assert.is(runs, 3, "one of them ran again");
      assert.equal(await database.knex("stock").select("left"), [{ left: 8 }, { left: 8 }]);
    }));

  test("expired sessions, are deleted once, by two farms at the same time", () =>
    withTwoStores(async ({ first, second }) => {
      const keys = Array.from({ length: 200 }, (_, number) => keyOf(number));
      await first.commit(keys.map((key) => changeOf(key, 0, "a", { expiresAtMs: START_MS })));
      const slices = await Promise.all([first.expire(150), second.expire(150)]);
      const rest = [...(await first.expire(150)), ...(await second.expire(150))];
      assert.equal([...slices.flat(), ...rest].sort(), keys);
    }));

  test("a farm that hangs in the middle of a transaction, loses it, and what it had locked", () =>
    withTwoStores(async ({ first, second, databases: [database] }) => {
      await first.commit([changeOf(keyOf(1), 0, "a")]);
      await database.knex.raw("SET idle_in_transaction_session_timeout = 100");
      const { procedure, running, goOn } = waitingProcedure();
      const ours = first.commit([changeOf(keyOf(1), 1, "b", { procedure })]);
      await running;
      assert.equal(codes(await second.commit([changeOf(keyOf(1), 1, "c")])), ["committed"]);
      goOn();
      assert.equal(codes(await ours), ["unavailable"]);
      assert.equal(codes(await first.commit([changeOf(keyOf(1), 2, "d")])), ["committed"], "and goes on");
    }));

  test("a commit that the server has done and not answered, is unavailable, and is done once", () =>
    withTwoStores(async ({ first, second, databases: [database] }) => {
      await database.knex.schema.createTable("runs", (table) => table.integer("version"));
      // The server waits with the answer for a standby that there is not, and the connection is ended then.
      cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
      cluster.sql("postgres", "SELECT pg_reload_conf()");
      let version = 0;
      let outcomes: string[];
      do {
        const base = version++;
        const procedure: Change["procedure"] = async (savepoint) => {
          await savepoint("runs").insert({ version: base });
          return Uint8Array.of(1);
        };
        const ours = first.commit([
          changeOf(keyOf(1), base, "a", { procedure }),
          changeOf(keyOf(2), base, "b"),
        ]);
        outcomes = codes(await answeredOrCutOff(ours));
      } while (outcomes[0] === "committed" && version < 200);
      cluster.sql("postgres", "ALTER SYSTEM RESET synchronous_standby_names");
      cluster.sql("postgres", "SELECT pg_reload_conf()");
      assert.equal(outcomes, ["unavailable", "unavailable"]);
      const keys = [keyOf(1), keyOf(2)];
      assert.equal([...(await second.versions(keys)).values()], [version, version]);
      assert.is((await database.knex("runs")).length, version);
      const next = changeOf(keyOf(1), version, "c");
      assert.equal(codes(await first.commit([next])), ["committed"], "and goes on");
    }));

  test("a row that somebody keeps locked, is not waited for longer than a worker waits", () =>
    withTwoStores(async ({ first, second, databases: [, database] }) => {
      await first.commit([changeOf(keyOf(1), 0, "a")]);
      await database.knex.raw("SET lock_timeout = 50");
      const { procedure, running, goOn } = waitingProcedure();
      const ours = first.commit([changeOf(keyOf(1), 1, "b", { procedure })]);
      await running;
      assert.equal(codes(await second.commit([changeOf(keyOf(1), 1, "c")])), ["unavailable"]);
      goOn();
      assert.equal(codes(await ours), ["committed"]);
    }));
}

test.run();
