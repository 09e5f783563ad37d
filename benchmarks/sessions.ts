// What do sessions cost the database? Four questions, each with figures of its own: how many durable writes a second there are, by
// how many clients write at once; how many queries many misses at once become; whether a cached read asks the database; and
// how often a cache of a given size has what is wanted.
//
// The first two are asked of the storage thread itself, by a `StorageClient` in this thread, as a worker has one: HTTP and the app
// are left out. Writes are then asked for over HTTP, too, and the third question is: of a farm in a process of its own. The last is
// the workers' cache alone.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { allocateSessionDirectory } from "../core/memory/session-directory.js";
import { resolveOptions } from "../core/options.js";
import { StorageHandle } from "../core/supervision/storage-handle.js";
import { SessionCache } from "../workers/session/session-cache.js";
import { sessionKeyOf } from "../workers/session/session-id.js";
import { StorageClient } from "../workers/session/storage-client.js";
import type { StatementCounts } from "./peers/counting-app.js";
import type { Benchmark } from "./support/benchmark.js";
import { type Load, type LoadResult, runAutocannon } from "./support/load.js";
import { count, counts } from "./support/parameters.js";
import { Random, zipf } from "./support/random.js";
import { ServerProcess } from "./support/server-process.js";
import { median } from "./support/spread.js";
import { runWrk } from "./support/wrk.js";

export interface SessionsOptions {
  /** Clients that write at once, each its own session, each waiting for the answer before it writes again. */
  readonly clients: readonly number[];
  /** Of writing, for each figure of a round. */
  readonly seconds: number;
  readonly rounds: number;
  readonly stateBytes: number;
  /** Sessions that are missed at once. */
  readonly misses: number;
  /** Cached reads over HTTP. */
  readonly reads: number;
  /** Sizes of the cache, in MiB. */
  readonly cacheMib: readonly number[];
  /** Sessions that the cache is asked for, number n (from 1) 1/n as often as the first. */
  readonly sessions: number;
  /** Where the database is made, and taken away again. Default: the system's folder for such things. */
  readonly folder?: string;
  readonly seed: number;
}

export interface WriteFigure {
  readonly clients: number;
  /** Median of the rounds; the others, too. */
  readonly writesPerSecond: number;
  /** Against the first number of clients. */
  readonly ratio: number;
  readonly writesPerTransaction: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** The same over HTTP, with a farm in between: what a load generator saw, medians of the rounds. */
export interface HttpWriteFigure {
  readonly load: "autocannon" | "wrk";
  readonly clients: number;
  readonly writesPerSecond: number;
  /** Against the first number of clients. */
  readonly ratio: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface MissFigure {
  readonly misses: number;
  readonly statements: number;
  readonly ms: number;
}

export interface ReadFigure {
  readonly reads: number;
  /** Statements that the database was given meanwhile. */
  readonly statements: number;
}

export interface CacheFigure {
  readonly cacheMib: number;
  /** Sessions that it holds in the end. */
  readonly held: number;
  readonly hitRatio: number;
}

export interface SessionsFigures {
  readonly writes: readonly WriteFigure[];
  readonly misses: MissFigure;
  /** wrk's only where it is installed. */
  readonly httpWrites: readonly HttpWriteFigure[];
  readonly reads: ReadFigure;
  readonly cache: readonly CacheFigure[];
}

const APP = new URL("./peers/counting-app.js", import.meta.url);
const LIMPET = new URL("../core/cli/limpet.js", import.meta.url);
const SOCKET = "127.0.0.1:8003";
/** In ms since the epoch: far enough for no session to expire. */
const EXPIRES_MS = 2 ** 45;
/** Far above what a worker waits: a figure shall not be made better by giving up. */
const TIMEOUT_MS = 60_000;
/** Requests that one worker may have without an answer, below `StorageClient`'s own limit. */
const MAX_PENDING = 5_000;
/** wrk's connections take sessions in turn: as many as this a connection, so that two hardly ever meet in one. */
const SESSIONS_PER_CONNECTION = 4;
/** How long an answer that is no load may take, in ms. */
const ANSWER_TIMEOUT_MS = 5_000;

export async function runSessions(options: SessionsOptions): Promise<SessionsFigures> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "limpet-bench-sessions-"));
  try {
    return {
      ...(await askStorage(options, join(folder, "storage.db"))),
      ...(await askFarm(options, join(folder, "farm.db"))),
      cache: options.cacheMib.map((cacheMib) => simulateCache(cacheMib, options)),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---- The storage thread ---------------------------------------------------------------------------------------------

async function askStorage(
  options: SessionsOptions,
  database: string,
): Promise<Pick<SessionsFigures, "writes" | "misses">> {
  const settings = resolveOptions({ app: APP, database, durability: "full" });
  const storage = await StorageHandle.start(settings, allocateSessionDirectory(2 ** 17), {
    onWarning: (message) => process.stderr.write(`${message}\n`),
    onReplaced: () => {},
  });
  const workers = Array.from({ length: Math.ceil(options.misses / MAX_PENDING) }, () => {
    return new StorageClient(storage.attach(), { timeoutMs: TIMEOUT_MS });
  });
  try {
    const writes = await measureWrites(workers[0]!, options);
    return { writes, misses: await measureMisses(workers, options.misses) };
  } finally {
    for (const worker of workers) worker.close();
    await storage.close();
  }
}

interface Round {
  readonly writesPerSecond: number;
  readonly writesPerTransaction: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** In rounds that alternate, so that a noisy neighbour hits all alike. */
async function measureWrites(worker: StorageClient, options: SessionsOptions): Promise<WriteFigure[]> {
  const rounds = options.clients.map((): Round[] => []);
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, clients] of options.clients.entries())
      rounds[i]!.push(await writeRound(worker, clients, round, options));
  }
  const figures = options.clients.map((clients, i) => {
    const of = (what: keyof Round) => median(rounds[i]!.map((round) => round[what]));
    const [writesPerSecond, writesPerTransaction] = [of("writesPerSecond"), of("writesPerTransaction")];
    return { clients, writesPerSecond, writesPerTransaction, p50Us: of("p50Us"), p99Us: of("p99Us") };
  });
  const [first] = figures;
  return figures.map((figure) => ({ ...figure, ratio: figure.writesPerSecond / first!.writesPerSecond }));
}

async function writeRound(
  worker: StorageClient,
  clients: number,
  round: number,
  { seconds, stateBytes }: SessionsOptions,
): Promise<Round> {
  const before = await statementsOf(worker);
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
  const { transactions } = await statementsOf(worker);
  tookUs.sort((a, b) => a - b);
  return {
    writesPerSecond: (tookUs.length * 1000) / elapsedMs,
    writesPerTransaction: tookUs.length / (transactions - before.transactions),
    p50Us: tookUs[Math.floor(tookUs.length * 0.5)]!,
    p99Us: tookUs[Math.floor(tookUs.length * 0.99)]!,
  };
}

/** Asks for sessions that no worker has, all in one turn of the event loop. */
async function measureMisses(workers: readonly StorageClient[], misses: number): Promise<MissFigure> {
  const keys = Array.from({ length: misses }, (_, n) => sessionKeyOf(`miss-${n}`).text);
  const workerOf = (n: number) => workers[n % workers.length]!;
  const state = new Uint8Array(100);
  await Promise.all(
    keys.map((key, n) => workerOf(n).commit({ key, baseVersion: 0, state, expiresAtMs: EXPIRES_MS })),
  );
  const before = await statementsOf(workers[0]!);
  const startedMs = performance.now();
  const loaded = await Promise.all(keys.map((key, n) => workerOf(n).load(key)));
  const ms = performance.now() - startedMs;
  if (loaded.some((session) => session?.version !== 1)) throw new Error("a session was not loaded");
  const { statements } = await statementsOf(workers[0]!);
  return { misses, statements: statements - before.statements, ms };
}

async function statementsOf(worker: StorageClient): Promise<StatementCounts> {
  return (await worker.call("countStatements", null)) as StatementCounts;
}

// ---- A farm ---------------------------------------------------------------------------------------------------------

async function askFarm(
  options: SessionsOptions,
  database: string,
): Promise<Pick<SessionsFigures, "httpWrites" | "reads">> {
  const quiet = ["--tun", "off", "--admin", "none", "--log-level", "warn"];
  const farm = ["serve", "--app", fileURLToPath(APP), "--database", database, "--workers", "1"];
  const server = await ServerProcess.start(LIMPET, [...farm, "--socket", SOCKET, ...quiet]);
  try {
    return { reads: await readCached(options.reads), httpWrites: await measureHttpWrites(options) };
  } finally {
    await server.stop();
  }
}

async function readCached(reads: number): Promise<ReadFigure> {
  const cookie = await newSession();
  const count = async () => JSON.parse((await ask("/statements")).body) as StatementCounts;
  const before = await count();
  for (let read = 0; read < reads; read++) {
    const { body } = await ask("/", cookie);
    if (body !== "cache 1") throw new Error(`a read is answered ${body}, not from the cache`);
  }
  return { reads, statements: (await count()).statements - before.statements };
}

const LOADS = { autocannon: runAutocannon, wrk: runWrk } as const;

/** In rounds that alternate, so that a noisy neighbour hits all alike. */
async function measureHttpWrites({ clients, seconds, rounds }: SessionsOptions): Promise<HttpWriteFigure[]> {
  const sessions = SESSIONS_PER_CONNECTION * Math.max(...clients);
  const cookies: string[] = [];
  for (let session = 0; session < sessions; session++) cookies.push(await newSession());
  const results = new Map<string, LoadResult[]>();
  const names = Object.keys(LOADS) as (keyof typeof LOADS)[];
  for (let round = 0; round < rounds; round++) {
    for (const connections of clients) {
      const load: Load = { urls: [`http://${SOCKET}/write`], cookies, connections, seconds };
      for (const name of names) {
        const result = await LOADS[name](load);
        if (result === undefined) continue;
        if (result.failures > 0) throw new Error(`${name}: ${result.failures} writes have failed`);
        const of = `${name} ${connections}`;
        results.set(of, [...(results.get(of) ?? []), result]);
      }
    }
  }
  return names.flatMap((load) => {
    const of = (connections: number, what: keyof LoadResult) =>
      median((results.get(`${load} ${connections}`) ?? []).map((result) => result[what]));
    if (!results.has(`${load} ${clients[0]}`)) return [];
    return clients.map((connections) => ({
      load,
      clients: connections,
      writesPerSecond: of(connections, "requestsPerSecond"),
      ratio: of(connections, "requestsPerSecond") / of(clients[0]!, "requestsPerSecond"),
      p50Us: of(connections, "p50Us"),
      p99Us: of(connections, "p99Us"),
    }));
  });
}

/** The cookie of a session that has something in it. */
async function newSession(): Promise<string> {
  const { cookie } = await ask("/write");
  if (cookie === undefined) throw new Error("the farm has given no cookie");
  return cookie;
}

async function ask(path: string, cookie?: string): Promise<{ body: string; cookie: string | undefined }> {
  const response = await fetch(`http://${SOCKET}${path}`, {
    headers: cookie === undefined ? {} : { cookie },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  return {
    body: await response.text(),
    cookie: response.headers.getSetCookie()[0]?.split(";", 1)[0],
  };
}

// ---- The cache ------------------------------------------------------------------------------------------------------

/** Draws for each session that there is: as many again before anything is counted. */
const DRAWS_PER_SESSION = 10;

function simulateCache(cacheMib: number, { sessions, stateBytes, seed }: SessionsOptions): CacheFigure {
  const cache = new SessionCache(cacheMib * 1024 * 1024, EXPIRES_MS, () => 1);
  const state = new Uint8Array(stateBytes);
  const entries = Array.from({ length: sessions }, (_, n) => {
    const id = `cached-${n}`;
    return { id, key: sessionKeyOf(id), state, version: 1, expiresAtMs: EXPIRES_MS, createdAtMs: 0 };
  });
  const draw = zipf(new Random(seed), sessions);
  const draws = sessions * DRAWS_PER_SESSION;
  let hits = 0;
  for (let n = 0; n < 2 * draws; n++) {
    const entry = entries[draw()]!;
    if (cache.get(entry.id) === undefined) cache.set(entry);
    else if (n >= draws) hits++;
  }
  return { cacheMib, held: cache.size, hitRatio: hits / draws };
}

function sessionsRow(what: string, figure: string): Record<string, string> {
  return { what, figure, "× the first": "", "a transaction": "", "p50 ms": "", "p99 ms": "" };
}

export const sessions: Benchmark<SessionsOptions, SessionsFigures> = {
  name: "sessions",
  question: "durable writes by concurrency, queries for many misses, cached reads, hits by cache size",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--clients <n,…>", "clients that write at once", counts, [1, 16, 64, 256])
      .option("--seconds <n>", "seconds of writing for each figure of a round", count, 3)
      .option("--rounds <n>", "rounds, of which the median counts", count, 3)
      .option("--state-bytes <n>", "bytes of a session's state", count, 500)
      .option("--misses <n>", "sessions that are missed at once", count, 10_000)
      .option("--reads <n>", "cached reads over HTTP", count, 1_000)
      .option("--cache-mib <n,…>", "sizes of a worker's cache", counts, [1, 4, 16, 64, 128])
      .option("--sessions <n>", "sessions that the cache is asked for, by Zipf's law", count, 100_000)
      .option("--folder <path>", "where the database is made, which says on what disk")
      .option("--seed <n>", "seed of what the cache is asked for", count, 1),
  run: runSessions,
  tables: (figures) => [
    [
      ...figures.writes.map((figure) => ({
        what: `durable writes, ${figure.clients} at once`,
        figure: `${figure.writesPerSecond.toFixed(0)}/s`,
        "× the first": figure.ratio.toFixed(1),
        "a transaction": figure.writesPerTransaction.toFixed(1),
        "p50 ms": (figure.p50Us / 1000).toFixed(2),
        "p99 ms": (figure.p99Us / 1000).toFixed(2),
      })),
      ...figures.httpWrites.map((figure) => ({
        what: `… over HTTP, ${figure.load}, ${figure.clients} at once`,
        figure: `${figure.writesPerSecond.toFixed(0)}/s`,
        "× the first": figure.ratio.toFixed(1),
        "a transaction": "",
        "p50 ms": (figure.p50Us / 1000).toFixed(2),
        "p99 ms": (figure.p99Us / 1000).toFixed(2),
      })),
      sessionsRow(`${figures.misses.misses} misses at once`, `${figures.misses.statements} queries`),
      sessionsRow(`${figures.reads.reads} cached reads`, `${figures.reads.statements} queries`),
      ...figures.cache.map(({ cacheMib, held, hitRatio }) =>
        sessionsRow(`hits, ${cacheMib} MiB, ${held} sessions held`, `${(hitRatio * 100).toFixed(1)} %`),
      ),
    ],
  ],
};
