// The storage thread under load, asked by `StorageClient`s in this thread, as each worker has one: HTTP and the app are left out.
// What a round of durable writes and one of loads come to.

import { allocateSessionDirectory } from "../../core/memory/session-directory.js";
import { resolveOptions } from "../../core/options.js";
import { StorageHandle } from "../../core/supervision/storage-handle.js";
import { sessionKeyOf } from "../../workers/session/session-id.js";
import { StorageClient } from "../../workers/session/storage-client.js";
import type { StatementCounts } from "../peers/counting-app.js";

/** In ms since the epoch: far enough for no session to expire. */
export const EXPIRES_MS = 2 ** 45;
/** Far above what a worker waits: a figure shall not be made better by giving up. */
const TIMEOUT_MS = 60_000;
/** Requests that one worker may have without an answer, below `StorageClient`'s own limit. */
const MAX_PENDING = 5_000;

const APP = new URL("../peers/counting-app.js", import.meta.url);

export interface WriteRound {
  readonly writesPerSecond: number;
  readonly writesPerTransaction: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface LoadRound {
  readonly statements: number;
  readonly loadsPerSecond: number;
}

export class StorageLoad {
  readonly #storage: StorageHandle;
  readonly #workers: readonly StorageClient[];

  private constructor(storage: StorageHandle, maxLoads: number) {
    this.#storage = storage;
    this.#workers = Array.from(
      { length: Math.ceil(maxLoads / MAX_PENDING) },
      () => new StorageClient(storage.attach(), { timeoutMs: TIMEOUT_MS }),
    );
  }

  /** Starts the storage on a database in that file. There will be at most so many loads at once. */
  static async start(database: string, maxLoads: number): Promise<StorageLoad> {
    const settings = resolveOptions({ app: APP, database, durability: "full" });
    const storage = await StorageHandle.start(settings, allocateSessionDirectory(2 ** 17), {
      onWarning: (message) => process.stderr.write(`${message}\n`),
      onReplaced: () => {},
    });
    return new StorageLoad(storage, maxLoads);
  }

  /** So many clients, each with a session of its own, each waiting for the answer before it writes again. */
  async write(
    clients: number,
    round: number,
    { seconds, stateBytes }: { readonly seconds: number; readonly stateBytes: number },
  ): Promise<WriteRound> {
    const worker = this.#workers[0]!;
    const before = await this.#statements();
    const state = new Uint8Array(stateBytes);
    const tookUs: number[] = [];
    const startedMs = performance.now();
    const endMs = startedMs + seconds * 1000;
    const write = async (client: number) => {
      const key = sessionKeyOf(`write-${clients}-${round}-${client}`).text;
      let version = 0;
      for (let sentMs = performance.now(); sentMs < endMs; ) {
        const change = { key, baseVersion: version, state, expiresAtMs: EXPIRES_MS };
        version = (await worker.commit(change)).version;
        const nowMs = performance.now();
        tookUs.push((nowMs - sentMs) * 1000);
        sentMs = nowMs;
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => write(client)));
    const elapsedMs = performance.now() - startedMs;
    const { transactions } = await this.#statements();
    tookUs.sort((a, b) => a - b);
    return {
      writesPerSecond: (tookUs.length * 1000) / elapsedMs,
      writesPerTransaction: tookUs.length / (transactions - before.transactions),
      p50Us: tookUs[Math.floor(tookUs.length * 0.5)]!,
      p99Us: tookUs[Math.floor(tookUs.length * 0.99)]!,
    };
  }

  /** Makes the sessions, once. */
  async fill(sessions: number): Promise<void> {
    const state = new Uint8Array(100);
    await Promise.all(
      missKeys(sessions).map((key, n) =>
        this.#workerOf(n).commit({ key, baseVersion: 0, state, expiresAtMs: EXPIRES_MS }),
      ),
    );
  }

  /** Asks for all of the sessions that `fill` has made, in one turn of the event loop. */
  async load(sessions: number): Promise<LoadRound> {
    const keys = missKeys(sessions);
    const before = await this.#statements();
    const startedMs = performance.now();
    const loaded = await Promise.all(keys.map((key, n) => this.#workerOf(n).load(key)));
    const ms = performance.now() - startedMs;
    if (loaded.some((session) => session?.version !== 1)) throw new Error("a session was not loaded");
    const { statements } = await this.#statements();
    return { statements: statements - before.statements, loadsPerSecond: (sessions * 1000) / ms };
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) worker.close();
    await this.#storage.close();
  }

  #workerOf(n: number): StorageClient {
    return this.#workers[n % this.#workers.length]!;
  }

  async #statements(): Promise<StatementCounts> {
    return (await this.#workers[0]!.call("countStatements", null)) as StatementCounts;
  }
}

function missKeys(sessions: number): string[] {
  return Array.from({ length: sessions }, (_, n) => sessionKeyOf(`miss-${n}`).text);
}
