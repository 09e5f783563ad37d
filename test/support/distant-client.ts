// A client behind a router, in network namespaces within the test's own, which go with it; the farm is in the test's own:
//
//   test's namespace                     router                        client
//   198.18.0.1, fd98:18::1 on a TUN device
//   10.9.0.1 ─────────────────── 10.9.0.2   10.9.1.1 ─────────────── 10.9.1.2
//   fd09::1 ──────────────────── fd09::2    fd09:1::1 ─────────────── fd09:1::2

import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { FORWARDING, Namespace } from "./router.js";

export const CLIENT_ADDRESS = "10.9.1.2";
export const CLIENT_ADDRESS_6 = "fd09:1::2";

const script = fileURLToPath(new URL("./distant-client-main.js", import.meta.url));
/** Nothing that a client does takes so long. */
const TIMEOUT_MS = 20_000;

export class DistantClient {
  readonly #router = new Namespace();
  readonly #client = new Namespace();

  /** In the test's own namespace (namespace.ts). */
  constructor() {
    const router = this.#router;
    const client = this.#client;
    const here = (command: string) => execFileSync("ip", command.split(" "));
    for (const setting of FORWARDING) execFileSync("sysctl", ["-qw", setting]);
    router.forward();
    here(`link add up0 type veth peer name up0 netns ${router.pid}`);
    router.ip(`link add down0 type veth peer name eth0 netns ${client.pid}`);
    here("addr add 10.9.0.1/30 dev up0");
    here("addr add fd09::1/64 dev up0 nodad");
    here("link set up0 up");
    router.ip("addr add 10.9.0.2/30 dev up0");
    router.ip("addr add fd09::2/64 dev up0 nodad");
    router.ip("link set up0 up");
    router.ip("addr add 10.9.1.1/30 dev down0");
    router.ip("addr add fd09:1::1/64 dev down0 nodad");
    router.ip("link set down0 up");
    client.ip(`addr add ${CLIENT_ADDRESS}/30 dev eth0`);
    client.ip(`addr add ${CLIENT_ADDRESS_6}/64 dev eth0 nodad`);
    client.ip("link set eth0 up");
    here("route add 10.9.1.0/30 via 10.9.0.2");
    here("route add fd09:1::/64 via fd09::2");
    router.ip("route add 198.18.0.0/24 via 10.9.0.1");
    router.ip("route add fd98:18::/64 via fd09::1");
    client.ip("route add default via 10.9.1.1");
    client.ip("route add default via fd09:1::1");
  }

  /** The router's way to the client takes packets of at most so many bytes from now on; the way back stays as it is. */
  narrow(mtuBytes: number): void {
    // In the place of the routes that came with the addresses.
    this.#router.ip(`route replace 10.9.1.0/30 dev down0 mtu lock ${mtuBytes}`);
    this.#router.ip(`route replace fd09:1::/64 dev down0 metric 256 mtu lock ${mtuBytes}`);
  }

  /** Runs distant-client-main.js with these arguments at the client. Resolves with what it prints. */
  async run(...parameters: string[]): Promise<string> {
    const command = this.#client.enter(process.execPath, script, ...parameters);
    const { stdout } = await promisify(execFile)(...command, { timeout: TIMEOUT_MS });
    return stdout.trim();
  }

  /** The same, of a download that waits once it has begun: `between` is done meanwhile. Resolves with what it prints at its end. */
  async runWithPause(parameters: string[], between: () => void): Promise<string> {
    const [command, words] = this.#client.enter(process.execPath, script, ...parameters);
    const child: ChildProcess = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    const lines: string[] = [];
    createInterface({ input: child.stdout! }).on("line", (line) => {
      lines.push(line);
      if (line !== "paused") return;
      between();
      child.stdin!.end("go on\n");
    });
    await once(child, "close");
    clearTimeout(timer);
    return lines.at(-1) ?? "";
  }

  remove(): void {
    for (const namespace of [this.#client, this.#router]) namespace.remove();
  }
}
