// Session IDs: only what the farm has issued verifies, and the database's key says nothing of the ID.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MIN_SECRET_BYTES, SessionIds, sessionKeyOf } from "../../../workers/session/session-id.js";

const SECRET = new Uint8Array(32).fill(7);
const ID = /^[A-Za-z0-9_-]{24}\.[A-Za-z0-9_-]{24}$/;

test("ID, issued, verifies in every worker with the secret and in no other", () => {
  const ids = new SessionIds(SECRET);
  const others = new SessionIds(new Uint8Array(32).fill(8));
  for (let count = 0; count < 600; count++) {
    const id = ids.create();
    assert.match(id, ID);
    assert.ok(new SessionIds(SECRET).verify(id));
    assert.not.ok(others.verify(id));
  }
});

test("IDs, across several fills of the random pool, are all different", () => {
  const ids = new SessionIds(SECRET);
  const seen = new Set<string>();
  for (let count = 0; count < 2_000; count++) seen.add(ids.create());
  assert.is(seen.size, 2_000);
});

test("ID, any one character changed, does not verify", () => {
  const ids = new SessionIds(SECRET);
  const id = ids.create();
  fc.assert(
    fc.property(
      fc.nat(id.length - 1),
      fc.string({ minLength: 1, maxLength: 1, unit: "binary" }),
      (at, character) => {
        fc.pre(character !== id[at]);
        assert.not.ok(ids.verify(id.slice(0, at) + character + id.slice(at + 1)));
      },
    ),
    { numRuns: 500 },
  );
});

test("ID, any text at all, does not verify and does not throw", () => {
  const ids = new SessionIds(SECRET);
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 49, maxLength: 49 })),
      (text) => {
        assert.not.ok(ids.verify(text));
      },
    ),
    { numRuns: 1_000 },
  );
});

test("ID, its MAC in characters that Latin-1 would fold into the right ones, does not verify", () => {
  const ids = new SessionIds(SECRET);
  const id = ids.create();
  const folded = [...id.slice(25)]
    .map((letter) => String.fromCharCode(letter.charCodeAt(0) + 0x100))
    .join("");
  assert.not.ok(ids.verify(id.slice(0, 25) + folded));
});

test("key, 128 bits of a hash of the random part, is the same whatever the secret", () => {
  const id = new SessionIds(SECRET).create();
  const key = sessionKeyOf(id);
  assert.match(key.text, /^[0-9a-f]{32}$/);
  const words = [...key.words].map((word) => (word >>> 0).toString(16).padStart(8, "0"));
  assert.is(words.join(""), key.text);
  assert.is(sessionKeyOf(`${id.slice(0, 25)}${"A".repeat(24)}`).text, key.text);
  assert.is.not(sessionKeyOf(new SessionIds(SECRET).create()).text, key.text);
});

test("secret, too short, is refused", () => {
  assert.throws(() => new SessionIds(new Uint8Array(MIN_SECRET_BYTES - 1)), /at least 32 bytes, not 31/);
});

test.run();
