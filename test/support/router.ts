// Two farms' networks behind a router, in network namespaces within the test's own, which go with it:
//
//   test's namespace          router                         each farm
//   clients 198.19.0.0/16     198.18.0.0/24, two routes      198.18.0.1 on a TUN device, the same in both
//   10.9.0.1 ──────────── 10.9.0.2   10.9.N.1 ──────────── 10.9.N.2
//
// The router spreads sources over the two routes by a hash of the addresses, as equal-cost routing does everywhere.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readlinkSync } from "node:fs";

export const FARM_ADDRESS = "198.18.0.1";
const FARM_PREFIX = "198.18.0.0/24";
const CLIENT_PREFIX = "198.19.0.0/16";

/** The number of a farm. */
export type FarmNumber = 1 | 2;

/** Settings that make a namespace forward packets, also those that come by another way than the answers go. */
export const FORWARDING = [
  "net.ipv4.ip_forward=1",
  "net.ipv4.conf.all.rp_filter=0",
  "net.ipv4.conf.default.rp_filter=0",
  "net.ipv6.conf.all.forwarding=1",
] as const;

/** A network namespace, held by a process that sleeps and that the kernel ends with us. */
export class Namespace {
  readonly #holder: ChildProcess;

  constructor() {
    const ours = readlinkSync("/proc/self/ns/net");
    this.#holder = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", "-n", "sleep", "infinity"], {
      stdio: "ignore",
    });
    this.#holder.unref();
    for (let tries = 0; readlinkSync(`/proc/${this.pid}/ns/net`) === ours; tries++) {
      if (tries === 1_000) throw new Error("the namespace is not made");
      execFileSync("sleep", ["0.005"]);
    }
    this.ip("link set lo up");
  }

  get pid(): number {
    return this.#holder.pid!;
  }

  /** A command line that runs this one in here. */
  enter(...command: string[]): [string, string[]] {
    return ["nsenter", ["-t", String(this.pid), "-n", "--", ...command]];
  }

  /** Runs `ip` in here; its words are parted by spaces. */
  ip(command: string): string {
    return execFileSync(...this.enter("ip", ...command.split(" ")), { encoding: "utf8" });
  }

  /** Forwards packets. */
  forward(): void {
    for (const setting of FORWARDING) execFileSync(...this.enter("sysctl", "-qw", setting));
  }

  remove(): void {
    this.#holder.kill("SIGKILL");
  }
}

export class RoutedFarms {
  readonly farms = { 1: new Namespace(), 2: new Namespace() } as const;
  readonly #router = new Namespace();

  /** In the test's own namespace (namespace.ts), which has the clients' addresses. */
  constructor() {
    const router = this.#router;
    router.forward();
    execFileSync("ip", ["link", "add", "up0", "type", "veth", "peer", "name", "down0"]);
    execFileSync("ip", ["link", "set", "down0", "netns", String(router.pid)]);
    execFileSync("ip", ["addr", "add", "10.9.0.1/30", "dev", "up0"]);
    execFileSync("ip", ["link", "set", "up0", "up"]);
    execFileSync("ip", ["route", "add", FARM_PREFIX, "via", "10.9.0.2"]);
    router.ip("addr add 10.9.0.2/30 dev down0");
    router.ip("link set down0 up");
    router.ip(`route add ${CLIENT_PREFIX} via 10.9.0.1`);
    for (const number of [1, 2] as const) {
      const farm = this.farms[number];
      farm.forward();
      router.ip(`link add farm${number} type veth peer name up0 netns ${farm.pid}`);
      router.ip(`addr add 10.9.${number}.1/30 dev farm${number}`);
      router.ip(`link set farm${number} up`);
      farm.ip(`addr add 10.9.${number}.2/30 dev up0`);
      farm.ip("link set up0 up");
      farm.ip(`route add ${CLIENT_PREFIX} via 10.9.${number}.1`);
    }
    this.route(1, 2);
  }

  /** Sends the farms' packets to these farms, at equal cost. */
  route(...numbers: FarmNumber[]): void {
    const hops = numbers.map((number) => `nexthop via 10.9.${number}.2`).join(" ");
    this.#router.ip(`route replace ${FARM_PREFIX} ${hops}`);
  }

  /** The farm that the router sends this source's packets to. */
  farmOf(source: string): FarmNumber {
    const route = this.#router.ip(`route get ${FARM_ADDRESS} from ${source} iif down0`);
    const number = Number(/via 10\.9\.(\d)\.2/.exec(route)?.[1]);
    if (number !== 1 && number !== 2) throw new Error(`no farm in "${route}"`);
    return number;
  }

  remove(): void {
    for (const namespace of [this.#router, this.farms[1], this.farms[2]]) namespace.remove();
  }
}
