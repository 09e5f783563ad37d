// A database's place: a file or a PostgreSQL URL, and that no message and no settings tell a password.

import { resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isPostgresUrl, isWholePostgresUrl, withoutPassword } from "../../../core/options/database-url.js";
import { describeSettings, OptionError, resolveOptions } from "../../../core/options.js";

const SECRET = "correct horse battery staple, 32 and more";

test("URL, of each form that libpq knows, with one host, is whole", () => {
  for (const url of [
    "postgres://db.example.com/shop",
    "postgresql://limpet:b%40rnacle@db.example.com:5433/shop?sslmode=verify-full",
    "postgres://limpet:barnacle@[2001:db8::1]/shop",
    "postgresql:///shop?host=/run/postgresql",
    "postgres://limpet@/shop?host=/run/postgresql&port=5433",
    "postgres://%2Frun%2Fpostgresql/shop",
    "POSTGRES://db/shop",
  ]) {
    assert.ok(isPostgresUrl(url) && isWholePostgresUrl(url), url);
    assert.is(resolveOptions({ database: url, secret: SECRET }).database, url);
  }
});

test("URL, without a database, with two hosts or with what no URL has, is not whole", () => {
  for (const url of [
    "postgres://db",
    "postgres://db/",
    "postgres://a,b:5432/shop",
    "postgres://a b/shop",
    "postgres:",
    "postgres:shop",
  ])
    assert.not(isWholePostgresUrl(url), url);
});

test("file, whose name only looks a little like a URL, is a file", () => {
  for (const name of ["postgres.db", "./postgres:shop", "mysql://db/shop"]) {
    assert.not(isPostgresUrl(name));
    assert.is(resolveOptions({ database: name }).database, resolve(name));
  }
});

test("password, is not shown, wherever in the URL it is", () => {
  const shown: Record<string, string> = {
    "postgres://limpet:barnacle@db:5433/shop?sslmode=require":
      "postgres://limpet:***@db:5433/shop?sslmode=require",
    "postgres://db/shop?user=limpet&password=barnacle": "postgres://db/shop?user=limpet&password=***",
    "postgres://limpet:bar%2Fnacle@/shop?host=/run": "postgres://limpet:***@localhost/shop?host=/run",
    "postgres://limpet@db/shop": "postgres://limpet@db/shop",
    "postgres://limpet:bar nacle@db/shop": "postgres://…",
    "postgres://limpet:bar/nacle@db/shop": "postgres://…",
    "limpet.db": "limpet.db",
  };
  for (const [url, expected] of Object.entries(shown)) assert.is(withoutPassword(url), expected);
});

test("settings, described, tell no password", () => {
  const database = "postgres://limpet:barnacle@db/shop";
  const described = describeSettings(resolveOptions({ database, secret: SECRET }));
  assert.is(described.database, "postgres://limpet:***@db/shop");
  assert.not.match(JSON.stringify(described), "barnacle");
});

test("URL that is wrong, is refused in a message without its password", () => {
  for (const database of ["postgres://limpet:barnacle@db", "postgres://limpet:barnacle @db/shop"]) {
    try {
      resolveOptions({ database, secret: SECRET });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, OptionError);
      assert.match(
        (error as Error).message,
        /^database \(--database\) takes a file name, .*, not "postgres:/,
      );
      assert.not.match((error as Error).message, "barnacle");
    }
  }
});

test("PostgreSQL, without a secret, is refused, because its farms must share one", () => {
  assert.throws(
    () => resolveOptions({ database: "postgres://limpet:barnacle@db/shop" }),
    (error: Error) => /needs a secret.*LIMPET_SECRET/.test(error.message) && !/barnacle/.test(error.message),
  );
});

test.run();
