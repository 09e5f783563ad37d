// What a load generator is told and what it has seen, whichever it is; and autocannon as one. It costs the machine a core for some
// 15,000 requests a second; wrk.ts has the cheaper one.

import autocannon from "autocannon";

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
}

/** What a load generator saw. */
export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Errors of sockets, timeouts, and answers other than 2xx (wrk takes 3xx, too). */
  readonly failures: number;
}

/** Load by autocannon, in this thread. Each connection has one cookie. Latencies are in whole milliseconds. */
export async function runAutocannon(load: Load): Promise<LoadResult> {
  const { headers = {}, cookies, connections, pipelining = 1, seconds } = load;
  // It takes several, to which connections go in turn; its types know of one.
  const url = load.urls as unknown as string;
  let client = 0;
  const result = await autocannon({
    url,
    connections,
    pipelining,
    duration: seconds,
    headers: { ...headers },
    ...(cookies && {
      setupClient: (connection) => connection.setHeaders({ ...headers, cookie: cookies[client++]! }),
    }),
  });
  return {
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50Us: result.latency.p50 * 1000,
    p99Us: result.latency.p99 * 1000,
    failures: result.errors + result.timeouts + result.non2xx,
  };
}
