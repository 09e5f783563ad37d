// A farm whose disk is full, on its own and together with the end of its process: what it refuses, what goes on, and that it
// recovers. The disk is one of the test's own, in a namespace of its own.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { enterNamespace } from "../support/namespace.js";
import { type ChaosReport, runChaos } from "./chaos.js";
import type { Fault } from "./faults.js";
import { makeSqlite } from "./sqlite.js";

const DISK_FULL: Fault = {
  kind: "disk-full",
  waitMs: 200,
  durationMs: 1000,
  isOverlapping: false,
  client: 0,
};

async function breakOnSmallDisk(...schedule: Fault[]): Promise<ChaosReport> {
  const database = makeSqlite();
  assert.equal(database.lacking, {});
  assert.not.match(readFileSync("/proc/1/mounts", "utf8"), database.filename.replace("/farm.db", ""));
  const report = await runChaos({ seed: 1, database, schedule, clients: 8, workers: 2, withTun: true });
  await database.remove();
  assert.is(report.violation, undefined, report.violation);
  assert.is(report.tally.otherFailures, 0, "5xx other than 503");
  assert.equal(report.deaths, {});
  return report;
}

if (enterNamespace()) {
  const fullDisk = suite("chaos, full disk");

  fullDisk("farm, refuses changes, goes on to show sessions, and takes changes again by itself", async () => {
    const { tally, failedStarts, storagesFailed } = await breakOnSmallDisk(DISK_FULL, DISK_FULL);
    assert.ok(tally.unavailable > 0, "changes were refused");
    assert.ok(tally.looks > 0);
    assert.is(tally.vainLooks, 0);
    assert.is(tally.brokenConnections + tally.refusedConnections, 0);
    assert.is(failedStarts + storagesFailed, 0);
  });

  fullDisk("farm that is killed meanwhile, comes back and loses nothing", async () => {
    const { faults } = await breakOnSmallDisk(
      { ...DISK_FULL, durationMs: 3000, isOverlapping: true },
      { ...DISK_FULL, kind: "process-kill", waitMs: 500, durationMs: 0 },
    );
    assert.is(faults.length, 2);
  });

  fullDisk.run();
}
