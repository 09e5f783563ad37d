// What do sessions cost the database? Four questions, each with figures of its own: how many durable writes a second there are, by
// how many clients write at once; how many queries many misses at once become; whether a cached read asks the database; and
// how often a cache of a given size has what is wanted.
//
// The first two are asked of the storage thread itself (support/storage-load.ts): HTTP and the app are left out. Writes are then asked for over HTTP, too, and the third question is: of a farm in a process of its own. The last is
// the workers' cache alone.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StatementCounts } from "./peers/counting-app.js";
import type { Benchmark } from "./support/benchmark.js";
import { type CacheFigure, simulateCache } from "./support/cache-hits.js";
import { type LoadResult, runAutocannon } from "./support/load.js";
import { count, counts, path, seconds } from "./support/parameters.js";
import type { Progress } from "./support/progress.js";
import { ServerProcess } from "./support/server-process.js";
import { type Spread, scaleSpread, spreadOf, spreadText } from "./support/spread.js";
import { type LoadRound, StorageLoad, type WriteRound } from "./support/storage-load.js";
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
  readonly writesPerSecond: Spread;
  /** Against the first number of clients in the same round. */
  readonly ratio: Spread;
  readonly writesPerTransaction: Spread;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
}

/** The same over HTTP, with a farm in between: what a load generator saw. */
export interface HttpWriteFigure {
  readonly load: "autocannon" | "wrk";
  readonly clients: number;
  readonly writesPerSecond: Spread;
  /** Against the first number of clients in the same round. */
  readonly ratio: Spread;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
}

export interface MissFigure {
  readonly misses: number;
  readonly statements: Spread;
  readonly loadsPerSecond: Spread;
}

export interface ReadFigure {
  readonly reads: number;
  /** Statements that the database was given meanwhile. */
  readonly statements: number;
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
const LOADS = [
  { name: "autocannon", run: runAutocannon },
  { name: "wrk", run: runWrk },
] as const;
/** wrk's connections take sessions in turn: as many as this a connection, so that two hardly ever meet in one. */
const SESSIONS_PER_CONNECTION = 4;
/** How long an answer that is no load may take, in ms. */
const ANSWER_TIMEOUT_MS = 5_000;

export async function runSessions(options: SessionsOptions, progress: Progress): Promise<SessionsFigures> {
  const { clients, rounds, cacheMib } = options;
  // Writes of either kind and misses in each round; cached reads; caches.
  progress.expect(rounds * (clients.length + 1 + clients.length * LOADS.length) + 1 + cacheMib.length);
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "limpet-bench-sessions-"));
  try {
    return {
      ...(await askStorage(options, join(folder, "storage.db"), progress)),
      ...(await askFarm(options, join(folder, "farm.db"), progress)),
      cache: cacheMib.map((mib) => {
        progress.next(`hits of a cache of ${mib} MiB`);
        return simulateCache(mib, options);
      }),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---- The storage thread ---------------------------------------------------------------------------------------------

async function askStorage(
  options: SessionsOptions,
  database: string,
  progress: Progress,
): Promise<Pick<SessionsFigures, "writes" | "misses">> {
  const storage = await StorageLoad.start(database, options.misses);
  try {
    const writes = await measureWrites(storage, options, progress);
    return { writes, misses: await measureMisses(storage, options, progress) };
  } finally {
    await storage.close();
  }
}

/** In rounds that alternate, so that a noisy neighbour hits all alike. */
async function measureWrites(
  storage: StorageLoad,
  options: SessionsOptions,
  progress: Progress,
): Promise<WriteFigure[]> {
  const rounds: WriteRound[][] = [];
  for (let round = 0; round < options.rounds; round++) {
    const measured: WriteRound[] = [];
    for (const clients of options.clients) {
      progress.next(`durable writes, ${clients} at once`);
      measured.push(await storage.write(clients, round, options));
    }
    rounds.push(measured);
  }
  return options.clients.map((clients, i) => {
    const of = (figure: (one: WriteRound, first: WriteRound) => number) =>
      spreadOf(rounds.map((round) => figure(round[i]!, round[0]!)));
    return {
      clients,
      writesPerSecond: of((one) => one.writesPerSecond),
      ratio: of((one, first) => one.writesPerSecond / first.writesPerSecond),
      writesPerTransaction: of((one) => one.writesPerTransaction),
      p50Us: of((one) => one.p50Us),
      p99Us: of((one) => one.p99Us),
    };
  });
}

/** Asks for sessions that no worker has. */
async function measureMisses(
  storage: StorageLoad,
  { misses, rounds }: SessionsOptions,
  progress: Progress,
): Promise<MissFigure> {
  await storage.fill(misses);
  const loads: LoadRound[] = [];
  for (let round = 0; round < rounds; round++) {
    progress.next(`${misses} misses at once`);
    loads.push(await storage.load(misses));
  }
  return {
    misses,
    statements: spreadOf(loads.map(({ statements }) => statements)),
    loadsPerSecond: spreadOf(loads.map(({ loadsPerSecond }) => loadsPerSecond)),
  };
}

// ---- A farm ---------------------------------------------------------------------------------------------------------

async function askFarm(
  options: SessionsOptions,
  database: string,
  progress: Progress,
): Promise<Pick<SessionsFigures, "httpWrites" | "reads">> {
  const quiet = ["--tun", "off", "--admin", "none", "--log-level", "warn"];
  const farm = ["serve", "--app", fileURLToPath(APP), "--database", database, "--workers", "1"];
  const server = await ServerProcess.start(LIMPET, [...farm, "--socket", SOCKET, ...quiet]);
  try {
    progress.next(`${options.reads} cached reads`);
    const reads = await readCached(options.reads);
    return { reads, httpWrites: await measureHttpWrites(options, progress) };
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

/**
 * In rounds that alternate, so that a noisy neighbour hits all alike. Nothing is said of a load generator that is not installed.
 */
async function measureHttpWrites(
  { clients, seconds, rounds }: SessionsOptions,
  progress: Progress,
): Promise<HttpWriteFigure[]> {
  const sessions = SESSIONS_PER_CONNECTION * Math.max(...clients);
  const cookies: string[] = [];
  for (let session = 0; session < sessions; session++) cookies.push(await newSession());
  const measured = LOADS.map((): LoadResult[][] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, run }] of LOADS.entries()) {
      const results: LoadResult[] = [];
      for (const connections of clients) {
        progress.next(`writes over HTTP, ${name}, ${connections} at once`);
        const result = await run({ urls: [`http://${SOCKET}/write`], cookies, connections, seconds });
        if (result === undefined) continue;
        if (result.failures > 0) throw new Error(`${name}: ${result.failures} writes have failed`);
        results.push(result);
      }
      if (results.length > 0) measured[i]!.push(results);
    }
  }
  return LOADS.flatMap(({ name }, i) =>
    measured[i]!.length === 0
      ? []
      : clients.map((_, at) => httpWriteFigure(name, clients[at]!, at, measured[i]!)),
  );
}

/** Of the clients with the index `at` in each round. */
function httpWriteFigure(
  load: HttpWriteFigure["load"],
  clients: number,
  at: number,
  rounds: readonly (readonly LoadResult[])[],
): HttpWriteFigure {
  const of = (figure: (one: LoadResult, first: LoadResult) => number) =>
    spreadOf(rounds.map((round) => figure(round[at]!, round[0]!)));
  return {
    load,
    clients,
    writesPerSecond: of((one) => one.requestsPerSecond),
    ratio: of((one, first) => one.requestsPerSecond / first.requestsPerSecond),
    p50Us: of((one) => one.p50Us),
    p99Us: of((one) => one.p99Us),
  };
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

function sessionsRow(what: string, figure: string): Record<string, string> {
  return { what, figure, "× the first": "", "a transaction": "", "p50 ms": "", "p99 ms": "" };
}

function writesRow(what: string, figure: HttpWriteFigure | WriteFigure): Record<string, string> {
  return {
    ...sessionsRow(what, `${spreadText(figure.writesPerSecond)}/s`),
    "× the first": spreadText(figure.ratio, 1),
    "p50 ms": spreadText(scaleSpread(figure.p50Us, 1e-3), 2),
    "p99 ms": spreadText(scaleSpread(figure.p99Us, 1e-3), 2),
  };
}

export const sessions: Benchmark<SessionsOptions, SessionsFigures> = {
  name: "sessions",
  question: "durable writes by concurrency, queries for many misses, cached reads, hits by cache size",
  isInNamespace: false,
  options: (command) =>
    command
      .option("--clients <n,…>", "clients that write at once", counts, [1, 16, 64, 256])
      .option("--seconds <n>", "seconds of writing for each figure of a round", seconds, 3)
      .option("--rounds <n>", "rounds, which the spread is of", count, 3)
      .option("--state-bytes <n>", "bytes of a session's state", count, 500)
      .option("--misses <n>", "sessions that are missed at once", count, 10_000)
      .option("--reads <n>", "cached reads over HTTP", count, 1_000)
      .option("--cache-mib <n,…>", "sizes of a worker's cache", counts, [1, 4, 16, 64, 128])
      .option("--sessions <n>", "sessions that the cache is asked for, by Zipf's law", count, 100_000)
      .option("--folder <path>", "where the database is made, which says on what disk", path)
      .option("--seed <n>", "seed of what the cache is asked for", count, 1),
  run: runSessions,
  tables: (figures) => [
    [
      ...figures.writes.map((figure) => ({
        ...writesRow(`durable writes, ${figure.clients} at once`, figure),
        "a transaction": spreadText(figure.writesPerTransaction, 1),
      })),
      ...figures.httpWrites.map((figure) =>
        writesRow(`… over HTTP, ${figure.load}, ${figure.clients} at once`, figure),
      ),
      sessionsRow(
        `${figures.misses.misses} misses at once`,
        `${spreadText(figures.misses.loadsPerSecond)}/s`,
      ),
      sessionsRow("… as queries", spreadText(figures.misses.statements)),
      sessionsRow(`${figures.reads.reads} cached reads`, `${figures.reads.statements} queries`),
      ...figures.cache.map(({ cacheMib, held, hitRatio }) =>
        sessionsRow(`hits, ${cacheMib} MiB, ${held} sessions held`, `${(hitRatio * 100).toFixed(1)} %`),
      ),
    ],
  ],
};
