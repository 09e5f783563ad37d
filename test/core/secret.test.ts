// The secret that signs session IDs: made once, kept whole and private, and never replaced behind anyone's back.

import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../../core/options.js";
import { loadSecret } from "../../core/secret.js";

const test = suite<{ folder: string; database: string }>("secret");

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "limpet-secret-"));
  context.database = join(context.folder, "farm.db");
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

/** The message of the `OptionError` that loading ends with. */
function refusal(database: string): string {
  try {
    loadSecret(undefined, database);
  } catch (error) {
    assert.instance(error, OptionError);
    return (error as Error).message;
  }
  throw new Error(`${database} has a secret`);
}

test("secret, where there is none, is made beside the database, for its owner only, and found again", ({
  folder,
  database,
}) => {
  const umask = process.umask(0);
  const first = loadSecret(undefined, database);
  process.umask(umask);
  assert.is(first.length, 32);
  assert.is(statSync(`${database}.secret`).mode & 0o777, 0o600);
  assert.is(readFileSync(`${database}.secret`, "utf8"), `${Buffer.from(first).toString("hex")}\n`);
  assert.equal(loadSecret(undefined, database), first);
  assert.equal(readdirSync(folder), ["farm.db.secret"], "and nothing else is left");
});

test("secret, of two databases, is not the same", ({ folder, database }) => {
  assert.not.equal(loadSecret(undefined, database), loadSecret(undefined, join(folder, "other.db")));
});

test("secret, readable by others, is made private when it is loaded", ({ database }) => {
  loadSecret(undefined, database);
  chmodSync(`${database}.secret`, 0o644);
  loadSecret(undefined, database);
  assert.is(statSync(`${database}.secret`).mode & 0o777, 0o600);
});

test("secret, longer than ours, is taken as it is", ({ database }) => {
  writeFileSync(`${database}.secret`, "ab".repeat(48));
  assert.equal(loadSecret(undefined, database), Buffer.alloc(48, 0xab));
});

test("secret, damaged, is refused and left alone", ({ database }) => {
  for (const text of [
    "",
    "\n",
    "damaged",
    "ab".repeat(31),
    `${"ab".repeat(32)}a`,
    `${"ab".repeat(31)}zz`,
    `${"ab".repeat(16)}\n${"ab".repeat(16)}`,
  ]) {
    writeFileSync(`${database}.secret`, text);
    assert.match(refusal(database), /^the session secret in \S+farm\.db\.secret is damaged: restore it, or/);
    assert.is(readFileSync(`${database}.secret`, "utf8"), text);
  }
});

test("secret, that is no file, cannot be read", ({ database }) => {
  mkdirSync(`${database}.secret`);
  assert.match(refusal(database), /farm\.db\.secret cannot be read \(EISDIR\)$/);
});

test("secret, in a folder that is not there or is none, cannot be had", ({ folder, database }) => {
  assert.match(refusal(join(folder, "none", "farm.db")), /cannot be written to \S+ \(ENOENT\)$/);
  writeFileSync(database, "");
  assert.match(refusal(join(database, "farm.db")), /cannot be \w+.* \(ENOTDIR\)$/);
});

test("secret, in a folder that may not be written, cannot be written", ({ folder, database }) => {
  // Root may write everywhere but here.
  const isRoot = process.getuid?.() === 0;
  chmodSync(folder, 0o500);
  const message = refusal(isRoot ? "/proc/self/farm.db" : database);
  chmodSync(folder, 0o700);
  assert.match(message, /^the session secret cannot be written to \S+ \((EACCES|EPERM|ENOENT|EROFS)\)$/);
});

test("secret, asked for by several threads at once, is the same for all", async ({ folder, database }) => {
  const code = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.url).then(({ loadSecret }) => {
      const gate = new Int32Array(workerData.gate);
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < workerData.threads);
      parentPort.postMessage(workerData.databases.map((file) => Buffer.from(loadSecret(undefined, file)).toString("hex")));
    });`;
  const threads = 2;
  const databases = Array.from({ length: 50 }, (_, i) => `${database}-${i}`);
  const url = new URL("../../core/secret.js", import.meta.url).href;
  const gate = new SharedArrayBuffer(4);
  const answers = await Promise.all(
    Array.from({ length: threads }, async () => {
      const workerData = { url, gate, threads, databases };
      const [secrets] = (await once(new Worker(code, { eval: true, workerData }), "message")) as [string[]];
      return secrets;
    }),
  );
  assert.equal(answers[0], answers[1]);
  assert.is(new Set(answers[0]).size, databases.length);
  assert.is(readdirSync(folder).length, databases.length, "and no draft is left");
});

test("secret, that is given, is used as it is and nothing is written", ({ folder, database }) => {
  assert.equal(loadSecret("ä".repeat(40), database), Buffer.from("ä".repeat(40)));
  assert.equal(readdirSync(folder), []);
});

test("secret, of a database in memory, is a new one each time and nothing is written", ({ folder }) => {
  const [first, second] = [loadSecret(undefined, ":memory:"), loadSecret(undefined, ":memory:")];
  assert.equal([first.length, second.length], [32, 32]);
  assert.not.equal(first, second);
  assert.equal(readdirSync(folder), []);
});

test.run();
