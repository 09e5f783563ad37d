// Kills committing-child.ts in the middle of its commits, and says what must be in the database then.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Knex } from "knex";
import * as assert from "uvu/assert";

interface Session {
  readonly key: string;
  readonly version: number;
  readonly state: Uint8Array;
}

interface Note {
  readonly key: string;
  readonly number: number;
}

/**
 * Runs the child on a database's file or URL until it has acknowledged that many commits, kills it, and returns the last
 * acknowledged version of each key.
 */
export async function acknowledgedUntilKilled(database: string, count: number): Promise<Map<string, number>> {
  const script = fileURLToPath(new URL("./committing-child.js", import.meta.url));
  const child = spawn(process.execPath, [script, database, "full"], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged = new Map<string, number>();
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    // The pipe's last line may be cut off.
    const match = /^([0-9a-f]{32}) (\d+)$/.exec(line);
    if (match) acknowledged.set(match[1]!, Number(match[2]));
    if (++lines === count) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.ok(lines >= count, `the child ended after ${lines} lines`);
  return acknowledged;
}

/** Everything that was acknowledged is there, and each session's state and notes are those of its version. */
export async function assertNothingIsLost(knex: Knex, acknowledged: Map<string, number>): Promise<void> {
  const sessions = await knex<Session>("limpet_sessions").select("key", "version", "state");
  const versions = new Map(sessions.map(({ key, version }) => [key, version]));
  for (const [key, version] of acknowledged) {
    assert.ok((versions.get(key) ?? 0) >= version, `${key}: ${versions.get(key)} is not ${version}`);
  }
  for (const { key, version, state } of sessions) {
    assert.is(state.length, 100 + ((version - 1) % 400));
    const notes = await knex<Note>("notes").where("key", key).orderBy("number").select("number");
    assert.equal(
      notes.map(({ number }) => number),
      Array.from({ length: (version + 1) >> 1 }, (_, half) => half * 2),
      "one for each even base version below the current one: none missing, none too many",
    );
  }
}
