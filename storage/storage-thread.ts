// The storage thread: loads the app's procedures, opens the database when it may, brings its schemas up to date, and answers
// the workers until it is told to close. The main thread starts it, knows it by thread-messages.ts, and ends it by force
// only where it must (core/supervision/storage-thread.ts): a thread that dies with a query of sqlite3 in flight takes the whole
// process with it.

import { once } from "node:events";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { Heartbeat } from "../core/memory/heartbeat.js";
import { processMs } from "../core/memory/process-clock.js";
import { SessionDirectoryWriter } from "../core/memory/session-directory.js";
import { loadStorageApp } from "./app-module.js";
import { type Database, openDatabase } from "./database.js";
import { DirectoryKeeper } from "./directory-keeper.js";
import { firstLineOf, StartFailure } from "./failure.js";
import { KnexSessionStore } from "./knex-session-store.js";
import { migrateApp, migrateLimpet } from "./migrations.js";
import { Procedures } from "./procedures.js";
import { DEFAULT_SERVICE_LIMITS, StorageService } from "./storage-service.js";
import type {
  FromStorageThread,
  StorageThreadLimits,
  StorageThreadOptions,
  ToStorageThread,
} from "./thread-messages.js";

const DEFAULT_LIMITS: StorageThreadLimits = {
  ...DEFAULT_SERVICE_LIMITS,
  procedureTimeoutMs: 3_000,
  sweepIntervalMs: 60_000,
  releaseTimeoutMs: 2_000,
};

/** How long a thread that has failed may take to answer what is waiting and to close the database. */
const FAILING_TIMEOUT_MS = 5_000;

/** Time between two beats, in ms: a small part of the time without one that ends the thread. */
const BEAT_INTERVAL_MS = 250;

/** Time between two looks at a database that does not serve, in ms. */
const PROBE_INTERVAL_MS = 1_000;

if (!parentPort) throw new Error("storage-thread.js is started as a worker thread");
const main: MessagePort = parentPort;

function tell(message: FromStorageThread): void {
  main.postMessage(message);
}

/** Starts, or says why not. In both cases the thread ends by itself once nothing is left to do. */
async function run(options: StorageThreadOptions): Promise<void> {
  let database: Database | undefined;
  try {
    const app = options.appUrl === undefined ? undefined : await loadStorageApp(options.appUrl);
    tell({ type: "loaded" });
    if (!(await mayOpen())) return;
    database = await openDatabase(options.database);
    const { knex } = database;
    await database.migrate(async () => {
      await migrateLimpet(knex);
      if (app) await migrateApp(knex, app.migrations);
    });
    serve(options, database, new Procedures(app?.procedures ?? {}, procedureTimeoutOf(options)));
    tell({ type: "ready" });
  } catch (error) {
    try {
      await database?.close();
    } finally {
      if (error instanceof StartFailure) tell({ type: "failed", code: error.code, message: error.message });
      else
        tell({
          type: "failed",
          code: "internal",
          message: `The storage cannot start: ${firstLineOf(error)}.`,
        });
      main.close();
    }
  }
}

/** False if the farm has been closed meanwhile. */
async function mayOpen(): Promise<boolean> {
  const [message] = (await once(main, "message")) as [ToStorageThread];
  if (message.type === "open") return true;
  main.close();
  return false;
}

function procedureTimeoutOf(options: StorageThreadOptions): number {
  return options.limits?.procedureTimeoutMs ?? DEFAULT_LIMITS.procedureTimeoutMs;
}

function serve(options: StorageThreadOptions, database: Database, procedures: Procedures): void {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const directory = new DirectoryKeeper(
    new SessionDirectoryWriter(options.directory),
    database.isShared,
    processMs,
  );
  let probe: NodeJS.Timeout | undefined;
  const service = new StorageService({
    store: new KnexSessionStore(database, Date.now),
    procedures,
    database: database.knex,
    directory,
    limits,
    monotonicMs: processMs,
    onTrouble: (message) => {
      clearInterval(probe);
      // A farm that says that it cannot serve is asked for nothing: it has to find out by itself that it can again.
      if (message !== null) probe = setInterval(() => service.sweep(), PROBE_INTERVAL_MS);
      tell(message === null ? { type: "recovered" } : { type: "trouble", message });
      const reason = database.whyLost();
      // Only who opens it anew can write to what is there now.
      if (reason !== undefined) fail(new Error(reason));
    },
  });
  const feed = database.follow?.({
    onUp: () => {
      directory.followed();
      service.sweep();
    },
    onChanged: (keys) => directory.changedElsewhere(keys),
    onDown: () => {
      directory.lost();
      service.sweep();
    },
    onDeaf: () =>
      tell({
        type: "warning",
        message:
          "other farms' changes cannot be heard of (does a pooler share connections by transactions?): " +
          "the database is asked at each request, as with --coherence asked",
      }),
  });
  let hasFailed = false;
  const fail = (error: Error): void => {
    if (!hasFailed) void failInOrder(error, end);
    hasFailed = true;
  };
  const ports = new Set<MessagePort>();
  const sweeper = setInterval(() => service.sweep(), limits.sweepIntervalMs);
  service.sweep();
  const heartbeat = new Heartbeat(options.heartbeat);
  // To the end; but it keeps nothing from ending.
  setInterval(() => heartbeat.beat(), BEAT_INTERVAL_MS).unref();
  /** Answers what is waiting, and closes the database. */
  const end = async () => {
    main.removeAllListeners("message");
    clearInterval(sweeper);
    await service.close();
    clearInterval(probe);
    for (const port of ports) port.close();
    await feed?.close();
    await database.close();
  };
  main.on("message", async (message: ToStorageThread) => {
    if (message.type === "attach") {
      attach(service, message.port, ports);
      return;
    }
    if (message.type !== "close") return;
    main.removeAllListeners("message");
    try {
      await released(ports, limits.releaseTimeoutMs);
      await end();
    } finally {
      tell({ type: "closed" });
      main.close();
    }
  });
  process.on("uncaughtException", fail);
}

/**
 * Something has thrown where nobody catches it (a procedure of the app from a timer, say), or the database's file is gone. The thread must end, but with a query in
 * flight it would take the process with it; so it ends once there is none. Whoever started it starts the next one.
 */
async function failInOrder(error: Error, end: () => Promise<void>): Promise<void> {
  const late = new Promise((resolve) => setTimeout(resolve, FAILING_TIMEOUT_MS));
  try {
    await Promise.race([end(), late]);
  } finally {
    tell({ type: "failed", code: "internal", message: firstLineOf(error) });
    process.exit(1);
  }
}

/** Resolves when the workers have let go of all ports, or have had time enough. */
async function released(ports: ReadonlySet<MessagePort>, timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    for (const port of ports) await once(port, "close", { signal });
  } catch {
    // What they still ask for is refused.
  }
}

/** Serves a worker. Posting to a port whose other end has closed does nothing: so the answers of the dead are dropped. */
function attach(service: StorageService, port: MessagePort, ports: Set<MessagePort>): void {
  const client = {
    send: (message: Uint8Array<ArrayBuffer>) => port.postMessage(message, [message.buffer]),
  };
  ports.add(port);
  port.on("message", (message: unknown) => service.receive(client, message));
  port.on("close", () => ports.delete(port));
}

// A promise that an app's procedure forgot and that rejects must not end the storage for everyone.
process.on("unhandledRejection", (reason) => {
  tell({ type: "warning", message: `a promise was rejected and nobody handled it: ${firstLineOf(reason)}` });
});

await run(workerData as StorageThreadOptions);
