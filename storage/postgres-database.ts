// A PostgreSQL database, which several farms may share: what a connection is told, how a dead server is found out, how
// often a server that is away is tried, and who may change the schema. One connection for the storage, which works one
// step at a time, and one that listens (change-feed.ts). What always holds: no statement, lock or answer is waited for
// without a bound, and a farm that dies, hangs or is cut off leaves nothing locked for longer than `IDLE_LIMIT_MS`.

import { randomBytes } from "node:crypto";
import type { Knex } from "knex";
import { ChangeFeed, type ListeningConnection } from "./change-feed.js";
import type { Database } from "./database.js";
import { makeKnex } from "./driver.js";
import { StartFailure, sqlStateOf } from "./failure.js";
import { checkServerVersion, type PostgresTarget, postgresFailureOf } from "./postgres-failure.js";
import { PostgresRows } from "./postgres-rows.js";

export interface PostgresOptions {
  readonly client: "postgres";
  /** postgres://user:password@host:port/database, with libpq's parameters: ?host=/run/postgresql for a unix socket. */
  readonly url: string;
  /**
   * "full": synchronous_commit on. "normal": off, a commit survives the death of the farm; one that was answered less than a
   * second before the server itself crashes or loses power may be lost, and the database is sound.
   */
  readonly durability: "full" | "normal";
  /**
   * "told": farms tell each other what they change; a session that goes to and fro between them may, the first time, be read as it
   * was a few ms ago. "asked": each request of a session asks the database for its version first. In either case no
   * change is lost: one that was made from an old version is refused.
   */
  readonly coherence: "told" | "asked";
}

/** How long connecting may take, in ms. */
const CONNECT_TIMEOUT_MS = 2_000;
/** How long one statement may take, in ms: as long as an app's procedure. */
const STATEMENT_TIMEOUT_MS = 3_000;
/** How long another farm's transaction is waited for, in ms. Deadlocks are found within one second, PostgreSQL's default. */
const LOCK_TIMEOUT_MS = 2_000;
/** How long a transaction may do nothing, in ms: then its farm hangs, and the server ends it. */
const IDLE_LIMIT_MS = 5_000;
/** How long a connection may owe an answer, in ms, until it counts as dead: longer than any statement. */
const ANSWER_TIMEOUT_MS = 4_500;
/** How long another farm's changes of the schema are waited for, in ms. */
const MIGRATION_WAIT_MS = 30_000;
/** The wait between two attempts to connect, in ms: doubles from the first to the last while they fail. */
const MIN_RETRY_MS = 20;
const MAX_RETRY_MS = 1_000;

/** Number of the advisory lock that farms change the schema under: "limpet" in ASCII. */
const MIGRATION_LOCK = 0x6c69_6d70_6574;

/** OID of the type int8. */
const INT8 = 20;

/** The part of pg's `Client` that is used here. */
interface PostgresClient extends ListeningConnection {
  readonly readyForQuery: boolean;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  query<Row>(sql: string): Promise<{ readonly rows: readonly Row[] }>;
  setTypeParser(oid: number, parse: (text: string) => unknown): void;
  readonly connection: {
    readonly stream: {
      destroy(error?: Error): void;
      setTimeout(ms: number): void;
      on(event: "timeout", listener: () => void): void;
    };
  };
}

/** Knex's PostgreSQL dialect. The connection that it makes is told nothing yet, and is in no pool. */
interface PostgresDialect {
  acquireRawConnection(): Promise<PostgresClient>;
}

/** Opens the database. Throws a `StartFailure`. */
export async function openPostgres({ url, durability, coherence }: PostgresOptions): Promise<Database> {
  let isChangingSchema = false;
  const knex = makeKnex("pg", {
    connection: {
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      fallback_application_name: "limpet",
    } as Knex.PgConnectionConfig,
    acquireConnectionTimeout: CONNECT_TIMEOUT_MS + STATEMENT_TIMEOUT_MS,
    pool: {
      min: 0,
      max: 1,
      afterCreate: (client: PostgresClient, done: (error: unknown) => void) => {
        endWhenSilent(client, ANSWER_TIMEOUT_MS, () => isChangingSchema);
        prepare(client, durability).then(() => done(null), done);
      },
    },
  });
  const dialect = knex.client as PostgresDialect;
  const connect = dialect.acquireRawConnection.bind(dialect);
  await check(knex, connect, url);
  dialect.acquireRawConnection = withBackOff(connect);
  const sender = randomBytes(8).toString("hex");
  const isTold = coherence === "told";
  return {
    knex,
    rows: new PostgresRows(isTold ? sender : undefined),
    migrate: async (run) => {
      isChangingSchema = true;
      await migrateAlone(knex, connect, run);
      isChangingSchema = false;
    },
    isShared: true,
    whyLost: () => undefined,
    follow: isTold ? (events) => new ChangeFeed(connect, sender, events) : undefined,
    close: () => knex.destroy(),
  };
}

/** Tries all that the storage will need of the server: a connection, its version, and one like those of the pool. */
async function check(knex: Knex, connect: () => Promise<PostgresClient>, url: string): Promise<void> {
  let target = targetOf(url);
  try {
    const client = await connect();
    endWhenSilent(client, ANSWER_TIMEOUT_MS);
    try {
      target = { server: serverOf(client), database: client.database, user: client.user };
      const { rows } = await client.query<{ version: string }>(
        "SELECT current_setting('server_version_num') AS version",
      );
      checkServerVersion(Number(rows[0]!.version), target);
    } finally {
      await client.end().catch(() => {});
    }
    await knex.raw("SELECT 1");
  } catch (error) {
    await knex.destroy();
    throw postgresFailureOf(error, target);
  }
}

/** What a connection of the storage is told before its first use. */
async function prepare(client: PostgresClient, durability: "full" | "normal"): Promise<void> {
  // The driver's default is text; every version and time of ours is a number, and so are an app's counts in SQLite.
  client.setTypeParser(INT8, (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)));
  await client.query(
    [
      `SET synchronous_commit = ${durability === "full" ? "on" : "off"}`,
      // The order of postgres-rows.ts is made for it; a server's own default may be another.
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
      `SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
      `SET lock_timeout = ${LOCK_TIMEOUT_MS}`,
      `SET idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS}`,
      // The server finds out by itself that we are gone: while it waits for a lock, and when not even a RST says so.
      "SET client_connection_check_interval = 1000",
      "SET tcp_keepalives_idle = 2",
      "SET tcp_keepalives_interval = 1",
      "SET tcp_keepalives_count = 3",
      `SET tcp_user_timeout = ${IDLE_LIMIT_MS}`,
    ].join(";"),
  );
}

/**
 * Ends a connection that owes an answer for so long, unless it may take as long as it takes. TCP itself would send to a
 * server that has vanished for a quarter of an hour.
 */
function endWhenSilent(client: PostgresClient, timeoutMs: number, mayTakeLong = () => false): void {
  const { stream } = client.connection;
  stream.setTimeout(timeoutMs);
  stream.on("timeout", () => {
    if (client.readyForQuery || mayTakeLong()) return;
    stream.destroy(new Error("Connection terminated: the server does not answer"));
  });
}

/** Connects, but not again at once after a failure: until the time has come the last error stands for the next. */
function withBackOff(connect: () => Promise<PostgresClient>): () => Promise<PostgresClient> {
  let retryMs = MIN_RETRY_MS;
  let notBeforeMs = 0;
  let failure: unknown;
  return async () => {
    if (performance.now() < notBeforeMs) throw failure;
    try {
      const client = await connect();
      retryMs = MIN_RETRY_MS;
      return client;
    } catch (error) {
      failure = error;
      notBeforeMs = performance.now() + retryMs;
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      throw error;
    }
  };
}

/** Changes the schema under a lock that ends with its connection, and without a limit on a statement's time. */
async function migrateAlone(
  knex: Knex,
  connect: () => Promise<PostgresClient>,
  run: () => Promise<void>,
): Promise<void> {
  const lock = await connect();
  endWhenSilent(lock, MIGRATION_WAIT_MS + ANSWER_TIMEOUT_MS);
  try {
    await lock.query(`SET lock_timeout = ${MIGRATION_WAIT_MS}`);
    await takeMigrationLock(lock);
    await knex.raw("SET statement_timeout = 0");
    await run();
    await knex.raw(`SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`);
  } finally {
    await lock.end().catch(() => {});
  }
}

async function takeMigrationLock(lock: PostgresClient): Promise<void> {
  try {
    await lock.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
  } catch (error) {
    // lock_not_available
    if (sqlStateOf(error) !== "55P03") throw error;
    throw new StartFailure(
      "database_in_use",
      `Another farm has been changing the schema of the database ${lock.database} for ${MIGRATION_WAIT_MS / 1000} s.`,
    );
  }
}

function serverOf({ host, port }: Pick<PostgresClient, "host" | "port">): string {
  return host.startsWith("/") ? `${host}/.s.PGSQL.${port}` : `${host}:${port}`;
}

/** What the URL says; what it leaves to the environment is not known before there is a client. */
function targetOf(url: string): PostgresTarget {
  const { searchParams, hostname, port, pathname, username } = new URL(url.replace("@/", "@localhost/"));
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  return {
    server: serverOf({
      host: host === "" ? "localhost" : host,
      port: Number(port === "" ? (searchParams.get("port") ?? 5432) : port),
    }),
    database: decodeURIComponent(pathname.slice(1)) || "(default)",
    user: decodeURIComponent(username) || searchParams.get("user") || "(default)",
  };
}
