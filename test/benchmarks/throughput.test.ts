// The throughput benchmark at a small size. What it measures is not asserted.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench } from "../support/limpet-bench.js";
import { enterNamespace } from "../support/namespace.js";
import { throughputFigures } from "./schemas/throughput.js";

if (enterNamespace()) {
  test("throughput, downloads from every server, the reference first", () => {
    const { figures } = bench("throughput", throughputFigures, "--megabytes", "70", "--rounds", "2");
    assert.is(figures.at(-1)!.server, "limpet, TUN, 1 worker");
    assert.equal(figures[0]!.ratio, { median: 1, lowest: 1, highest: 1 });
    assert.ok(figures.every((figure) => figure.megabytesPerSecond.lowest > 0));
  });

  test.run();
}
