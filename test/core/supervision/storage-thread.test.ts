// One real storage thread, as main has it: every wait ends with the thread, and it is gone after `close` in every phase.

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateSessionDirectory } from "../../../core/memory/session-directory.js";
import { type StorageNews, StorageThread } from "../../../core/supervision/storage-thread.js";
import type { StorageThreadLimits } from "../../../storage/thread-messages.js";
import { StorageClient } from "../../../workers/session/storage-client.js";
import { failureOf } from "./start-failure.js";

const directory = mkdtempSync(join(tmpdir(), "limpet-main-storage-thread-"));
const NOTES_APP_URL = new URL("../../storage/notes-app.js", import.meta.url).href;
const key = "5".padStart(32, "0");
const news: StorageNews[] = [];
let count = 0;

/** The URL of a module of that source. */
function app(source: string): string {
  const file = join(directory, `app-${++count}.mjs`);
  writeFileSync(file, source);
  return pathToFileURL(file).href;
}

function newThread(appUrl = NOTES_APP_URL, limits: Partial<StorageThreadLimits> = {}): StorageThread {
  const database = { client: "sqlite3", filename: ":memory:", durability: "normal" } as const;
  return new StorageThread({ database, appUrl, directory: allocateSessionDirectory(64), limits }, (told) =>
    news.push(told),
  );
}

test("a thread, loads, opens, serves, closes, and is gone without a failure", async () => {
  const thread = newThread();
  await thread.loaded();
  await thread.open();
  const { port1, port2 } = new MessageChannel();
  thread.attach(port1);
  const client = new StorageClient(port2);
  assert.is(await client.call("careless", null), "done");
  assert.is(await client.version(key), 0);
  client.close();
  await Promise.all([thread.close(), thread.close()]);
  assert.is(await thread.ended, undefined);
  assert.match(news.at(-1)!.type === "warning" ? JSON.stringify(news.at(-1)) : "", /forgotten/);
});

test("closing a thread, while it loads, has loaded, or opens, ends it", async () => {
  const loading = newThread(app("setInterval(() => {}, 1000); await new Promise(() => {});"));
  const loaded = failureOf(loading.loaded());
  await loading.close();
  assert.match((await loaded).message, /^the storage thread ended while starting$/);
  const idle = newThread(app("setInterval(() => {}, 1000); export default {};"));
  await idle.loaded();
  await idle.close();
  const opening = newThread();
  await opening.loaded();
  const opened = opening.open();
  await Promise.all([opened, opening.close()]);
  const failing = newThread(
    app("export default { migrations: { a: { up() { throw new Error('no table'); } } } };"),
  );
  await failing.loaded();
  const failed = failureOf(failing.open());
  await failing.close();
  assert.is((await failed).code, "app_migration_failed");
});

test("a thread that is gone, fails whoever waits for it, then and later", async () => {
  const thread = newThread(
    app("setImmediate(() => { throw new Error('thrown later'); }); export default {};"),
  );
  await thread.loaded().catch(() => {});
  await thread.ended;
  const failure = await failureOf(thread.open());
  assert.is(failure.message, "the storage thread failed while starting: thrown later");
  await thread.close();
  const { port1, port2 } = new MessageChannel();
  thread.attach(port1);
  port2.close();
});

test("a port whose worker has closed it, is attached without harm", async () => {
  const thread = newThread();
  await thread.loaded();
  await thread.open();
  const { port1, port2 } = new MessageChannel();
  const closed = once(port1, "close");
  port1.ref();
  port2.close();
  await closed;
  thread.attach(port1);
  await thread.close();
});

test("a worker that does not let go of its port, is waited for for a bounded time, and its port is closed then", async () => {
  const thread = newThread(NOTES_APP_URL, { releaseTimeoutMs: 30 });
  await thread.loaded();
  await thread.open();
  const { port1, port2 } = new MessageChannel();
  thread.attach(port1);
  const client = new StorageClient(port2);
  await client.version(key);
  port2.ref();
  const closed = once(port2, "close");
  await thread.close();
  await closed;
  client.close();
});

test.after(() => rmSync(directory, { recursive: true, force: true }));
test.run();
