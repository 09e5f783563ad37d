// Secrets in shared memory: whole, in order, the same for all readers at one moment.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateSigningSecrets,
  MAX_SECRETS,
  SIGNING_KEY_BYTES,
  SigningSecrets,
} from "../../../core/memory/signing-secrets.js";

function key(first: number): Uint8Array {
  return Uint8Array.from({ length: SIGNING_KEY_BYTES }, (_, i) => (first + i) & 0xff);
}

function ends(): [SigningSecrets, SigningSecrets] {
  const buffer = allocateSigningSecrets();
  return [new SigningSecrets(buffer), new SigningSecrets(buffer)];
}

test("secrets, before any were published, are none", () => {
  const [, reader] = ends();
  assert.is(reader.revision, 0);
  assert.equal(reader.read(), []);
});

test("secrets, published, are read by the other end in their order, whatever was there before", () => {
  const [writer, reader] = ends();
  for (const numbers of [[1], [2, 1], [3, 2, 1, 9, 8, 7, 6, 5], [4], [5, 4]]) {
    const { revision } = reader;
    writer.publish(numbers.map((number) => key(number * 16)));
    assert.is.not(reader.revision, revision);
    assert.equal(
      reader.read(),
      numbers.map((number) => key(number * 16)),
    );
  }
});

test("keys, read, are copies, and so are those published", () => {
  const [writer, reader] = ends();
  const given = key(1);
  writer.publish([given]);
  given.fill(0);
  reader.read()[0]!.fill(0);
  assert.equal(reader.read(), [key(1)]);
});

test("list, in use, is not written when the next one is: who reads meanwhile has the old one whole", () => {
  const buffer = allocateSigningSecrets();
  const writer = new SigningSecrets(buffer);
  writer.publish([key(1)]);
  const before = new Uint8Array(buffer).slice();
  writer.publish([key(2), key(3)]);
  const after = new Uint8Array(buffer);
  const at = (bytes: Uint8Array, needle: Uint8Array) => Buffer.from(bytes.slice()).indexOf(needle);
  assert.ok(at(before, key(1)) > 0);
  assert.is(at(after, key(1)), at(before, key(1)));
});

test("secrets, none, too many or of another length, are refused, and nothing is changed", () => {
  const [writer, reader] = ends();
  writer.publish([key(1)]);
  const { revision } = reader;
  assert.throws(() => writer.publish([]), /1 to 8 signing keys, not 0/);
  assert.throws(() => writer.publish(new Array(MAX_SECRETS + 1).fill(key(1))), /not 9/);
  assert.throws(() => writer.publish([key(1), new Uint8Array(32)]), /must have 64 bytes/);
  assert.is(reader.revision, revision);
  assert.equal(reader.read(), [key(1)]);
});

test.run();
