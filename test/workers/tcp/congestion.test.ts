// The algorithms of congestion control by themselves, told what a connection would tell them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type CongestionControl,
  initialWindow,
  MAX_CWND_BYTES,
} from "../../../workers/tcp/congestion-control.js";
import { Cubic } from "../../../workers/tcp/cubic.js";
import { NewReno } from "../../../workers/tcp/new-reno.js";
import { SlowStart } from "../../../workers/tcp/slow-start.js";

const MSS = 1000;

/** A whole window is acknowledged, two segments at a time, in one round trip; returns the time after it. */
function round(control: CongestionControl, nowMs: number, roundTripMs: number): number {
  const { cwnd } = control;
  control.sent(cwnd);
  for (let acked = 0; acked < cwnd; acked += 2 * MSS) {
    control.acknowledged(2 * MSS, cwnd, MSS, nowMs + (roundTripMs * acked) / cwnd, roundTripMs, false);
  }
  return nowMs + roundTripMs;
}

/** In congestion avoidance with a window of `segments`. */
function avoiding<Control extends CongestionControl>(control: Control, segments: number): Control {
  control.begin(segments * MSS);
  control.ssthresh = control.cwnd;
  return control;
}

test("initial window, is ten segments and at most 14600 bytes, or two segments", () => {
  assert.is(initialWindow(536), 5360);
  assert.is(initialWindow(1460), 14_600);
  assert.is(initialWindow(8000), 16_000);
});

for (const create of [() => new NewReno(), () => new Cubic()]) {
  const { name } = create().constructor;

  test(`${name}, slow start, doubles the window each round trip`, () => {
    const control = create();
    control.begin(10 * MSS);
    round(control, 0, 10);
    assert.is(control.cwnd, 20 * MSS);
  });

  test(`${name}, a window that is not used, does not grow`, () => {
    const control = create();
    control.begin(10 * MSS);
    control.sent(4 * MSS);
    control.acknowledged(MSS, 4 * MSS, MSS, 0, 10, false);
    assert.is(control.cwnd, 10 * MSS);
  });

  test(`${name}, a timeout, leaves one segment, and a second one for the same data takes no more`, () => {
    const control = avoiding(create(), 100);
    control.timedOut(100 * MSS, MSS, true, false);
    assert.is(control.cwnd, MSS);
    const { ssthresh } = control;
    assert.ok(ssthresh === 50 * MSS || ssthresh === 70 * MSS);
    control.timedOut(MSS, MSS, false, true);
    assert.is(control.ssthresh, ssthresh);
    // What an ACK after it acknowledges may be old: one segment of growth at most.
    control.sent(MSS);
    control.acknowledged(30 * MSS, MSS, MSS, 0, 10, true);
    assert.is(control.cwnd, 2 * MSS);
  });

  test(`${name}, a loss in the smallest window, leaves two segments`, () => {
    const control = avoiding(create(), 2);
    control.lost(2 * MSS, MSS);
    assert.equal([control.cwnd, control.ssthresh], [2 * MSS, 2 * MSS]);
  });

  test(`${name}, a loss or a timeout that is taken back, leaves the window as it was, once`, () => {
    const control = avoiding(create(), 40);
    control.lost(40 * MSS, MSS);
    control.timedOut(40 * MSS, MSS, true, true);
    control.undo();
    assert.equal([control.cwnd, control.ssthresh], [40 * MSS, 40 * MSS]);
    control.begin(MSS);
    control.undo();
    assert.is(control.cwnd, MSS);
  });

  test(`${name}, idle for long, begins with the initial window, and keeps a smaller one`, () => {
    const control = avoiding(create(), 200);
    control.idled(MSS);
    assert.is(control.cwnd, 10 * MSS);
    control.begin(3 * MSS);
    control.idled(MSS);
    assert.is(control.cwnd, 3 * MSS);
  });

  test(`${name}, for ever without loss, stays within what numbers can hold`, () => {
    const control = avoiding(create(), 10);
    for (let n = 0, nowMs = 0; n < 20_000; n++, nowMs += 100) {
      const { cwnd } = control;
      control.sent(cwnd);
      control.acknowledged(cwnd, cwnd, MSS, nowMs, 100, false);
      assert.ok(Number.isInteger(control.cwnd));
    }
    assert.ok(control.cwnd <= 1.5 * MAX_CWND_BYTES, `${control.cwnd}`);
  });
}

test("NewReno, congestion avoidance, grows by one segment a round trip, and a loss halves", () => {
  const control = avoiding(new NewReno(), 20);
  for (let n = 1, nowMs = 0; n <= 5; n++) {
    nowMs = round(control, nowMs, 50);
    assert.is(control.cwnd, (20 + n) * MSS);
  }
  control.lost(25 * MSS, MSS);
  assert.is(control.cwnd, 12_500);
});

test("CUBIC, after a loss, is back at its old window after the cube root of what was lost, and then goes beyond", () => {
  const control = avoiding(new Cubic(), 1000);
  control.lost(1000 * MSS, MSS);
  assert.is(control.cwnd, 700 * MSS);
  // K = cbrt(300 / 0.4) = 9.09 s
  let nowMs = 0;
  let halfway = 0;
  while (nowMs < 9000) {
    nowMs = round(control, nowMs, 100);
    if (nowMs === 4500) halfway = control.cwnd;
  }
  assert.ok(halfway > 930 * MSS && halfway < 990 * MSS, `fast at first: ${halfway}`);
  assert.ok(
    control.cwnd > 985 * MSS && control.cwnd < 1010 * MSS,
    `slow round the old window: ${control.cwnd}`,
  );
  while (nowMs < 18_000) nowMs = round(control, nowMs, 100);
  assert.ok(control.cwnd > 1200 * MSS, `fast again: ${control.cwnd}`);
});

test("CUBIC, a loss, leaves seven tenths in whole segments, the nearest number of them", () => {
  for (const [segments, left] of [
    [4, 3],
    [7, 5],
    [11, 8],
    [12, 8],
    [13, 9],
  ] as const) {
    const control = avoiding(new Cubic(), segments);
    control.lost(segments * MSS, MSS);
    assert.is(control.cwnd, left * MSS);
  }
});

test("CUBIC, with a short round trip, grows no slower than NewReno after a loss of the same depth would", () => {
  const control = avoiding(new Cubic(), 20);
  control.lost(20 * MSS, MSS);
  let nowMs = 0;
  for (let n = 0; n < 40; n++) nowMs = round(control, nowMs, 5);
  // 0.53 segments a round trip up to the old window, then one.
  assert.ok(control.cwnd >= (20 + 25) * MSS, `${control.cwnd}`);
});

test("CUBIC, a loss below the last one's window, makes room for others (fast convergence)", () => {
  const growth = (losses: number[]) => {
    const control = avoiding(new Cubic(), losses[0]!);
    for (const window of losses) {
      control.begin(window * MSS);
      control.lost(window * MSS, MSS);
    }
    let nowMs = 0;
    while (nowMs < 5000) nowMs = round(control, nowMs, 100);
    return control.cwnd;
  };
  assert.ok(growth([1000, 600]) < growth([600]));
});

test("CUBIC, after a timeout, does not aim at the window before it", () => {
  const control = avoiding(new Cubic(), 500);
  control.timedOut(500 * MSS, MSS, true, false);
  control.begin(control.ssthresh);
  let nowMs = 0;
  for (let n = 0; n < 5; n++) nowMs = round(control, nowMs, 100);
  assert.ok(control.cwnd < 360 * MSS, `${control.cwnd}`);
});

test("CUBIC, idle for long in congestion avoidance, does not grow for that time", () => {
  const control = avoiding(new Cubic(), 10);
  let nowMs = 0;
  for (let n = 0; n < 5; n++) nowMs = round(control, nowMs, 100);
  const before = control.cwnd;
  control.idled(MSS);
  nowMs = round(control, nowMs + 60_000, 100);
  assert.ok(control.cwnd <= before + 2 * MSS, `${control.cwnd}`);
});

/** Rounds of 20 ACKs each of which measures `roundTripsMs`; what the window grew by in each, as a part of what was acknowledged. */
function slowStart(roundTripsMs: number[]): { growth: number[]; isOver: boolean } {
  const control = new SlowStart();
  const growth = roundTripsMs.map((roundTripMs) => {
    let grown = 0;
    for (let n = 0; n < 20; n++) grown += control.acknowledged(MSS, 21 * MSS, roundTripMs + (n % 3));
    return grown / (20 * MSS);
  });
  return { growth, isOver: control.isOver };
}

test("slow start, with even round trips, grows by all that is acknowledged", () => {
  assert.equal(slowStart([50, 52, 51, 50, 53, 52]), { growth: [1, 1, 1, 1, 1, 1], isOver: false });
});

test("slow start, when round trips rise, grows by a quarter and is over after five rounds", () => {
  const { growth, isOver } = slowStart([50, 50, 60, 60, 60, 60, 60, 60]);
  assert.equal(growth.slice(0, 2), [1, 1]);
  assert.ok(growth[2]! < 1 && growth[2]! > 0.25);
  assert.equal(growth.slice(3, 7), [0.25, 0.25, 0.25, 0.25]);
  assert.is(isOver, true);
});

test("slow start, when round trips rose by chance, grows by all again", () => {
  const { growth, isOver } = slowStart([50, 50, 60, 50, 50, 50, 50, 50]);
  assert.ok(growth[2]! < 1);
  assert.is(growth.at(-1), 1);
  assert.is(isOver, false);
});

test("slow start, on a path of a millisecond, does not take a millisecond more for a queue", () => {
  assert.equal(slowStart([0, 1, 2, 3, 1]), { growth: [1, 1, 1, 1, 1], isOver: false });
});

test.run();
