// A process whose storage thread gets into an endless loop with a query under way; storage-hang.test.ts looks at how it ends.
// Parameters: the client and the database's file.

import { allocateSessionDirectory } from "../../../core/memory/session-directory.js";
import { StorageHandle } from "../../../core/supervision/storage-handle.js";
import { StorageClient } from "../../../workers/session/storage-client.js";
import { keyOf } from "../../storage/session-store-conformance.js";
import { EXPIRES_MS } from "../../storage/storage-thread-harness.js";

const HANG_TIMEOUT_MS = 1_000;
const [sqliteDriver, database] = process.argv.slice(2) as ["sqlite3" | "better-sqlite3", string];

// A pipe that is written to at once: nothing that was told is lost with the process.
function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

let wasReplaced = () => {};
const handle = await StorageHandle.start(
  {
    database,
    sqliteDriver,
    coherence: "told",
    durability: "full",
    appUrl: new URL("./looping-app.js", import.meta.url).href,
  },
  allocateSessionDirectory(64),
  {
    onWarning: tell,
    onReplaced: () => {
      client.use(handle.attach());
      wasReplaced();
    },
  },
  HANG_TIMEOUT_MS,
);
const client: StorageClient = new StorageClient(handle.attach());
const change = { key: keyOf(1), baseVersion: 0, state: Uint8Array.of(1), expiresAtMs: EXPIRES_MS };
await client.commit({ ...change, procedure: "add", args: "kept" });
tell("acknowledged");
const replaced = new Promise<void>((resolve) => {
  wasReplaced = resolve;
});
await client.call("askAndLoop", null).catch(() => {});
await replaced;
await client.version(keyOf(1));
tell("served again");
client.close();
await handle.close();
