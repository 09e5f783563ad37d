// A server under load, in a process of its own: started, waited for, its processor time read, ended.

import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spawnChild } from "./children.js";

const READY_TIMEOUT_MS = 20_000;
/** From SIGTERM to SIGKILL. */
const STOP_TIMEOUT_MS = 5000;
/** Ticks of /proc/PID/stat in a second: USER_HZ, 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** A thread's account of the kernel. */
export interface ThreadTimes {
  /** On a core, and ready to be on one but kept waiting, so far. */
  readonly ranUs: number;
  readonly waitedUs: number;
  /** When it began, in ticks since the machine did. */
  readonly startedTicks: number;
}

/** A server ended before it was ready, or was not in time; the message is what it said on standard error, if anything. */
export class ServerStartError extends Error {
  override readonly name = "ServerStartError";
  readonly code = "ERR_SERVER_START";
}

export class ServerProcess {
  /** All that the process prints; resolves at its end, when its output is closed. */
  readonly printed: Promise<string>;
  readonly #child: ChildProcess;
  /** Resolves when the process is gone, with what ended it. */
  readonly #ended: Promise<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.printed = new Promise((resolve) => {
      let output = "";
      child.stdout!.on("data", (chunk) => (output += chunk));
      child.once("close", () => resolve(output));
    });
    this.#ended = new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once("error", (error) => resolve(error.message));
    });
  }

  /**
   * Starts `node script …parameters` and waits until it prints a line that begins with "ready". `folder`: where it makes what is
   * temporary, instead of the system's. Rejects with a `ServerStartError`.
   */
  static async start(script: URL, parameters: readonly string[], folder?: string): Promise<ServerProcess> {
    const path = fileURLToPath(script);
    // A farm would warn of what it takes for a misspelt option of its own.
    const { LIMPET_NAMESPACE: _, ...env } = process.env;
    const child = spawnChild(process.execPath, [path, ...parameters], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, ...(folder !== undefined && { TMPDIR: folder }) },
    });
    const server = new ServerProcess(child);
    let isReady = false;
    // Kept for the error: on a terminal it would be lost under the progress bar.
    let complaint = "";
    child.stderr!.on("data", (chunk) => {
      if (isReady) process.stderr.write(chunk);
      else complaint += chunk;
    });
    const ready = new Promise<void>((resolve) => {
      let output = "";
      child.stdout!.on("data", (chunk) => {
        output += chunk;
        if (/^ready/m.test(output)) resolve();
      });
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(resolve, READY_TIMEOUT_MS, "was not ready in time");
    });
    const early = server.#ended.then((cause) => `ended early: ${cause}`);
    const problem = await Promise.race([ready, early, late]);
    clearTimeout(timer);
    if (problem !== undefined) {
      await server.stop();
      await server.printed;
      throw new ServerStartError(complaint.trim().replace(/^limpet: /, "") || `${path} ${problem}`);
    }
    isReady = true;
    process.stderr.write(complaint);
    return server;
  }

  /** Processor time of the process and its children so far, all threads, user and system, in µs. */
  processorUs(): number {
    return processorTicks(this.#child.pid!) * (1e6 / TICKS_PER_SECOND);
  }

  /** The same of its main thread alone. */
  mainThreadUs(): number {
    const pid = this.#child.pid!;
    return ticksIn(`/proc/${pid}/task/${pid}/stat`) * (1e6 / TICKS_PER_SECOND);
  }

  /** Its thread ID, which is the process's. */
  get mainThread(): number {
    return this.#child.pid!;
  }

  /** Of each thread that there is, by its ID. */
  threadTimes(): ReadonlyMap<number, ThreadTimes> {
    return threadTimesOf(this.#child.pid!);
  }

  /** Memory of the process that is in use, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  /** Asks the process to end, and makes it. Resolves when it is gone, also if it was before. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Of each thread of a process, by its ID. */
export function threadTimesOf(pid: number): ReadonlyMap<number, ThreadTimes> {
  const folder = `/proc/${pid}/task`;
  const times = new Map<number, ThreadTimes>();
  for (const thread of readdirSync(folder)) {
    try {
      const [ranNs, waitedNs] = readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ").map(Number);
      const startedTicks = Number(statFields(`${folder}/${thread}/stat`)[19]);
      times.set(Number(thread), { ranUs: ranNs! / 1000, waitedUs: waitedNs! / 1000, startedTicks });
    } catch (error) {
      // It has ended since it was listed.
      if (!["ENOENT", "ESRCH"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    }
  }
  return times;
}

function processorTicks(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const ofChildren = children === "" ? [] : children.split(" ").map((child) => processorTicks(Number(child)));
  return ticksIn(`/proc/${pid}/stat`) + ofChildren.reduce((sum, ticks) => sum + ticks, 0);
}

/** Of a process or of a thread, by its `stat`. */
function ticksIn(statFile: string): number {
  const fields = statFields(statFile);
  return Number(fields[11]) + Number(fields[12]);
}

/** From the third on (proc(5)): utime and stime, 14 and 15 there, are 11 and 12; starttime, 22, is 19. */
function statFields(statFile: string): string[] {
  // The name in parentheses, the second, may hold anything: fields are counted from behind it.
  const stat = readFileSync(statFile, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
