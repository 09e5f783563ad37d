// The name that was meant: found in spite of one or two typing errors, and never made up.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nearestName } from "../../../core/options/nearest-name.js";
import { keyOf, OPTION_NAMES } from "../../../core/options/option-table.js";

const keys = OPTION_NAMES.map(keyOf);

test("name, with a letter left out, doubled, changed or swapped, is found", () => {
  assert.is(nearestName("worker", keys), "workers");
  assert.is(nearestName("drain-secconds", keys), "drain-seconds");
  assert.is(nearestName("databaze", keys), "database");
  assert.is(nearestName("plociy", keys), "policy");
});

test("name, in another spelling, is found", () => {
  for (const text of ["cacheMib", "cache_mib", "CACHE-MIB", "cachemib"])
    assert.is(nearestName(text, keys), "cache-mib");
});

test("name, that is like none, is not", () => {
  for (const text of ["", "x", "threads", "frobnicate", "namespace", "sim-seed", "services", "x".repeat(1e6)])
    assert.is(nearestName(text, keys), undefined, text.slice(0, 20));
});

test("name, any with one letter left out, is nearest to itself or to one as near", () => {
  fc.assert(
    fc.property(fc.constantFrom(...keys.filter((key) => key.length > 4)), fc.nat(), (key, position) => {
      const at = position % key.length;
      const nearest = nearestName(key.slice(0, at) + key.slice(at + 1), keys);
      // affinity-prefix6 without its last letter is another option, and right.
      assert.ok(
        nearest === key ||
          (key === "affinity-prefix6" && nearest === "affinity-prefix") ||
          (key === "address6" && nearest === "address"),
        `${key} ${nearest}`,
      );
    }),
  );
});

test.run();
