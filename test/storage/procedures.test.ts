// The app's procedures: arguments in, result out, and what bounds them.

import type { Knex } from "knex";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeValue, encodeValue } from "../../storage/messages.js";
import { Procedures } from "../../storage/procedures.js";
import type { Procedure } from "../../workers/app/app.js";

const database = {} as Knex;
const LONG_MS = 60_000;

async function rejectionOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not reject");
}

test("a procedure, gets the database and its decoded arguments, and gives its result", async () => {
  const seen: unknown[] = [];
  const procedures = new Procedures(
    {
      async echo(given, args) {
        seen.push(given);
        return { got: args };
      },
    },
    LONG_MS,
  );
  assert.equal(decodeValue(await procedures.run("echo", database, encodeValue([1, { a: "b" }]))), {
    got: [1, { a: "b" }],
  });
  assert.equal(decodeValue(await procedures.run("echo", database, null)), { got: undefined });
  assert.is(seen[0], database);
});

test("a name, is known, only if the app has it itself", () => {
  const procedures = new Procedures({ products: async () => [] }, LONG_MS);
  assert.ok(procedures.has("products"));
  for (const name of ["product", "toString", "__proto__", "constructor", ""])
    assert.not(procedures.has(name), name);
});

test("a procedure that throws, at once or later, rejects with that error", async () => {
  const error = new Error("no");
  const procedures = new Procedures(
    {
      atOnce: (() => {
        throw error;
      }) as Procedure,
      later: () => Promise.reject(error),
    },
    LONG_MS,
  );
  assert.is(await rejectionOf(procedures.run("atOnce", database, null)), error);
  assert.is(await rejectionOf(procedures.run("later", database, null)), error);
});

test("a procedure that never ends, rejects, when its time is over", async () => {
  const procedures = new Procedures({ forever: () => new Promise(() => {}) }, 1);
  const error = await rejectionOf(procedures.run("forever", database, null));
  assert.match(error.message, "the procedure forever took longer than 1 ms");
});

test("arguments that are no MessagePack, reject, and the procedure does not run", async () => {
  let runs = 0;
  const procedures = new Procedures({ count: async () => ++runs }, LONG_MS);
  await rejectionOf(procedures.run("count", database, Uint8Array.of()));
  await rejectionOf(procedures.run("count", database, Uint8Array.of(0x92, 0x01)));
  await rejectionOf(procedures.run("count", database, Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)));
  assert.is(runs, 0);
});

test.run();
