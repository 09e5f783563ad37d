// wrk as a load generator, where it is installed: it costs the machine far less than autocannon does, and has no pipelining. Its
// latencies are corrected for coordinated omission: one that is longer than a connection's requests take on average also counts as
// the requests that could not be sent meanwhile.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runGenerator } from "./generator.js";
import {
  combineReports,
  type GeneratorReport,
  type Load,
  type LoadResult,
  type Share,
  sharesOf,
} from "./load.js";

/**
 * One wrk with one thread for each source or URL, at the same time. Cookies are used in turn, by whichever connection is next: give
 * several times as many as connections. Undefined where wrk is not installed, and with pipelining, which it does not have; throws if
 * it fails.
 */
export async function runWrk(load: Load): Promise<LoadResult | undefined> {
  if ((load.pipelining ?? 1) > 1) return undefined;
  const shares = sharesOf(load).flatMap((share) => {
    const connections = Math.max(1, Math.round(share.connections / share.urls.length));
    return share.urls.map((url) => ({ ...share, urls: [url], connections }));
  });
  const folder = mkdtempSync(join(tmpdir(), "limpet-bench-wrk-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    // wrk reads its script as another user.
    chmodSync(folder, 0o755);
    const all = await Promise.all(shares.map((share, n) => runOne(share, join(folder, `${n}.lua`))));
    const reports = all.filter((one) => one !== undefined);
    return reports.length === 0 ? undefined : combineReports(reports);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

async function runOne(share: Share, script: string): Promise<GeneratorReport | undefined> {
  const { urls, connections, seconds, user } = share;
  writeFileSync(script, loadScript(share));
  const parameters = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, urls[0]!];
  const output = await runGenerator("wrk", parameters, { seconds, user });
  if (output === undefined) return undefined;
  const report = parseWrk(output);
  if (report === undefined) throw new Error(`wrk does not report: ${output}`);
  return report;
}

/** JSON in one line, with every latency that there was: wrk's own report has four percentiles of them. */
const REPORT = `
function done(summary, latency, requests)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local latencies = {}
  for index = 1, #latency do
    local us, count = latency(index)
    latencies[index] = string.format("[%d,%d]", us, count)
  end
  print(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"failures":%d,"latencies":[%s]}',
    summary.requests, summary.duration / 1e6, summary.bytes, failures, table.concat(latencies, ",")
  ))
end
`;

/** Lua: the requests are made beforehand, one for each cookie, and sent in turn. JSON's strings without exotic characters are Lua's. */
function loadScript({ headers, cookies = [] }: Share): string {
  const fixed = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  if (cookies.length === 0) return fixed.join("\n") + REPORT;
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
${REPORT}`;
}

/** Reads the report of our script among what wrk prints; undefined if there is none. */
export function parseWrk(output: string): GeneratorReport | undefined {
  const line = /^\{"requests":.*\}$/m.exec(output);
  return line === null ? undefined : (JSON.parse(line[0]) as GeneratorReport);
}
