// wrk as a load generator, where it is installed: it costs the machine far less than autocannon does, and has no pipelining.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnChild } from "./children.js";
import type { Load, LoadResult } from "./load.js";

/** How long wrk may take to end after its load, in ms. */
const END_TIMEOUT_MS = 20_000;

const US: Readonly<Record<string, number>> = { us: 1, ms: 1000, s: 1e6, m: 60e6 };

/**
 * One wrk with one thread for each URL, at the same time. Cookies are used in turn, by whichever connection is next: give several
 * times as many as connections. Rates and failures are sums, percentiles the worst. Undefined where wrk is not installed, and with
 * pipelining, which it does not have; throws if it fails.
 */
export async function runWrk(load: Load): Promise<LoadResult | undefined> {
  if ((load.pipelining ?? 1) > 1) return undefined;
  const all = await Promise.all(load.urls.map((url) => runOne(url, load)));
  const results = all.filter((one) => one !== undefined);
  if (results.length === 0) return undefined;
  const sum = (of: (one: LoadResult) => number) => results.reduce((total, one) => total + of(one), 0);
  return {
    requests: sum((one) => one.requests),
    requestsPerSecond: sum((one) => one.requestsPerSecond),
    p50Us: Math.max(...results.map((one) => one.p50Us)),
    p99Us: Math.max(...results.map((one) => one.p99Us)),
    failures: sum((one) => one.failures),
  };
}

async function runOne(
  url: string,
  { urls, headers = {}, cookies, connections, seconds }: Load,
): Promise<LoadResult | undefined> {
  const each = Math.max(1, Math.round(connections / urls.length));
  const folder = mkdtempSync(join(tmpdir(), "limpet-bench-wrk-"));
  try {
    const script = join(folder, "request.lua");
    writeFileSync(script, requestScript(headers, cookies ?? []));
    return await runScript(["-t1", `-c${each}`, `-d${seconds}s`, "--latency", "-s", script, url], seconds);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Lua: the requests are made beforehand, one for each cookie, and sent in turn. JSON's strings without exotic characters are Lua's. */
function requestScript(headers: Readonly<Record<string, string>>, cookies: readonly string[]): string {
  const fixed = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  if (cookies.length === 0) return fixed.join("\n");
  return `${fixed.join("\n")}
local requests, next = {}, 0
function init()
  for _, cookie in ipairs({${cookies.map((cookie) => JSON.stringify(cookie)).join(", ")}}) do
    wrk.headers["Cookie"] = cookie
    requests[#requests + 1] = wrk.format()
  end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
`;
}

async function runScript(parameters: readonly string[], seconds: number): Promise<LoadResult | undefined> {
  const child = spawnChild("wrk", [...parameters], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: seconds * 1000 + END_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  const code = await new Promise<number | null | undefined>((resolve, reject) => {
    child.once("close", resolve);
    child.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "ENOENT" ? resolve(undefined) : reject(error),
    );
  });
  if (code === undefined) return undefined;
  const result = parseWrk(output);
  if (code !== 0 || result === undefined) throw new Error(`wrk failed (${code}): ${output}`);
  return result;
}

/** Reads wrk's report; undefined if it is none. */
export function parseWrk(report: string): LoadResult | undefined {
  const requests = /^ *(\d+) requests in /m.exec(report);
  const rate = /^Requests\/sec: +([\d.]+)/m.exec(report);
  const p50Us = percentileUs(report, 50);
  const p99Us = percentileUs(report, 99);
  if (requests === null || rate === null || p50Us === undefined || p99Us === undefined) return undefined;
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report);
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(report);
  const failures = [...(sockets?.slice(1) ?? []), refused?.[1] ?? 0].reduce<number>(
    (sum, n) => sum + Number(n),
    0,
  );
  return { requests: Number(requests[1]), requestsPerSecond: Number(rate[1]), p50Us, p99Us, failures };
}

function percentileUs(report: string, percentile: number): number | undefined {
  const match = new RegExp(`^ +${percentile}% +([\\d.]+)(us|ms|s|m)$`, "m").exec(report);
  return match === null ? undefined : Number(match[1]) * US[match[2]!]!;
}
