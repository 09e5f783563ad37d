// The demo of `limpet serve --demo`: shoppers in the farm's own shop, so that there is something to see without any other client. They are
// in a thread of their own, started by its URL, and come in by the farm's own links as anybody would. What always holds: whatever
// becomes of them, the farm goes on.

import { Worker } from "node:worker_threads";
import type {
  FromShoppers,
  ShoppersThreadOptions,
  ToShoppers,
} from "../../benchmarks/shoppers/thread-messages.js";
import { appUrlOf, SHOP_URL } from "../options/app-url.js";
import { type FarmOptions, OptionError } from "../options.js";

const THREAD_URL = new URL("../../benchmarks/shoppers/shoppers-thread.js", import.meta.url);
/** The shop, with deliveries: or it would soon be sold out. */
const STOCKED_SHOP_URL = new URL("../../benchmarks/shoppers/stocked-shop.js", import.meta.url);

export const DEFAULT_SHOPPERS = 40;
const MAX_SHOPPERS = 2000;
const THINK_MS = 1000;
/** They leave within a second. */
const STOP_TIMEOUT_MS = 1500;
/** Beyond that the thread ends, and not the process. */
const MAX_HEAP_MIB = 256;

/** How many shoppers the flag asks for: true is the default, undefined none. Throws `OptionError`. */
export function shoppersIn(flag: string | boolean | undefined): number | undefined {
  if (flag === undefined || flag === false) return undefined;
  if (flag === true) return DEFAULT_SHOPPERS;
  const shoppers = /^[1-9]\d{0,3}$/.test(flag) ? Number(flag) : Number.NaN;
  if (shoppers <= MAX_SHOPPERS) return shoppers;
  throw new OptionError(
    `--demo takes a whole number of shoppers from 1 to ${MAX_SHOPPERS}, not ${JSON.stringify(flag)}`,
  );
}

/** The options of a farm for shoppers. Throws `OptionError` for one with an app that they would not find their way in. */
export function demoOptions(options: FarmOptions): FarmOptions {
  const { app } = options;
  if (app !== undefined && appUrlOf(app) !== SHOP_URL)
    throw new OptionError(`--demo shops in the shop that limpet brings along, and the app is ${app}`);
  return { ...options, app: STOCKED_SHOP_URL };
}

export class Demo {
  /** Resolves, once they shop or have failed to, with a line about it for people. */
  readonly started: Promise<string>;
  readonly #thread: Worker;
  readonly #warn: (message: string) => void;
  readonly #exited: Promise<void>;
  #isStopping = false;
  #isOver = false;
  #summary: string | undefined;

  /** `warn` is told, in a sentence, if they fail later. */
  constructor(url: string, shoppers: number, warn: (message: string) => void) {
    this.#warn = warn;
    const workerData: ShoppersThreadOptions = { url, shoppers, thinkMs: THINK_MS };
    this.#thread = new Worker(THREAD_URL, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    this.#exited = new Promise((resolve) => this.#thread.once("exit", () => resolve()));
    this.started = new Promise((resolve) => {
      const over = (reason: string) => resolve(this.#over(reason));
      this.#thread.on("message", (message: FromShoppers) => {
        if (message.type === "started") resolve(`${shoppers} shoppers, from ${message.sources}`);
        else if (message.type === "refused") over(message.message);
        else this.#summary = summaryOf(message.report);
      });
      this.#thread.on("error", (error) => over(error instanceof Error ? error.message : String(error)));
      this.#thread.on("exit", (code) => over(`their thread has ended with ${code}`));
    });
  }

  /** Resolves with what they have done, in a line, when they are gone; with undefined if they had failed. */
  async stop(): Promise<string | undefined> {
    this.#isStopping = true;
    this.#thread.postMessage({ type: "stop" } satisfies ToShoppers);
    const timer = setTimeout(() => void this.#thread.terminate(), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
    return this.#summary;
  }

  #over(reason: string): string {
    const line = `no shoppers: ${reason}`;
    if (!this.#isOver && !this.#isStopping) this.#warn(`the demo has ${line}; the farm goes on`);
    this.#isOver = true;
    return line;
  }
}

function summaryOf({
  requests,
  sessionsBegun,
  sessionsLost,
  orders,
  roams,
  failures,
}: Extract<FromShoppers, { type: "stopped" }>["report"]): string {
  const failed = Object.entries(failures).map(([reason, count]) => `${count} × ${reason}`);
  return (
    `${requests} requests, ${sessionsBegun} visits, ${roams} moves to another address, ${orders} orders, ` +
    `${sessionsLost} sessions lost, failures: ${failed.join(", ") || "none"}`
  );
}
