// Load of people in the shop (benchmarks/shoppers/): many visits, each from an address of its own, with pages, carts and orders in the
// proportion that people have them. Without a pause between their steps they ask for as much as the farm gives.

import { Shoppers, type ShoppersOptions, type ShoppersReport } from "../shoppers/shoppers.js";
import { isServed } from "../shoppers/tally.js";
import type { LoadFigures, RunningLoad, TuneLoad } from "./load.js";

export type ShopperLoadOptions = Required<Pick<ShoppersOptions, "shoppers" | "seed" | "thinkMs">>;

export class ShopperLoad implements TuneLoad {
  readonly arrivalSeconds: number;
  readonly #options: ShopperLoadOptions;
  /** Where they come from, once it is known. */
  #sources = "";

  constructor(options: ShopperLoadOptions) {
    this.#options = options;
    // The last one has come, and thought.
    this.arrivalSeconds = (2 * options.thinkMs) / 1000;
  }

  get description(): string {
    const { shoppers, thinkMs } = this.#options;
    const pause = thinkMs === 0 ? "who never pause" : `who think for ${thinkMs} ms`;
    return `${shoppers} shoppers ${pause}${this.#sources}`;
  }

  /** A farm under test is at one address of IPv4's. */
  async start([url]: readonly string[]): Promise<RunningLoad> {
    const shoppers = new Shoppers({ ...this.#options, url: url! });
    const { description } = await shoppers.start();
    this.#sources = `, from ${description}`;
    return {
      countAnew: () => shoppers.countAnew(),
      figures: () => figuresOf(shoppers.report()),
      stop: async () => void (await shoppers.stop()),
    };
  }
}

/** A session that was lost is a failure, whatever was answered. */
export function figuresOf(report: ShoppersReport): LoadFigures {
  const { seconds, latencies, answersBy, sessionsLost } = report;
  const failures = { ...report.failures, ...(sessionsLost > 0 && { "a session was lost": sessionsLost }) };
  const served = sum(Object.entries(answersBy).map(([status, n]) => (isServed(Number(status)) ? n : 0)));
  const [firstFailure] = Object.keys(failures);
  return {
    requests: served,
    requestsPerSecond: seconds === 0 ? 0 : served / seconds,
    p50Us: latencies.p50Us,
    p99Us: latencies.p99Us,
    failures: sum(Object.values(failures)),
    ...(firstFailure === undefined ? {} : { firstFailure }),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
