// Who is measured by the `http` benchmark: limpet on its ways in, and what people use now. How a peer is configured, and which document says
// so, stands in its file in peers/.

import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOOPBACK_HOST } from "../support/sources.js";
import { expressTotal, limpetTotal } from "./stored-visits.js";
import type { Workload } from "./workloads.js";

export const SERVERS = [
  "limpet-tun",
  "limpet-socket",
  "node-http",
  "node-cluster",
  "node-cluster-sticky",
  "express",
  "express-cluster",
  "nginx",
  "haproxy",
] as const;
export type ServerName = (typeof SERVERS)[number];

export interface Contender {
  readonly server: ServerName;
  /** Threads or processes that serve. */
  readonly workers: number;
  readonly origin: string;
  readonly script: URL;
  /** `folder`: for what the server keeps. */
  parameters(folder: string): string[];
  /** The device that a farm makes, and the addresses behind it. */
  readonly device?: { readonly name: string; readonly prefix: string };
  /** A client always comes to the same worker. */
  readonly isSticky: boolean;
  readonly hasBodies: boolean;
  /** What sessions it has: "durable" ones are on the disk before a write is answered; those in memory are only read here. */
  readonly sessions: "durable" | "in memory" | "none";
  /** How often all sessions together were written, read from the database's file by us. */
  readonly storedVisits?: (folder: string) => Promise<number>;
  /** Where a session's state came from is told at this path, and must be "cache". */
  readonly originPath?: string;
}

const limpet = new URL("../../core/cli/limpet.js", import.meta.url);
const app = fileURLToPath(new URL("../peers/limpet-app.js", import.meta.url));
/** What is made for each core. */
const cores = availableParallelism();

function farm(server: "limpet-tun" | "limpet-socket", workers: number): Omit<Contender, "origin"> {
  const wayIn =
    server === "limpet-tun"
      ? ["--socket", "none", "--tun", "on", "--device", "bench0", "--address", "198.18.0.1/24"]
      : ["--tun", "off", "--socket", `${LOOPBACK_HOST}:8010`];
  return {
    server,
    workers,
    script: limpet,
    parameters: (folder) => [
      ...["serve", "--app", app, "--workers", String(workers), ...wayIn],
      ...["--database", join(folder, "limpet.db"), "--durability", "full"],
      ...["--admin", "none", "--log-level", "warn"],
    ],
    isSticky: true,
    hasBodies: true,
    sessions: "durable",
    storedVisits: (folder) => limpetTotal(join(folder, "limpet.db")),
    originPath: "/origin",
  };
}

interface Peer {
  readonly port: number;
  readonly workers?: number;
  readonly script: string;
  readonly more?: (folder: string) => string[];
}

function peer(server: ServerName, { port, workers = 1, script, more = () => [] }: Peer) {
  return {
    server,
    workers,
    origin: `http://${LOOPBACK_HOST}:${port}`,
    script: new URL(`../peers/${script}`, import.meta.url),
    parameters: (folder: string) => [String(port), ...more(folder)],
    isSticky: false,
    hasBodies: true,
    sessions: "none" as const,
  };
}

function express(server: "express" | "express-cluster", port: number, workers: number): Contender {
  const database = (folder: string) => join(folder, "express.db");
  const more = (folder: string) => [String(workers), database(folder)];
  return {
    ...peer(server, { port, workers, script: "express.js", more }),
    hasBodies: false,
    sessions: "durable",
    storedVisits: (folder) => expressTotal(database(folder)),
  };
}

/** The server as often as it is to be measured: farms with each number of workers, and all others as they are. */
function contendersOf(server: ServerName, workers: readonly number[]): Contender[] {
  const perCore = () => [String(cores)];
  switch (server) {
    case "limpet-tun": {
      const device = { name: "bench0", prefix: "198.18.0.0/24" };
      return workers.map((count) => ({ ...farm(server, count), origin: "http://198.18.0.1", device }));
    }
    case "limpet-socket":
      return workers.map((count) => ({ ...farm(server, count), origin: `http://${LOOPBACK_HOST}:8010` }));
    case "node-http":
      return [peer(server, { port: 8011, script: "node-http.js" })];
    case "node-cluster":
      return [peer(server, { port: 8012, workers: cores, script: "node-cluster.js", more: perCore })];
    case "node-cluster-sticky": {
      const cluster = { port: 8013, workers: cores, script: "node-cluster-sticky.js", more: perCore };
      return [{ ...peer(server, cluster), isSticky: true, sessions: "in memory" }];
    }
    case "express":
      return [express(server, 8014, 1)];
    case "express-cluster":
      return [express(server, 8015, cores)];
    case "nginx":
      return [peer(server, { port: 8016, workers: cores, script: "nginx.js" })];
    case "haproxy": {
      const proxied = { port: 8020, workers: cores, script: "haproxy.js", more: perCore };
      return [{ ...peer(server, proxied), isSticky: true }];
    }
  }
}

/** A server, or a load generator, that cannot be had here. */
export interface LeftOut {
  readonly what: string;
  readonly reason: string;
}

/** Those of the servers that can be measured here, in their order, and why not the others. */
export function findContenders(
  servers: readonly ServerName[],
  workers: readonly number[],
): { contenders: Contender[]; leftOut: LeftOut[] } {
  const contenders: Contender[] = [];
  const leftOut: LeftOut[] = [];
  for (const server of SERVERS.filter((one) => servers.includes(one))) {
    const reason = refusalOf(server);
    if (reason === undefined) contenders.push(...contendersOf(server, workers));
    else leftOut.push({ what: server, reason });
  }
  return { contenders, leftOut };
}

export function isFor(contender: Contender, { session }: Workload): boolean {
  if (session === undefined) return contender.hasBodies;
  return contender.sessions === "durable" || (contender.sessions === "in memory" && session === "read");
}

function refusalOf(server: ServerName): string | undefined {
  if (server === "nginx" || server === "haproxy")
    return spawnSync(server, ["-v"]).error === undefined ? undefined : `${server} is not installed`;
  if (server !== "express" && server !== "express-cluster") return undefined;
  const missing = ["express", "express-session", "connect-session-knex"].filter((name) => !isInstalled(name));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
