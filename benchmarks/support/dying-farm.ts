// A farm whose threads die on purpose while clients ask it, each at an address of its own and with a session: what a death came to for
// the clients of the thread that died, and for the others. One link at a time; the farm is a process of its own.

import { existsSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FarmStatus } from "../../core/farm-status.js";
import type { DeathKind } from "../peers/failing-app.js";
import { Random } from "./random.js";
import { ServerProcess } from "./server-process.js";
import { nowUs, SessionClient } from "./session-client.js";

export const LINKS = ["tun", "socket"] as const;
export type Link = (typeof LINKS)[number];

export interface DyingFarmOptions {
  readonly clients: number;
  readonly workers: number;
  /** Of a client, after each answer. */
  readonly pauseMs: number;
  /** Before a thread dies that has died before. */
  readonly restSeconds: number;
  readonly seed: number;
}

/** What one death came to. */
export interface Death {
  /** Of each client that it has hit: from the death to its next answer. */
  readonly recoveriesMs: readonly number[];
  /** Requests of those that failed. */
  readonly failures: number;
  /** The longest time between two answers to another client, until the farm was whole again; and to any, before the death. */
  readonly othersGapMs: number | undefined;
  readonly quietGapMs: number;
  readonly othersFailures: number;
  /** Counts that were not what their clients had been told. */
  readonly wrongCounts: number;
}

const ORIGINS: Readonly<Record<Link, string>> = {
  tun: "http://198.18.0.1",
  socket: "http://198.19.0.1:8003",
};
const LINK_OPTIONS: Readonly<Record<Link, readonly string[]>> = {
  tun: ["--tun", "on", "--socket", "none"],
  socket: ["--tun", "off", "--socket", "198.19.0.1:8003"],
};
const ADMIN = "127.0.0.1:9091";
/** How long the clients ask before a death, once all have been answered: the quiet. */
const QUIET_MS = 500;
/** Until a death is noted, its clients are served, the farm is whole. */
const TIMEOUT_MS = 60_000;
const LOOK_MS = 20;

const limpet = new URL("../../core/cli/limpet.js", import.meta.url);
const app = fileURLToPath(new URL("../peers/failing-app.js", import.meta.url));

/** A farm on one link, and its clients. */
export class DyingFarm {
  readonly #link: Link;
  readonly #options: DyingFarmOptions;
  readonly #folder: string;
  readonly #random: Random;
  readonly #clients: readonly SessionClient[];
  #farm: ServerProcess | undefined;
  #addresses = 0;
  #deaths = 0;
  /** When threads have died and the farm was whole again: workers by their number, and the storage. */
  readonly #restedMs = new Map<number | "storage", number>();

  constructor(link: Link, options: DyingFarmOptions, folder: string) {
    this.#link = link;
    this.#options = options;
    this.#folder = folder;
    this.#random = new Random(options.seed);
    this.#clients = Array.from({ length: options.clients }, () => new SessionClient());
  }

  async start(): Promise<void> {
    this.#farm = await ServerProcess.start(limpet, [
      ...["serve", "--app", app, "--workers", String(this.#options.workers), "--log-level", "fatal"],
      // Those that are new take their full share at once: else one death would leave few clients for the next.
      ...["--slow-start-seconds", "0"],
      ...["--database", join(this.#folder, "farm.db"), "--admin", ADMIN, ...LINK_OPTIONS[this.#link]],
    ]);
    await this.#whole();
  }

  async stop(): Promise<void> {
    await this.#farm?.stop();
  }

  /** Sessions whose count cannot be. */
  async countWrong(): Promise<number> {
    const origin = ORIGINS[this.#link];
    const possible = await Promise.all(this.#clients.map((client) => client.check(origin)));
    return possible.filter((isPossible) => !isPossible).length;
  }

  /** Has a thread die under load, and all of its clients served again. */
  async die(kind: DeathKind): Promise<Death> {
    const isOfStorage = kind.startsWith("storage");
    const workers = Array.from({ length: this.#options.workers }, (_, worker) => worker);
    // A farm starts threads that fail again and again ever later: each death is that of one that did well.
    workers.sort((a, b) => (this.#restedMs.get(a) ?? 0) - (this.#restedMs.get(b) ?? 0));
    await this.#rested(isOfStorage ? "storage" : workers[0]!);
    const wrongBefore = this.#sumWrong();
    const addresses = this.#clients.map(() => this.#freshAddress());
    try {
      for (const [i, client] of this.#clients.entries())
        client.start(ORIGINS[this.#link], addresses[i]!, this.#options.pauseMs);
      const startedUs = nowUs();
      await this.#answered(this.#clients, startedUs);
      await sleep(QUIET_MS);
      const quietUs = nowUs() - QUIET_MS * 1000;
      const before = this.#clients.map((client) => client.answers.at(-1)!.worker);
      // The one that has rested longest of those that have clients.
      const victim = workers.find((worker) => before.includes(worker))!;
      const candidates = addresses.filter((_, i) => before[i] === victim);
      const diedUs = await this.#bring(kind, candidates[this.#random.below(candidates.length)]!);
      const hit = this.#clients.filter((_, i) => isOfStorage || before[i] === victim);
      const others = this.#clients.filter((client) => !hit.includes(client));
      await this.#answered(hit, diedUs);
      await this.#whole();
      const wholeUs = nowUs();
      this.#restedMs.set(isOfStorage ? "storage" : victim, performance.now());
      return {
        recoveriesMs: hit.map((client) => recoveryMs(client, diedUs)),
        failures: countFailures(hit, diedUs),
        othersGapMs: others.length === 0 ? undefined : longestGapMs(others, diedUs, wholeUs),
        quietGapMs: longestGapMs(this.#clients, quietUs, diedUs),
        othersFailures: countFailures(others, diedUs),
        wrongCounts: this.#sumWrong() - wrongBefore,
      };
    } finally {
      await Promise.all(this.#clients.map((client) => client.stop()));
    }
  }

  /** Has a death brought by a request from this address. Returns its moment. */
  async #bring(kind: DeathKind, localAddress: string): Promise<number> {
    const note = join(this.#folder, `death-${++this.#deaths}`);
    const url = `${ORIGINS[this.#link]}/fail?kind=${kind}&note=${encodeURIComponent(note)}`;
    // Its own fate is of no interest.
    const request = get(url, { agent: false, localAddress }, (response) =>
      response.resume().on("error", () => {}),
    );
    request.on("error", () => {});
    await until(() => existsSync(note) && readFileSync(note, "utf8") !== "", "the death of a thread");
    // A thread that hangs would keep it open until it is noticed.
    request.destroy();
    return Number(readFileSync(note, "utf8"));
  }

  /** Resolves when each has had an answer to a request that it sent after that. */
  #answered(clients: readonly SessionClient[], sinceUs: number): Promise<void> {
    const isServed = (client: SessionClient) => (client.answers.at(-1)?.sentUs ?? 0) > sinceUs;
    return until(() => clients.every(isServed), "clients that are served");
  }

  /** Resolves when all threads serve. */
  #whole(): Promise<void> {
    return until(async () => {
      const status = (await (await fetch(`http://${ADMIN}/status`)).json()) as FarmStatus;
      const serving = status.workers.filter(({ state }) => state === "serving");
      return serving.length === this.#options.workers && status.storage.isServing;
    }, "a farm that is whole");
  }

  async #rested(thread: number | "storage"): Promise<void> {
    const sinceMs = this.#restedMs.get(thread);
    if (sinceMs === undefined) return;
    await sleep(Math.max(0, sinceMs + this.#options.restSeconds * 1000 - performance.now()));
  }

  #sumWrong(): number {
    return this.#clients.reduce((sum, { wrongCounts }) => sum + wrongCounts, 0);
  }

  /** One of those that the namespace has for clients, from 198.19.1.0 on; they are seen again after 65,000. */
  #freshAddress(): string {
    const n = 256 + (this.#addresses++ % 65_000);
    return `198.19.${n >> 8}.${n & 0xff}`;
  }
}

/** Looks again and again until it is true. Throws if it does not become so. */
async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS;
  while (!(await isTrue())) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${TIMEOUT_MS / 1000} s`);
    await sleep(LOOK_MS);
  }
}

/** From the death to the answer to the first request that was sent after it. */
function recoveryMs({ answers }: SessionClient, diedUs: number): number {
  return (answers.find(({ sentUs }) => sentUs > diedUs)!.answeredUs - diedUs) / 1000;
}

/** The longest that any of them was without an answer, as far as that was between the two times. */
function longestGapMs(clients: readonly SessionClient[], fromUs: number, toUs: number): number {
  const gapsUs = clients.flatMap(({ answers }) => {
    const within = answers.map(({ answeredUs }) => answeredUs).filter((us) => us > fromUs && us < toUs);
    return [...within, toUs].map((us, i) => us - (within[i - 1] ?? fromUs));
  });
  return Math.max(...gapsUs) / 1000;
}

function countFailures(clients: readonly SessionClient[], sinceUs: number): number {
  const of = ({ failedUs }: SessionClient) => failedUs.filter((time) => time >= sinceUs).length;
  return clients.reduce((sum, client) => sum + of(client), 0);
}
