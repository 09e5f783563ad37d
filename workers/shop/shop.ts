// The example that limpet brings along: a little shop, as pages that work without JavaScript and as a JSON API. This is
// the app's module: what is asked goes to the files, the API or the pages, with the products as they are.

import { type App, type Context, HttpResponse } from "../app/app.js";
import type { Visit } from "./answer.js";
import { answerApi } from "./api.js";
import { type Product, SEED_PRODUCTS } from "./catalogue.js";
import { FAVICON, illustrate } from "./illustration.js";
import { migrations } from "./migrations.js";
import { procedures } from "./procedures.js";
import { answerSite } from "./site.js";
import { STYLE } from "./style.js";

/** How long a worker shows the products as it has read them, in ms. What counts is the stock when an order is placed. */
const PRODUCTS_TTL_MS = 2000;

function file(body: string, type: string): HttpResponse {
  return new HttpResponse(body, {
    headers: {
      "content-type": type,
      "cache-control": "public, max-age=3600",
      "x-content-type-options": "nosniff",
    },
  });
}

/** What is the same for everyone, by path: needs no session. */
const FILES = new Map<string, HttpResponse>([
  ["/style.css", file(STYLE, "text/css; charset=utf-8")],
  ["/favicon.svg", file(FAVICON, "image/svg+xml")],
  ["/favicon.ico", file(FAVICON, "image/svg+xml")],
  ["/robots.txt", file("User-agent: *\nDisallow: /cart\nDisallow: /checkout\n", "text/plain; charset=utf-8")],
  ...SEED_PRODUCTS.map(
    ({ id, motif, hue }) => [`/images/${id}.svg`, file(illustrate(motif, hue), "image/svg+xml")] as const,
  ),
]);

let products: readonly Product[] = [];
let productsUntilMs = 0;

async function readProducts(call: Context["call"]): Promise<readonly Product[]> {
  products = await call<Product[]>("products");
  productsUntilMs = Date.now() + PRODUCTS_TTL_MS;
  return products;
}

function answer(visit: Visit, request: Parameters<App["fetch"]>[0]): HttpResponse | Promise<HttpResponse> {
  return request.path.startsWith("/api/") ? answerApi(visit, request) : answerSite(visit, request);
}

export default {
  fetch(request, context) {
    const known = FILES.get(request.path);
    if (known !== undefined) return known;
    if (Date.now() < productsUntilMs) return answer({ context, products }, request);
    return readProducts(context.call).then((fresh) => answer({ context, products: fresh }, request));
  },

  sessionless: (request) => FILES.has(request.path),

  async datagram({ path, body }, { worker, call }) {
    const all = Date.now() < productsUntilMs ? products : await readProducts(call);
    if (path === "ping") return { worker };
    if (path === "products") return all.map(({ id, name, pricePence }) => ({ id, name, pricePence }));
    const { id } = (typeof body === "object" && body !== null ? body : {}) as { readonly id?: unknown };
    const product = path === "product" ? all.find((one) => one.id === id) : undefined;
    return product ?? null;
  },

  procedures,
  migrations,
} satisfies App;
