// Load that behaves like people: shoppers in limpet's shop, each with an address, a connection and a session of their own. They think,
// look around, fill carts, change their minds, order, move to other addresses in mid-visit and leave, and others come in their places.
// What they do follows from a seed; when it is done, from the farm. A closed loop: nobody asks before the answer to what they asked before.

import { SEED_PRODUCTS } from "../../workers/shop/catalogue.js";
import { Random } from "../support/random.js";
import { type Habits, PEOPLE } from "./behaviour.js";
import { Shopper } from "./shopper.js";
import { findSources, type Sources } from "./sources.js";
import { type ShoppersReport, Tally } from "./tally.js";

export { UnreachableError } from "./sources.js";
export type { ShoppersReport } from "./tally.js";

export const MAX_SHOPPERS = 10_000;

export interface ShoppersOptions {
  /** Where the farm is: http, with an IP address or localhost. */
  readonly url: string;
  /** How many are there at any time, 1 … 10000. */
  readonly shoppers: number;
  /** Default: 1. */
  readonly seed?: number;
  /** Mean of the time to think before each step, in ms; with 0 the farm is asked without pause. Default: 1000. */
  readonly thinkMs?: number;
  /** Default: 10,000 ms. */
  readonly answerTimeoutMs?: number;
  /** Default: `PEOPLE`. */
  readonly habits?: Habits;
}

/** One comes so long after the other at the least. */
const ARRIVAL_MS = 0.5;
/** How long requests that are under way may take when all is to end. */
const GRACE_MS = 500;

export class Shoppers {
  readonly #options: ShoppersOptions;
  readonly #stopping = new AbortController();
  #tally = new Tally(performance.now());
  #shoppers: Shopper[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #stopped: Promise<ShoppersReport> | undefined;

  /** Throws a `RangeError` for a number of shoppers that cannot be. */
  constructor(options: ShoppersOptions) {
    const { shoppers } = options;
    if (!Number.isInteger(shoppers) || shoppers < 1 || shoppers > MAX_SHOPPERS)
      throw new RangeError(`there can be 1 to ${MAX_SHOPPERS} shoppers, not ${shoppers}`);
    this.#options = options;
  }

  /**
   * Finds out where shoppers can come from, and has them come. Resolves with where that is, while they shop. Rejects with an
   * `UnreachableError` if nobody answers at the URL.
   */
  async start(): Promise<Sources> {
    const { shoppers, seed = 1, url: text } = this.#options;
    const url = new URL(text);
    const sources = await findSources(url, new Random(seed), this.#stopping.signal);
    // Its time begins when the shoppers come.
    this.countAnew();
    this.#shoppers = Array.from({ length: shoppers }, (_, number) => this.#shopper(number, url, sources));
    if (this.#stopping.signal.aborted) return sources;
    this.#running = Promise.all(this.#shoppers.map((shopper) => shopper.run())).catch((error: unknown) => {
      this.#tally.failed(`mistake of the shoppers' own: ${error}`);
    });
    return sources;
  }

  /** Forgets what was seen so far: after a warm-up, which is not to be measured. */
  countAnew(): void {
    this.#tally = new Tally(performance.now());
  }

  /** Since the start, or `countAnew`. What was asked before and answered since counts as answered. */
  report(): ShoppersReport {
    return this.#tally.report(this.#options.shoppers, performance.now());
  }

  /** Has all of them leave, and resolves within a second with what they have seen. Can be called again. */
  stop(): Promise<ShoppersReport> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<ShoppersReport> {
    this.#stopping.abort();
    for (const shopper of this.#shoppers) shopper.stop();
    await atMost(GRACE_MS, this.#running);
    const report = this.report();
    for (const shopper of this.#shoppers) shopper.destroy();
    await atMost(GRACE_MS, this.#running);
    return report;
  }

  #shopper(number: number, url: URL, sources: Sources): Shopper {
    const { shoppers, seed = 1, thinkMs = 1000, answerTimeoutMs = 10_000, habits = PEOPLE } = this.#options;
    return new Shopper({
      name: `shopper-${number}`,
      random: new Random(seed * 1_000_003 + number),
      habits,
      products: SEED_PRODUCTS.map(({ id }) => id),
      thinkMs,
      arrivalMs: Math.max(thinkMs, shoppers * ARRIVAL_MS),
      answerTimeoutMs,
      tally: () => this.#tally,
      route: (random) => ({ url, localAddress: sources.draw(random) }),
      canRoam: sources.areMany,
    });
  }
}

async function atMost(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise, over]);
  clearTimeout(timer);
}
