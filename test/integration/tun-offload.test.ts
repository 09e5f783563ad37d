// Uploads over a TUN device whose kernel hands TCP segments over before it cuts them: every byte arrives, in far fewer packets than
// there are segments, also where large slots are short. Runs in a network namespace of its own.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { clientAddress } from "../../benchmarks/support/namespace.js";
import { createFarm, type Farm } from "../../core/farm.js";
import { hasIpv6 } from "../../core/link/interface-address.js";
import { ask } from "../support/client.js";
import { enterNamespace } from "../support/namespace.js";
import { patternBytes, sha256 } from "../support/test-app.js";

const ORIGINS = ["http://198.18.0.1", ...(hasIpv6() ? ["http://[fd98:18::1]"] : [])];
/** Data of a TCP segment on the device, over IPv4. */
const SEGMENT_BYTES = 1448;
/** The least that the option takes; it has 16 large slots with them, of which a worker holds 4. */
const FEW_SLOTS = 256;
const UPLOADS_AT_ONCE = 30;

/** Packets that the director has received. */
function packetsOf(farm: Farm): number {
  return Object.values(farm.status().verdicts).reduce((sum, count) => sum + count, 0);
}

async function withFarm(
  options: { readonly workers: number; readonly poolSlots?: number; readonly fault?: string },
  use: (farm: Farm) => Promise<void>,
): Promise<void> {
  const farm = createFarm({
    app: new URL("../support/test-app.js", import.meta.url),
    database: ":memory:",
    socket: "none",
    logLevel: "fatal",
    ...options,
  });
  await farm.listen();
  try {
    await use(farm);
  } finally {
    await farm.close();
  }
}

if (enterNamespace()) {
  const offload = suite("tun offload");

  offload("upload of 20 MB, gathered or streamed, arrives in a fraction of its segments", () =>
    withFarm({ workers: 1 }, async (farm) => {
      const body = patternBytes(10_000_000);
      for (const origin of ORIGINS) {
        const before = packetsOf(farm);
        for (const path of ["/upload", "/digest"]) {
          assert.is((await ask(origin + path, { body })).body.toString(), sha256(body), origin + path);
        }
        const packets = packetsOf(farm) - before;
        const segments = (2 * body.length) / SEGMENT_BYTES;
        assert.ok(packets < segments / 4, `${origin}: ${packets} packets for ${segments} segments`);
      }
    }),
  );

  offload("many uploads at once, with few large slots, all arrive", () =>
    withFarm({ workers: 2, poolSlots: FEW_SLOTS }, async () => {
      const body = patternBytes(1_000_000);
      const expected = sha256(body);
      const answers = await Promise.all(
        Array.from({ length: UPLOADS_AT_ONCE }, (_, i) =>
          ask(`${ORIGINS[0]}/digest`, { body, localAddress: clientAddress(i + 1), timeoutMs: 60_000 }),
        ),
      );
      for (const answer of answers) assert.is(answer.body.toString(), expected);
    }),
  );

  offload("device with faults on purpose, hands over no packet that is longer than its MTU", () =>
    withFarm({ workers: 1, fault: "delay=1ms" }, async (farm) => {
      const body = patternBytes(1_000_000);
      const before = packetsOf(farm);
      assert.is((await ask(`${ORIGINS[0]}/digest`, { body })).body.toString(), sha256(body));
      const packets = packetsOf(farm) - before;
      assert.ok(packets >= body.length / SEGMENT_BYTES, `${packets} packets`);
    }),
  );

  offload.run();
}
