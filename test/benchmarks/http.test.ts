// The http benchmark at a small size: every server that is installed is measured or named, with no failure. How fast they are is not
// asserted.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findContenders } from "../../benchmarks/http/contenders.js";
import type { HttpFigure } from "../../benchmarks/http.js";
import { bench, runBench } from "../support/limpet-bench.js";
import { enterNamespace } from "../support/namespace.js";
import { httpFigures } from "./schemas/http.js";

const SMALL = ["--seconds", "1", "--rounds", "1", "--connections", "8", "--workers", "2"];

function assertMeasured(figure: HttpFigure): void {
  const name = `${figure.server}, ${figure.load}`;
  assert.is(figure.failures, 0, name);
  assert.ok(figure.requestsPerSecond.median > 0, name);
  assert.ok(figure.serverUsPerRequest.median > 0, name);
  assert.ok(figure.p50Us.median <= figure.p90Us.median, name);
  assert.ok(figure.p99Us.median <= figure.p999Us.median, name);
}

if (enterNamespace()) {
  const http = suite("http");

  http("hello, is answered by every server that is installed, and all workers are reached", () => {
    const servers = ["limpet-socket", "node-http", "node-cluster-sticky", "nginx", "haproxy"] as const;
    const size = ["--workloads", "hello", "--loads", "autocannon", "--servers", servers.join(","), ...SMALL];
    const { figures, sources, leftOut } = bench("http", httpFigures, ...size).figures;
    const measured = figures.map(({ server }) => server);
    const expected = findContenders(servers, [2]).contenders;
    assert.equal(
      measured,
      expected.map(({ server }) => server),
    );
    for (const server of servers.filter((one) => !measured.includes(one)))
      assert.ok(
        leftOut.some(({ what }) => what === server),
        `${server} is neither measured nor left out`,
      );
    for (const figure of figures) {
      assertMeasured(figure);
      if (figure.server === "limpet-socket") assert.is(figure.workersReached, 2);
    }
    assert.ok(sources >= 2);
    assert.equal(figures.find(({ server }) => server === "node-http")!.ratio!.median, 1);
  });

  http("session-write, is in the database's file, every one that was answered", () => {
    const size = ["--workloads", "session-write", "--servers", "limpet-tun,express,nginx", ...SMALL];
    const { figures, syncUs, leftOut } = bench("http", httpFigures, ...size).figures;
    assert.ok(syncUs!.median > 0);
    const servers = new Set(figures.map(({ server }) => server));
    assert.ok(servers.has("limpet-tun"));
    assert.ok(servers.has("express") || leftOut.some(({ what }) => what === "express"));
    assert.not(servers.has("nginx"), "it has no sessions");
    assert.ok(figures.some(({ load }) => load === "autocannon"));
    for (const figure of figures) {
      assertMeasured(figure);
      if (figure.server === "limpet-tun") assert.is(figure.workersReached, 2);
      assert.is(figure.isDurable, true);
      assert.is(figure.lost, 0, figure.server);
    }
  });

  http(
    "a workload or server that there is not, is refused in a sentence that names those that there are",
    () => {
      for (const option of ["--workloads", "--servers", "--loads"]) {
        const { status, stderr } = runBench("http", option, "apache");
        assert.is(status, 2);
        assert.match(stderr, /It takes some of /);
      }
    },
  );

  http("servers that have no sessions, are not asked for any", () => {
    const { status, stderr } = runBench("http", "--servers", "node-http", "--workloads", "session-read");
    assert.is(status, 2);
    assert.match(stderr, /^limpet: none of these servers can do any of these workloads\n$/);
  });

  http.run();
}
