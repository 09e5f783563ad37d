// Every raw case: its exact statuses, and that no way of splitting its bytes changes anything.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { observe, statusesIn } from "./observed.js";
import { CHUNKED, CONNECTIONS, FIELDS, LENGTHS, RAW_CASES, RAW_LIMITS, REQUEST_LINES } from "./raw-cases.js";

/** Cases longer than this are split at every 61st position only, and not into single bytes. */
const LONG_BYTES = 3_000;

const GROUPS = {
  "request line": REQUEST_LINES,
  field: FIELDS,
  connection: CONNECTIONS,
  length: LENGTHS,
  chunked: CHUNKED,
};

for (const [group, cases] of Object.entries(GROUPS)) {
  for (const { name, input, statuses, closes, bodies } of cases) {
    test(`${group}, ${name}`, async () => {
      const whole = await observe([input], RAW_LIMITS);
      assert.equal(statusesIn(whole.output), statuses);
      assert.is(whole.isClosed, closes, "closed");
      assert.is(whole.inFlight, 0, "in flight");
      if (bodies !== undefined) assert.equal(whole.bodies, bodies);
      const step = input.length > LONG_BYTES ? 61 : 1;
      for (let at = 1; at < input.length; at += step) {
        const split = await observe([input.slice(0, at), input.slice(at)], RAW_LIMITS);
        assert.equal(split, whole, `split at ${at}`);
      }
      if (step === 1) assert.equal(await observe([...input], RAW_LIMITS), whole, "split into bytes");
    });

    test(`${group}, ${name}, to an app that streams`, async () => {
      const whole = await observe([input], RAW_LIMITS, "streamed");
      assert.equal(statusesIn(whole.output), statuses);
      assert.is(whole.isClosed, closes, "closed");
      if (bodies !== undefined) assert.equal(whole.bodies, bodies);
      const step = input.length > LONG_BYTES ? 61 : 1;
      for (let at = 1; at < input.length; at += step) {
        const split = await observe([input.slice(0, at), input.slice(at)], RAW_LIMITS, "streamed");
        assert.equal(split, whole, `split at ${at}`);
      }
    });
  }
}

test("raw cases, each under a name of its own in its group", () => {
  for (const cases of Object.values(GROUPS)) {
    assert.is(new Set(cases.map((one) => one.name)).size, cases.length);
  }
  assert.ok(RAW_CASES.length >= 80);
});

test.run();
