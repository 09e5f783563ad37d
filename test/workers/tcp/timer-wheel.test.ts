// The timer wheel on a clock of the test: each timer once and in time, also while timers start and stop others.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Timed, TimerWheel } from "../../../workers/tcp/timer-wheel.js";

function timed(): Timed {
  return { timerAtMs: -1, timerNext: null, timerPrevious: null };
}

test("timer wheel, a timer, fires at its time, once, and not before", () => {
  const fired: Timed[] = [];
  const wheel = new TimerWheel(1000, (timer) => fired.push(timer));
  const timer = timed();
  wheel.schedule(timer, 1200);
  assert.is(wheel.nextDeadlineMs(), 1200);
  wheel.expire(1199);
  assert.is(fired.length, 0);
  wheel.expire(1200);
  assert.equal(fired, [timer]);
  assert.is(timer.timerAtMs, -1);
  wheel.expire(99_999);
  assert.is(fired.length, 1);
  assert.is(wheel.nextDeadlineMs(), Number.POSITIVE_INFINITY);
});

test("timer wheel, a timer further away than a turn, fires in its own round", () => {
  let fired = 0;
  const wheel = new TimerWheel(0, () => fired++);
  wheel.schedule(timed(), 60_000);
  let wakes = 0;
  for (let nowMs = wheel.nextDeadlineMs(); fired === 0; nowMs = wheel.nextDeadlineMs()) {
    assert.ok(nowMs <= 60_000);
    wheel.expire(nowMs);
    wakes++;
  }
  // Less than once a turn for nothing.
  assert.ok(wakes <= 16, `${wakes} wakes`);
});

test("timer wheel, a time that has passed, fires in the next millisecond", () => {
  let fired = 0;
  const wheel = new TimerWheel(500, () => fired++);
  wheel.schedule(timed(), 3);
  wheel.expire(500);
  assert.is(fired, 0);
  assert.is(wheel.nextDeadlineMs(), 501);
  wheel.expire(501);
  assert.is(fired, 1);
});

test("timer wheel, timers that start and stop others while they fire, stay in order", () => {
  const wheel: TimerWheel = new TimerWheel(0, (timer) => {
    order.push(timers.indexOf(timer));
    if (timer === timers[2]) {
      wheel.cancel(timers[0]!);
      wheel.cancel(timers[1]!);
      wheel.schedule(timer, 10 + 4096);
    }
  });
  const order: number[] = [];
  const timers = [timed(), timed(), timed()];
  for (const timer of timers) wheel.schedule(timer, 10);
  wheel.expire(10);
  assert.equal(order, [2]);
  assert.is(wheel.count, 1);
  wheel.expire(10 + 4096);
  assert.equal(order, [2, 2]);
});

test("timer wheel, any schedule, fires what a plain list would, and never sleeps past a deadline", () => {
  const step = fc.record({
    timer: fc.integer({ min: 0, max: 9 }),
    action: fc.constantFrom("schedule", "cancel", "expire"),
    ms: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20_000 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      let nowMs = 100;
      const due = new Map<Timed, number>();
      const wheel = new TimerWheel(nowMs, (timer) => {
        assert.ok((due.get(timer) ?? Number.POSITIVE_INFINITY) <= nowMs, "it is due");
        due.delete(timer);
      });
      const timers = Array.from({ length: 10 }, timed);
      for (const { timer: index, action, ms } of steps) {
        const timer = timers[index]!;
        if (action === "schedule") {
          wheel.schedule(timer, nowMs + ms);
          due.set(timer, nowMs + ms);
        } else if (action === "cancel") {
          wheel.cancel(timer);
          due.delete(timer);
        } else {
          nowMs += ms;
          wheel.expire(nowMs);
          assert.ok(
            [...due.values()].every((atMs) => atMs > nowMs),
            "none that is due is left",
          );
        }
        assert.is(wheel.count, due.size);
        const earliest = Math.min(Number.POSITIVE_INFINITY, ...due.values());
        assert.ok(wheel.nextDeadlineMs() <= earliest);
        assert.ok(wheel.nextDeadlineMs() > nowMs);
      }
    }),
  );
});

test.run();
