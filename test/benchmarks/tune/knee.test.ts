// The rule that chooses a setting: what it must choose where that is plain, and what holds for whatever was measured.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Spread } from "../../../benchmarks/support/spread.js";
import {
  type Candidate,
  findKnee,
  isWorthIt,
  LARGE_GAIN,
  NOTICEABLE_US,
  SMALL_GAIN,
} from "../../../benchmarks/tune/knee.js";

/** Within so many percent of its median in every round. */
function around(median: number, percent = 1): Spread {
  return { median, lowest: median * (1 - percent / 100), highest: median * (1 + percent / 100) };
}

function candidate(rate: number, p99Ms: number, { percent = 1, failureShare = 0 } = {}): Candidate {
  return { requestsPerSecond: around(rate, percent), p99Us: around(p99Ms * 1000, percent), failureShare };
}

test("knee, of throughput that levels off, is where it does", () => {
  const rates = [100, 195, 300, 305, 304];
  assert.is(findKnee(rates.map((rate) => candidate(rate, 20))), 2);
});

test("knee, of throughput that only falls, is the first", () => {
  assert.is(findKnee([400, 390, 300].map((rate) => candidate(rate, 20))), 0);
});

test("knee, of throughput that still rises, is the last", () => {
  assert.is(findKnee([50, 100, 200, 400].map((rate) => candidate(rate, 20))), 3);
});

test("knee, of many small steps, counts them together", () => {
  // None of them is worth it over the one before; the fourth is within 5 % of the best.
  assert.is(findKnee([100, 104, 108, 112, 116].map((rate) => candidate(rate, 20, { percent: 0 }))), 3);
});

test("knee, beyond a dip, is found", () => {
  assert.is(findKnee([100, 60, 200, 203].map((rate) => candidate(rate, 20))), 2);
});

test("knee, of people who ask for no more, is where they are answered in time", () => {
  // All that is asked for is answered, in 5 s or in 50 ms.
  const settings = [candidate(100, 5000), candidate(101, 400), candidate(101, 50), candidate(101, 49)];
  assert.is(findKnee(settings), 2);
});

test("knee, with one setting, is that; without, there is none", () => {
  assert.is(findKnee([candidate(0, 0)]), 0);
  assert.throws(() => findKnee([]), RangeError);
});

test("knee, is never a setting that fails where another does not", () => {
  assert.is(findKnee([candidate(900, 1, { failureShare: 0.5 }), candidate(100, 20), candidate(101, 20)]), 1);
  assert.is(findKnee([candidate(100, 20), candidate(900, 1, { failureShare: 0.01 })]), 0);
  // All of them fail: then the one with the fewest.
  const share = (failureShare: number) => candidate(100, 20, { failureShare });
  assert.is(findKnee([share(0.9), share(0.2), share(0.8)]), 1);
});

test("worth, of a small gain, depends on whether it is clear", () => {
  assert.is(isWorthIt(candidate(110, 20), candidate(100, 20)), true);
  assert.is(isWorthIt(candidate(110, 20, { percent: 10 }), candidate(100, 20, { percent: 10 })), false);
});

test("worth, of a large gain, is not hidden by noise, nor is a tiny one made by its absence", () => {
  assert.is(isWorthIt(candidate(200, 20, { percent: 60 }), candidate(100, 20, { percent: 60 })), true);
  assert.is(isWorthIt(candidate(103, 20, { percent: 0 }), candidate(100, 20, { percent: 0 })), false);
});

test("worth, of more throughput, is lost to a p99 that grows out of proportion", () => {
  assert.is(isWorthIt(candidate(110, 25), candidate(100, 20)), true);
  assert.is(isWorthIt(candidate(110, 40), candidate(100, 20)), false);
  // Nobody notices 1 ms, nor what is not clear.
  assert.is(isWorthIt(candidate(110, 2), candidate(100, 1)), true);
  assert.is(isWorthIt(candidate(120, 60, { percent: 60 }), candidate(100, 20, { percent: 60 })), true);
});

test("worth, of a shorter p99, needs as much throughput, and to be clear and noticeable", () => {
  assert.is(isWorthIt(candidate(100, 10), candidate(100, 20)), true);
  assert.is(isWorthIt(candidate(90, 10), candidate(100, 20)), false);
  assert.is(isWorthIt(candidate(100, 17), candidate(100, 20)), false);
  assert.is(isWorthIt(candidate(100, 10, { percent: 50 }), candidate(100, 20, { percent: 50 })), false);
  assert.is(isWorthIt(candidate(100, 1), candidate(100, 2)), false);
});

const anySpread = (most: number) =>
  fc
    .tuple(fc.double({ min: 0, max: most, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(
      ([median, width]): Spread => ({ median, lowest: median * (1 - width), highest: median * (1 + width) }),
    );
const anyCandidate = fc.record({
  requestsPerSecond: anySpread(1e6),
  p99Us: anySpread(1e7),
  failureShare: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
});
const anyReliable = anyCandidate.map((one): Candidate => ({ ...one, failureShare: 0 }));
const someOf = <Value>(one: fc.Arbitrary<Value>) => fc.array(one, { minLength: 1, maxLength: 8 });

test("knee, whatever was measured: nothing dearer is worth it, and over all that is cheaper something is", () => {
  fc.assert(
    fc.property(someOf(anyReliable), (settings) => {
      const knee = findKnee(settings);
      const dearerThan = (index: number) => settings.slice(index + 1);
      assert.not(dearerThan(knee).some((dearer) => isWorthIt(dearer, settings[knee]!)));
      for (let index = 0; index < knee; index++)
        assert.ok(dearerThan(index).some((dearer) => isWorthIt(dearer, settings[index]!)));
    }),
  );
});

test("knee, whatever was measured, is a setting, and fails hardly more than the most reliable one", () => {
  fc.assert(
    fc.property(someOf(anyCandidate), (settings) => {
      const { failureShare } = settings[findKnee(settings)]!;
      assert.ok(failureShare <= Math.min(...settings.map((one) => one.failureShare)) + 0.001);
    }),
  );
});

test("knee, at the same p99, gives no large part of the throughput away; without noise, no small one", () => {
  const p99Us = around(20_000);
  fc.assert(
    fc.property(someOf(anySpread(1e6)), fc.boolean(), (spreads, isQuiet) => {
      const rates = isQuiet ? spreads.map(({ median }) => around(median, 0)) : spreads;
      const settings = rates.map((requestsPerSecond) => ({ requestsPerSecond, p99Us, failureShare: 0 }));
      const best = Math.max(...rates.map(({ median }) => median));
      const chosen = rates[findKnee(settings)]!.median;
      assert.ok(
        best <= chosen * (1 + (isQuiet ? SMALL_GAIN : LARGE_GAIN)) * (1 + 1e-9),
        `${chosen} of ${best}`,
      );
    }),
  );
});

test("knee, does not depend on the unit of throughput, nor on a dearer setting that does the same", () => {
  fc.assert(
    fc.property(someOf(anyReliable), fc.integer({ min: -8, max: 8 }), (settings, exponent) => {
      const knee = findKnee(settings);
      const scaled = settings.map(({ requestsPerSecond: { median, lowest, highest }, ...rest }) => {
        // Powers of two: nothing is rounded.
        const [a, b, c] = [median, lowest, highest].map((value) => value * 2 ** exponent);
        return { ...rest, requestsPerSecond: { median: a!, lowest: b!, highest: c! } };
      });
      assert.is(findKnee(scaled), knee);
      assert.is(findKnee([...settings, settings[knee]!]), knee);
    }),
  );
});

test("worth, is never mutual", () => {
  fc.assert(
    fc.property(anyReliable, anyReliable, (one, other) => {
      assert.not(isWorthIt(one, other) && isWorthIt(other, one));
      assert.not(isWorthIt(one, one));
    }),
  );
});

test("p99, that nobody can notice, is never worth a dearer setting", () => {
  const short = anySpread(NOTICEABLE_US / 2);
  fc.assert(
    fc.property(someOf(short), (p99s) => {
      assert.is(
        findKnee(p99s.map((p99Us) => ({ requestsPerSecond: around(100), p99Us, failureShare: 0 }))),
        0,
      );
    }),
  );
});

test.run();
