// The products as a worker knows them: read from the database at most once in a while, so that people who look around
// cost few queries. What is on the shelf may be a little old; what counts is the stock when an order is placed.

import type { Context } from "../app/app.js";
import type { Product } from "./catalogue.js";

/** How long the products are shown as they were read. */
const SHELF_TTL_MS = 2000;

export class ProductShelf {
  readonly #nowMs: () => number;
  #products: readonly Product[] = [];
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  /** Requests that come while the products are being read wait for the same answer. */
  #reading: Promise<readonly Product[]> | undefined;

  /** `nowMs` is any clock that does not jump far. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The products if they are fresh: the usual case, answered without a promise. */
  peek(): readonly Product[] | undefined {
    return this.#nowMs() < this.#freshUntilMs ? this.#products : undefined;
  }

  /** The products, fresh. Rejects with a `StorageError`. */
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
      this.#freshUntilMs = this.#nowMs() + SHELF_TTL_MS;
      return this.#products;
    } finally {
      this.#reading = undefined;
    }
  }
}
