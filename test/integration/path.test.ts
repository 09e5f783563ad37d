// The farm and a client behind a router, kernels all of them: paths that become narrower, before a transfer and in its midst;
// packets in fragments, both ways; what closed ports answer. Runs in a network namespace of its own.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { pack, unpack } from "msgpackr";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createFarm, type Farm } from "../../core/farm.js";
import { DistantClient } from "../support/distant-client.js";
import { enterNamespace } from "../support/namespace.js";
import { patternBytes, sha256 } from "../support/test-app.js";

const BIG_BYTES = 4_000_000;
const FARM_4 = "198.18.0.1";
const FARM_6 = "fd98:18::1";

if (enterNamespace()) {
  let farm: Farm;
  let client: DistantClient;
  const path = suite("path");
  const big = `200 ${sha256(patternBytes(BIG_BYTES))}`;

  path.before(async () => {
    farm = createFarm({
      app: new URL("../support/test-app.js", import.meta.url),
      workers: 2,
      database: ":memory:",
      socket: "none",
      admin: "none",
      logLevel: "fatal",
    });
    await farm.listen();
    client = new DistantClient();
  });
  path.after(async () => {
    client.remove();
    await farm.close();
  });

  const errors = () => farm.status().verdicts["icmp-error"];

  for (const [address, host] of [
    [FARM_4, FARM_4],
    [FARM_6, `[${FARM_6}]`],
  ] as const) {
    const url = `http://${host}/bytes?n=${BIG_BYTES}`;

    path(
      `download to ${address}'s client, while the path becomes narrower, arrives as it was sent`,
      async () => {
        client.narrow(1500);
        const before = errors();
        assert.is(await client.runWithPause(["digest", url, "pause"], () => client.narrow(1300)), big);
        assert.ok(errors() > before, "the router has said something");
      },
    );

    path(
      `download from ${address}, after an earlier one has found the path's MTU, meets no router's refusal`,
      async () => {
        const before = errors();
        assert.is(await client.run("digest", url), big);
        assert.is(errors(), before);
      },
    );

    path(
      `echo requests to ${address}, also in fragments and over a narrow path, come back as they were sent`,
      async () => {
        for (const bytes of [0, 1, 56, 1200, 1473, 8000, 16_000])
          assert.is(await client.run("ping", address, String(bytes)), "the same", `${bytes} bytes`);
      },
    );

    path(`closed ports of ${address}, refuse connections and datagrams`, async () => {
      assert.is(await client.run("refusal", address), "ECONNREFUSED ECONNREFUSED");
    });

    path(`datagram of 8 KiB to ${address}, in fragments, reaches the app whole`, async () => {
      const socket = createSocket(address === FARM_4 ? "udp4" : "udp6");
      socket.connect(80, address);
      await once(socket, "connect");
      socket.send(pack([7, "length", new Uint8Array(8192)]));
      const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
      socket.close();
      const [id, status, body] = unpack(answer) as [number, number, { body: number }];
      assert.equal([id, status, body.body], [7, 200, 8192]);
    });
  }

  path("packets in fragments, have been put together, and hold no slot any more", () => {
    const { reassemblyCounters, freeSlots, poolSlots, freeLargeSlots, largeSlots } = farm.status();
    // Three echo requests and a datagram over each version.
    assert.equal(reassemblyCounters, {
      packets_reassembled: 8,
      packets_abandoned: 0,
      packets_expired: 0,
      packets_evicted: 0,
    });
    assert.ok(freeSlots >= poolSlots - 8, `${freeSlots} of ${poolSlots} slots`);
    // The link keeps one ready.
    assert.ok(freeLargeSlots >= largeSlots - 2, `${freeLargeSlots} of ${largeSlots} large slots`);
  });

  path("what the kernel says to neighbours on the device, is no packet of anybody", () => {
    const { verdicts } = farm.status();
    assert.ok(verdicts["neighbour-message"] > 0);
    assert.equal([verdicts["not-ours"], verdicts["icmp-ignored"]], [0, 0]);
  });

  path.run();
}
