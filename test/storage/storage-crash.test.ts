// Nothing acknowledged is lost: a process is killed in the middle of its commits, a few times over on the same database,
// and afterwards everything that it was told to be durable is there, sessions and procedures' records together.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";
import { acknowledgedUntilKilled, assertNothingIsLost } from "./killed-child.js";

/** After how many acknowledgements each process is killed. */
const KILLED_AFTER = [1, 40, 173, 400];

test("an acknowledged commit, is there with its procedure's record, after SIGKILL", async () => {
  const directory = mkdtempSync(join(tmpdir(), "limpet-crash-"));
  const filename = join(directory, "farm.db");
  for (const count of KILLED_AFTER) {
    const acknowledged = await acknowledgedUntilKilled(filename, count);
    const { knex, close } = await openDatabase({ client: "sqlite3", filename, durability: "full" });
    assert.equal(await knex.raw("PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    await assertNothingIsLost(knex, acknowledged);
    await close();
  }
  rmSync(directory, { recursive: true });
});

test.run();
