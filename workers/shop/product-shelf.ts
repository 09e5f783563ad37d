// The products as a worker knows them: read from the database at most once in a while, so that people who look around
// cost few queries. What is on the shelf may be a little old, and older while the database is away, so that people can still
// look around then; what counts is the stock when an order is placed.

import { type Context, StorageError } from "../app/app.js";
import type { Product } from "./catalogue.js";

/** How long the products are shown as they were read. */
const SHELF_TTL_MS = 2000;

export class ProductShelf {
  readonly #nowMs: () => number;
  #products: readonly Product[] | undefined;
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  /** Requests that come while the first products are being read wait for the same answer. */
  #reading: Promise<readonly Product[]> | undefined;

  /** `nowMs` is any clock that does not jump far. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * The products if they are fresh, or are being read for somebody else, who alone waits for a slow database: the usual
   * case, answered without a promise.
   */
  peek(): readonly Product[] | undefined {
    return this.#nowMs() < this.#freshUntilMs || this.#reading !== undefined ? this.#products : undefined;
  }

  /** The products, fresh if they can be had. Rejects with a `StorageError` if there are none at all. */
  read(call: Context["call"]): Promise<readonly Product[]> {
    this.#reading ??= this.#read(call);
    return this.#reading;
  }

  /** Has them read again: something is known to have changed. */
  expire(): void {
    this.#freshUntilMs = Number.NEGATIVE_INFINITY;
  }

  async #read(call: Context["call"]): Promise<readonly Product[]> {
    try {
      this.#products = await call<Product[]>("products");
    } catch (error) {
      const isAway = error instanceof StorageError && error.code === "unavailable";
      if (!isAway || this.#products === undefined) throw error;
    } finally {
      this.#reading = undefined;
    }
    // Old ones too: while the database is away, it is asked once in a while, not by every visitor.
    this.#freshUntilMs = this.#nowMs() + SHELF_TTL_MS;
    return this.#products;
  }
}
