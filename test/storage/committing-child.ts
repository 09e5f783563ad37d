// A process that commits as fast as it can until it is killed, and writes down what was acknowledged: one line
// "<key> <version>" each. Started by killed-child.ts with the database's file or URL, and
// durability.

import { writeSync } from "node:fs";
import { EXPIRES_MS, NOTES_APP_URL, startStorageThread } from "./storage-thread-harness.js";

const SESSIONS = 8;

const [database, durability] = process.argv.slice(2) as [string, "full" | "normal"];
const thread = await startStorageThread({
  database: database.startsWith("postgres:")
    ? { client: "postgres", url: database, durability, coherence: "told" }
    : { client: "sqlite3", filename: database, durability },
  appUrl: NOTES_APP_URL,
});
if (thread.first.type !== "ready") throw new Error(JSON.stringify(thread.first));
const client = thread.connect();

/** Changes one session again and again, every second time together with a note of the version. */
async function commitForever(session: number): Promise<void> {
  const key = session.toString(16).padStart(32, "0");
  let baseVersion = await client.version(key);
  for (;;) {
    const state = new Uint8Array(100 + (baseVersion % 400)).fill(baseVersion & 0xff);
    const { version } = await client.commit({
      key,
      baseVersion,
      state,
      expiresAtMs: EXPIRES_MS,
      ...(baseVersion % 2 === 0 && { procedure: "note", args: { key, number: baseVersion } }),
    });
    writeSync(1, `${key} ${version}\n`);
    baseVersion = version;
  }
}

await Promise.all(Array.from({ length: SESSIONS }, (_, session) => commitForever(session)));
