// Every raw case: its exact statuses, to an app that has bodies gathered and to one that reads them as they come, and that no
// way of splitting its bytes changes anything.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { observe, statusesIn, type Taking } from "./observed.js";
import {
  CHUNKED,
  CONNECTIONS,
  FIELDS,
  LENGTHS,
  RAW_CASES,
  RAW_LIMITS,
  type RawCase,
  REQUEST_LINES,
} from "./raw-cases.js";

/** Cases longer than this are split at every 61st position only, and not into single bytes. */
const LONG_BYTES = 3_000;

const GROUPS = {
  "request line": REQUEST_LINES,
  field: FIELDS,
  connection: CONNECTIONS,
  length: LENGTHS,
  chunked: CHUNKED,
};

async function check({ input, statuses, closes, bodies }: RawCase, taking: Taking): Promise<void> {
  const whole = await observe([input], RAW_LIMITS, taking);
  assert.equal(statusesIn(whole.output), statuses);
  assert.is(whole.isClosed, closes, "closed");
  if (bodies !== undefined) assert.equal(whole.bodies, bodies);
  const step = input.length > LONG_BYTES ? 61 : 1;
  for (let at = 1; at < input.length; at += step) {
    const split = await observe([input.slice(0, at), input.slice(at)], RAW_LIMITS, taking);
    assert.equal(split, whole, `split at ${at}`);
  }
  if (step === 1) assert.equal(await observe([...input], RAW_LIMITS, taking), whole, "split into bytes");
}

for (const [group, cases] of Object.entries(GROUPS)) {
  for (const one of cases) {
    test(`${group}, ${one.name}`, () => check(one, "gathered"));
    test(`${group}, ${one.name}, body streamed`, () => check(one, "streamed"));
  }
}

test("raw cases, each under a name of its own in its group", () => {
  for (const cases of Object.values(GROUPS)) {
    assert.is(new Set(cases.map((one) => one.name)).size, cases.length);
  }
  assert.ok(RAW_CASES.length >= 240, `${RAW_CASES.length} cases`);
});

test.run();
