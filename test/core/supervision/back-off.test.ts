// How long to wait before the next attempt: not at all, then ever longer, up to a limit, until all is forgiven.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BackOff } from "../../../core/supervision/back-off.js";

test("failures in a row, wait for 0 ms, then from 100 ms on twice as long each, at most for 10 s", () => {
  const backOff = new BackOff();
  const delays = Array.from({ length: 12 }, () => backOff.failed(0));
  assert.equal(delays, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000]);
  assert.is(backOff.failures, 12);
});

test("a thousand failures, wait for no longer than the limit", () => {
  const backOff = new BackOff();
  let delayMs = 0;
  for (let failure = 0; failure < 2_000; failure++) delayMs = backOff.failed(failure);
  assert.is(delayMs, 10_000);
});

test("a failure, after less than 10 s of success, is one more in a row", () => {
  const backOff = new BackOff();
  backOff.failed(0);
  backOff.succeeded(1_000);
  assert.is(backOff.failed(10_999), 100);
  assert.is(backOff.failures, 2);
});

test("a failure, after 10 s of success, is the first again", () => {
  const backOff = new BackOff();
  for (let failure = 0; failure < 5; failure++) backOff.failed(0);
  backOff.succeeded(1_000);
  assert.is(backOff.failed(11_000), 0);
  assert.is(backOff.failures, 1);
});

test("a success before the last failure, forgives nothing", () => {
  const backOff = new BackOff();
  backOff.succeeded(0);
  assert.is(backOff.failed(50_000), 0);
  // It has not succeeded since.
  assert.is(backOff.failed(100_000), 100);
  assert.is(backOff.failed(200_000), 200);
});

test.run();
