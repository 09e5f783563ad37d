// Turns: one after another, first come first served, bounded in number and time; and fair to other workers.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateSessionLocks, SessionLocks } from "../../../core/memory/session-locks.js";
import {
  NO_STRIPE,
  SessionTurns,
  TurnError,
  type TurnsOptions,
} from "../../../workers/session/session-turns.js";

const STRIPE = 3;

function createTurns(options: Partial<TurnsOptions> = {}) {
  const locks = new SessionLocks(allocateSessionLocks(8), 0, () => 0);
  const defaults = { locks, maxWaiting: 8, waitMs: 60_000, leaseMs: 30_000, now: () => 0 };
  return { locks, turns: new SessionTurns({ ...defaults, ...options }) };
}

/** What the promise has come to by the time everything that was ready has run. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = new Promise((resolve) => setImmediate(resolve, "pending"));
  return Promise.race([promise.catch((error: Error) => error.message), pending]);
}

test("turn, taken, is given to those who wait in their order and is free in the end", async () => {
  const { turns } = createTurns();
  const first = await turns.wait("a", STRIPE);
  const order: string[] = [];
  const waits = ["second", "third"].map((name) =>
    turns.wait("a", STRIPE).then((turn) => {
      order.push(name);
      return turn;
    }),
  );
  turns.end(first);
  const second = await waits[0]!;
  assert.equal(order, ["second"]);
  assert.ok(turns.isTaken("a"));
  turns.end(second);
  turns.end(await waits[1]!);
  assert.equal(order, ["second", "third"]);
  assert.is(turns.size, 0);
});

test("turn, ended twice, ends once: the next one's is let be", async () => {
  const { turns } = createTurns();
  const first = await turns.wait("a", STRIPE);
  const second = turns.wait("a", STRIPE);
  const third = turns.wait("a", STRIPE);
  turns.end(first);
  turns.end(first);
  await second;
  assert.is(await outcomeOf(third), "pending");
  turns.end(await second);
  turns.end(await third);
});

test("turn, with two holders, ends with the last", async () => {
  const { turns, locks } = createTurns();
  assert.ok(locks.tryAcquire(STRIPE));
  const turn = turns.take("a", STRIPE);
  assert.is(turns.join("a", STRIPE), turn);
  const wait = turns.wait("a", STRIPE);
  turns.end(turn);
  assert.is(await outcomeOf(wait), "pending");
  turns.end(turn);
  turns.end(await wait);
});

test("turn, with as many waiting as may, takes no more, and others' turns are not affected", async () => {
  const { turns } = createTurns({ maxWaiting: 1 });
  const first = await turns.wait("a", STRIPE);
  const second = turns.wait("a", STRIPE);
  assert.match(String(await outcomeOf(turns.wait("a", STRIPE))), "too many");
  const other = await turns.wait("b", STRIPE + 1);
  turns.end(first);
  turns.end(await second);
  turns.end(other);
});

test("turn, ended for all, fails everyone who waits and is free", async () => {
  const { turns, locks } = createTurns();
  const first = await turns.wait("a", STRIPE);
  const waits = [turns.wait("a", STRIPE), turns.wait("a", STRIPE)];
  turns.endAll(first, new Error("no database"));
  for (const wait of waits) assert.is(await outcomeOf(wait), "no database");
  assert.is(turns.size, 0);
  assert.ok(locks.tryAcquire(STRIPE));
});

test("turn, waited for too long, fails, and the ones behind it are not affected", async () => {
  const { turns } = createTurns({ waitMs: 1, now: () => performance.now() });
  const first = await turns.wait("a", STRIPE);
  await turns.wait("a", STRIPE).then(
    () => assert.unreachable(),
    (error) => assert.instance(error, TurnError),
  );
  turns.end(first);
  assert.is(turns.size, 0);
});

test("turn, not ended within its lease, is the next one's", async () => {
  let nowMs = 0;
  const { turns } = createTurns({ now: () => nowMs });
  const stuck = await turns.wait("a", STRIPE);
  const next = turns.wait("a", STRIPE);
  nowMs = 29_999;
  assert.is(turns.sweep(), 0);
  nowMs = 30_000;
  assert.is(turns.sweep(), 1);
  const turn = await next;
  turns.end(stuck);
  assert.ok(turns.isTaken("a"));
  turns.end(turn);
  assert.is(turns.size, 0);
});

test("turn, of a session that nobody knows, needs no lock", async () => {
  const { turns, locks } = createTurns();
  const turn = turns.take("new", NO_STRIPE);
  const next = turns.wait("new", NO_STRIPE);
  turns.end(turn);
  turns.end(await next);
  for (let stripe = 0; stripe < 8; stripe++) assert.ok(locks.tryAcquire(stripe));
});

test("turn, while another worker waits for the session, is that one's before the next request's of this worker", async () => {
  const memory = allocateSessionLocks(8);
  const [mine, theirs] = [0, 1].map((worker) => new SessionLocks(memory, worker, () => performance.now()));
  const { turns } = createTurns({ locks: mine!, now: () => performance.now() });
  const first = await turns.wait("a", STRIPE);
  const second = turns.wait("a", STRIPE);
  const other = theirs!.acquire(STRIPE, 60_000);
  turns.end(first);
  assert.ok(await other);
  assert.is(await outcomeOf(second), "pending");
  theirs!.release(STRIPE);
  turns.end(await second);
  assert.is(turns.size, 0);
});

test.run();
