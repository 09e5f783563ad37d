// Sequence numbers across the end of their circle.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { add, after, afterOrAt, before, beforeOrAt, difference } from "../../../core/wire/sequence.js";

const sequence = fc.integer({ min: 0, max: 0xffffffff });

test("add, gives a signed 32-bit number, across the wrap and from either form", () => {
  assert.is(add(0xffffffff, 2), 1);
  assert.is(add(-1, 2), 1);
  assert.is(add(0x7fffffff, 1), -0x80000000);
  assert.is(add(0, -1), -1);
});

test("difference, inverts add, for any distance below half the circle", () => {
  fc.assert(
    fc.property(sequence, fc.integer({ min: -0x80000000, max: 0x7fffffff }), (start, distance) => {
      assert.is(difference(add(start, distance), start), distance);
    }),
  );
});

test("before and after, order two numbers, wherever in the circle they are", () => {
  fc.assert(
    fc.property(sequence, fc.integer({ min: 1, max: 0x7fffffff }), (start, distance) => {
      const later = add(start, distance);
      assert.ok(before(start, later) && !before(later, start) && !before(start, start));
      assert.ok(after(later, start) && !after(start, later) && !after(start, start));
      assert.ok(beforeOrAt(start, later) && beforeOrAt(start, start) && !beforeOrAt(later, start));
      assert.ok(afterOrAt(later, start) && afterOrAt(start, start) && !afterOrAt(start, later));
    }),
  );
});

test.run();
