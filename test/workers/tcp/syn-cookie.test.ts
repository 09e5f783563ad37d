// The SYN cookie itself: what it can tell, to whom, and for how long; and the options in timestamps.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateCookiePeriod, CookiePeriod } from "../../../core/memory/cookie-period.js";
import { FourTuple } from "../../../workers/tcp/four-tuple.js";
import {
  FORGED,
  NOT_EXPECTED,
  SynCookies,
  sackPermittedIn,
  timestampWithOptions,
  windowScaleIn,
} from "../../../workers/tcp/syn-cookie.js";
import { TupleHash } from "../../../workers/tcp/tuple-hash.js";

const PERIOD_MS = 64_000;

/** The cookies of as many stacks with one secret, that share what they have to. */
function farm(count: number, key = 1): SynCookies[] {
  const period = new CookiePeriod(allocateCookiePeriod());
  return Array.from({ length: count }, () => new SynCookies(new TupleHash(key, 2), period));
}

const anyWord = fc.integer();
const anyTuple = fc
  .record({
    ports: anyWord,
    remote0: anyWord,
    local0: anyWord,
    remote3: anyWord,
    ipVersion: fc.constantFrom(4, 6),
  })
  .map((fields) => Object.assign(new FourTuple(), fields));
const anyMss = fc.integer({ min: 48, max: 65_535 });
const anyTime = fc.integer({ min: 0, max: 2 ** 31 });

test("cookie, for a minute at least, is proven by any stack of the farm, and tells an MSS that is not beyond the SYN's", () => {
  fc.assert(
    fc.property(anyTuple, anyWord, anyMss, anyTime, fc.nat(PERIOD_MS), (tuple, irs, mss, nowMs, ageMs) => {
      const [one, other] = farm(2);
      const proven = other!.prove(tuple, irs, one!.make(tuple, irs, mss, nowMs), nowMs + ageMs);
      assert.ok(proven >= 48 && proven <= mss);
      // A tenth is lost at most from the least that IPv6 has on; smaller ones are rare.
      if (mss >= 1220) assert.ok(proven > 0.89 * Math.min(mss, 1460), `${proven} for ${mss}`);
    }),
    { numRuns: 1000 },
  );
});

test("cookie, with the MSS of Ethernet, of a tunnel, or none named, tells exactly that", () => {
  const [cookies] = farm(1);
  for (const mss of [536, 1220, 1360, 1432, 1440, 1460]) {
    assert.is(cookies!.prove(new FourTuple(), 7, cookies!.make(new FourTuple(), 7, mss, 0), 0), mss);
  }
});

test("cookie, of two periods before or older, is not proven, whatever its parity", () => {
  fc.assert(
    fc.property(anyTuple, anyWord, anyTime, fc.integer({ min: 2, max: 40 }), (tuple, irs, nowMs, periods) => {
      const [cookies] = farm(1);
      const cookie = cookies!.make(tuple, irs, 1460, nowMs);
      const laterMs = nowMs + periods * PERIOD_MS;
      // Others are sent meanwhile.
      cookies!.make(tuple, irs + 1, 1460, laterMs);
      assert.is(cookies!.prove(tuple, irs, cookie, laterMs), FORGED);
    }),
  );
});

test("cookie, with any bit turned, from another tuple, for another SYN, or under another secret, is not proven", () => {
  fc.assert(
    fc.property(anyTuple, anyWord, anyTime, fc.nat(31), (tuple, irs, nowMs, bit) => {
      const [cookies] = farm(1);
      const cookie = cookies!.make(tuple, irs, 1460, nowMs);
      const isProven = (of: FourTuple, number: number, acknowledged: number) =>
        cookies!.prove(of, number, acknowledged, nowMs) > 0;
      assert.ok(isProven(tuple, irs, cookie));
      assert.not(isProven(tuple, irs, cookie ^ (1 << bit)));
      assert.not(isProven(tuple, irs ^ (1 << bit), cookie));
      for (const word of ["ports", "remote0", "local0"] as const) {
        assert.not(
          isProven(Object.assign(new FourTuple(), tuple, { [word]: tuple[word] ^ (1 << bit) }), irs, cookie),
        );
      }
      const [stranger] = farm(1, 3);
      stranger!.make(tuple, irs, 1460, nowMs);
      assert.is(stranger!.prove(tuple, irs, cookie, nowMs), FORGED);
    }),
  );
});

test("ACK, while no cookie was sent in its time, is not looked at, also in the first two minutes of all", () => {
  const [cookies, other] = farm(2);
  const tuple = new FourTuple();
  for (const cookie of [0, 8, -1, 0x7fff_fff8]) assert.is(cookies!.prove(tuple, 1, cookie, 0), NOT_EXPECTED);
  other!.make(tuple, 1, 1460, 10 * PERIOD_MS);
  const looksAt = (parity: number, nowMs: number) =>
    cookies!.prove(tuple, 1, parity << 3, nowMs) !== NOT_EXPECTED;
  assert.ok(looksAt(0, 10 * PERIOD_MS));
  assert.ok(looksAt(0, 11 * PERIOD_MS));
  assert.not(looksAt(1, 11 * PERIOD_MS), "none was sent in the period after");
  assert.not(looksAt(0, 12 * PERIOD_MS));
  assert.not(looksAt(1, 12 * PERIOD_MS));
});

test("period of the last cookie, noted by stacks whose clocks are a turn apart, does not go back", () => {
  const period = new CookiePeriod(allocateCookiePeriod());
  period.note(5);
  period.note(4);
  assert.ok(period.wasSentSince(5));
  assert.not(period.wasSentSince(6));
});

test("timestamp, brings window scale and SACK back, and is never ahead of the clock nor far behind", () => {
  fc.assert(
    fc.property(anyWord, fc.integer({ min: -1, max: 14 }), fc.constantFrom(0, 1), (clock, scale, sack) => {
      const timestamp = timestampWithOptions(clock, scale, sack);
      assert.is(windowScaleIn(timestamp), scale);
      assert.is(sackPermittedIn(timestamp), sack);
      const behind = (clock - timestamp) | 0;
      assert.ok(behind >= 0 && behind < 32, `${behind} ms`);
    }),
    { numRuns: 2000 },
  );
});

test.run();
