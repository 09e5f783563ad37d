// What is recommended, set on a farm that is running: a real one.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { apply } from "../../../benchmarks/tune/apply.js";
import { AdminClient } from "../../../core/cli/admin-client.js";
import { createFarm } from "../../../core/farm.js";

test("apply, sets workers and policy, and says which flag the caches need", async () => {
  const folder = mkdtempSync(join(tmpdir(), "limpet-apply-"));
  const admin = `unix:${join(folder, "admin.sock")}`;
  const farm = createFarm({ workers: 1, socket: "127.0.0.1:0", tun: "off", database: ":memory:", admin });
  try {
    await farm.listen();
    const client = new AdminClient(admin);
    const lines = await apply(
      client,
      { workers: 2, policy: "hash", cacheMib: 128 },
      { policy: true, cacheMib: true },
    );
    assert.equal(lines, [
      `${admin}: 2 workers (before: 1), 2 serving`,
      `${admin}: policy hash (before: least-loaded), for new sources`,
      `${admin}: the caches stay at 64 MiB until the farm is started with --cache-mib 128`,
      "This lasts until the farm ends; for good: limpet serve --workers 2 --policy hash --cache-mib 128",
    ]);
    const { workers, policy } = farm.status();
    assert.equal([workers.length, policy], [2, "hash"]);

    // What was not swept stays as it is.
    const only = { policy: false, cacheMib: false };
    assert.equal(await apply(client, { workers: 1, policy: "round-robin", cacheMib: 1 }, only), [
      `${admin}: 1 worker (before: 2), 1 serving`,
      "This lasts until the farm ends; for good: limpet serve --workers 1",
    ]);
    assert.is(farm.status().policy, "hash");
  } finally {
    await farm.close();
    rmSync(folder, { recursive: true });
  }
});

test.run();
