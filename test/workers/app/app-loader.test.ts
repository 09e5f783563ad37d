// The loader: an app is taken as it is, and what is not one is named in one sentence.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AppLoadError, loadApp } from "../../../workers/app/app-loader.js";

let folder = "";
const test = suite("app-loader");

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "limpet-app-"));
});
test.after(() => rm(folder, { recursive: true }));

async function failureOf(name: string, source: string): Promise<AppLoadError> {
  const file = join(folder, name);
  await writeFile(file, source);
  try {
    await loadApp(pathToFileURL(file).href);
  } catch (error) {
    assert.instance(error, AppLoadError);
    assert.ok((error as Error).message.includes(file), "the sentence must name the file");
    assert.not.match((error as Error).message, "\n");
    return error as AppLoadError;
  }
  throw new Error(`${name} was loaded`);
}

test("app, with everything, is what the module exports and not a copy", async () => {
  const file = join(folder, "whole.mjs");
  await writeFile(
    file,
    `class Shop { greeting = "hello"; fetch() { return this.greeting; } }
     const app = new Shop();
     app.procedures = { products: async () => [] };
     app.migrations = { "001-products": { up: async () => {}, down: async () => {} } };
     app.sessionless = () => false; app.datagram = () => 1; app.setup = app.teardown = () => {};
     export default app;`,
  );
  const app = await loadApp(pathToFileURL(file).href);
  assert.is(app.fetch(undefined as never, undefined as never) as unknown, "hello");
});

test("app, no such file, is not found", async () => {
  const file = join(folder, "missing.mjs");
  try {
    await loadApp(pathToFileURL(file).href);
    assert.unreachable();
  } catch (error) {
    assert.is((error as AppLoadError).code, "app_not_found");
    assert.is((error as Error).message, `The app ${file} cannot be found or read.`);
  }
});

test("app, failing to load, says why on one line", async () => {
  const cases = [
    ["throws.mjs", 'throw new Error("no\\n  configuration")', /cannot be loaded: Error: no configuration$/],
    ["throws-text.mjs", 'throw "just text"', /cannot be loaded: just text$/],
    ["syntax.mjs", "export default {", /cannot be loaded: SyntaxError/],
    [
      "imports.mjs",
      'import "no-such-package-at-all"; export default {}',
      /Cannot find package 'no-such-package/,
    ],
  ] as const;
  for (const [name, source, message] of cases) {
    const error = await failureOf(name, source);
    assert.is(error.code, "app_failed_to_load");
    assert.match(error.message, message);
  }
});

test("app, without a default export, says how to write one", async () => {
  const error = await failureOf("named.mjs", "export const fetch = () => {};");
  assert.is(error.code, "app_without_default_export");
  assert.match(error.message, "export default { fetch(request, context)");
});

test("app, of the wrong shape, names the member and what it must be", async () => {
  const cases = [
    ["empty.mjs", "{}", '"fetch" of its default export is missing and must be a function.'],
    ["function.mjs", "() => {}", "its default export must be an object with fetch(request, context)."],
    ["null.mjs", "null", "its default export must be an object with fetch(request, context)."],
    ["fetch.mjs", "{ fetch: 1 }", '"fetch" of its default export must be a function.'],
    ["setup.mjs", "{ fetch() {}, setup: true }", '"setup" of its default export must be a function.'],
    ["datagram.mjs", "{ fetch() {}, datagram: {} }", '"datagram" of its default export must be a function.'],
    [
      "list.mjs",
      "{ fetch() {}, procedures: 7 }",
      '"procedures" of its default export must be an object of functions.',
    ],
    [
      "procedure.mjs",
      "{ fetch() {}, procedures: { a: 1 } }",
      '"procedures.a" of its default export must be a function.',
    ],
    [
      "up.mjs",
      "{ fetch() {}, migrations: { a: {} } }",
      '"migrations.a.up" of its default export is missing and must be a function.',
    ],
    [
      "step.mjs",
      "{ fetch() {}, migrations: { a: 1 } }",
      '"migrations.a" of its default export must be an object with up().',
    ],
  ] as const;
  for (const [name, source, end] of cases) {
    const error = await failureOf(name, `export default ${source};`);
    assert.is(error.code, "app_invalid", name);
    assert.ok(error.message.endsWith(`cannot be served: ${end}`), error.message);
  }
});

test.run();
