// The connections benchmark at a small size. Its bytes are asserted, and that every connection is answered; its times are not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench } from "../support/limpet-bench.js";
import { enterNamespace } from "../support/namespace.js";
import { connectionsFigures } from "./schemas/connections.js";

if (enterNamespace()) {
  test("connections, stay open, and come and go on every server without a failure", () => {
    const size = ["--connections", "20000", "--at-once", "8", "--seconds", "1", "--rounds", "1"];
    const { figures } = bench("connections", connectionsFigures, ...size, "--workers", "2");
    assert.equal(
      figures.idle.map(({ what }) => what),
      ["TCP", "TCP and HTTP"],
    );
    // About a kibibyte each in TCP.
    const [tcp, http] = figures.idle.map(({ heapBytes }) => heapBytes.median);
    assert.ok(tcp! > 500 && tcp! <= 1100, String(tcp));
    assert.ok(http! > tcp! && http! <= 1536, String(http));
    assert.equal(
      figures.rates.map(({ server }) => server),
      ["limpet, TUN, 2 workers", "limpet, sockets, 2 workers", "node:http", "node:cluster, 2 workers"],
    );
    for (const { server, connectionsPerSecond, serverUsPerConnection, failures } of figures.rates) {
      assert.is(failures, 0, server);
      assert.ok(connectionsPerSecond.lowest > 0, server);
      assert.ok(serverUsPerConnection.lowest > 0, server);
    }
  });

  test.run();
}
