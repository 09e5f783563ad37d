// When a thread counts as one that hangs, by a clock that is turned by hand.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Pulse, TICK_INTERVAL_MS, Ticks } from "../../../core/supervision/pulse.js";

test("a tick, up to 400 ms late, is time that has passed; a later one says that the process stood still", () => {
  const ticks = new Ticks(1_000);
  assert.is(ticks.tick(1_000 + TICK_INTERVAL_MS), 0);
  assert.is(ticks.tick(1_100 + TICK_INTERVAL_MS + 400), 0);
  assert.is(ticks.tick(1_600 + TICK_INTERVAL_MS + 401), 401);
  assert.is(ticks.tick(2_101 + TICK_INTERVAL_MS), 0, "the jump is told once");
});

test("a tick, earlier than it is due, is no jump", () => {
  const ticks = new Ticks(0);
  assert.is(ticks.tick(90), 0);
  assert.is(ticks.tick(200), 0);
});

test("a pulse, that beats, stands still for no time, whatever the numbers are", () => {
  const pulse = new Pulse(2_147_483_647, 0);
  assert.is(pulse.look(-2_147_483_648, 5_000, 0), 0);
  assert.is(pulse.look(0, 10_000, 0), 0);
  assert.is(pulse.beat, 0);
});

test("a pulse, that stands still, does so since it was seen to beat, or since it was first looked at", () => {
  const pulse = new Pulse(7, 1_000);
  assert.is(pulse.look(7, 1_500, 0), 500);
  assert.is(pulse.look(8, 1_600, 0), 0);
  assert.is(pulse.look(8, 9_600, 0), 8_000);
  assert.is(pulse.look(9, 9_700, 0), 0);
});

test("a pulse, is not held against a thread while the process stood still", () => {
  const pulse = new Pulse(1, 0);
  assert.is(pulse.look(1, 3_000, 0), 3_000);
  assert.is(pulse.look(1, 63_100, 60_000), 3_100);
  assert.is(pulse.look(1, 64_000, 0), 4_000);
});

test("a pulse, that began after the jump, has not lived before it was", () => {
  const pulse = new Pulse(1, 60_000);
  assert.is(pulse.look(1, 60_100, 50_000), 0);
  assert.is(pulse.look(1, 60_200, 0), 100);
});

test.run();
