// Copies between memory of its own and shared memory, whatever the length and the alignment.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { copyBytes } from "../../../core/memory/copy-bytes.js";

const BYTES = 8192;

const arrays = {
  "memory of its own": () => new Uint8Array(BYTES),
  "shared memory": () => new Uint8Array(new SharedArrayBuffer(BYTES)),
};

for (const [from, makeSource] of Object.entries(arrays)) {
  for (const [to, makeTarget] of Object.entries(arrays)) {
    test(`copyBytes, from ${from} to ${to}, copies what it is told to, wherever it lies, and nothing else`, () => {
      const source = makeSource();
      for (let i = 0; i < BYTES; i++) source[i] = 1 + ((i * 31) % 255);
      const place = fc.nat(BYTES);
      // Lengths on both sides of each way to copy, with every alignment.
      const length = fc.oneof(fc.nat(48), fc.integer({ min: 1000, max: 1048 }), fc.nat(BYTES));
      fc.assert(
        fc.property(place, place, length, (start, at, wanted) => {
          const count = Math.min(wanted, BYTES - start, BYTES - at);
          const target = makeTarget();
          copyBytes(source, start, start + count, target, at);
          const expected = new Uint8Array(BYTES);
          expected.set(source.slice(start, start + count), at);
          assert.is(Buffer.compare(Buffer.from(target), expected), 0);
        }),
        { numRuns: 200 },
      );
    });
  }
}

test.run();
