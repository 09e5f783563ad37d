// What load generators report, and how several reports become one figure.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  combineReports,
  type GeneratorReport,
  type Load,
  runAutocannon,
  sharesOf,
} from "../../benchmarks/support/load.js";
import { parseWrk } from "../../benchmarks/support/wrk.js";

const load = suite("load");

const LOAD: Load = { urls: ["http://127.0.0.1:1/"], connections: 8, seconds: 1, cookies: ["a"] };

function report(latencies: [number, number][], seconds = 1): GeneratorReport {
  const requests = latencies.reduce((sum, [, count]) => sum + count, 0);
  return { requests, seconds, bytes: 100 * requests, failures: 1, latencies };
}

load("reports of two generators, rates are added and percentiles are of all requests", () => {
  // Of 10,000 requests 9,980 took 100 µs, and the other generator's 20 took 5 ms: no generator's own p99.9 says so.
  const result = combineReports([report([[100, 9_980]]), report([[5_000, 20]], 2)]);
  assert.is(result.requests, 10_000);
  assert.is(result.requestsPerSecond, 9_990);
  assert.equal([result.p50Us, result.p90Us, result.p99Us], [100, 100, 100]);
  assert.ok(Math.abs(result.p999Us - 5_000) <= 5, `${result.p999Us}`);
  assert.equal([result.bytes, result.failures], [1_000_000, 2]);
  assert.throws(() => combineReports([]), RangeError);
});

load("a load from sources, is shared out with each source's own sessions", () => {
  const sources = [{ user: 5, cookies: ["b"] }, { user: 6 }];
  assert.equal(
    sharesOf({ ...LOAD, sources }).map(({ user, connections, cookies }) => [user, connections, cookies]),
    [
      [5, 4, ["b"]],
      [6, 4, ["a"]],
    ],
  );
  assert.equal(
    sharesOf(LOAD).map(({ user, connections }) => [user, connections]),
    [[undefined, 8]],
  );
});

load(
  "autocannon, reports every answer in microseconds, and those that are none of the wanted as failures",
  async () => {
    let answered = 0;
    const server = createServer((_request, response) => {
      answered++;
      response.writeHead(answered % 2 === 0 ? 200 : 404).end("hello");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    try {
      const result = await runAutocannon({ urls: [`http://127.0.0.1:${port}/`], connections: 1, seconds: 1 });
      assert.ok(result.requests > 1);
      assert.ok(Math.abs(result.failures - result.requests / 2) <= 1);
      assert.ok(result.p50Us > 0 && result.p50Us <= result.p999Us);
      assert.ok(result.bytes > 5 * result.requests);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  },
);

const LINE = '{"requests":3,"seconds":1.5,"bytes":300,"failures":2,"latencies":[[80,2],[3000,1]]}';

load("wrk's output, has our report in a line of its own", () => {
  assert.equal(parseWrk(`Running 2s test @ http://198.18.0.1/\n  1 threads\n${LINE}\n`), {
    requests: 3,
    seconds: 1.5,
    bytes: 300,
    failures: 2,
    latencies: [
      [80, 2],
      [3000, 1],
    ],
  });
});

load("wrk's output, without a report or with one that is cut off, is none", () => {
  assert.is(parseWrk("unable to connect to 198.18.0.1:80 Connection refused\n"), undefined);
  assert.is(parseWrk(LINE.slice(0, 40)), undefined);
});

load.run();
