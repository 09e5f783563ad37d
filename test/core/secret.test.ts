// The secret that signs session IDs: made once, kept whole and private, and never replaced behind anyone's back.

import { createHash } from "node:crypto";
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
import { loadSecrets, signingKeyOf } from "../../core/secret.js";

const test = suite<{ folder: string; database: string }>("secret");

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "limpet-secret-"));
  context.database = join(context.folder, "farm.db");
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

/** The message of the `OptionError` that loading ends with. */
function refusal(database: string): string {
  try {
    loadSecrets(undefined, database);
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
  const first = loadSecrets(undefined, database);
  process.umask(umask);
  assert.is(first.length, 1);
  assert.is(statSync(`${database}.secret`).mode & 0o777, 0o600);
  const text = readFileSync(`${database}.secret`, "utf8");
  assert.match(text, /^[0-9a-f]{64}\n$/);
  assert.equal(first, [signingKeyOf(Buffer.from(text.trim(), "hex"))]);
  assert.equal(loadSecrets(undefined, database), first);
  assert.equal(readdirSync(folder), ["farm.db.secret"], "and nothing else is left");
});

test("secret, of two databases, is not the same", ({ folder, database }) => {
  assert.not.equal(loadSecrets(undefined, database), loadSecrets(undefined, join(folder, "other.db")));
});

test("secret, readable by others, is made private when it is loaded", ({ database }) => {
  loadSecrets(undefined, database);
  chmodSync(`${database}.secret`, 0o644);
  loadSecrets(undefined, database);
  assert.is(statSync(`${database}.secret`).mode & 0o777, 0o600);
});

test("secret, longer than ours, is taken as it is", ({ database }) => {
  writeFileSync(`${database}.secret`, "ab".repeat(48));
  assert.equal(loadSecrets(undefined, database), [signingKeyOf(Buffer.alloc(48, 0xab))]);
});

test("secrets, one a line, are taken in their order, blank lines and line ends of any kind let be", ({
  database,
}) => {
  writeFileSync(`${database}.secret`, `${"cd".repeat(32)}\r\n\n${"ab".repeat(32)}\n\n`);
  assert.equal(
    loadSecrets(undefined, database),
    [Buffer.alloc(32, 0xcd), Buffer.alloc(32, 0xab)].map(signingKeyOf),
  );
});

test("secrets, as many as may be in use, are taken, and not one more", ({ database }) => {
  const file = `${database}.secret`;
  writeFileSync(file, `${"ab".repeat(32)}\n`.repeat(8));
  assert.is(loadSecrets(undefined, database).length, 8);
  writeFileSync(file, `${"ab".repeat(32)}\n`.repeat(9));
  assert.match(refusal(database), /farm\.db\.secret are 9, and may be 8: remove the last, oldest ones$/);
});

test("secret, put in front of the file by hand, is read after those that the farm has", ({ database }) => {
  const [old] = loadSecrets(undefined, database);
  const file = `${database}.secret`;
  writeFileSync(file, `${"cd".repeat(32)}\n${readFileSync(file, "utf8")}`);
  assert.equal(loadSecrets(undefined, database, [old!]), [signingKeyOf(Buffer.alloc(32, 0xcd)), old]);
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
    `${"ab".repeat(32)}\n${"ab".repeat(16)}`,
    `${"ab".repeat(32)} ${"ab".repeat(32)}`,
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
    import(workerData.url).then(({ loadSecrets }) => {
      const gate = new Int32Array(workerData.gate);
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < workerData.threads);
      parentPort.postMessage(workerData.databases.map((file) => Buffer.from(loadSecrets(undefined, file)[0]).toString("hex")));
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

test("secrets, that are given, are used as they are and nothing is written", ({ folder, database }) => {
  assert.equal(loadSecrets(["ä".repeat(40), "b".repeat(32)], database), [
    signingKeyOf(Buffer.from("ä".repeat(40))),
    signingKeyOf(Buffer.from("b".repeat(32))),
  ]);
  assert.equal(readdirSync(folder), []);
});

test("secret, of a database in memory, is a new one for each farm, which keeps it, and nothing is written", ({
  folder,
}) => {
  const [first, second] = [loadSecrets(undefined, ":memory:"), loadSecrets(undefined, ":memory:")];
  assert.equal([first.length, second.length], [1, 1]);
  assert.not.equal(first, second);
  assert.equal(loadSecrets(undefined, ":memory:", first), first);
  assert.equal(readdirSync(folder), []);
});

test("key, of a secret of up to a block, is that with zeros behind; of a longer one, its hash", () => {
  const short = Uint8Array.from({ length: 33 }, (_, i) => i + 1);
  assert.equal(signingKeyOf(short), Uint8Array.from([...short, ...new Array(31).fill(0)]));
  assert.equal(signingKeyOf(new Uint8Array(64).fill(5)), new Uint8Array(64).fill(5));
  const hashed = createHash("sha256").update(new Uint8Array(65)).digest();
  assert.equal(signingKeyOf(new Uint8Array(65)), Uint8Array.from([...hashed, ...new Array(32).fill(0)]));
});

test.run();
