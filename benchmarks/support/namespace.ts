// A namespace of one's own, for network and mounts: a program that sends traffic or needs a disk to fill starts itself again
// under `unshare -n -m`; devices, addresses, packets and disks stay in there and go with it. Used by benchmarks and integration
// tests alike.

import { execFileSync, spawnSync } from "node:child_process";

const MARK = "LIMPET_NAMESPACE";

/**
 * Runs the program that follows in a namespace of its own, and has the kernel end it when we do. Its mounts are cut off from
 * everybody else's only when there is something to mount (`mountDisk`): where that is forbidden, all the rest must still work.
 */
export const IN_NAMESPACE = [
  ...["setpriv", "--pdeathsig", "TERM"],
  ...["unshare", "-n", "-m", "--propagation", "unchanged"],
] as const;

/** Every address of this prefix can be a client's: on `lo` the whole prefix is local. */
export const CLIENT_PREFIX = "198.19.0.1/16";

/** The address of client number `n`; as many as the prefix has are different. */
export function clientAddress(n: number): string {
  return `198.19.${(n >> 8) & 0xff}.${n & 0xff}`;
}

/** True in a process that `reenter` has started, and in those that it starts; its loopback interface is up and has the clients' addresses then. */
export function isInside(): boolean {
  if (process.env[MARK] !== "1") return false;
  execFileSync("ip", ["link", "set", "lo", "up"]);
  execFileSync("ip", ["addr", "replace", CLIENT_PREFIX, "dev", "lo"]);
  return true;
}

/**
 * Puts a disk of so many MiB, in memory, on an empty folder; nobody outside of the namespace sees it. Returns what takes it away
 * again, whoever still uses it. Throws outside of a namespace, and where mounting is forbidden.
 */
export function mountDisk(folder: string, sizeMib: number): () => void {
  if (process.env[MARK] !== "1") throw new Error("a disk can be made in a namespace of our own only");
  const run = (command: string, ...parameters: string[]) =>
    execFileSync(command, parameters, { stdio: ["ignore", "ignore", "pipe"] });
  run("mount", "--make-rprivate", "/");
  run("mount", "-t", "tmpfs", "-o", `size=${sizeMib}m,mode=700`, "limpet", folder);
  return () => run("umount", "--lazy", folder);
}

/** There can be no namespace here. */
export class NamespaceError extends Error {
  override readonly name = "NamespaceError";
  readonly code = "ERR_NAMESPACE";
}

/** Why this process cannot make a namespace with a TUN device, in a sentence; undefined if it can. */
export function refusal(): string | undefined {
  if (process.platform !== "linux") return "TUN devices of limpet's kind exist on Linux only";
  const [command, ...parameters] = IN_NAMESPACE;
  const probe = spawnSync(command, [...parameters, "ip", "tuntap", "add", "dev", "probe0", "mode", "tun"], {
    encoding: "utf8",
  });
  if (probe.status === 0) return undefined;
  const cause = probe.error?.message ?? probe.stderr.trim();
  return `a network namespace with a TUN device cannot be made here (${cause}): run as root, with util-linux and iproute2 installed`;
}

/**
 * Runs this program again, with its arguments, in a namespace of its own, to its end. Returns its exit code. It gets
 * SIGTERM should this process be killed meanwhile, which cannot pass a signal on while it waits.
 */
export function reenter(): number {
  const [command, ...parameters] = IN_NAMESPACE;
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawnSync(command, [...parameters, ...program], {
    stdio: "inherit",
    env: { ...process.env, [MARK]: "1" },
  });
  return child.status ?? 1;
}
