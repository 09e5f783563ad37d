// A PostgreSQL cluster of the test's own: made in a temporary folder, reached by a unix socket in it and by nothing else,
// gone with the test. What always holds: Debian's own cluster is neither used nor touched; a watchdog stops the server
// and removes the folder when the test's process ends, however it ends. Where PostgreSQL is not installed the tests are
// skipped, visibly; in CI (the variable CI is set) they fail instead.

import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";

/** Where Debian keeps the programs of each version; others have them in the path. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";

/** Ends with the pipe to the test's process: stops the server at once and removes the folder. */
const WATCHDOG = `trap '' INT TERM HUP; read -r _; "$1"/pg_ctl -D "$2"/data -m immediate stop >/dev/null 2>&1; rm -rf "$2"`;

export interface PostgresCluster {
  /** Folder of the socket. */
  readonly folder: string;
  /** URL of a database without tables, as the superuser. */
  readonly superuserUrl: string;
  /** The URL of a database in it, which exists. The server lets the user limpet in with the password "barnacle" only. */
  createDatabase(name: string): string;
  /** Runs SQL as the superuser, and gives what psql prints. */
  sql(database: string, statement: string): string;
  /** Starts the server, and waits until it takes connections. */
  start(): Promise<void>;
  /** Stops it as a crash would. */
  stop(): Promise<void>;
  /** Stops it and removes everything. */
  remove(): Promise<void>;
}

/** The folder of PostgreSQL's programs, the newest there are; undefined if it is not installed. */
function programsFolder(): string | undefined {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const debian = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN_FOLDER, version, "bin"));
  const path = (process.env.PATH ?? "").split(":");
  return [...debian, ...path].find((folder) => existsSync(join(folder, "initdb")));
}

/** Why there can be no cluster, in a sentence; undefined if there can. */
export function clusterRefusal(): string | undefined {
  if (process.platform !== "win32" && programsFolder() !== undefined) return undefined;
  return "PostgreSQL is not installed here: on Debian, apt-get install postgresql";
}

/** True if PostgreSQL is installed: register the tests. False: the file has said so, and has nothing to do. */
export function hasPostgres(): boolean {
  const reason = clusterRefusal();
  if (reason === undefined) return true;
  if (process.env.CI !== undefined) {
    test(reason, () => {
      throw new Error(`${reason}; in CI this must work`);
    });
  } else {
    process.stdout.write(`# skipped: ${reason}\n`);
    test.skip(reason, () => {});
  }
  return false;
}

/** Makes a cluster and starts it. `fsync`: durable, and slow; only for tests of what survives. */
export async function startCluster({ fsync = false } = {}): Promise<PostgresCluster> {
  const programs = programsFolder()!;
  const folder = mkdtempSync(join(tmpdir(), "limpet-pg-"));
  const data = join(folder, "data");
  // PostgreSQL does not run as root.
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  chmodSync(folder, 0o755);
  const as = {
    ...owner,
    cwd: folder,
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    encoding: "utf8" as const,
    timeout: 60_000,
  };
  const run = async (program: string, ...parameters: string[]) => {
    await promisify(execFile)(join(programs, program), parameters, as);
  };
  const watchdog = spawn("sh", ["-c", WATCHDOG, "watchdog", programs, folder], {
    ...owner,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Neither the pipe nor the process keeps the test from ending.
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();
  const removed = new Promise<void>((resolve) => watchdog.once("exit", () => resolve()));

  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, "super\n");
  const authentication = ["-U", "postgres", "--auth-local=scram-sha-256", `--pwfile=${passwordFile}`];
  await run("initdb", "-D", data, "-E", "UTF8", "--no-locale", "--no-sync", ...authentication);
  const flags = `-c listen_addresses='' -c unix_socket_directories='${folder}' -c fsync=${fsync ? "on" : "off"}`;
  const cluster: PostgresCluster = {
    folder,
    superuserUrl: urlOf("postgres:super", "postgres", folder),
    createDatabase(name) {
      cluster.sql("postgres", `CREATE DATABASE ${name} OWNER limpet`);
      return urlOf("limpet:barnacle", name, folder);
    },
    sql: (database, statement) =>
      execFileSync(
        join(programs, "psql"),
        ["-h", folder, "-U", "postgres", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtc", statement],
        { ...as, stdio: ["ignore", "pipe", "pipe"], env: { ...as.env, PGPASSWORD: "super" } },
      ).trim(),
    start: () => run("pg_ctl", "-D", data, "-l", join(folder, "log"), "-w", "-o", flags, "start"),
    stop: () => run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"),
    remove: () => {
      watchdog.ref();
      watchdog.stdin.end();
      return removed;
    },
  };
  await cluster.start();
  cluster.sql("postgres", "CREATE ROLE limpet LOGIN PASSWORD 'barnacle'");
  return cluster;
}

function urlOf(credentials: string, database: string, folder: string): string {
  return `postgres://${credentials}@localhost/${database}?host=${encodeURIComponent(folder)}`;
}

/** Debian's postgres if there is one, else nobody. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } {
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  try {
    return { uid: idOf("-u"), gid: idOf("-g") };
  } catch {
    return { uid: 65_534, gid: 65_534 };
  }
}
