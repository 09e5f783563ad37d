// Session IDs: only what the farm has issued verifies, and the database's key says nothing of the ID.

import { createHmac } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signingKeyOf } from "../../../core/secret.js";
import { SessionIds, sessionKeyOf } from "../../../workers/session/session-id.js";
import { signingSecrets } from "../../support/signing-secrets.js";

const SECRET = new Uint8Array(32).fill(7);
const OLD_SECRET = new Uint8Array(40).fill(8);
const OLDEST_SECRET = new Uint8Array(100).fill(9);
const ID = /^[A-Za-z0-9_-]{24}\.[A-Za-z0-9_-]{24}$/;

function idsOf(...secrets: readonly Uint8Array[]): SessionIds {
  return new SessionIds(signingSecrets(...secrets));
}

test("ID, issued, verifies in every worker with the secret and in no other", () => {
  const ids = idsOf(SECRET);
  const others = idsOf(OLD_SECRET);
  for (let count = 0; count < 600; count++) {
    const id = ids.create();
    assert.match(id, ID);
    assert.ok(idsOf(SECRET).verify(id));
    assert.not.ok(others.verify(id));
  }
});

test("IDs, across several fills of the random pool, are all different", () => {
  const ids = idsOf(SECRET);
  const seen = new Set<string>();
  for (let count = 0; count < 2_000; count++) seen.add(ids.create());
  assert.is(seen.size, 2_000);
});

test("ID, any one character changed, does not verify", () => {
  const ids = idsOf(SECRET);
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
  const ids = idsOf(SECRET);
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
  const ids = idsOf(SECRET);
  const id = ids.create();
  const folded = [...id.slice(25)]
    .map((letter) => String.fromCharCode(letter.charCodeAt(0) + 0x100))
    .join("");
  assert.not.ok(ids.verify(id.slice(0, 25) + folded));
});

test("key, 128 bits of a hash of the random part, is the same whatever the secret", () => {
  const id = idsOf(SECRET).create();
  const key = sessionKeyOf(id);
  assert.match(key.text, /^[0-9a-f]{32}$/);
  const words = [...key.words].map((word) => (word >>> 0).toString(16).padStart(8, "0"));
  assert.is(words.join(""), key.text);
  assert.is(sessionKeyOf(`${id.slice(0, 25)}${"A".repeat(24)}`).text, key.text);
  assert.is.not(sessionKeyOf(idsOf(SECRET).create()).text, key.text);
});

test("MAC, of a secret of any length, is HMAC-SHA-256 by that secret, cut to 144 bits", () => {
  for (const length of [32, 63, 64, 65, 100]) {
    const secret = new Uint8Array(length).fill(length);
    const id = idsOf(secret).create();
    const mac = createHmac("sha256", secret).update(id.slice(0, 24)).digest().subarray(0, 18);
    assert.is(id.slice(25), mac.toString("base64url"), `${length} bytes`);
  }
});

test("ID, of several secrets, is signed by the first, and verifies by each", () => {
  const ids = idsOf(SECRET, OLD_SECRET, OLDEST_SECRET);
  const id = ids.create();
  assert.ok(idsOf(SECRET).verify(id));
  assert.not.ok(idsOf(OLD_SECRET, OLDEST_SECRET).verify(id));
  for (const secret of [SECRET, OLD_SECRET, OLDEST_SECRET]) assert.ok(ids.verify(idsOf(secret).create()));
  assert.not.ok(ids.verify(idsOf(new Uint8Array(32).fill(10)).create()));
});

test("ID, its MAC put together of those by two secrets, does not verify", () => {
  const ids = idsOf(SECRET, OLD_SECRET);
  const id = ids.create();
  const old = createHmac("sha256", OLD_SECRET).update(id.slice(0, 24)).digest().toString("base64url", 0, 18);
  assert.ok(ids.verify(`${id.slice(0, 25)}${old}`));
  for (let cut = 1; cut < 24; cut++) {
    // Cut where both have the same characters it is one of the two.
    const mixed = `${id.slice(25, 25 + cut)}${old.slice(cut)}`;
    const isOne = mixed === old || mixed === id.slice(25);
    assert.is(ids.verify(`${id.slice(0, 25)}${mixed}`), isOne);
  }
});

test("secret, put in front, signs at once and in every worker; those behind it verify until they are gone", () => {
  const secrets = signingSecrets(OLD_SECRET);
  const [one, two] = [new SessionIds(secrets), new SessionIds(secrets)];
  const before = one.create();
  assert.ok(two.verify(before));
  secrets.publish([SECRET, OLD_SECRET].map(signingKeyOf));
  // The second worker has not signed or verified anything since: it must know the new secret all the same.
  const after = one.create();
  assert.ok(two.verify(after));
  assert.ok(two.verify(before));
  assert.ok(idsOf(SECRET).verify(after));
  secrets.publish([SECRET].map(signingKeyOf));
  assert.not.ok(two.verify(before));
  assert.ok(two.verify(after));
});

test.run();
