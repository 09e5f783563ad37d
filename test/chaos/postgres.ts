// The farm's PostgreSQL database, in a cluster of its own: the server is stopped, one of its processes is killed, it hangs up, and
// its table of sessions is locked.

import { setTimeout as wait } from "node:timers/promises";
import type { Knex } from "knex";
import { makeKnex } from "../../storage/driver.js";
import { clusterRefusal, type PostgresCluster, startCluster } from "../support/postgres.js";
import type { BreakableDatabase } from "./breakable-database.js";
import type { Fault } from "./faults.js";
import { insist } from "./insist.js";

/** Farms on PostgreSQL are given theirs. */
const SECRET = "the chaos test's own, which is no secret";
/** How long the farm may not commit anything while its COMMIT is lain in wait for. */
const COMMIT_WAIT_MS = 10_000;
/** Between two looks for a COMMIT to hang up on. */
const LOOK_MS = 5;

/** How the farm's connections call themselves. */
const FARM = "application_name = 'limpet'";

export async function startPostgres(): Promise<BreakableDatabase> {
  const refusal = clusterRefusal();
  if (refusal !== undefined) throw new Error(refusal);
  const cluster = await startCluster({ fsync: true });
  const url = cluster.createDatabase("farm");
  const { superuserUrl } = cluster;
  const stop = stopsOf(cluster);
  return {
    environment: { LIMPET_DATABASE: url, LIMPET_SECRET: SECRET },
    faults: {
      "database-lock": ({ durationMs }, begin) => lockSessions(url, durationMs, begin),
      "database-stop": ({ durationMs }, begin) => stop(durationMs, begin),
      "database-kill": (fault, begin) => killBackend(superuserUrl, fault, begin),
      "database-hang-up": ({ durationMs }, begin) => hangUp(superuserUrl, durationMs, begin),
    },
    lacking: {},
    read: (work) =>
      withConnection(url, async (database) => {
        await database.raw("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
        return work(database);
      }),
    remove: () => cluster.remove(),
  };
}

async function withConnection<T>(connectionString: string, work: (database: Knex) => Promise<T>): Promise<T> {
  const pool = { min: 0, max: 1 };
  const database = makeKnex("pg", { connection: { connectionString, application_name: "chaos" }, pool });
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}

/** Keeps everybody else from writing sessions, as a person at a console might. Reading goes on. */
async function lockSessions(url: string, durationMs: number, begin: () => void): Promise<void> {
  await insist(() =>
    withConnection(url, async (database) => {
      await database.raw("BEGIN");
      await database.raw("LOCK TABLE limpet_sessions IN EXCLUSIVE MODE");
      begin();
      await wait(durationMs);
      // If the server was stopped meanwhile, the lock is gone with it.
      await database.raw("ROLLBACK").catch(() => {});
    }),
  );
}

/** Stops the server for so long; one stop after the other. */
function stopsOf(cluster: PostgresCluster): (durationMs: number, begin: () => void) => Promise<void> {
  let before = Promise.resolve();
  return (durationMs, begin) => {
    before = before.then(async () => {
      begin();
      await cluster.stop();
      await wait(durationMs);
      await cluster.start();
    });
    return before;
  };
}

/** Kills one of the farm's backends, as the kernel does when memory runs out. */
async function killBackend(superuserUrl: string, { client }: Fault, begin: () => void): Promise<void> {
  await insist(() =>
    withConnection(superuserUrl, async (database) => {
      const backends = await database("pg_stat_activity").whereRaw(FARM).orderBy("pid").select("pid");
      if (backends.length === 0) throw new Error("the farm has no connection");
      begin();
      process.kill(backends[client % backends.length].pid, "SIGKILL");
    }),
  );
}

/**
 * For so long, and until it has happened once, every COMMIT is done and its answer is not given: the server is told to wait for a
 * standby that there is not, which it does when the commit is on the disk, and is told to end the connection then.
 */
async function hangUp(superuserUrl: string, durationMs: number, begin: () => void): Promise<void> {
  await insist(() =>
    withConnection(superuserUrl, async (database) => {
      await database.raw("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
      await database.raw("SELECT pg_reload_conf()");
      begin();
      const sinceMs = performance.now();
      for (let hungUp = 0; ; ) {
        const ended = await database("pg_stat_activity")
          .whereRaw(`${FARM} AND wait_event = 'SyncRep'`)
          .select(database.raw("pg_terminate_backend(pid)"));
        hungUp += ended.length;
        const elapsedMs = performance.now() - sinceMs;
        if (elapsedMs > (hungUp === 0 ? COMMIT_WAIT_MS : durationMs)) break;
        await wait(LOOK_MS);
      }
      await database.raw("ALTER SYSTEM RESET synchronous_standby_names");
      await database.raw("SELECT pg_reload_conf()");
    }),
  );
}
