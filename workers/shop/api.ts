// The shop as a JSON API: the same abilities as the pages. What changes something asks for the content type
// application/json, which no other site's form can send; that is its defence against forged requests. Errors are
// {"error": {"code", "message"}} with the status that fits.

import * as v from "valibot";
import type { HttpRequest, HttpResponse } from "../app/app.js";
import { cartOf, json, troubleOf, type Visit } from "./answer.js";
import { addToCart, CartError, MAX_QUANTITY, setQuantity } from "./cart.js";
import { CATEGORIES, type Product } from "./catalogue.js";
import { CHECKOUT_NAME, checkBuyer, checkoutName, placeOrder } from "./checkout.js";
import { isOfType, isTooLong, JSON_TYPE, MAX_BODY_BYTES } from "./incoming.js";
import { orderOf, ordersOf } from "./site.js";

type Handler = (visit: Visit, request: HttpRequest, part: string) => HttpResponse | Promise<HttpResponse>;

const ROUTES: readonly (readonly [path: RegExp, handlers: Readonly<Record<string, Handler>>])[] = [
  [/^\/api\/products$/, { GET: showProducts }],
  [
    /^\/api\/products\/([^/]+)$/,
    { GET: (visit, _request, id) => json(visit, { product: productOf(visit, id) }) },
  ],
  [/^\/api\/cart$/, { GET: showCart }],
  [/^\/api\/cart\/items$/, { POST: addItem }],
  [/^\/api\/cart\/items\/([^/]+)$/, { PATCH: changeItem, DELETE: removeItem }],
  [/^\/api\/checkout$/, { POST: checkOut }],
  [/^\/api\/orders$/, { GET: async (visit) => json(visit, { orders: await ordersOf(visit) }) }],
  [/^\/api\/orders\/([^/]+)$/, { GET: showOrder }],
  [/^\/api\/whoami$/, { GET: whoAmI }],
];

/** An answer that is an error. */
class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Answers a request below /api/. */
export async function answerApi(visit: Visit, request: HttpRequest): Promise<HttpResponse> {
  try {
    for (const [path, handlers] of ROUTES) {
      const match = path.exec(request.path);
      if (match === null) continue;
      const handler = handlers[request.method === "HEAD" ? "GET" : request.method];
      if (handler !== undefined) return await handler(visit, request, match[1] ?? "");
      const allow = Object.keys(handlers).join(", ").replace("GET", "GET, HEAD");
      return failure(visit, new ApiError(405, "method_not_allowed", `This takes ${allow}.`), { allow });
    }
    throw new ApiError(404, "not_found", "There is nothing at this path.");
  } catch (error) {
    if (error instanceof ApiError) return failure(visit, error);
    if (error instanceof CartError) return failure(visit, new ApiError(409, "not_available", error.message));
    return storageFailure(visit, error);
  }
}

/** For what the storage could not do. The session is then what it was before, so that it is safe to answer. */
function storageFailure(visit: Visit, error: unknown): HttpResponse {
  const trouble = troubleOf(error);
  return failure(visit, new ApiError(trouble.status, trouble.code, trouble.message), trouble.headers);
}

function failure(
  visit: Visit,
  { status, code, message }: ApiError,
  headers: Record<string, string> = {},
): HttpResponse {
  return json(visit, { error: { code, message } }, status, headers);
}

function productOf(visit: Visit, id: string): Product {
  const product = visit.products.find((one) => one.id === id);
  if (product === undefined) throw new ApiError(404, "no_such_product", "The shop has no such product.");
  return product;
}

function requireJson(request: HttpRequest): void {
  if (isOfType(request, JSON_TYPE)) return;
  throw new ApiError(415, "unsupported_media_type", "Send the content-type application/json.");
}

async function readBody<Schema extends v.GenericSchema>(
  request: HttpRequest,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  requireJson(request);
  if (await isTooLong(request)) {
    throw new ApiError(413, "too_long", `A body may have at most ${MAX_BODY_BYTES} bytes.`);
  }
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    throw new ApiError(400, "malformed_json", "The body is not JSON.");
  }
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new ApiError(422, "invalid", `${v.getDotPath(issue) ?? "body"}: ${issue.message}`);
}

const quantitySchema = v.pipe(v.number(), v.integer(), v.maxValue(MAX_QUANTITY));
const itemSchema = v.object({
  productId: v.string(),
  quantity: v.optional(v.pipe(quantitySchema, v.minValue(1)), 1),
});
/** 0 takes it out. */
const changeSchema = v.object({ quantity: v.pipe(quantitySchema, v.minValue(0)) });
/** A client that may have to try again names its checkout, so that there is one order whatever happens. */
const checkoutSchema = v.looseObject({ checkout: v.optional(v.pipe(v.string(), v.regex(CHECKOUT_NAME))) });

function showProducts(visit: Visit, request: HttpRequest): HttpResponse {
  const wanted = request.query.get("category");
  if (wanted === null) return json(visit, { products: visit.products });
  const category = CATEGORIES.find((name) => name === wanted);
  if (category === undefined) throw new ApiError(404, "no_such_category", "The shop has no such category.");
  return json(visit, { products: visit.products.filter((product) => product.category === category) });
}

function showCart(visit: Visit): HttpResponse {
  const { lines, count, totalPence } = cartOf(visit);
  const items = lines.map(({ product, quantity }) => ({
    productId: product.id,
    name: product.name,
    quantity,
    pricePence: product.pricePence,
  }));
  return json(visit, { items, count, totalPence });
}

async function addItem(visit: Visit, request: HttpRequest): Promise<HttpResponse> {
  const { productId, quantity } = await readBody(request, itemSchema);
  addToCart(visit.context.session, productOf(visit, productId), quantity);
  return showCart(visit);
}

async function changeItem(visit: Visit, request: HttpRequest, id: string): Promise<HttpResponse> {
  const { quantity } = await readBody(request, changeSchema);
  setQuantity(visit.context.session, productOf(visit, id), quantity);
  return showCart(visit);
}

function removeItem(visit: Visit, request: HttpRequest, id: string): HttpResponse {
  requireJson(request);
  setQuantity(visit.context.session, productOf(visit, id), 0);
  return showCart(visit);
}

async function checkOut(visit: Visit, request: HttpRequest): Promise<HttpResponse> {
  const body = await readBody(request, checkoutSchema);
  const checked = checkBuyer(body);
  if ("errors" in checked) {
    const [field, message] = Object.entries(checked.errors)[0]!;
    throw new ApiError(422, "invalid", `${field}: ${message}`);
  }
  const name = body.checkout ?? checkoutName(visit.context.session);
  const { id, isNew } = await placeOrder(visit, cartOf(visit), checked.buyer, name);
  return json(visit, { orderId: id }, isNew ? 201 : 200, { location: `/api/orders/${id}` });
}

async function showOrder(visit: Visit, _request: HttpRequest, id: string): Promise<HttpResponse> {
  const order = await orderOf(visit, id);
  if (order === undefined) throw new ApiError(404, "no_such_order", "This session has no such order.");
  return json(visit, { order });
}

function whoAmI(visit: Visit): HttpResponse {
  const { worker, source, session } = visit.context;
  return json(visit, { worker, source, session: { origin: session.origin, version: session.version } });
}
