// The crash test in its short form on PostgreSQL: each kind of fault once.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasPostgres } from "../support/postgres.js";
import { runChaos } from "./chaos.js";
import { kindsOf, planFaults } from "./faults.js";
import { startPostgres } from "./postgres.js";

const chaos = suite("chaos, PostgreSQL");

if (hasPostgres()) {
  chaos("farm and server, broken in every way, lose and invent nothing", async () => {
    const database = await startPostgres();
    const kinds = kindsOf("postgres");
    const report = await runChaos({
      seed: 20,
      database,
      schedule: planFaults(20, kinds.length, 12, kinds),
      clients: 12,
      workers: 2,
      withTun: false,
    });
    await database.remove();
    assert.is(report.violation, undefined, report.violation);
    assert.equal(
      report.faults.map(({ kind }) => kind),
      kinds,
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
