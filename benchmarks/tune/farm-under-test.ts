// A farm of one setting in a process of its own, under load for one measurement. A new one each time: sources that are pinned, caches,
// a new worker's slow start and what the compiler has learned are then no setting's inheritance from the one before. (Resizing one farm
// would leave all sources with the workers that were there first.)

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { AdminClient } from "../../core/cli/admin-client.js";
import type { StatusAnswer, WorkersAnswer } from "../../core/cli/admin-command.js";
import { ServerProcess } from "../support/server-process.js";
import type { Round, Setting } from "./figures.js";
import type { RunningLoad, TuneLoad } from "./load.js";
import { UsageMeter } from "./usage.js";

const limpet = new URL("../../core/cli/limpet.js", import.meta.url);

/** Workers tell what they count about once a second. */
const COUNTED_AFTER_MS = 1200;
const WARM_UP_SECONDS = 2;
/** What a measurement takes beside its load: to start, to count, to stop. */
const AROUND_SECONDS = 3;

export interface FarmPlace {
  /** Its file. */
  readonly app: string;
  readonly link: "socket" | "tun";
  /** Flags beside those of the setting. */
  readonly flags: readonly string[];
}

export interface Measurement extends FarmPlace {
  readonly setting: Setting;
  readonly load: TuneLoad;
  readonly seconds: number;
}

/** Nothing that was asked for was answered; the message is one sentence. */
export class LoadError extends Error {
  override readonly name = "LoadError";
  readonly code = "no_answers";

  constructor(firstFailure: string) {
    super(`no request of the load is answered well, the first was ${firstFailure}`);
  }
}

/** A folder for the farms' files, which goes with this process at the latest. */
export class FarmFolder {
  readonly path = mkdtempSync(join(tmpdir(), "limpet-tune-"));
  readonly #remove = () => rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });

  constructor() {
    process.once("exit", this.#remove);
  }

  /** Makes an app of a module's text. Returns its file. */
  writeApp(text: string): string {
    const file = join(this.path, "app.mjs");
    writeFileSync(file, text);
    return file;
  }

  remove(): void {
    process.off("exit", this.#remove);
    this.#remove();
  }
}

/** Rejects if the farm cannot be started, or ends early. */
export async function measure(measurement: Measurement, folder: FarmFolder): Promise<Round> {
  const { setting, load, seconds } = measurement;
  const files = mkdtempSync(join(folder.path, "farm-"));
  const socket = join(files, "admin.sock");
  const server = await ServerProcess.start(limpet, parametersOf(measurement, files, socket));
  let running: RunningLoad | undefined;
  try {
    // Now, since threads are told apart by their age.
    const workers = youngest(server, setting.workers);
    const admin = new AdminClient(`unix:${socket}`, process.env.LIMPET_ADMIN_TOKEN);
    const { urls } = await admin.get<StatusAnswer>("/status");
    // The addresses that a load can come from are IPv4's.
    running = await load.start(urls.filter((url) => !url.includes("[")));
    await pause(warmUpSeconds(measurement) * 1000);
    const warmUp = running.figures();
    if (warmUp.requests === 0 && warmUp.firstFailure !== undefined) throw new LoadError(warmUp.firstFailure);
    const before = totals(await admin.get<WorkersAnswer>("/workers"));
    const meter = new UsageMeter(server, workers);
    running.countAnew();
    await pause(seconds * 1000);
    const seen = running.figures();
    const usage = meter.read();
    await running.stop();
    await pause(COUNTED_AFTER_MS);
    const answer = await admin.get<WorkersAnswer>("/workers");
    const after = totals(answer);
    return {
      load: seen,
      usage,
      requestsByWorker: answer.workers.map(({ requests }) => requests),
      cacheLookups: after.lookups - before.lookups,
      cacheHits: after.hits - before.hits,
      workerFailures: after.failures,
    };
  } finally {
    await running?.stop();
    await server.stop();
    rmSync(files, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Until all of the load is there, the code on both sides is compiled, and the caches are full. */
function warmUpSeconds({ load, seconds }: Pick<Measurement, "load" | "seconds">): number {
  return load.arrivalSeconds + Math.min(WARM_UP_SECONDS, seconds);
}

/** What a measurement takes, about. */
export function expectedSeconds(measurement: Pick<Measurement, "load" | "seconds">): number {
  return warmUpSeconds(measurement) + measurement.seconds + AROUND_SECONDS;
}

function parametersOf({ setting, app, link, flags }: Measurement, files: string, socket: string): string[] {
  const links =
    link === "tun" ? ["--socket", "none", "--tun", "on"] : ["--socket", "127.0.0.1:0", "--tun", "off"];
  return [
    "serve",
    ...["--app", app, "--workers", String(setting.workers)],
    ...["--policy", setting.policy, "--cache-mib", String(setting.cacheMib)],
    ...links,
    ...["--admin", `unix:${socket}`, "--database", join(files, "farm.db"), "--log-level", "error"],
    // Requests at its end have been counted, or are nobody's.
    ...["--drain-seconds", "0", "--slow-start-seconds", "0"],
    ...flags,
  ];
}

/** The threads that began last: a farm starts its workers when everything else is there. */
function youngest(server: ServerProcess, count: number): number[] {
  return [...server.threadTimes()]
    .sort(([one, a], [other, b]) => a.startedTicks - b.startedTicks || one - other)
    .slice(-count)
    .map(([thread]) => thread);
}

function totals({ workers }: WorkersAnswer): { lookups: number; hits: number; failures: number } {
  const sum = { lookups: 0, hits: 0, failures: 0 };
  for (const { counts, failures } of workers) {
    sum.failures += failures;
    if (counts === undefined) continue;
    sum.hits += counts.session_cache_hits;
    sum.lookups += counts.session_cache_hits + counts.session_cache_misses + counts.session_cache_stale;
  }
  return sum;
}

/** Throws an error with a code where farms cannot be measured. */
export function checkPlace({ app }: { readonly app?: string }): void {
  if (process.platform !== "linux") {
    throw Object.assign(new Error("limpet tune reads the cores' use from /proc, which is Linux's only"), {
      code: "not_linux",
    });
  }
  if (app !== undefined && !existsSync(app)) {
    throw Object.assign(new Error(`app (--app): there is no file ${app}`), { code: "no_app" });
  }
}
