// The sessions benchmark at a small size. Its counts are promises of the storage and are asserted; its times are not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareOutputs } from "../../benchmarks/compare.js";
import { bench } from "../support/limpet-bench.js";
import { sessionsFigures } from "./schemas/sessions.js";

test("sessions, writes in groups, loads in few queries, reads from the cache without any", () => {
  const size = ["--clients", "1,32", "--seconds", "1", "--rounds", "1", "--reads", "200"];
  const cache = ["--cache-mib", "1,4", "--sessions", "2000"];
  const output = bench("sessions", sessionsFigures, ...size, ...cache);
  const { figures } = output;
  const [alone, together] = figures.writes;
  assert.equal(alone!.writesPerTransaction, { median: 1, lowest: 1, highest: 1 });
  // All that wait when a commit begins are in it: those of a client each.
  const { lowest: writes } = together!.writesPerTransaction;
  assert.ok(writes > 16, `${writes} writes a transaction`);
  const { misses, statements } = figures.misses;
  assert.is(misses, 10_000);
  assert.ok(statements.highest <= 20, `${statements.highest} queries`);
  assert.equal(figures.reads, { reads: 200, statements: 0 });
  const [small, large] = figures.cache;
  assert.ok(small!.held < 1000 && large!.held > 1000, `${small!.held} and ${large!.held} held`);
  assert.ok(small!.hitRatio > 0.5 && small!.hitRatio < large!.hitRatio);
  assert.ok(compareOutputs(output, output).every(({ agrees }) => agrees));
});

test.run();
