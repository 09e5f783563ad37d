// Nothing acknowledged is lost: a process is killed in the middle of its commits, a few times over on the same database,
// and afterwards everything that it was told to be durable is there, sessions and procedures' records together.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";

/** After how many acknowledgements each process is killed. */
const KILLED_AFTER = [1, 40, 173, 400];

interface Session {
  readonly key: string;
  readonly version: number;
  readonly state: Uint8Array;
}

interface Note {
  readonly key: string;
  readonly number: number;
}

/** Runs the child until it has acknowledged that many commits, kills it, and returns all that it had acknowledged. */
async function acknowledgedUntilKilled(filename: string, count: number): Promise<Map<string, number>> {
  const script = fileURLToPath(new URL("./committing-child.js", import.meta.url));
  const child = spawn(process.execPath, [script, filename, "full"], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged = new Map<string, number>();
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    // The pipe's last line may be cut off.
    const match = /^([0-9a-f]{32}) (\d+)$/.exec(line);
    if (match) acknowledged.set(match[1]!, Number(match[2]));
    if (++lines === count) child.kill("SIGKILL");
  }
  assert.ok(lines >= count, `the child ended after ${lines} lines`);
  return acknowledged;
}

test("an acknowledged commit, is there with its procedure's record, after SIGKILL", async () => {
  const directory = mkdtempSync(join(tmpdir(), "limpet-crash-"));
  const filename = join(directory, "farm.db");
  for (const count of KILLED_AFTER) {
    const acknowledged = await acknowledgedUntilKilled(filename, count);
    const { knex, close } = await openDatabase({ client: "sqlite3", filename, durability: "full" });
    assert.equal(await knex.raw("PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    const sessions = await knex<Session>("limpet_sessions").select("key", "version", "state");
    const versions = new Map(sessions.map((session) => [session.key, session.version]));
    for (const [key, version] of acknowledged) {
      assert.ok((versions.get(key) ?? 0) >= version, `${key}: ${versions.get(key)} is not ${version}`);
    }
    for (const { key, version, state } of sessions) {
      assert.is(state.length, 100 + ((version - 1) % 400));
      const notes = await knex<Note>("notes").where("key", key).orderBy("number").select("number");
      // One for each even base version below the current one: none missing, none too many.
      assert.equal(
        notes.map((note) => note.number),
        Array.from({ length: (version + 1) >> 1 }, (_, half) => half * 2),
      );
    }
    await close();
  }
  rmSync(directory, { recursive: true });
});

test.run();
