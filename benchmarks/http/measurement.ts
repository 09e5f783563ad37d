// One server under one workload: started, its answers checked, loaded by each load generator in turn, checked again, ended. Nothing of it
// stays.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { visitsIn, WORKER_PATH } from "../peers/response.js";
import { type Load, type LoadResult, runAutocannon } from "../support/load.js";
import { ServerProcess } from "../support/server-process.js";
import { routeSources, type Source } from "../support/sources.js";
import { runWrk } from "../support/wrk.js";
import { Client } from "./clients.js";
import type { Contender } from "./contenders.js";
import { Visits } from "./visits.js";
import type { Workload } from "./workloads.js";

export const LOADS = ["autocannon", "wrk"] as const;
export type LoadName = (typeof LOADS)[number];
const RUN = { autocannon: runAutocannon, wrk: runWrk } as const;

/** wrk's connections take sessions in turn: as many as this a connection, so that two hardly ever meet in one. */
const SESSIONS_PER_CONNECTION = 4;
/** Of load before any figure is taken, until the code on both sides is compiled. */
export const WARM_UP_SECONDS = 1;

export interface MeasurementOptions {
  readonly connections: number;
  readonly pipelining: number;
  /** Of load for each figure. */
  readonly seconds: number;
  readonly loads: readonly LoadName[];
  /** Where databases are made. Default: the system's folder for what is temporary. */
  readonly folder?: string;
}

/** What one load generator saw, and what it cost the server. */
export interface Measured extends LoadResult {
  /** Processor time of the server, all its threads and processes, for one request. */
  readonly serverUsPerRequest: number;
  /** Answered writes that the database does not have; only of `session-write`. */
  readonly lost?: number;
}

/** A load generator that is not installed, or cannot do what is asked, is not in it. */
export interface Measurement {
  /** Workers that the sources came to; undefined where a client does not come to the same one always. */
  readonly workersReached: number | undefined;
  readonly by: ReadonlyMap<LoadName, Measured>;
}

/** Throws if the server cannot be started, ends early, or does not answer or keep what it is to. */
export async function measure(
  contender: Contender,
  workload: Workload,
  sources: readonly Source[],
  options: MeasurementOptions,
): Promise<Measurement> {
  const folder = mkdtempSync(join(options.folder ?? tmpdir(), "limpet-bench-http-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const server = await ServerProcess.start(contender.script, contender.parameters(folder), folder);
    const clients = sources.map((source) => new Client(source, contender.origin));
    try {
      if (contender.device !== undefined)
        routeSources(sources, contender.device.prefix, contender.device.name);
      return await new Trial(server, contender, workload, clients, folder, options).run();
    } finally {
      for (const client of clients) client.close();
      await server.stop();
    }
  } finally {
    process.off("exit", remove);
    remove();
  }
}

class Trial {
  readonly #server: ServerProcess;
  readonly #contender: Contender;
  readonly #workload: Workload;
  readonly #clients: readonly Client[];
  readonly #folder: string;
  readonly #options: MeasurementOptions;
  #visits: Visits | undefined;

  constructor(
    server: ServerProcess,
    contender: Contender,
    workload: Workload,
    clients: readonly Client[],
    folder: string,
    options: MeasurementOptions,
  ) {
    this.#server = server;
    this.#contender = contender;
    this.#workload = workload;
    this.#clients = clients;
    this.#folder = folder;
    this.#options = options;
  }

  async run(): Promise<Measurement> {
    const { connections, loads } = this.#options;
    if (this.#workload.session !== undefined) {
      const each = Math.ceil((connections * SESSIONS_PER_CONNECTION) / this.#clients.length);
      this.#visits = await Visits.begin(this.#contender, this.#folder, this.#clients, each);
    }
    await this.#checkAnswers();
    const workersReached = await this.#countWorkers();
    const load = this.#load();
    await RUN[loads[0]!]({ ...load, seconds: WARM_UP_SECONDS });
    const by = new Map<LoadName, Measured>();
    for (const name of loads) {
      const measured = await this.#underLoad(name, load);
      if (measured !== undefined) by.set(name, measured);
    }
    // Whatever the load has done to it, it still answers what it is to.
    await this.#checkAnswers();
    return { workersReached, by };
  }

  #load(): Load {
    const { connections, pipelining, seconds } = this.#options;
    const sources = this.#clients.map((client) => {
      const cookies = this.#visits?.cookiesOf(client);
      return { user: client.source.user, ...(cookies !== undefined && { cookies }) };
    });
    return {
      urls: [this.#contender.origin + this.#workload.path],
      connections,
      pipelining,
      seconds,
      sources,
    };
  }

  async #checkAnswers(): Promise<void> {
    const { path, body, session } = this.#workload;
    const { server, originPath } = this.#contender;
    for (const client of this.#clients) {
      const cookie = this.#visits?.cookiesOf(client)[0];
      const answer = await client.ask(path, cookie);
      const isRight = body === undefined ? visitsIn(answer.body.toString()) >= 1 : answer.body.equals(body);
      if (answer.status !== 200 || !isRight) {
        const beginning = JSON.stringify(answer.body.subarray(0, 80).toString());
        throw new Error(`${server} answers ${path} with ${answer.status} and ${beginning}`);
      }
      if (session === undefined || originPath === undefined) continue;
      const origin = (await client.ask(originPath, cookie)).body.toString();
      if (origin !== "cache") throw new Error(`${server} has the session from ${origin}, not from the cache`);
    }
  }

  async #countWorkers(): Promise<number | undefined> {
    if (!this.#contender.isSticky) return undefined;
    const workers = new Set<string>();
    for (const client of this.#clients) workers.add((await client.ask(WORKER_PATH)).body.toString());
    return workers.size;
  }

  /** Undefined where there is no such load. */
  async #underLoad(name: LoadName, load: Load): Promise<Measured | undefined> {
    const visits = this.#workload.session === "write" ? this.#visits : undefined;
    const writtenBefore = await visits?.total();
    const usBefore = this.#server.processorUs();
    const result = await RUN[name](load);
    if (result === undefined) return undefined;
    const { requests, failures, bytes } = result;
    const serverUsPerRequest = (this.#server.processorUs() - usBefore) / Math.max(1, requests);
    const leastBytes = (requests - failures) * (this.#workload.body?.length ?? 0);
    if (bytes < leastBytes)
      throw new Error(`${this.#contender.server}: ${bytes} bytes for ${requests} requests`);
    if (visits === undefined) return { ...result, serverUsPerRequest };
    // Those that were under way when the load ended are written and not answered, so it may be more.
    const written = (await visits.total()) - writtenBefore!;
    return { ...result, serverUsPerRequest, lost: Math.max(0, requests - failures - written) };
  }
}
