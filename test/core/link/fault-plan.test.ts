// Plans of faults as text: what is taken, what it means, and that it comes out as it went in.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatFaultPlan, hasEffect, parseFaultPlan } from "../../../core/link/fault-plan.js";

const NOTHING = {
  dropPercent: 0,
  duplicatePercent: 0,
  corruptPercent: 0,
  reorderPercent: 0,
  delayMs: 0,
  jitterMs: 0,
  seed: 1,
};

test("fault plan, from text, has what is named, in any order, and nothing else", () => {
  assert.equal(parseFaultPlan("drop=1%"), { ...NOTHING, dropPercent: 1 });
  assert.equal(parseFaultPlan("seed=4294967295,delay=20.5ms,jitter=20.5ms,reorder=100%"), {
    ...NOTHING,
    reorderPercent: 100,
    delayMs: 20.5,
    jitterMs: 20.5,
    seed: 4_294_967_295,
  });
  assert.equal(parseFaultPlan("duplicate=0.5%,corrupt=0.000001%"), {
    ...NOTHING,
    duplicatePercent: 0.5,
    corruptPercent: 0.000001,
  });
});

test("fault plan, from text that is none, is undefined", () => {
  const wrong = [
    ...["", ",", "drop", "drop=", "drop=%", "=1%", "drop=1%,", "drop=1%,,delay=1ms", "drop=1%;delay=1ms"],
    ...["drop=1", "drop=1ms", "delay=20", "delay=20s", "seed=1%", "drop=1 %", " drop=1%", "drop = 1%"],
    ...["drop=101%", "drop=-1%", "drop=.5%", "drop=1.%", "drop=1e1%", "drop=0x1%", "drop=1.1234567%"],
    ...["delay=10001ms", "jitter=1ms", "delay=1ms,jitter=2ms", "seed=4294967296", "seed=0.5", "seed=-1"],
    ...["drop=1%,drop=1%", "Drop=1%", "loss=1%", "toString=1%", "drop=1%\n"],
  ];
  for (const text of wrong) assert.is(parseFaultPlan(text), undefined, JSON.stringify(text));
});

test("fault plan, as text, is short and means the same again", () => {
  assert.is(formatFaultPlan({ ...NOTHING, dropPercent: 0.1 }), "drop=0.1%,seed=1");
  const text = "drop=1%,duplicate=2%,corrupt=3%,reorder=7%,delay=5ms,jitter=0.25ms,seed=7";
  assert.is(formatFaultPlan(parseFaultPlan(text)!), text);
});

test("fault plan, has an effect if it does anything to any packet", () => {
  assert.not.ok(hasEffect(parseFaultPlan("drop=0%,delay=0ms,seed=3")!));
  for (const text of ["drop=0.1%", "duplicate=1%", "corrupt=1%", "reorder=1%", "delay=1ms"])
    assert.ok(hasEffect(parseFaultPlan(text)!), text);
});

test.run();
