// One real worker thread at a time: it serves, ends as it is told, and is ended whatever it does. Its apps are written for the
// occasion; nobody sends it packets.

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateWorkerRings } from "../../../core/director/worker-port.js";
import { allocateCookiePeriod } from "../../../core/memory/cookie-period.js";
import { Counters } from "../../../core/memory/counters.js";
import {
  allocateLoadBoard,
  BOARD_COMMAND,
  BOARD_HEARTBEAT,
  COMMAND_STOP,
  LoadBoard,
} from "../../../core/memory/load-board.js";
import { allocatePacketPool } from "../../../core/memory/packet-pool.js";
import { wakeConsumer } from "../../../core/memory/ring.js";
import { allocateSessionDirectory } from "../../../core/memory/session-directory.js";
import { allocateSessionLocks } from "../../../core/memory/session-locks.js";
import { WORKER_COUNTERS } from "../../../core/memory/worker-counters.js";
import { WorkerStartError, WorkerThread } from "../../../core/supervision/worker-thread.js";
import { decodeRequests, encodeReplies, encodeValue } from "../../../storage/messages.js";
import { signingSecrets } from "../../support/signing-secrets.js";

const directory = mkdtempSync(join(tmpdir(), "limpet-worker-thread-"));
let count = 0;

/** What a worker of an app is started with, and what main keeps of it. */
function workerOf(members: string, worker = 0) {
  const file = join(directory, `app-${++count}.mjs`);
  writeFileSync(file, `export default { fetch: () => new Response(), ${members} };`);
  const loadBoard = allocateLoadBoard();
  const rings = allocateWorkerRings(16, 16, 1024);
  const { port1: storage, port2: storagePort } = new MessageChannel();
  // This file ends when the workers have let go of their ports.
  storage.ref();
  const board = new LoadBoard(loadBoard);
  return {
    storage,
    beat: () => board.get(worker, BOARD_HEARTBEAT),
    stop() {
      board.set(worker, BOARD_COMMAND, COMMAND_STOP);
      wakeConsumer(rings.descriptors);
    },
    options: {
      worker,
      appUrl: pathToFileURL(file).href,
      port: 80,
      congestion: "cubic" as const,
      tcpKeepAliveMs: 0,
      rings,
      pool: allocatePacketPool(16, 2048),
      loadBoard,
      directory: allocateSessionDirectory(64),
      sessionLocks: allocateSessionLocks(64),
      egressPlans: [{ kind: "ring", mtuBytes: 1500 } as const],
      tcp: { secret: [1, 2, 3] as const, cookiePeriod: allocateCookiePeriod(), clockStartMs: 0 },
      storagePort,
      counters: new Counters(WORKER_COUNTERS).buffer,
      secrets: signingSecrets(new Uint8Array(32)).buffer,
      sessions: { cacheBytes: 1_000_000 },
      cookie: {},
      logLevel: "silent",
      accessLog: undefined,
    },
  };
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not reject");
}

test("a worker, serves until it is told to stop, and has ended then without an error", async () => {
  const { options, storage, stop, beat } = workerOf("");
  const thread = await WorkerThread.start(options);
  assert.ok(beat() >= 0);
  const released = once(storage, "close");
  stop();
  await thread.ended;
  await released;
  await Promise.all([thread.destroy(), thread.destroy()]);
});

test("a worker whose app cannot be set up, does not start, says why, and its thread is gone", async () => {
  const { options, storage } = workerOf(`setup() { throw new Error("no catalogue\\nat line 5"); }`);
  const released = once(storage, "close");
  const error = await rejection(WorkerThread.start(options));
  assert.instance(error, WorkerStartError);
  assert.match(error.message, /^The app .* could not be set up: no catalogue$/);
  await released;
});

test("a worker in an endless loop, is ended by force, and lets its port go", async () => {
  const { options, storage } = workerOf("setup() { setImmediate(() => { for (;;); }); }");
  const thread = await WorkerThread.start(options);
  const released = once(storage, "close");
  await thread.destroy();
  await rejection(thread.ended);
  await released;
});

test("a worker that is still being set up, is ended by force, and has not started", async () => {
  const { options } = workerOf("setup: () => new Promise(() => {})");
  const created: WorkerThread[] = [];
  const start = rejection(WorkerThread.start(options, (thread) => created.push(thread)));
  assert.is(created.length, 1);
  await created[0]!.destroy();
  assert.instance(await start, WorkerStartError);
});

test("a worker whose app exits or throws when nobody waits for it, has failed with that, and is gone after destroy", async () => {
  for (const [fault, why] of [
    ["process.exit(3)", /exited with code: 3/],
    ["throw new Error('thrown later')", /thrown later/],
  ] as const) {
    const { options, storage } = workerOf(`setup() { setTimeout(() => { ${fault} }, 1); }`);
    const released = once(storage, "close");
    const thread = await WorkerThread.start(options);
    assert.match((await rejection(thread.ended)).message, why);
    await thread.destroy();
    await released;
  }
});

test("a worker, goes over to a new port to the storage, also while it is being set up", async () => {
  const { options, storage, stop } = workerOf(`
    async setup({ call }) {
      for (;;) {
        try {
          return await call("edition", null);
        } catch {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    }`);
  // The first storage does not serve; only the second one does.
  storage.on("message", (message) => {
    for (const [, id] of decodeRequests(message).requests)
      storage.postMessage(encodeReplies([[id, "unavailable", "it is closing"]]));
  });
  const { port1, port2 } = new MessageChannel();
  port1.on("message", (message) => {
    for (const [, id] of decodeRequests(message).requests)
      port1.postMessage(encodeReplies([[id, "done", encodeValue("second")]]));
  });
  const thread = await WorkerThread.start(options, (created) => created.useStorage(port2));
  const { port1: third, port2: thirdOfWorker } = new MessageChannel();
  const released = once(port1, "close");
  thread.useStorage(thirdOfWorker);
  await released;
  stop();
  await thread.ended;
  await thread.destroy();
  third.close();
});

test("a port that is given to a worker which is gone, is closed", async () => {
  const { options } = workerOf("");
  const thread = await WorkerThread.start(options);
  await thread.destroy();
  const { port1, port2 } = new MessageChannel();
  port1.ref();
  const closed = once(port1, "close");
  thread.useStorage(port2);
  await closed;
});

test.after(() => rmSync(directory, { recursive: true, force: true }));
test.run();
