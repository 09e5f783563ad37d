// autocannon as a process: reads a share of a load as JSON, and prints its report as JSON. autocannon itself keeps whole
// milliseconds; it tells how long each answer took in fractions of one, and those are what is reported here.
//   node autocannon-process.js < SHARE

import { text } from "node:stream/consumers";
import autocannon from "autocannon";
import type { GeneratorReport, Share } from "./load.js";

const share = JSON.parse(await text(process.stdin)) as Share;
const { headers, cookies, connections, pipelining, seconds, user } = share;
if (user !== undefined) {
  // Not before all modules are loaded: where they lie may be closed to that user.
  process.setgid!(user);
  process.setuid!(user);
}

const counts = new Map<number, number>();
let bytes = 0;
let client = 0;
const instance = autocannon(
  {
    // It takes several, to which connections go in turn; its types know of one.
    url: share.urls as unknown as string,
    connections,
    pipelining,
    duration: seconds,
    headers: { ...headers },
    ...(cookies && {
      setupClient: (connection) =>
        connection.setHeaders({ ...headers, cookie: cookies[client++ % cookies.length]! }),
    }),
  },
  (error, result) => {
    if (error) throw error;
    const report: GeneratorReport = {
      requests: result.requests.total,
      seconds: result.duration,
      bytes,
      failures: result.errors + result.timeouts + result.non2xx,
      latencies: [...counts],
    };
    process.stdout.write(JSON.stringify(report));
  },
);
instance.on("response", (_client, _status, responseBytes, tookMs) => {
  bytes += responseBytes;
  const us = Math.max(1, Math.round(tookMs * 1000));
  counts.set(us, (counts.get(us) ?? 0) + 1);
});
