// The sessions benchmark at a small size. Its counts are promises of the storage and are asserted; its times are not.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SessionsFigures } from "../../benchmarks/sessions.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));

test("sessions, writes in groups, loads in few queries, reads from the cache without any", () => {
  const size = ["--clients", "1,32", "--seconds", "1", "--rounds", "1", "--reads", "200"];
  const cache = ["--cache-mib", "1,4", "--sessions", "2000"];
  const result = spawnSync(process.execPath, [limpet, "bench", "sessions", ...size, ...cache, "--json"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.is(result.status, 0, result.stderr);
  const { figures } = JSON.parse(result.stdout) as { figures: SessionsFigures };
  const [alone, together] = figures.writes;
  assert.is(alone!.writesPerTransaction, 1);
  // All that wait when a commit begins are in it: those of a client each.
  assert.ok(together!.writesPerTransaction > 16, `${together!.writesPerTransaction} writes a transaction`);
  assert.is(figures.misses.misses, 10_000);
  assert.ok(figures.misses.statements <= 20, `${figures.misses.statements} queries`);
  assert.equal(figures.reads, { reads: 200, statements: 0 });
  const [small, large] = figures.cache;
  assert.ok(small!.held < 1000 && large!.held > 1000, `${small!.held} and ${large!.held} held`);
  assert.ok(small!.hitRatio > 0.5 && small!.hitRatio < large!.hitRatio);
});

test.run();
