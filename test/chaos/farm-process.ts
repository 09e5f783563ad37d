// `limpet serve` with the chaos app, as a process of its own under a supervisor that starts it again whenever it ends, as an init
// system would: whether it was killed, died of something else, or could not start because its database was locked or its disk full.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawnChild } from "../../benchmarks/support/children.js";
import { Violation } from "./visitor.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));
const app = fileURLToPath(new URL("./chaos-app.js", import.meta.url));

/** How long a farm may take until it is ready, all attempts together. */
const START_TIMEOUT_MS = 30_000;
const END_TIMEOUT_MS = 15_000;
/** Between two attempts. */
const RETRY_MS = 100;
/** What is kept of the farm's log for whoever must find out. */
const MAX_LOG_LINES = 60;

export interface FarmProcessOptions {
  /** Options as variables of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly workers: number;
  /** Also over a TUN device; needs a network namespace of our own. */
  readonly withTun: boolean;
}

export class FarmProcess {
  /** Where its socket link listens, over all restarts. */
  readonly socketUrl: URL;
  /** Ends that nobody had asked for, by their signal or exit code. */
  readonly deaths: Record<string, number> = {};
  /** Starts that failed, and were tried again. */
  failedStarts = 0;
  /** Workers and storage threads that the farm said to have failed. */
  workersFailed = 0;
  storagesFailed = 0;
  readonly #parameters: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #isStarting = false;
  #log: string[] = [];
  /** Rejects when the farm can no longer be started. */
  #restarting: Promise<void> = Promise.resolve();

  private constructor(options: FarmProcessOptions, port: number) {
    const { environment, workers, withTun } = options;
    this.socketUrl = new URL(`http://127.0.0.1:${port}/`);
    this.#environment = { ...process.env, ...environment };
    this.#parameters = [
      ...["serve", "--app", app, "--workers", String(workers)],
      ...["--socket", `127.0.0.1:${port}`, "--tun", withTun ? "on" : "off", "--admin", "none"],
      ...["--drain-seconds", "3"],
    ];
  }

  /** Starts it for the first time. */
  static async start(options: FarmProcessOptions): Promise<FarmProcess> {
    const farm = new FarmProcess(options, await freePort());
    await farm.#restart();
    return farm;
  }

  /** The end of its log. */
  get log(): string {
    return this.#log.join("\n");
  }

  /** Kills it; resolves when the next one is ready. */
  kill(): Promise<void> {
    const child = this.#child;
    child?.kill("SIGKILL");
    // One that is not ready yet is tried again by whoever waits for it.
    if (child === undefined || this.#isStarting) return this.#restarting;
    this.#child = undefined;
    return this.#restart(child);
  }

  /** Lets it stand still for so long. */
  async halt(durationMs: number): Promise<void> {
    const child = this.#child;
    child?.kill("SIGSTOP");
    await wait(durationMs);
    child?.kill("SIGCONT");
  }

  reload(): void {
    this.#child?.kill("SIGHUP");
  }

  /** Resolves when it is ready again after an end that nobody had asked for. Rejects if it cannot be. */
  ready(): Promise<void> {
    return this.#restarting;
  }

  /** Ends it as a person would. Resolves to its exit code. */
  async end(): Promise<number | null> {
    await this.#restarting;
    this.#isEnding = true;
    const child = this.#child!;
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), END_TIMEOUT_MS);
    const code = child.exitCode ?? ((await once(child, "exit")) as [number | null])[0];
    clearTimeout(timer);
    return code;
  }

  /** Ends it at once, whatever state it is in. */
  destroy(): void {
    this.#isEnding = true;
    this.#child?.kill("SIGKILL");
  }

  /** Starts it again when the process that is about to end, if there is one, has ended. */
  #restart(before?: ChildProcess): Promise<void> {
    this.#isStarting = true;
    this.#restarting = this.#start(before).finally(() => {
      this.#isStarting = false;
    });
    return this.#restarting;
  }

  async #start(before: ChildProcess | undefined): Promise<void> {
    if (before?.exitCode === null && before.signalCode === null) await once(before, "exit");
    const giveUpAtMs = performance.now() + START_TIMEOUT_MS;
    while (!(await this.#tryStart())) {
      if (performance.now() > giveUpAtMs)
        throw new Violation(`the farm cannot be started again:\n${this.log}`);
      this.failedStarts++;
      await wait(RETRY_MS);
    }
  }

  /** Starts a process; resolves to whether it became ready. Once it is to end, there is none any more. */
  async #tryStart(): Promise<boolean> {
    if (this.#isEnding) throw new Violation("the farm was to be started after its end");
    const child = spawnChild(process.execPath, [limpet, ...this.#parameters], {
      stdio: ["ignore", "pipe", "pipe"],
      env: this.#environment,
    });
    this.#child = child;
    createInterface({ input: child.stderr! }).on("line", (line) => this.#note(line));
    const isReady = await new Promise<boolean>((resolve) => {
      createInterface({ input: child.stdout! }).on("line", (line) => {
        if (line.startsWith("ready after")) resolve(true);
      });
      child.once("exit", () => resolve(false));
    });
    if (!isReady) return false;
    const died = (code: number | null, signal: string | null) => {
      // Killed on purpose otherwise, or told to end.
      if (this.#child !== child || this.#isEnding) return;
      const cause = signal ?? `exit code ${code}`;
      this.deaths[cause] = (this.deaths[cause] ?? 0) + 1;
      this.#note(`the process has ended: ${cause}`);
      void this.#restart().catch(() => {});
    };
    if (child.exitCode !== null || child.signalCode !== null) died(child.exitCode, child.signalCode);
    else child.once("exit", died);
    return true;
  }

  #note(line: string): void {
    if (line.includes("a worker failed")) this.workersFailed++;
    if (line.includes("the storage has failed")) this.storagesFailed++;
    this.#log.push(line);
    if (this.#log.length > MAX_LOG_LINES) this.#log.shift();
  }
}

/** A port that is free now; the farm keeps it over all restarts. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
