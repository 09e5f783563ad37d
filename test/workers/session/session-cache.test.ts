// The cache: bounded in bytes and age, least recently used out first.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type CachedSession,
  ENTRY_OVERHEAD_BYTES,
  SessionCache,
} from "../../../workers/session/session-cache.js";

const STATE_BYTES = 256;
const ENTRY_BYTES = STATE_BYTES + ENTRY_OVERHEAD_BYTES;

function entryOf(
  id: string,
  expiresAtMs = Number.POSITIVE_INFINITY,
  stateBytes = STATE_BYTES,
): CachedSession {
  const key = { text: "0".repeat(32), words: new Int32Array(4) };
  return { id, key, state: new Uint8Array(stateBytes), version: 1, expiresAtMs, createdAtMs: 0 };
}

test("cache, full, drops the least recently used and stays within its bytes", () => {
  const cache = new SessionCache(4 * ENTRY_BYTES, 1000, () => 1);
  for (const id of ["a", "b", "c", "d"]) cache.set(entryOf(id));
  cache.get("a");
  cache.set(entryOf("e"));
  assert.is(cache.get("b"), undefined);
  assert.ok(cache.get("a"));
  assert.is(cache.bytes, 4 * ENTRY_BYTES);
  for (let count = 0; count < 1000; count++) cache.set(entryOf(`more ${count}`));
  assert.is(cache.size, 4);
  assert.is(cache.bytes, 4 * ENTRY_BYTES);
});

test("cache, an entry replaced by a larger one, counts the larger one only", () => {
  const cache = new SessionCache(4 * ENTRY_BYTES, 1000, () => 1);
  cache.set(entryOf("a"));
  cache.set(entryOf("a", Number.POSITIVE_INFINITY, 500));
  assert.is(cache.bytes, 500 + ENTRY_OVERHEAD_BYTES);
});

test("cache, an entry larger than all of it, does not keep the older one either", () => {
  const cache = new SessionCache(2 * ENTRY_BYTES, 1000, () => 1);
  cache.set(entryOf("a"));
  cache.set(entryOf("a", Number.POSITIVE_INFINITY, 5 * ENTRY_BYTES));
  assert.is(cache.get("a"), undefined);
  assert.is(cache.bytes, 0);
});

test("cache, an entry past its age, is gone, however often it was used", () => {
  let nowMs = 1_000;
  const cache = new SessionCache(4 * ENTRY_BYTES, 1000, () => nowMs);
  cache.set(entryOf("a"));
  nowMs = 1_999;
  assert.ok(cache.get("a"));
  nowMs = 2_000;
  assert.is(cache.get("a"), undefined);
});

test("cache, a session that ends before its age, is gone in the very millisecond of its end", () => {
  let nowMs = 1_000;
  const cache = new SessionCache(4 * ENTRY_BYTES, 1000, () => nowMs);
  cache.set(entryOf("a", 1_100));
  nowMs = 1_099;
  assert.ok(cache.get("a"));
  nowMs = 1_100;
  assert.is(cache.get("a"), undefined);
  for (const endMs of [1_100, 1_101]) {
    cache.set(entryOf("b"));
    cache.set(entryOf("b", endMs));
    nowMs = 1_101;
    assert.is(cache.get("b"), undefined);
    nowMs = 1_100;
  }
});

test.run();
