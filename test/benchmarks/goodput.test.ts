// The goodput benchmark at a small size. What it measures is not asserted.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench, runBench } from "../support/limpet-bench.js";
import { enterNamespace } from "../support/namespace.js";
import { goodputFigures } from "./schemas/goodput.js";

if (enterNamespace()) {
  test("goodput, downloads over equally bad paths from limpet and from the kernel's Reno", () => {
    const size = ["--megabytes", "1", "--rounds", "1"];
    const { figures } = bench("goodput", goodputFigures, "--loss", "0.5", "--rtt-ms", "0,2", ...size);
    assert.equal(
      figures.map(({ lossPercent, rttMs }) => [lossPercent, rttMs]),
      [
        [0.5, 0],
        [0.5, 2],
      ],
    );
    for (const { limpetMegabytesPerSecond, renoMegabytesPerSecond } of figures)
      assert.ok(limpetMegabytesPerSecond.lowest > 0 && renoMegabytesPerSecond.lowest > 0);
  });

  test("goodput, of downloads larger than an app sends in one piece, is refused", () => {
    const { status, stderr } = runBench("goodput", "--megabytes", "61");
    assert.is(status, 2);
    assert.match(stderr, "It takes a whole number from 1 to 60.");
  });

  test.run();
}
