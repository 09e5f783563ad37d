// The benchmarks at a small size, so that they never rot. What they measure is not asserted, but for what must be 0.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
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

  benchmarks("dispatch, directs every packet as its traffic says and allocates nothing for it", () => {
    const packets = 500_000;
    const size = ["--packets", String(packets), "--flows", "1000,20000"];
    const { benchmark, machine, figures } = bench("dispatch", ...size);
    assert.is(benchmark, "dispatch");
    assert.ok(machine.cores);
    assert.is(figures.length, 6);
    for (const figure of figures) {
      assert.is(figure.unexpected, 0);
      // An object a packet would be 12 bytes at the least; what there is comes from the clock, once a burst, and the compiler.
      assert.ok(Number(figure.allocatedBytes) / packets < 4, `${figure.allocatedBytes} bytes allocated`);
      assert.ok(Number(figure.retainedBytes) / packets < 1, `${figure.retainedBytes} bytes retained`);
    }
  });

  benchmarks("throughput, downloads from every server, the reference first", () => {
    const { figures } = bench("throughput", "--megabytes", "70", "--rounds", "1");
    assert.is(figures.at(-1)!.server, "limpet, TUN, 1 worker");
    assert.is(figures[0]!.ratio, 1);
    assert.ok(figures.every((figure) => Number(figure.megabytesPerSecond) > 0));
  });

  benchmarks("goodput, downloads over equally bad paths from limpet and from the kernel's Reno", () => {
    const size = ["--megabytes", "1", "--rounds", "1"];
    const { figures } = bench("goodput", "--loss", "0.5", "--rtt-ms", "0,2", ...size);
    assert.equal(
      figures.map(({ lossPercent, rttMs }) => [lossPercent, rttMs]),
      [
        [0.5, 0],
        [0.5, 2],
      ],
    );
    for (const figure of figures) {
      const { limpetMegabytesPerSecond, renoMegabytesPerSecond } = figure;
      assert.ok(Number(limpetMegabytesPerSecond) > 0 && Number(renoMegabytesPerSecond) > 0);
    }
  });

  benchmarks("flood, answers forged SYNs by cookies, and every client meanwhile", () => {
    const size = ["--seconds", "1", "--packets-per-second", "8000", "--connections", "4"];
    const clients = ["--new-clients", "20", "--new-connections", "50", "--ports", "64"];
    const { figures } = bench("flood", "--floods", "syn", ...size, ...clients);
    assert.equal(
      figures.map(({ flood, load }) => [flood, load]),
      [
        ["syn", "keep-alive"],
        ["syn", "new clients"],
        ["syn", "reused ports"],
      ],
    );
    let cookies = 0;
    for (const figure of figures) {
      assert.is(figure.failures, 0, String(figure.load));
      for (const name of [
        "requestsPerSecond",
        "p99Us",
        "floodPacketsPerSecond",
        "generator",
        "director",
        "workers",
      ])
        assert.ok(Number(figure[name]) > 0, `${name} of ${figure.load}`);
      cookies += (figure.counted as Record<string, number>)["cookies sent"] ?? 0;
    }
    assert.ok(cookies > 0);
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
