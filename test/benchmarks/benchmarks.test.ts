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

  benchmarks.run();
}
