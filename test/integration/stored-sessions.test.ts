// Sessions that are in the database already when the farm starts: written by limpet 0.1.0, as its tables and rows were then,
// and one whose state is damaged.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sqlite3 from "sqlite3";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createFarm } from "../../core/farm.js";
import { ask } from "../support/client.js";

/** A dump of what limpet 0.1.0 wrote: a session that has counted to 3. Never to be changed. */
const DUMP = `
CREATE TABLE limpet_migrations (id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime);
CREATE TABLE limpet_migrations_lock ("index" integer not null primary key autoincrement, is_locked integer);
CREATE TABLE limpet_sessions (key varchar(32) not null, state blob not null, version bigint not null, expires_at bigint not null, created_at bigint not null, updated_at bigint not null, primary key (key));
CREATE INDEX limpet_sessions_expires_at_index on limpet_sessions (expires_at);
CREATE TABLE app_migrations (id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime);
CREATE TABLE app_migrations_lock ("index" integer not null primary key autoincrement, is_locked integer);
INSERT INTO limpet_migrations VALUES (1, '0001_sessions', 1, 1795527018402);
INSERT INTO limpet_migrations_lock VALUES (1, 0);
INSERT INTO app_migrations_lock VALUES (1, 0);
INSERT INTO limpet_sessions VALUES ('9fd19091eb31e912dc9afe16ae363d2e', X'81A5636F756E7403', 3, EXPIRES, NOW, NOW);
`;
const SECRET = "a secret of at least 32 characters!";
const COOKIE = "limpet.sid=XErSlx2qCJJLW3UXXwzN3-_T.Iv2YXn2BU_B6l9Q0t9v5K9H4";

const folder = mkdtempSync(join(tmpdir(), "limpet-stored-"));
test.after(() => rmSync(folder, { recursive: true }));

function execute(file: string, sql: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file);
    database.exec(sql, (error) => {
      database.close(() => (error === null ? resolve() : reject(error)));
    });
  });
}

async function withFarm(database: string, use: (url: string) => Promise<void>): Promise<void> {
  const farm = createFarm({
    app: new URL("../support/test-app.js", import.meta.url),
    database,
    secret: SECRET,
    tun: "off",
    socket: "127.0.0.1:0",
    admin: "none",
    logLevel: "silent",
  });
  await farm.listen();
  try {
    await use(farm.urls[0]!);
  } finally {
    await farm.close();
  }
}

async function dumped(name: string): Promise<string> {
  const file = join(folder, name);
  const now = Date.now();
  await execute(file, DUMP.replace("EXPIRES", String(now + 3_600_000)).replaceAll("NOW", String(now)));
  return file;
}

test("session, written by an older version of the code, is loaded and goes on", async () => {
  await withFarm(await dumped("old.db"), async (url) => {
    const shown = (await ask(`${url}session`, { cookie: COOKIE })).json();
    assert.equal([shown.origin, shown.version, shown.count], ["database", 3, 3]);
    assert.is((await ask(`${url}session/add`, { cookie: COOKIE })).json().count, 4);
  });
});

test("session, whose row is damaged, is an error for itself alone", async () => {
  const file = await dumped("damaged.db");
  await execute(file, "UPDATE limpet_sessions SET state = X'C1FFFF00'");
  await withFarm(file, async (url) => {
    for (let tries = 0; tries < 3; tries++) {
      assert.is((await ask(`${url}session`, { cookie: COOKIE })).status, 500);
      assert.is((await ask(`${url}session/add`)).status, 200);
    }
    // What needs no session is served even with that cookie.
    assert.is((await ask(url, { cookie: COOKIE })).status, 200);
  });
});

for (const what of ["removed", "replaced"] as const) {
  test(`database file, ${what} while it is in use, is noticed before anything more is acknowledged, and begun anew`, async () => {
    const file = await dumped(`${what}.db`);
    await withFarm(file, async (url) => {
      assert.is((await ask(`${url}session/add`, { cookie: COOKIE })).json().count, 4);
      rmSync(file);
      if (what === "replaced") await execute(file, "CREATE TABLE other (n integer)");
      const refused = await ask(`${url}session/add`, { cookie: COOKIE });
      assert.equal([refused.status, refused.headers["retry-after"]], [503, "1"]);
      let answer = refused;
      while (answer.status !== 200) answer = await ask(`${url}session/add`, { cookie: COOKIE });
      assert.is(answer.json().count, 1, "what is gone is gone, and nothing else is shown for it");
      assert.ok(existsSync(file));
    });
    // What was acknowledged after that is there.
    await withFarm(file, async (url) => {
      assert.is((await ask(`${url}session/add`, { cookie: COOKIE })).json().count, 2);
    });
  });
}

test.run();
