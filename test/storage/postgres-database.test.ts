// Opening a PostgreSQL database: what a connection is told, the code and sentence for each way in which it cannot be
// opened, and that no sentence has the password in it.

import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDatabase } from "../../storage/database.js";
import { isDatabaseDown, StartFailure, type StartFailureCode } from "../../storage/failure.js";
import { migrateApp, migrateLimpet } from "../../storage/migrations.js";
import { checkServerVersion, postgresFailureOf } from "../../storage/postgres-failure.js";
import { hasPostgres, type PostgresCluster, startCluster } from "../support/postgres.js";

const TARGET = { server: "db:5432", database: "shop", user: "limpet" };

function open(url: string, durability: "full" | "normal" = "full") {
  return openDatabase({ client: "postgres", url, durability, coherence: "told" });
}

async function assertRefused(url: string, code: StartFailureCode, ...parts: string[]): Promise<void> {
  try {
    await (await open(url)).close();
  } catch (error) {
    assert.instance(error, StartFailure);
    const { message } = error as StartFailure;
    assert.is((error as StartFailure).code, code, message);
    for (const part of parts) assert.match(message, part);
    assert.not.match(message, /barnacle|\n/);
    return;
  }
  assert.unreachable(`${url} was opened`);
}

test("a server that is too old, is told with both versions", () => {
  checkServerVersion(140_000, TARGET);
  assert.throws(
    () => checkServerVersion(130_014, TARGET),
    (error: StartFailure) =>
      error.code === "server_too_old" && /is version 13, and limpet needs 14/.test(error.message),
  );
});

test("an error of connecting, becomes its code and one sentence", () => {
  const error = (message: string, more: object = {}) => Object.assign(new Error(message), more);
  const cases: [Error, StartFailureCode][] = [
    [error("no pg_hba.conf entry for host", { code: "28000", severity: "FATAL" }), "no_permission"],
    [error("permission denied", { code: "42501", severity: "ERROR" }), "no_permission"],
    [error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"), "no_permission"],
    [error("The server does not support SSL connections"), "tls_failed"],
    [error("self-signed certificate", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "tls_failed"],
    [error("certificate has expired", { code: "CERT_HAS_EXPIRED" }), "tls_failed"],
    [error("x", { code: "ERR_TLS_CERT_ALTNAME_INVALID" }), "tls_failed"],
    [error("getaddrinfo", { code: "ENOTFOUND", syscall: "getaddrinfo" }), "database_unavailable"],
    [error("sorry, too many clients", { code: "53300", severity: "FATAL" }), "database_unavailable"],
    [new AggregateError([error("refused", { code: "ECONNREFUSED" })]), "database_unavailable"],
  ];
  for (const [cause, code] of cases) {
    const failure = postgresFailureOf(cause, TARGET);
    assert.is(failure.code, code, cause.message);
    assert.match(failure.message, /db:5432/);
    assert.not.match(failure.message, "\n");
  }
});

test("a package that is not installed, is named, with how to install it", async () => {
  const require = createRequire(import.meta.url);
  const Module = require("node:module") as { _resolveFilename: (name: string, ...rest: unknown[]) => string };
  const original = Module._resolveFilename;
  Module._resolveFilename = (name, ...rest) => {
    if (name !== "pg" && name !== "better-sqlite3") return original.call(Module, name, ...rest);
    throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" });
  };
  try {
    await assertRefused("postgres://limpet:barnacle@db/shop", "driver_missing", "npm install pg");
    const options = { client: "better-sqlite3", filename: ":memory:", durability: "full" } as const;
    await openDatabase(options).then(
      () => assert.unreachable(),
      (error: StartFailure) =>
        assert.match(error.message, /better-sqlite3 is not installed.*npm install better-sqlite3/),
    );
  } finally {
    Module._resolveFilename = original;
  }
});

test("a server that is not there, is said to be just that", async () => {
  await assertRefused(
    "postgres://limpet:barnacle@127.0.0.1:1/shop",
    "database_unavailable",
    "127.0.0.1:1",
    "refused",
  );
  await assertRefused(
    "postgres://limpet:barnacle@/shop?host=/nowhere",
    "database_unavailable",
    "/nowhere/.s.PGSQL.5432",
    "no such socket",
  );
  await assertRefused("postgres://limpet:barnacle@localhost:1/shop", "database_unavailable", "refused");
});

test("a server without TLS, or that is no PostgreSQL at all, is refused", async () => {
  const server = createServer((socket) => socket.once("data", () => socket.end("N")));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await assertRefused(
    `postgres://limpet:barnacle@127.0.0.1:${port}/shop?sslmode=verify-full`,
    "tls_failed",
    "SSL",
  );
  await assertRefused(`postgres://limpet:barnacle@127.0.0.1:${port}/shop`, "database_unavailable");
  server.close();
});

test("errors, are the database's or the statement's", () => {
  const server = (code: string) => Object.assign(new Error("x"), { code, severity: "ERROR" });
  for (const code of [
    "57P01",
    "57P03",
    "08006",
    "53100",
    "53300",
    "58030",
    "25006",
    "55P03",
    "28P01",
    "XX001",
  ])
    assert.ok(isDatabaseDown(server(code)), code);
  for (const code of ["23505", "42P01", "22P02", "40001", "40P01", "57014", "25P02", "P0001"])
    assert.not(isDatabaseDown(server(code)), code);
  assert.ok(isDatabaseDown(Object.assign(new Error("x"), { code: "ECONNREFUSED", syscall: "connect" })));
  assert.ok(isDatabaseDown(new Error("select 1 - Connection terminated unexpectedly")));
  // A procedure's own: a file, or an error with a code of the same shape.
  assert.not(isDatabaseDown(Object.assign(new Error("x"), { code: "ENOENT", syscall: "open" })));
  assert.not(isDatabaseDown(Object.assign(new Error("x"), { code: "53100" })));
  assert.not(isDatabaseDown(undefined));
});

if (hasPostgres()) {
  const cluster: PostgresCluster = await startCluster();
  test.after(() => cluster.remove());

  test("a connection, is told durability, isolation and bounds on every wait", async () => {
    const url = cluster.createDatabase("told");
    cluster.sql("told", "ALTER DATABASE told SET default_transaction_isolation = 'serializable'");
    for (const [durability, synchronous_commit] of [
      ["full", "on"],
      ["normal", "off"],
    ] as const) {
      const { knex, close } = await open(url, durability);
      const shown = async (name: string) => (await knex.raw(`SHOW ${name}`)).rows[0][name];
      assert.is(await shown("synchronous_commit"), synchronous_commit);
      assert.is(await shown("transaction_isolation"), "read committed");
      for (const name of ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
        assert.match(await shown(name), /^[1-9]/, name);
      assert.is(knex.client.pool.max, 1);
      assert.equal(
        (await knex.raw("SELECT count(*) AS n FROM pg_class WHERE false")).rows,
        [{ n: 0 }],
        "a number",
      );
      await close();
    }
  });

  test("a password that is wrong or missing, and a database that is not there, are named", async () => {
    const url = cluster.createDatabase("named");
    await assertRefused(url.replace("barnacle", "barnacle2"), "no_permission", "user limpet", "password");
    await assertRefused(url.replace(":barnacle", ""), "no_permission", "user limpet", "password");
    await assertRefused(url.replace("/named", "/nowhere"), "database_missing", "createdb nowhere");
    await assertRefused(url.replace("limpet:", "nobody:"), "no_permission", "user nobody");
  });

  test("migrations, of two farms that start at once, run once", async () => {
    const url = cluster.createDatabase("migrated");
    let runs = 0;
    const up = async (knex: import("knex").Knex) => {
      runs++;
      await knex.schema.createTable("once", (table) => table.integer("x"));
      await knex.raw("SELECT pg_sleep(0.2)");
    };
    const start = async () => {
      const database = await open(url);
      await database.migrate(async () => {
        await migrateLimpet(database.knex);
        await migrateApp(database.knex, { "0001": { up } });
      });
      assert.is((await database.knex.raw("SHOW statement_timeout")).rows[0].statement_timeout, "3s");
      await database.close();
    };
    await Promise.all([start(), start(), start()]);
    assert.is(runs, 1);
  });

  test("a user who may not make tables, is told at the migration", async () => {
    const url = cluster.createDatabase("readonly");
    cluster.sql("readonly", "ALTER DATABASE readonly OWNER TO postgres");
    const database = await open(url);
    await database
      .migrate(() => migrateLimpet(database.knex))
      .then(
        () => assert.unreachable(),
        (error: StartFailure) => {
          assert.is(error.code, "migration_failed");
          assert.match(error.message, /permission denied for schema public/);
        },
      );
    await database.close();
  });

  test("a server without TLS, is refused when TLS is demanded", async () => {
    const url = cluster.createDatabase("tls");
    // Unix sockets have none.
    await assertRefused(`${url}&sslmode=verify-full`, "tls_failed", join(cluster.folder, ".s.PGSQL.5432"));
  });
}

test.run();
