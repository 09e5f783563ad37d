// The benchmarks at a small size, so that they never rot. What they measure is not asserted, but for what must be 0.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasIpv6 } from "../../core/link/interface-address.js";
import { enterNamespace } from "../support/namespace.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));

interface Output {
  readonly benchmark: string;
  readonly machine: Record<string, unknown>;
  readonly figures: Record<string, unknown>[];
}

function bench(...parameters: string[]): Output {
  const result = spawnSync(process.execPath, [limpet, "bench", ...parameters, "--json"], {
    encoding: "utf8",
    timeout: 120_000,
  });
  assert.is(result.status, 0, result.stderr);
  return JSON.parse(result.stdout);
}

if (enterNamespace()) {
  const benchmarks = suite("benchmarks");

  benchmarks("http, reaches all workers, and every request is answered", () => {
    const { figures } = bench("http", "--seconds", "1", "--rounds", "1", "--connections", "8");
    assert.equal(
      figures.map(({ server, workersReached }) => [server, workersReached]),
      [
        ["limpet, 1 worker", 1],
        ["limpet, 2 workers", hasIpv6() ? 2 : 1],
        ["limpet, 1 worker, session read", 1],
        ["node:http", undefined],
        ["node:cluster, 2 workers", undefined],
      ],
    );
    for (const figure of figures) {
      for (const load of [figure.autocannon, figure.wrk] as (Record<string, number> | undefined)[]) {
        if (load === undefined) continue;
        assert.is(load.failures, 0, String(figure.server));
        assert.ok(load.requestsPerSecond! > 0);
        assert.ok(load.serverUsPerRequest! > 0);
      }
      assert.ok(figure.autocannon);
    }
  });

  benchmarks("wrong options, are refused in a sentence", () => {
    const result = spawnSync(process.execPath, [limpet, "bench", "dispatch", "--packets", "none"], {
      encoding: "utf8",
    });
    assert.is(result.status, 2);
    assert.match(result.stderr, "It takes a whole number above 0.");
  });

  benchmarks.run();
}
