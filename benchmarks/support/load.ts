// What a load generator is told and what it has seen, whichever it is; and autocannon as one, in processes of its own, so that it
// neither waits for the benchmark nor holds it up. It costs the machine a core for some 15,000 requests a second; wrk.ts has the
// cheaper one.

import { fileURLToPath } from "node:url";
import { runGenerator } from "./generator.js";
import { Latencies, type Percentiles } from "./latencies.js";

export interface Load {
  /** Connections are shared out among them. */
  readonly urls: readonly string[];
  /** Of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sessions: a cookie each, at least as many as connections. Without, `headers` have one or there is none. */
  readonly cookies?: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests that a connection sends without waiting for the answers. Default: 1. */
  readonly pipelining?: number;
  /** One generator for each of them, all at the same time, with its share of the connections. Default: one that runs as we do. */
  readonly sources?: readonly LoadSource[];
}

export interface LoadSource {
  /** Number of the user that the generator runs as, by which its source address is chosen (sources.ts). */
  readonly user: number;
  /** Sessions of this source, instead of the load's. */
  readonly cookies?: readonly string[];
}

/** What a load generator saw, or several at the same time together. */
export interface LoadResult extends Percentiles {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** What was received, heads included. */
  readonly bytes: number;
  /** Errors of sockets, timeouts, and answers other than 2xx (wrk takes 3xx, too). */
  readonly failures: number;
}

/** What one process of a load generator reports. */
export interface GeneratorReport {
  readonly requests: number;
  /** How long it took. */
  readonly seconds: number;
  readonly bytes: number;
  readonly failures: number;
  /** Each latency that there was, in µs, and how often. */
  readonly latencies: readonly (readonly [us: number, count: number])[];
}

/** What one process of a load generator has to do. */
export interface Share {
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[] | undefined;
  readonly connections: number;
  readonly seconds: number;
  readonly pipelining: number;
  readonly user: number | undefined;
}

/** Of a load, for each of its sources. */
export function sharesOf(load: Load): Share[] {
  const { urls, headers = {}, cookies, connections, seconds, pipelining = 1, sources } = load;
  const whole = { urls, headers, cookies, connections, seconds, pipelining, user: undefined };
  if (sources === undefined) return [whole];
  const each = Math.max(1, Math.round(connections / sources.length));
  return sources.map((source) => ({
    ...whole,
    connections: each,
    cookies: source.cookies ?? cookies,
    user: source.user,
  }));
}

/** Of several at the same time: rates are added, and percentiles are those of all requests. Throws RangeError without any. */
export function combineReports(reports: readonly GeneratorReport[]): LoadResult {
  if (reports.length === 0) throw new RangeError("no load generator has reported");
  const sum = (of: (one: GeneratorReport) => number) => reports.reduce((total, one) => total + of(one), 0);
  const all = new Latencies();
  for (const { latencies } of reports) {
    for (const [us, count] of latencies) all.record(us, count);
  }
  return {
    requests: sum((one) => one.requests),
    requestsPerSecond: sum((one) => one.requests / one.seconds),
    ...all.percentiles(),
    bytes: sum((one) => one.bytes),
    failures: sum((one) => one.failures),
  };
}

const generator = fileURLToPath(new URL("./autocannon-process.js", import.meta.url));

/** Load by autocannon. Each connection has one cookie. Throws if it fails. */
export async function runAutocannon(load: Load): Promise<LoadResult> {
  const reports = sharesOf(load).map(async (share) => {
    const input = JSON.stringify(share);
    const output = await runGenerator(process.execPath, [generator], { seconds: load.seconds, input });
    return JSON.parse(output!) as GeneratorReport;
  });
  return combineReports(await Promise.all(reports));
}
