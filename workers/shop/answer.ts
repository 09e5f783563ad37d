// How the shop's answers leave: with the headers that every page has, and with who served them, for people to see.

import { type Context, HttpResponse, StorageError } from "../app/app.js";
import { type Cart, readCart } from "./cart.js";
import type { Product } from "./catalogue.js";
import { type Content, layout } from "./layout.js";
import type { ProductShelf } from "./product-shelf.js";

/** No scripts, nothing from elsewhere, in nobody's frame. */
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cache-control": "no-store",
} as const;

const ORIGIN_WORDS = {
  new: "new session",
  cache: "session from cache",
  database: "session from the database",
};

/** Everything that is known when a request is answered. */
export interface Visit {
  readonly context: Context;
  readonly products: readonly Product[];
  /** Where the products come from; told when they have changed. */
  readonly shelf: ProductShelf;
}

export function cartOf({ context, products }: Visit): Cart {
  return readCart(context.session, products);
}

function servedHeaders({ worker, session }: Context): Record<string, string> {
  return {
    "x-limpet-worker": String(worker),
    "x-limpet-session": session.origin,
    "x-limpet-version": String(session.version),
  };
}

export function page(
  visit: Visit,
  title: string,
  content: Content,
  status = 200,
  headers: Record<string, string> = {},
): HttpResponse {
  const { worker, session } = visit.context;
  const surroundings = {
    cartCount: cartOf(visit).count,
    servedBy: `worker ${worker} · ${ORIGIN_WORDS[session.origin]} · version ${session.version}`,
  };
  return HttpResponse.html(layout(title, surroundings, content), {
    status,
    headers: { ...SECURITY_HEADERS, ...servedHeaders(visit.context), ...headers },
  });
}

/** To a page of the shop, by GET: so that reloading never sends a form again. */
export function seeOther(visit: Visit, location: string): HttpResponse {
  return new HttpResponse(null, {
    status: 303,
    headers: { location, ...SECURITY_HEADERS, ...servedHeaders(visit.context) },
  });
}

export function json(
  visit: Visit,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): HttpResponse {
  return HttpResponse.json(value, {
    status,
    headers: { ...SECURITY_HEADERS, ...servedHeaders(visit.context), ...headers },
  });
}

export interface Trouble {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers: Record<string, string>;
}

/**
 * What to tell a visitor whose request the storage could not do, after which the session is what it was before. Throws
 * every other error again: it is a fault, which limpet logs and answers with 500.
 */
export function troubleOf(error: unknown): Trouble {
  const code = error instanceof StorageError ? error.code : undefined;
  if (code === "conflict") {
    const message = "This visit has changed in another window at the same time. Please look again.";
    return { status: 409, code, message, headers: {} };
  }
  if (code === "unavailable") {
    const message = "Please try again in a moment. An order that is sent again is not placed twice.";
    return { status: 503, code, message, headers: { "retry-after": "1" } };
  }
  throw error;
}
