// How many requests does a farm answer, against what people use now? limpet over its TUN device, node:http and
// node:cluster over the kernel's loopback, all with the same response and the same load, in one run and in rounds that
// alternate, so that a noisy neighbour hits all alike. Must run in a network namespace of its own.

import { spawnSync } from "node:child_process";
import autocannon from "autocannon";
import { median } from "./support/machine.js";
import { ServerProcess } from "./support/server-process.js";

export interface HttpOptions {
  readonly connections: number;
  readonly pipelining: number;
  /** Of load for each figure of a round. */
  readonly seconds: number;
  readonly rounds: number;
}

export interface HttpFigure {
  readonly server: string;
  /** autocannon's, median of the rounds. */
  readonly requestsPerSecond: number;
  /** Against node:http's in the same run. */
  readonly ratio: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server, all its threads and processes, for one request. */
  readonly serverUsPerRequest: number;
  /** Errors, timeouts, and answers other than 200. */
  readonly failures: number;
  /** wrk's (two threads), median of the rounds; absent where wrk is not installed. It costs less than autocannon, and does not pipeline. */
  readonly wrkRequestsPerSecond?: number;
}

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly script: URL;
  readonly parameters: readonly string[];
  /** Asked once before the load; its cookie goes with every request. */
  readonly cookieFrom?: string;
}

const NODE_HTTP = "node:http";
const TUN_URL = "http://198.18.0.1/";
const limpet = new URL("../core/cli/limpet.js", import.meta.url);
const app = new URL("./peers/limpet-app.js", import.meta.url).pathname;

function limpetContender(workers: number): Contender {
  const quiet = ["--log-level", "warn", "--database", ":memory:"];
  return {
    name: `limpet, ${workers} worker${workers === 1 ? "" : "s"}`,
    url: TUN_URL,
    script: limpet,
    parameters: ["serve", "--app", app, "--workers", String(workers), ...quiet],
  };
}

const CONTENDERS: readonly Contender[] = [
  limpetContender(1),
  limpetContender(2),
  {
    ...limpetContender(1),
    name: "limpet, 1 worker, session read",
    url: `${TUN_URL}session`,
    cookieFrom: `${TUN_URL}put`,
  },
  {
    name: NODE_HTTP,
    url: "http://127.0.0.1:8001/",
    script: new URL("./peers/node-http.js", import.meta.url),
    parameters: ["8001"],
  },
  {
    name: "node:cluster, 2 workers",
    url: "http://127.0.0.1:8002/",
    script: new URL("./peers/node-cluster.js", import.meta.url),
    parameters: ["8002", "2"],
  },
];

interface Measured {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverUsPerRequest: number;
  readonly failures: number;
  readonly wrkRequestsPerSecond: number | undefined;
}

async function cookieFor({ cookieFrom }: Contender): Promise<string | undefined> {
  if (cookieFrom === undefined) return undefined;
  const answer = await fetch(cookieFrom);
  await answer.text();
  return answer.headers.getSetCookie()[0]?.split(";")[0];
}

async function measure(contender: Contender, options: HttpOptions): Promise<Measured> {
  const server = await ServerProcess.start(contender.script, contender.parameters);
  try {
    const cookie = await cookieFor(contender);
    const load = (seconds: number) =>
      autocannon({
        url: contender.url,
        connections: options.connections,
        pipelining: options.pipelining,
        duration: seconds,
        ...(cookie === undefined ? {} : { headers: { cookie } }),
      });
    // Until the code on both sides is compiled.
    await load(Math.min(2, options.seconds));
    const before = server.processorUs();
    const result = await load(options.seconds);
    const processorUs = server.processorUs() - before;
    return {
      requestsPerSecond: result.requests.average,
      p50Ms: result.latency.p50,
      p99Ms: result.latency.p99,
      serverUsPerRequest: processorUs / Math.max(1, result.requests.total),
      failures: result.errors + result.timeouts + result.non2xx,
      wrkRequestsPerSecond: options.pipelining === 1 ? runWrk(contender.url, cookie, options) : undefined,
    };
  } finally {
    await server.stop();
  }
}

function runWrk(url: string, cookie: string | undefined, options: HttpOptions): number | undefined {
  const header = cookie === undefined ? [] : ["-H", `cookie: ${cookie}`];
  const result = spawnSync(
    "wrk",
    ["-t2", `-c${options.connections}`, `-d${options.seconds}s`, ...header, url],
    { encoding: "utf8", timeout: (options.seconds + 20) * 1000 },
  );
  const match = /Requests\/sec: +([\d.]+)/.exec(result.stdout ?? "");
  return match === null ? undefined : Number(match[1]);
}

/** One figure for each server; `progress` is told of each measurement as it begins. */
export async function runHttp(options: HttpOptions, progress: (what: string) => void): Promise<HttpFigure[]> {
  const measured = new Map<string, Measured[]>(CONTENDERS.map(({ name }) => [name, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const contender of CONTENDERS) {
      progress(`round ${round} of ${options.rounds}: ${contender.name}`);
      measured.get(contender.name)!.push(await measure(contender, options));
    }
  }
  const rates = new Map(
    [...measured].map(([name, all]) => [name, median(all.map((one) => one.requestsPerSecond))]),
  );
  return [...measured].map(([server, all]) => {
    const wrk = all.map((one) => one.wrkRequestsPerSecond).filter((rate) => rate !== undefined);
    return {
      server,
      requestsPerSecond: Math.round(rates.get(server)!),
      ratio: rates.get(server)! / rates.get(NODE_HTTP)!,
      p50Ms: median(all.map((one) => one.p50Ms)),
      p99Ms: median(all.map((one) => one.p99Ms)),
      serverUsPerRequest: median(all.map((one) => one.serverUsPerRequest)),
      failures: all.reduce((sum, one) => sum + one.failures, 0),
      ...(wrk.length === 0 ? {} : { wrkRequestsPerSecond: Math.round(median(wrk)) }),
    };
  });
}
