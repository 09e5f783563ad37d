// What a worker knows of paths: found again for ten minutes and under no other address, never made larger, and bounded.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { PathMtus, UNKNOWN_MTU } from "../../workers/path-mtus.js";

const AGE_MS = 600_000;

test("path MTU, is known for ten minutes, whatever the clock shows", () => {
  for (const nowMs of [0, 1000, 2 ** 31 - 1, 2 ** 31 + 5, 2 ** 33]) {
    const paths = new PathMtus();
    paths.remember(4, 1, 0, 0, 0, 1300, nowMs);
    assert.is(paths.lookup(4, 1, 0, 0, 0, nowMs), 1300);
    assert.is(paths.lookup(4, 1, 0, 0, 0, nowMs + AGE_MS - 1), 1300);
    assert.is(paths.lookup(4, 1, 0, 0, 0, nowMs + AGE_MS), UNKNOWN_MTU);
  }
});

test("path MTU, of an address, is no other's", () => {
  const paths = new PathMtus();
  paths.remember(6, 1, 2, 3, 4, 1300, 0);
  for (const [version, a0, a1, a2, a3] of [
    [4, 1, 2, 3, 4],
    [6, 9, 2, 3, 4],
    [6, 1, 9, 3, 4],
    [6, 1, 2, 9, 4],
    [6, 1, 2, 3, 9],
    [6, 4, 3, 2, 1],
  ] as const)
    assert.is(paths.lookup(version, a0, a1, a2, a3, 0), UNKNOWN_MTU);
  // A place that was never used is not the address 0.
  assert.is(new PathMtus().lookup(4, 0, 0, 0, 0, 0), UNKNOWN_MTU);
});

test("path MTU, told again, becomes smaller and not larger, until it is forgotten", () => {
  const paths = new PathMtus();
  paths.remember(4, 1, 0, 0, 0, 1000, 0);
  paths.remember(4, 1, 0, 0, 0, 1300, 10);
  assert.is(paths.lookup(4, 1, 0, 0, 0, 10), 1000);
  paths.remember(4, 1, 0, 0, 0, 600, 20);
  assert.is(paths.lookup(4, 1, 0, 0, 0, 20), 600);
  paths.remember(4, 1, 0, 0, 0, 1300, 20 + AGE_MS);
  assert.is(paths.lookup(4, 1, 0, 0, 0, 20 + AGE_MS), 1300);
});

test("path MTUs, of more addresses than there are places, are those of the latest", () => {
  const paths = new PathMtus();
  const addresses = Array.from({ length: 5000 }, (_, n) => Math.imul(n + 1, 0x01000193));
  for (const address of addresses) paths.remember(4, address, 0, 0, 0, 1300, 0);
  const known = addresses.filter((address) => paths.lookup(4, address, 0, 0, 0, 0) === 1300);
  assert.ok(known.length > 200 && known.length <= 256, `${known.length} known`);
  assert.is(known.at(-1), addresses.at(-1));
});

test.run();
