// The farm's SQLite file, on a small disk of its own where one can be made: that is filled up, and the file is locked.

import { mkdtempSync, rmSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Knex } from "knex";
import { mountDisk } from "../../benchmarks/support/namespace.js";
import { makeKnex } from "../../storage/driver.js";
import type { BreakableDatabase } from "./breakable-database.js";
import type { Fault } from "./faults.js";
import { insist } from "./insist.js";
import { Violation } from "./visitor.js";

/** Several times what a run of thousands of faults writes. */
const DISK_MIB = 128;
/** How long the farm's own transactions may keep us from a lock. */
const LOCK_WAIT_MS = 10_000;
/** What is freed on a full disk does not stay free for longer. */
const REFILL_MS = 20;
const FILLING = Buffer.alloc(1024 * 1024);

export interface SqliteUnderTest extends BreakableDatabase {
  readonly filename: string;
}

export function makeSqlite(): SqliteUnderTest {
  const folder = mkdtempSync(join(tmpdir(), "limpet-chaos-"));
  let unmount = () => {};
  let whyNoDisk: string | undefined;
  try {
    unmount = mountDisk(folder, DISK_MIB);
  } catch (error) {
    whyNoDisk = (error as Error).message.trim();
  }
  const remove = () => {
    process.off("exit", remove);
    unmount();
    rmSync(folder, { recursive: true, maxRetries: 3 });
  };
  process.once("exit", remove);
  const filename = join(folder, "farm.db");
  const lock = (fault: Fault, begin: () => void) => lockDatabase(filename, fault.durationMs, begin);
  const fill = (fault: Fault, begin: () => void) => fillDisk(folder, filename, fault.durationMs, begin);
  return {
    filename,
    environment: { LIMPET_DATABASE: filename },
    faults: { "database-lock": lock, ...(whyNoDisk === undefined ? { "disk-full": fill } : {}) },
    lacking: whyNoDisk === undefined ? {} : { "disk-full": whyNoDisk },
    read: (work) => readSqlite(filename, work),
    remove: async () => remove(),
  };
}

/** Reads a file, and nothing else: Knex cannot open one for reading only, so SQLite is told to refuse everything else. */
export function readSqlite<T>(filename: string, work: (database: Knex) => Promise<T>): Promise<T> {
  return withConnection(filename, async (database) => {
    await database.raw("PRAGMA query_only = ON");
    const [integrity] = await database.raw<{ integrity_check: string }[]>("PRAGMA integrity_check");
    if (integrity?.integrity_check !== "ok")
      throw new Violation(`the database is damaged: ${integrity?.integrity_check}`);
    return work(database);
  });
}

async function withConnection<T>(filename: string, work: (database: Knex) => Promise<T>): Promise<T> {
  const pool = { min: 1, max: 1 };
  const database = makeKnex("sqlite3", { connection: { filename }, useNullAsDefault: true, pool });
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}

/** Keeps everybody else from writing to the database, as a backup program or a person at a console might. */
async function lockDatabase(filename: string, durationMs: number, begin: () => void): Promise<void> {
  await insist(() =>
    withConnection(filename, async (database) => {
      await database.raw(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`);
      await database.raw("BEGIN IMMEDIATE");
      begin();
      await wait(durationMs);
      await database.raw("ROLLBACK");
    }),
  );
}

let files = 0;

/** Fills the disk, and goes on with it for so long. */
async function fillDisk(
  folder: string,
  filename: string,
  durationMs: number,
  begin: () => void,
): Promise<void> {
  // SQLite writes on into the log that is there, which on a full disk would do for seconds: so it is emptied.
  await insist(() =>
    withConnection(filename, async (database) => {
      await database.raw(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}`);
      await database.raw("PRAGMA wal_checkpoint(TRUNCATE)");
    }),
  );
  const path = join(folder, `filling-${++files}`);
  const file = await open(path, "wx");
  try {
    await writeUntilFull(file);
    begin();
    for (const overAtMs = performance.now() + durationMs; performance.now() < overAtMs; ) {
      await wait(REFILL_MS);
      await writeUntilFull(file);
    }
  } finally {
    await file.close();
    await unlink(path);
  }
}

async function writeUntilFull(file: FileHandle): Promise<void> {
  try {
    // Writes a part where not all of it fits.
    for (;;) await file.write(FILLING);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}
