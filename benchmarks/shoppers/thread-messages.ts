// What the shoppers' thread and whoever has started it tell each other.

import type { ShoppersOptions, ShoppersReport } from "./shoppers.js";

/** What the thread is started with. */
export type ShoppersThreadOptions = ShoppersOptions;

/** After it the thread sends "stopped", and ends. */
export type ToShoppers = { readonly type: "stop" };

export type FromShoppers =
  /** They shop, from where `sources` says in words. */
  | { readonly type: "started"; readonly sources: string }
  /** They cannot; the message is one sentence. The thread ends. */
  | { readonly type: "refused"; readonly message: string }
  | { readonly type: "stopped"; readonly report: ShoppersReport };
