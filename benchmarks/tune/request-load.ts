// Load of a list of requests: connections that ask without pause, each from an address of its own, since a farm pins a source to one
// worker, and each with the session that it is given. undici, because autocannon cannot be told where a connection comes from.

import { build, type Histogram } from "hdr-histogram-js";
import { Client } from "undici";
import { isInside } from "../support/namespace.js";
import { Random } from "../support/random.js";
import type { LoadFigures, TuneLoad } from "./load.js";
import type { TuneRequest } from "./requests.js";

export interface RequestLoadOptions {
  readonly requests: readonly TuneRequest[];
  readonly connections: number;
  readonly seed: number;
  /** What it is, for people. */
  readonly about: string;
}

/** How long an answer may take, in ms; a later one is a failure. */
const ANSWER_TIMEOUT_MS = 10_000;
/** After a failure, so that a farm that refuses is not asked in a tight loop. */
const FAILURE_PAUSE_MS = 50;

interface Tally {
  answered: number;
  failures: number;
  firstFailure: string | undefined;
  readonly latencies: Histogram;
}

export class RequestLoad implements TuneLoad {
  readonly description: string;
  readonly #options: RequestLoadOptions;
  readonly #draw: (random: Random) => TuneRequest;

  constructor(options: RequestLoadOptions) {
    this.#options = options;
    this.#draw = weighted(options.requests);
    this.description = `${options.connections} connections, ${options.about}`;
  }

  async run(urls: readonly string[], seconds: number): Promise<LoadFigures> {
    const { connections, seed } = this.#options;
    const tally: Tally = { answered: 0, failures: 0, firstFailure: undefined, latencies: newHistogram() };
    const endMs = performance.now() + seconds * 1000;
    await Promise.all(
      Array.from({ length: connections }, (_, number) =>
        this.#connection(
          urls[number % urls.length]!,
          sourceOf(number),
          new Random(seed + number),
          endMs,
          tally,
        ),
      ),
    );
    const { answered, failures, firstFailure, latencies } = tally;
    const at = (percentile: number) =>
      latencies.totalCount === 0 ? 0 : latencies.getValueAtPercentile(percentile);
    return {
      requests: answered,
      requestsPerSecond: answered / seconds,
      p50Us: at(50),
      p99Us: at(99),
      failures,
      ...(firstFailure === undefined ? {} : { firstFailure }),
    };
  }

  /** Asks until the time is up. What is under way then may take as long as it needs: it counts for latency, but not as answered. */
  async #connection(
    url: string,
    localAddress: string | undefined,
    random: Random,
    endMs: number,
    tally: Tally,
  ): Promise<void> {
    const client = new Client(url, {
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      connectTimeout: ANSWER_TIMEOUT_MS,
      ...(localAddress && { localAddress }),
    });
    const cookies = new Map<string, string>();
    try {
      for (let now = performance.now(); now < endMs; now = performance.now()) {
        const request = this.#draw(random);
        const failure = await ask(client, request, cookies);
        const answeredMs = performance.now();
        tally.latencies.recordValue(Math.max(1, Math.round((answeredMs - now) * 1000)));
        if (failure !== undefined) {
          tally.failures++;
          tally.firstFailure ??= `${request.method} ${request.path}: ${failure}`;
          await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS));
        } else if (answeredMs <= endMs) {
          tally.answered++;
        }
      }
    } finally {
      await client.destroy();
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

function newHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    highestTrackableValue: 120_000_000,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  });
}
