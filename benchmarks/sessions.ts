// What do sessions cost the database? Four questions, each with figures of its own: how many durable writes a second there are, by
// how many clients write at once; how many queries many misses at once become; whether a cached read asks the database; and
// how often a cache of a given size has what is wanted.
//
// The first two are asked of the storage thread itself, by a `StorageClient` in this thread, as a worker has one: HTTP and the app
// are left out. Writes are then asked for over HTTP, too, and the third question is: of a farm in this process, whose clients
// are in this thread, so that they and not the farm are the limit. The last is the workers' cache alone.

import { mkdtempSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFarm } from "../core/farm.js";
import { allocateSessionDirectory } from "../core/memory/session-directory.js";
import { resolveOptions } from "../core/options.js";
import { StorageHandle } from "../core/supervision/storage-handle.js";
import { SessionCache } from "../workers/session/session-cache.js";
import { sessionKeyOf } from "../workers/session/session-id.js";
import { StorageClient } from "../workers/session/storage-client.js";
import type { StatementCounts } from "./peers/counting-app.js";
import { median } from "./support/machine.js";
import { Random, zipf } from "./support/random.js";

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

/** The same over HTTP, with a farm in between. */
export interface HttpWriteFigure {
  readonly clients: number;
  readonly writesPerSecond: number;
  readonly ratio: number;
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
  readonly httpWrites: readonly HttpWriteFigure[];
  readonly reads: ReadFigure;
  readonly cache: readonly CacheFigure[];
}

const APP = new URL("./peers/counting-app.js", import.meta.url);
/** In ms since the epoch: far enough for no session to expire. */
const EXPIRES_MS = 2 ** 45;
/** Far above what a worker waits: a figure shall not be made better by giving up. */
const TIMEOUT_MS = 60_000;
/** Requests that one worker may have without an answer, below `StorageClient`'s own limit. */
const MAX_PENDING = 5_000;

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
  const farm = createFarm({
    app: APP,
    database,
    workers: 1,
    tun: "off",
    socket: "127.0.0.1:0",
    admin: "none",
    logLevel: "fatal",
  });
  try {
    await farm.listen();
    const url = farm.urls[0]!;
    return { reads: await readCached(url, options.reads), httpWrites: await measureHttpWrites(url, options) };
  } finally {
    await farm.close();
  }
}

async function readCached(url: string, reads: number): Promise<ReadFigure> {
  const agent = newAgent();
  try {
    const { cookie } = await ask(`${url}write`, agent);
    if (cookie === undefined) throw new Error("the farm has given no cookie");
    const count = async () => JSON.parse((await ask(`${url}statements`, agent)).body) as StatementCounts;
    const before = await count();
    for (let read = 0; read < reads; read++) {
      const { body } = await ask(url, agent, cookie);
      if (body !== "cache 1") throw new Error(`a read is answered ${body}, not from the cache`);
    }
    return { reads, statements: (await count()).statements - before.statements };
  } finally {
    agent.destroy();
  }
}

async function measureHttpWrites(url: string, options: SessionsOptions): Promise<HttpWriteFigure[]> {
  const rounds = options.clients.map((): number[] => []);
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, clients] of options.clients.entries())
      rounds[i]!.push(await httpWriteRound(url, clients, options.seconds));
  }
  const figures = options.clients.map((clients, i) => ({ clients, writesPerSecond: median(rounds[i]!) }));
  const [first] = figures;
  return figures.map((figure) => ({ ...figure, ratio: figure.writesPerSecond / first!.writesPerSecond }));
}

/** Clients with a session and a connection each. */
async function httpWriteRound(url: string, clients: number, seconds: number): Promise<number> {
  const agents = Array.from({ length: clients }, newAgent);
  try {
    const cookies = await Promise.all(agents.map(async (agent) => (await ask(`${url}write`, agent)).cookie));
    const startedMs = performance.now();
    const endMs = startedMs + seconds * 1000;
    let writes = 0;
    const write = async (agent: Agent, client: number) => {
      while (performance.now() < endMs) {
        const { body } = await ask(`${url}write`, agent, cookies[client]);
        if (body !== "written") throw new Error(`a write is answered ${body}`);
        writes++;
      }
    };
    await Promise.all(agents.map(write));
    return (writes * 1000) / (performance.now() - startedMs);
  } finally {
    for (const agent of agents) agent.destroy();
  }
}

function newAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}

function ask(
  url: string,
  agent: Agent,
  cookie?: string,
): Promise<{ body: string; cookie: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie };
    get(url, { agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        resolve({ body, cookie: response.headers["set-cookie"]?.[0]?.split(";", 1)[0] }),
      );
      response.on("error", reject);
    }).on("error", reject);
  });
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
