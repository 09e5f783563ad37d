// Which coding a client gets for which Accept-Encoding.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { chooseCoding } from "../../../workers/files/accept-encoding.js";

const CASES: readonly (readonly [field: string | null, coding: "br" | "gzip" | null])[] = [
  // RFC 9110 section 12.5.3
  ["compress, gzip", "gzip"],
  ["", null],
  ["*", "br"],
  ["compress;q=0.5, gzip;q=1.0", "gzip"],
  ["gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"],
  // What clients send
  [null, null],
  ["gzip, deflate, br, zstd", "br"],
  ["gzip, deflate", "gzip"],
  ["deflate", null],
  ["identity", null],
  ["x-gzip", "gzip"],
  ["GZip;Q=0.8", "gzip"],
  // Weights
  ["br;q=0.5, gzip;q=0.8", "gzip"],
  ["br;q=0.5, gzip;q=0.5", "br"],
  ["gzip;q=0, *", "br"],
  ["br;q=0, *;q=0.1", "gzip"],
  ["gzip;q=0", null],
  ["*;q=0", null],
  ["identity;q=0", null],
  ["gzip;q=0.5, identity", null],
  ["gzip;q=0.5, identity;q=0.5", "gzip"],
  ["gzip;q=0.001", "gzip"],
  ["gzip;q=0.000", null],
  ["gzip;q=1.000", "gzip"],
  ["gzip, gzip;q=0", null],
  ["identity;q=0.9, br;q=0.2, *;q=0.95", "gzip"],
  // What is not valid is passed over
  ["gzip;q=2", null],
  ["gzip;q=0.0001", null],
  ["gzip;q=", null],
  ["gzip;level=9", null],
  ["gzip;q=1;q=1", null],
  [",,gzip ,, ;q=1,", "gzip"],
  ["gzip br", null],
];

for (const [field, coding] of CASES) {
  test(`Accept-Encoding: ${field ?? "(none)"}`, () => {
    assert.is(chooseCoding(field), coding);
  });
}

test.run();
