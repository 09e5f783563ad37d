// Measures every setting in rounds that alternate, so that a noisy neighbour hits all alike, and hands the figures to the rule.

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { PolicyName } from "../../core/director/policies.js";
import { MAX_WORKERS } from "../../core/memory/load-board.js";
import { OptionError } from "../../core/options.js";
import type { Progress } from "../support/progress.js";
import { stepsPerMs } from "./burn.js";
import { checkPlace, expectedSeconds, FarmFolder, type FarmPlace, measure } from "./farm-under-test.js";
import { type Round, type Setting, summarize, type TuneFigures } from "./figures.js";
import type { TuneLoad } from "./load.js";
import { recommend } from "./reason.js";
import { ANSWER_TIMEOUT_MS, RequestLoad } from "./request-load.js";
import { readRequests, type TuneRequest } from "./requests.js";
import { ShopperLoad } from "./shopper-load.js";

export interface TuneOptions {
  readonly workers?: readonly number[];
  readonly policies: readonly PolicyName[];
  readonly cacheMib: readonly number[];
  readonly app?: string;
  readonly requests?: string;
  readonly handlerWaitMs?: number;
  readonly handlerConcurrency: number;
  readonly handlerBurnMs?: number;
  readonly link: "socket" | "tun";
  readonly connections?: number;
  readonly thinkMs?: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly seed: number;
}

/** Connections: at least so many, and so many for each worker of the largest setting. */
const MIN_CONNECTIONS = 64;
const CONNECTIONS_PER_WORKER = 4;
/** More workers than so many a core have not helped anybody who does not wait. */
const WORKERS_PER_CORE = 4;
/** Handlers that block their worker on purpose must not be taken for ones that hang. */
const HANDLER_FLAGS = ["--hang-seconds", "60"];
/** The shop, with deliveries: or it would soon be sold out, and the rest of the measurement one of refusals. */
const STOCKED_SHOP = fileURLToPath(new URL("../shoppers/stocked-shop.js", import.meta.url));
const GET_ROOT: TuneRequest = { method: "GET", path: "/", headers: {}, weight: 1 };

/** In the order of their price: fewer workers are cheaper, then smaller caches, then policies as they are named. */
export function settingsOf(options: TuneOptions): Setting[] {
  const ascending = (numbers: readonly number[]) => [...new Set(numbers)].sort((a, b) => a - b);
  return ascending(options.workers ?? defaultWorkers(availableParallelism())).flatMap((workers) =>
    ascending(options.cacheMib).flatMap((cacheMib) =>
      [...new Set(options.policies)].map((policy) => ({ workers, policy, cacheMib })),
    ),
  );
}

/** 1, 2, 4 … up to four times the cores, at most 64. */
export function defaultWorkers(cores: number): number[] {
  const numbers: number[] = [];
  for (let n = 1; n <= Math.min(MAX_WORKERS, WORKERS_PER_CORE * cores); n *= 2) numbers.push(n);
  return numbers;
}

/** What the farm is put under: the requests of a file, one request where nothing is known of the app, and people in the shop. */
export function loadOf(options: TuneOptions, settings: readonly Setting[]): TuneLoad {
  const { seed, thinkMs } = options;
  const largest = Math.max(...settings.map(({ workers }) => workers));
  const connections = options.connections ?? Math.max(MIN_CONNECTIONS, CONNECTIONS_PER_WORKER * largest);
  if (isForShoppers(options)) return new ShopperLoad({ shoppers: connections, seed, thinkMs: thinkMs ?? 0 });
  if (thinkMs !== undefined)
    throw new OptionError("--think-ms is for shoppers, who are in the shop only, and without --requests");
  const load = (requests: readonly TuneRequest[], about: string) =>
    new RequestLoad({ requests, connections, seed, about });
  return options.requests === undefined
    ? load([GET_ROOT], "GET /")
    : load(readRequests(options.requests), options.requests);
}

function isForShoppers(options: TuneOptions): boolean {
  return options.requests === undefined && options.app === undefined && !isOfHandler(options);
}

function isOfHandler({ handlerWaitMs, handlerBurnMs }: TuneOptions): boolean {
  return handlerWaitMs !== undefined || handlerBurnMs !== undefined;
}

/** What is to be measured; nothing has been yet. */
export interface Sweep {
  readonly options: TuneOptions;
  readonly settings: readonly Setting[];
  readonly load: TuneLoad;
  /** Of all of it, about. */
  readonly expectedSeconds: number;
}

/** Throws an error with a code and one sentence for options, files of requests and machines that cannot be. */
export function planSweep(options: TuneOptions): Sweep {
  const { app, handlerWaitMs = 0, handlerBurnMs = 0, rounds, seconds } = options;
  if (app !== undefined && isOfHandler(options)) {
    throw new OptionError("--app (or LIMPET_APP) and --handler-… are two apps: tune takes one");
  }
  if (handlerWaitMs + handlerBurnMs >= ANSWER_TIMEOUT_MS) {
    throw new OptionError(
      `--handler-wait-ms and --handler-burn-ms take less than ${ANSWER_TIMEOUT_MS} together: a later answer is a failure`,
    );
  }
  checkPlace(options);
  const settings = settingsOf(options);
  const load = loadOf(options, settings);
  return {
    options,
    settings,
    load,
    expectedSeconds: settings.length * rounds * expectedSeconds({ load, seconds }),
  };
}

/** `progress` is told of each measurement as it begins. Rejects if a farm cannot be started, or answers nothing. */
export async function runSweep({ options, settings, load }: Sweep, progress: Progress): Promise<TuneFigures> {
  const cores = availableParallelism();
  const folder = new FarmFolder();
  try {
    const place = placeOf(options, folder);
    progress.expect(options.rounds * settings.length);
    const rounds = settings.map((): Round[] => []);
    for (let round = 1; round <= options.rounds; round++) {
      for (const [index, setting] of settings.entries()) {
        progress.next(`round ${round} of ${options.rounds}: ${describe(setting)}`);
        const measurement = { ...place, setting, load, seconds: options.seconds };
        rounds[index]!.push(await measure(measurement, folder));
      }
    }
    const figures = settings.map((setting, index) => summarize(setting, rounds[index]!, rounds[0]!, cores));
    return { cores, load: load.description, settings: figures, recommendation: recommend(figures, cores) };
  } finally {
    folder.remove();
  }
}

function placeOf(options: TuneOptions, folder: FarmFolder): FarmPlace {
  const { app = STOCKED_SHOP, link, handlerWaitMs = 0, handlerBurnMs = 0, handlerConcurrency } = options;
  if (!isOfHandler(options)) return { app, link, flags: [] };
  const handler = {
    waitMs: handlerWaitMs,
    concurrency: handlerConcurrency,
    burnSteps: handlerBurnMs === 0 ? 0 : Math.round(handlerBurnMs * stepsPerMs()),
  };
  const module = new URL("./handler-app.js", import.meta.url).href;
  const text = `import { handlerApp } from ${JSON.stringify(module)};\nexport default handlerApp(${JSON.stringify(handler)});\n`;
  return { app: folder.writeApp(text), link, flags: HANDLER_FLAGS };
}

function describe({ workers, policy, cacheMib }: Setting): string {
  return `${workers} worker${workers === 1 ? "" : "s"}, ${policy}, ${cacheMib} MiB`;
}
