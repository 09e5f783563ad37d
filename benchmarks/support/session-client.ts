// A client with a session and a keep-alive connection, that asks for one count after the other whatever happens to the server, and
// knows what its session must have counted by then: a count that it was told of has happened, one without an answer may have.

import { Agent, get } from "node:http";
import type { Socket } from "node:net";

/** A request that was answered with 200. Times are in µs of the steady clock that all processes share. */
export interface Answer {
  readonly sentUs: number;
  readonly answeredUs: number;
  readonly worker: number;
}

/** How long a request may take. */
const TIMEOUT_MS = 30_000;
/** Before it asks again after a failure, in ms. */
const RETRY_MS = 1;

export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

export class SessionClient {
  /** Since it was started. */
  readonly answers: Answer[] = [];
  /** When requests have failed since then: no answer, or another than 200. */
  readonly failedUs: number[] = [];
  /** Answers that cannot be: a count that was acknowledged is lost, or one was made that nobody asked for. */
  wrongCounts = 0;
  #cookie: string | undefined;
  /** The last count that it was told of. */
  #count = 0;
  /** Requests that were answered, and those of unknown outcome. */
  #acknowledged = 0;
  #unknown = 0;
  #isRunning = false;
  #stopped: Promise<void> = Promise.resolve();
  #socket: Socket | undefined;
  #wake: () => void = () => {};

  /** Begins to ask, from this address, on a new connection; with a pause after each answer. */
  start(origin: string, localAddress: string, pauseMs: number): void {
    this.answers.length = 0;
    this.failedUs.length = 0;
    this.#isRunning = true;
    this.#stopped = this.#run(origin, localAddress, pauseMs);
  }

  /** Resolves when its last request is over. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#wake();
    await this.#stopped;
  }

  /** Asks what the session has counted. Returns whether that is possible. */
  async check(origin: string): Promise<boolean> {
    const agent = new Agent();
    const seen = await this.#ask(`${origin}/look`, agent, undefined);
    return seen !== undefined && this.#isPossible(seen.count, this.#count);
  }

  async #run(origin: string, localAddress: string, pauseMs: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (this.#isRunning) {
      const sentUs = nowUs();
      const seen = await this.#ask(`${origin}/count`, agent, localAddress);
      if (seen === undefined) {
        this.#unknown++;
        this.failedUs.push(nowUs());
      } else {
        this.#acknowledged++;
        if (!this.#isPossible(seen.count, this.#count + 1)) this.wrongCounts++;
        this.#count = seen.count;
        this.answers.push({ sentUs, answeredUs: nowUs(), worker: seen.worker });
      }
      await this.#pause(seen === undefined ? RETRY_MS : pauseMs);
    }
    agent.destroy();
  }

  #isPossible(count: number, least: number): boolean {
    return count >= least && count <= this.#acknowledged + this.#unknown;
  }

  /** Ends early when the connection is closed: who notices that asks again. */
  #pause(ms: number): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Resolves to what the app has answered; undefined if it has not. */
  #ask(
    url: string,
    agent: Agent,
    localAddress: string | undefined,
  ): Promise<{ worker: number; count: number } | undefined> {
    return new Promise((resolve) => {
      const request = get(url, {
        agent,
        timeout: TIMEOUT_MS,
        headers: this.#cookie === undefined ? {} : { cookie: this.#cookie },
        ...(localAddress !== undefined && { localAddress }),
      });
      request.once("timeout", () => request.destroy());
      request.once("error", () => resolve(undefined));
      request.once("socket", (socket) => this.#watch(socket));
      request.once("response", (response) => {
        let body = "";
        response.on("data", (chunk) => (body += chunk));
        response.once("error", () => resolve(undefined));
        response.once("end", () => {
          if (response.statusCode !== 200) return resolve(undefined);
          this.#cookie = response.headers["set-cookie"]?.[0]?.split(";", 1)[0] ?? this.#cookie;
          const [worker, count] = body.split(" ").map(Number);
          resolve({ worker: worker!, count: count! });
        });
      });
    });
  }

  #watch(socket: Socket): void {
    if (socket === this.#socket) return;
    this.#socket = socket;
    socket.once("close", () => {
      if (socket === this.#socket) this.#wake();
    });
  }
}
