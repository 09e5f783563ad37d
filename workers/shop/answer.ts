// How the shop's answers leave: with the headers that every page has, and with who served them, for people to see.

import { type Context, HttpResponse } from "../app/app.js";
import { type Cart, readCart } from "./cart.js";
import type { Product } from "./catalogue.js";
import type { Html } from "./html.js";
import { layout } from "./pages.js";

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

export function page(visit: Visit, title: string, content: Html, status = 200): HttpResponse {
  const { worker, session } = visit.context;
  const surroundings = {
    cartCount: cartOf(visit).count,
    servedBy: `worker ${worker} · ${ORIGIN_WORDS[session.origin]} · version ${session.version}`,
  };
  return HttpResponse.html(layout(title, surroundings, content), {
    status,
    headers: { ...SECURITY_HEADERS, ...servedHeaders(visit.context) },
  });
}

/** To a page of the shop, by GET: so that reloading never sends a form again. */
export function seeOther(visit: Visit, location: string): HttpResponse {
  return new HttpResponse(null, {
    status: 303,
    headers: { location, "cache-control": "no-store", ...servedHeaders(visit.context) },
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
    headers: { "cache-control": "no-store", ...servedHeaders(visit.context), ...headers },
  });
}
