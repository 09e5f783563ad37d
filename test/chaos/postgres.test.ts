// The crash test in its short form on PostgreSQL: what only its server can suffer, and the end of those who speak to it, each once.
// What breaks within the farm does so on SQLite as well (chaos.test.ts).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasPostgres } from "../support/postgres.js";
import { runChaos } from "./chaos.js";
import { type FaultKind, planFaults } from "./faults.js";
import { startPostgres } from "./postgres.js";

const KINDS: readonly FaultKind[] = [
  "worker-exit-committing",
  "storage-end",
  "process-kill",
  "database-lock",
  "database-stop",
  "database-kill",
  "database-hang-up",
];

const chaos = suite("chaos, PostgreSQL");

if (hasPostgres()) {
  chaos("farm and server, broken in turn, lose and invent nothing", async () => {
    const database = await startPostgres();
    const report = await runChaos({
      seed: 20,
      database,
      schedule: planFaults(20, KINDS.length, 12, KINDS),
      clients: 12,
      workers: 2,
      withTun: false,
    });
    await database.remove();
    assert.is(report.violation, undefined, report.violation);
    assert.equal(
      report.faults.map(({ kind }) => kind),
      KINDS,
    );
    const { tally } = report;
    assert.ok(tally.acknowledged > 100, "work was done");
    assert.is(tally.otherFailures, 0, "5xx other than 503");
    assert.ok(report.database!.orders > 0);
    assert.ok(report.database!.unknownHappened > 0, "a COMMIT that was not answered was done");
    assert.equal(report.deaths, {});
  });
}

chaos.run();
