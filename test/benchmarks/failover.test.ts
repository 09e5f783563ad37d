// The failover benchmark at a small size. How long a failover takes is not asserted; that only the clients of the dead notice it, and
// that no session loses anything, is.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench } from "../support/limpet-bench.js";
import { enterNamespace } from "../support/namespace.js";
import { failoverFigures } from "./schemas/failover.js";

if (enterNamespace()) {
  test("failover, has every client served again, with its session, and others never fail", () => {
    const kinds = ["worker-exit", "worker-hang", "storage-throw"];
    const size = ["--deaths", "1", "--clients", "6", "--rest-seconds", "0"];
    const { figures } = bench("failover", failoverFigures, "--kinds", kinds.join(","), ...size);
    assert.equal(
      figures.map(({ link, kind }) => [link, kind]),
      ["tun", "socket"].flatMap((link) => kinds.map((kind) => [link, kind])),
    );
    for (const figure of figures) {
      const { link, kind, clients } = figure;
      assert.is(figure.othersFailures, 0, `${kind} on ${link}`);
      assert.is(figure.wrongCounts, 0, `${kind} on ${link}`);
      if (kind === "storage-throw") assert.is(clients.lowest, 6);
      else assert.ok(clients.highest < 6 && figure.othersGapMs !== undefined, `${kind} on ${link}`);
      // A hang is no failure before the second is over that a worker may take.
      if (kind === "worker-hang") assert.ok(figure.slowestMs.lowest > 900, String(figure.slowestMs.lowest));
    }
  });

  test.run();
}
