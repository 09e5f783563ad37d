// Turns: one after another, first come first served, bounded.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SessionTurns } from "../../../workers/session/session-turns.js";

test("turn, taken, is given to those who wait in their order and is free in the end", async () => {
  const turns = new SessionTurns(8);
  const order: string[] = [];
  turns.join("a");
  const waits = ["first", "second"].map((name) => turns.wait("a")!.then(() => order.push(name)));
  turns.end("a");
  await waits[0];
  assert.equal(order, ["first"]);
  assert.ok(turns.isTaken("a"));
  turns.end("a");
  await waits[1];
  turns.end("a");
  assert.equal(order, ["first", "second"]);
  assert.is(turns.size, 0);
});

test("turn, with two holders, ends with the last", async () => {
  const turns = new SessionTurns(8);
  turns.join("a");
  turns.join("a");
  let started = false;
  const wait = turns.wait("a")!.then(() => {
    started = true;
  });
  turns.end("a");
  await Promise.resolve();
  assert.not.ok(started);
  turns.end("a");
  await wait;
  assert.ok(started);
});

test("turn, with as many waiting as may, takes no more, and others' turns are not affected", () => {
  const turns = new SessionTurns(2);
  turns.join("a");
  assert.ok(turns.wait("a"));
  assert.ok(turns.wait("a"));
  assert.is(turns.wait("a"), undefined);
  assert.not.ok(turns.isTaken("b"));
  assert.ok(turns.wait("b"));
});

test("turn, ended for all, fails everyone who waits and is free", async () => {
  const turns = new SessionTurns(8);
  turns.join("a");
  const waits = [turns.wait("a")!, turns.wait("a")!];
  turns.endAll("a", new Error("no database"));
  const outcomes = await Promise.allSettled(waits);
  assert.equal(
    outcomes.map((outcome) => outcome.status),
    ["rejected", "rejected"],
  );
  assert.is(turns.size, 0);
});

test.run();
