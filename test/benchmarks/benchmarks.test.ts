// The benchmarks at a small size, so that they never rot. What they measure is not asserted, but for what must be 0.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { enterNamespace } from "../support/namespace.js";

const run = fileURLToPath(new URL("../../benchmarks/run.js", import.meta.url));

interface Output {
  readonly benchmark: string;
  readonly machine: Record<string, unknown>;
  readonly figures: Record<string, unknown>[];
}

function bench(...parameters: string[]): Output {
  const result = spawnSync(process.execPath, [run, ...parameters, "--json"], {
    encoding: "utf8",
    timeout: 120_000,
  });
  assert.is(result.status, 0, result.stderr);
  return JSON.parse(result.stdout);
}

if (enterNamespace()) {
  const benchmarks = suite("benchmarks");

  benchmarks("dispatch, drops nothing and leaves next to nothing on the heap", () => {
    const packets = 500_000;
    const { benchmark, machine, figures } = bench(
      "dispatch",
      "--packets",
      String(packets),
      "--flows",
      "1000,20000",
    );
    assert.is(benchmark, "dispatch");
    assert.ok(machine.cores);
    assert.is(figures.length, 4);
    for (const figure of figures) {
      assert.is(figure.dropped, 0);
      // An object a packet would be 12 bytes at the least; what there is comes from the clock, once a burst.
      assert.ok(Number(figure.heapGrowthBytes) / packets < 4, `${figure.heapGrowthBytes} bytes`);
    }
  });

  benchmarks("http, has a figure for every server, and every request is answered", () => {
    const { figures } = bench("http", "--seconds", "1", "--rounds", "1", "--connections", "8");
    assert.is(figures.length, 5);
    for (const figure of figures) {
      assert.is(figure.failures, 0, String(figure.server));
      assert.ok(Number(figure.requestsPerSecond) > 0);
      assert.ok(Number(figure.serverUsPerRequest) > 0);
    }
  });

  benchmarks("wrong options, are refused in a sentence", () => {
    const result = spawnSync(process.execPath, [run, "dispatch", "--packets", "none"], { encoding: "utf8" });
    assert.is(result.status, 1);
    assert.match(result.stderr, "It takes a whole number above 0.");
  });

  benchmarks.run();
}
