// Load of a list of requests: connections that ask without pause, each from an address of its own, since a farm pins a source to one
// worker, and each with the session that it is given. undici, because autocannon cannot be told where a connection comes from.

import { Client } from "undici";
import { Latencies } from "../support/latencies.js";
import { isInside } from "../support/namespace.js";
import { Random } from "../support/random.js";
import type { LoadFigures, RunningLoad, TuneLoad } from "./load.js";
import type { TuneRequest } from "./requests.js";

export interface RequestLoadOptions {
  readonly requests: readonly TuneRequest[];
  readonly connections: number;
  readonly seed: number;
  /** What it is, for people. */
  readonly about: string;
}

/** How long an answer may take, in ms; a later one is a failure. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** After a failure, so that a farm that refuses is not asked in a tight loop. */
const FAILURE_PAUSE_MS = 50;

interface Tally {
  readonly sinceMs: number;
  answered: number;
  failures: number;
  firstFailure: string | undefined;
  readonly latencies: Latencies;
}

export class RequestLoad implements TuneLoad {
  readonly description: string;
  readonly arrivalSeconds = 0;
  readonly #options: RequestLoadOptions;

  constructor(options: RequestLoadOptions) {
    this.#options = options;
    this.description = `${options.connections} connections, ${options.about}`;
  }

  start(urls: readonly string[]): Promise<RunningLoad> {
    return Promise.resolve(new RunningRequests(urls, this.#options));
  }
}

class RunningRequests implements RunningLoad {
  readonly #draw: (random: Random) => TuneRequest;
  readonly #clients: readonly Client[];
  readonly #running: Promise<unknown>;
  #tally = newTally();
  #isStopped = false;

  constructor(urls: readonly string[], { requests, connections, seed }: RequestLoadOptions) {
    this.#draw = weighted(requests);
    this.#clients = Array.from({ length: connections }, (_, number) => {
      const localAddress = sourceOf(number);
      return new Client(urls[number % urls.length]!, {
        headersTimeout: ANSWER_TIMEOUT_MS,
        bodyTimeout: ANSWER_TIMEOUT_MS,
        connectTimeout: ANSWER_TIMEOUT_MS,
        ...(localAddress && { localAddress }),
      });
    });
    this.#running = Promise.all(
      this.#clients.map((client, number) => this.#ask(client, new Random(seed + number))),
    );
  }

  countAnew(): void {
    this.#tally = newTally();
  }

  /** What was asked before and answered since counts as answered, with all of its latency: what is slow is not left out. */
  figures(): LoadFigures {
    const { sinceMs, answered, failures, firstFailure, latencies } = this.#tally;
    const { p50Us, p99Us } = latencies.percentiles();
    return {
      requests: answered,
      requestsPerSecond: (answered * 1000) / (performance.now() - sinceMs),
      p50Us,
      p99Us,
      failures,
      ...(firstFailure === undefined ? {} : { firstFailure }),
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients.map((client) => client.destroy()));
    await this.#running;
  }

  async #ask(client: Client, random: Random): Promise<void> {
    const cookies = new Map<string, string>();
    while (!this.#isStopped) {
      const request = this.#draw(random);
      const askedMs = performance.now();
      const failure = await ask(client, request, cookies);
      // What was cut off at the end says nothing.
      if (this.#isStopped) return;
      const tally = this.#tally;
      tally.latencies.record((performance.now() - askedMs) * 1000);
      if (failure === undefined) {
        tally.answered++;
      } else {
        tally.failures++;
        tally.firstFailure ??= `${request.method} ${request.path}: ${failure}`;
        await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS));
      }
    }
  }
}

/** What was wrong; undefined for a whole answer below 400. Cookies are kept as a browser keeps those of one site. */
async function ask(
  client: Client,
  request: TuneRequest,
  cookies: Map<string, string>,
): Promise<string | undefined> {
  const cookie = [...cookies].map((pair) => pair.join("=")).join("; ");
  try {
    const answer = await client.request({
      method: request.method as "GET",
      path: request.path,
      headers: { ...request.headers, ...(cookie === "" ? {} : { cookie }) },
      body: request.body ?? null,
    });
    for await (const _ of answer.body);
    const set = answer.headers["set-cookie"] ?? [];
    for (const line of typeof set === "string" ? [set] : set) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined) cookies.set(name, value!);
    }
    return answer.statusCode < 400 ? undefined : `answered with ${answer.statusCode}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** On loopback and in a namespace of ours whole prefixes are this machine's own; elsewhere the system chooses. */
function sourceOf(number: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  const [third, fourth] = [Math.floor(number / 250) % 250, 1 + (number % 250)];
  return isInside() ? `198.19.${third}.${fourth}` : `127.66.${third}.${fourth}`;
}

/** Draws requests as often as they weigh. */
export function weighted(requests: readonly TuneRequest[]): (random: Random) => TuneRequest {
  const total = requests.reduce((sum, { weight }) => sum + weight, 0);
  return (random) => {
    let drawn = random.fraction() * total;
    for (const request of requests) {
      drawn -= request.weight;
      if (drawn < 0) return request;
    }
    return requests.at(-1)!;
  };
}

function newTally(): Tally {
  const sinceMs = performance.now();
  return { sinceMs, answered: 0, failures: 0, firstFailure: undefined, latencies: new Latencies() };
}
