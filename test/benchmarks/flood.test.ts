// The flood benchmark at a small size. What it measures is not asserted, but that nobody fails and cookies are sent.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench } from "../support/limpet-bench.js";
import { enterNamespace } from "../support/namespace.js";
import { floodFigures } from "./schemas/flood.js";

if (enterNamespace()) {
  test("flood, answers forged SYNs by cookies, and every client meanwhile", () => {
    const size = ["--seconds", "1", "--packets-per-second", "8000", "--connections", "4"];
    const clients = ["--new-clients", "20", "--new-connections", "50", "--ports", "64"];
    const { figures } = bench("flood", floodFigures, "--floods", "syn", ...size, ...clients);
    assert.equal(
      figures.map(({ flood, load }) => [flood, load]),
      [
        ["syn", "keep-alive"],
        ["syn", "new clients"],
        ["syn", "reused ports"],
      ],
    );
    for (const figure of figures) {
      assert.is(figure.failures, 0, figure.load);
      assert.ok(figure.requestsPerSecond.lowest > 0, figure.load);
      assert.ok(figure.floodPacketsPerSecond.lowest > 0, figure.load);
      for (const cores of [figure.generatorCores, figure.directorCores, figure.workerCores])
        assert.ok(cores.lowest > 0, figure.load);
      assert.is(figure.connectMaxUs === undefined, figure.load === "keep-alive");
    }
    assert.ok(figures.some(({ cookiesSent }) => cookiesSent.lowest > 0));
  });

  test.run();
}
