// What the shop is asked when somebody does something there: pages to look at, and the API for changes. Knows the shop's addresses
// and nothing of who asks, or how.

import type { Action } from "./behaviour.js";

/** Who an order is for. */
export interface Buyer {
  readonly name: string;
  readonly address: string;
  readonly email: string;
  /** Names the checkout: sent again under the same name it is no second order. */
  readonly checkout: string;
}

export interface ShopRequest {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly body?: object;
}

/** What people do with a request. */
export type Errand = Exclude<Action, { readonly kind: "roam" | "leave" }>;

export function requestOf(errand: Errand, buyer: () => Buyer): ShopRequest {
  switch (errand.kind) {
    case "browse":
      return page(errand.category === undefined ? "/" : `/?category=${errand.category}`);
    case "look":
      return page(`/products/${errand.product}`);
    case "see-cart":
      return page("/cart");
    case "see-orders":
      return page("/orders");
    case "add": {
      const { product: productId, quantity } = errand;
      return { method: "POST", path: "/api/cart/items", body: { productId, quantity } };
    }
    case "set": {
      const { product, quantity } = errand;
      return { method: "PATCH", path: `/api/cart/items/${product}`, body: { quantity } };
    }
    case "check-out":
      return { method: "POST", path: "/api/checkout", body: buyer() };
  }
}

function page(path: string): ShopRequest {
  return { method: "GET", path };
}
