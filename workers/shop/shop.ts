// The example that limpet brings along: a little shop, as pages that work without JavaScript and as a JSON API. This is
// the app's module: what is asked goes to the files, the API or the pages, with the products as they are.

import { type App, type HttpRequest, type HttpResponse, StorageError } from "../app/app.js";
import type { Visit } from "./answer.js";
import { answerApi } from "./api.js";
import { answerFile, isFilePath } from "./files.js";
import { MAX_BODY_BYTES } from "./incoming.js";
import { migrations } from "./migrations.js";
import { procedures } from "./procedures.js";
import { ProductShelf } from "./product-shelf.js";
import { answerSite } from "./site.js";

function answer(visit: Visit, request: HttpRequest): HttpResponse | Promise<HttpResponse> {
  return request.path.startsWith("/api/") ? answerApi(visit, request) : answerSite(visit, request);
}

/** A shop with a shelf of its own. `nowMs` tells how old what lies there is. */
export function createShop(nowMs: () => number) {
  const shelf = new ProductShelf(nowMs);
  return {
    fetch(request, context) {
      if (isFilePath(request.path)) return answerFile(request);
      const products = shelf.peek();
      if (products !== undefined) return answer({ context, products, shelf }, request);
      return shelf.read(context.call).then((fresh) => answer({ context, products: fresh, shelf }, request));
    },

    sessionless: (request) => isFilePath(request.path),

    // More than the pages and the API take, so that they can say so in their own words; what is far too long is not read at all.
    body: () => ({ maxBytes: 4 * MAX_BODY_BYTES }),

    /** The first request need not wait for the products; a database that is slow to come up is no reason not to serve. */
    async setup({ call }) {
      try {
        await shelf.read(call);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
      }
    },

    /** Prices only, and one product at a time: short answers, for what they may be abused for. */
    async datagram({ path, body }, { worker, call }) {
      if (path === "ping") return { worker };
      if (path !== "products" && path !== "product") return null;
      const products = shelf.peek() ?? (await shelf.read(call));
      if (path === "products")
        return Object.fromEntries(products.map(({ id, pricePence }) => [id, pricePence]));
      const id = typeof body === "object" && body !== null && "id" in body ? body.id : undefined;
      return products.find((product) => product.id === id) ?? null;
    },

    procedures,
    migrations,
  } satisfies App;
}

export default createShop(Date.now) satisfies App;
