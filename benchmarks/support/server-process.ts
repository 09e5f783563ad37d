// A server under load, in a process of its own: started, waited for, its processor time read, ended.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

const READY_TIMEOUT_MS = 20_000;
/** Ticks of /proc/PID/stat in a second: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export class ServerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts `node script …parameters` and waits until it prints something with "ready" in it. */
  static async start(script: URL, parameters: readonly string[]): Promise<ServerProcess> {
    const child = spawn(process.execPath, [script.pathname, ...parameters], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const server = new ServerProcess(child);
    let output = "";
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`${script.pathname} was not ready after ${READY_TIMEOUT_MS / 1000} s`));
      }, READY_TIMEOUT_MS);
      child.once("exit", (code) => reject(new Error(`${script.pathname} ended with ${code}`)));
      child.stdout!.on("data", (chunk) => {
        output += chunk;
        if (!output.includes("ready")) return;
        clearTimeout(timer);
        resolve();
      });
    });
    return server;
  }

  /** Processor time of the process and its children so far, all threads, user and system, in µs. */
  processorUs(): number {
    return processorTicks(this.#child.pid!) * (1e6 / TICKS_PER_SECOND);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }
}

function processorTicks(pid: number): number {
  // The name in parentheses may hold anything: fields are counted from behind it; utime and stime are 14 and 15.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const ofChildren = children === "" ? [] : children.split(" ").map((child) => processorTicks(Number(child)));
  return Number(fields[11]) + Number(fields[12]) + ofChildren.reduce((sum, ticks) => sum + ticks, 0);
}
