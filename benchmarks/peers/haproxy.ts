// The peer HAProxy in front of node:http processes: a source is pinned to one of them, new ones go to that with the fewest connections.
// It does what limpet does, as well as it can be had otherwise. From its configuration manual: `balance leastconn`; a stick-table of sources
// with `stick on src`; `http-reuse safe`, "the default and the recommended strategy"; `nbthread` as it is by default, a thread for each
// core; `maxconn` for what connects. The servers are on the loopback interface.
//   node haproxy.js PORT SERVERS        the servers are at the ports behind it

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitOnSignals, spawnChild } from "../support/children.js";
import { ENDS_WITH_US, makeFolder, runInstalled } from "./installed-server.js";

function configuration(port: number, servers: readonly number[]): string {
  return `global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend clients
  bind :${port}
  default_backend servers
backend servers
  balance leastconn
  stick-table type ip size 200k expire 30m
  stick on src
  http-reuse safe
${servers.map((at) => `  server node${at} 127.0.0.1:${at}`).join("\n")}
`;
}

/** Resolves when it listens. */
async function startServer(at: number): Promise<void> {
  const script = fileURLToPath(new URL("./node-http.js", import.meta.url));
  const [first, ...rest] = [...ENDS_WITH_US, process.execPath, script, String(at)];
  const server = spawnChild(first!, rest, { stdio: ["ignore", "pipe", "inherit"] });
  server.once("exit", (code) => process.exit(code ?? 1));
  await new Promise((resolve) => server.stdout!.once("data", resolve));
}

const [port, count] = process.argv.slice(2).map(Number);
const servers = Array.from({ length: count! }, (_, n) => port! + 1 + n);
exitOnSignals();
await Promise.all(servers.map(startServer));
const folder = makeFolder("haproxy");
const file = join(folder, "haproxy.cfg");
writeFileSync(file, configuration(port!, servers));
await runInstalled("haproxy", ["-db", "-f", file], port!);
