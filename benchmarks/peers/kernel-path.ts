// The peer of the `goodput` benchmark: the kernel's own TCP, with Reno, behind a path that is as bad as limpet's. Two TUN devices,
// one here and one in a namespace with node:http as its server; this process carries packets from one to the other, and
// does to them what limpet does to its own, by the same code.
//   node kernel-path.js FAULTS PORT        the server is at 198.20.0.1, on PORT
//
//   client ── kernel ── path0 ══ this process ══ path1 ── kernel, Reno ── server
//   198.20.0.2                                                       198.20.0.1

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type FaultPlan, parseFaultPlan } from "../../core/link/fault-plan.js";
import { FaultyLink } from "../../core/link/faulty.js";
import { BURST_PACKETS, Burst, type PacketLink } from "../../core/link/link.js";
import { TunLink } from "../../core/link/tun.js";
import { allocatePacketPool } from "../../core/memory/packet-pool.js";
import { exitOnSignals, spawnChild } from "../support/children.js";
import { IN_NAMESPACE } from "../support/namespace.js";

const MTU_BYTES = 1500;
const POOL_SLOTS = 256;
const SLOT_BYTES = 2048;
/** Turns in a row before the event loop gets its own. */
const TURNS_PER_EVENT_LOOP = 8;

/** Carries what comes from one device to the other. */
class Carrier {
  readonly #burst = new Burst(allocatePacketPool(POOL_SLOTS, SLOT_BYTES));
  readonly #from: PacketLink;
  readonly #to: PacketLink;
  #isAwake = false;

  constructor(from: PacketLink, to: PacketLink) {
    this.#from = from;
    this.#to = to;
    this.#wake();
  }

  readonly #wake = (): void => {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.#run();
  };

  readonly #run = (): void => {
    for (let turn = 0; turn < TURNS_PER_EVENT_LOOP; turn++) {
      if (this.#carry() === BURST_PACKETS) continue;
      this.#isAwake = false;
      this.#from.wait(this.#wake);
      return;
    }
    setImmediate(this.#run);
  };

  #carry(): number {
    const { pool, slots, lengths, freeSlots } = this.#burst;
    this.#from.receive(this.#burst);
    const { count } = this.#burst;
    for (let index = 0; index < count; index++) {
      this.#to.transmit(pool.bytes, pool.packetOffset(slots[index]!), lengths[index]!);
      freeSlots.release(slots[index]!);
    }
    return count;
  }
}

function openDevice(device: string, address: string | undefined): TunLink {
  const hostAddresses =
    address === undefined ? [] : [{ address: Uint8Array.from(address.split("."), Number), prefixLength: 24 }];
  return new TunLink({ device, mtuBytes: MTU_BYTES, hostAddresses, offload: false });
}

/** A server in a namespace of its own, once the device is there; it takes the device's address itself. */
async function startServer(device: string, port: string): Promise<void> {
  const settings = [
    `ip link set ${device} mtu ${MTU_BYTES} txqueuelen 8192 up`,
    `ip addr add 198.20.0.1/24 dev ${device}`,
    "echo reno > /proc/sys/net/ipv4/tcp_congestion_control",
    // No connection shall know what an earlier one has seen.
    "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save",
  ];
  const script = fileURLToPath(new URL("./download-node.js", import.meta.url));
  const steps = ["read go", ...settings, `exec "${process.execPath}" "${script}" ${port}`];
  const [command, ...parameters] = [...IN_NAMESPACE, "sh", "-e", "-c", steps.join("\n")];
  const server = spawnChild(command!, parameters, { stdio: ["pipe", "pipe", "inherit"] });
  server.once("exit", () => process.exit(1));
  await movedTo(device, server.pid!);
  server.stdin!.end("go\n");
  await once(server.stdout!, "data");
}

/** Moves the device once the process has its namespace. */
async function movedTo(device: string, pid: number): Promise<void> {
  const own = namespaceOf(process.pid);
  while (namespaceOf(pid) === own) await new Promise(setImmediate);
  execFileSync("ip", ["link", "set", device, "netns", String(pid)]);
}

function namespaceOf(pid: number): string {
  return execFileSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" });
}

exitOnSignals();
const [faults = "", port = ""] = process.argv.slice(2);
const plan: FaultPlan = parseFaultPlan(faults)!;
const near = openDevice("path0", "198.20.0.2");
const far = openDevice("path1", undefined);
await startServer("path1", port);
const now = () => performance.now();
new Carrier(new FaultyLink(near, plan, now), far);
// The two directions are as independent as limpet's.
new Carrier(new FaultyLink(far, { ...plan, seed: plan.seed ^ 0x5bd1_e995 }, now), near);
process.stdout.write("ready\n");
