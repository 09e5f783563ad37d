// The shop's pages by path and method. Forms are answered with 303 to a page, or with the form and what is wrong with it.

import type { HttpRequest, HttpResponse } from "../app/app.js";
import { cartOf, page, seeOther, troubleOf, type Visit } from "./answer.js";
import { addToCart, CartError, placedOrders, setQuantity } from "./cart.js";
import { cartPage, checkoutPage } from "./cart-pages.js";
import { CATEGORIES, type Product } from "./catalogue.js";
import { cataloguePage, productPage } from "./catalogue-pages.js";
import { CHECKOUT_NAME, checkBuyer, checkoutName, formToken, placeOrder } from "./checkout.js";
import { FORM_TYPE, isFromElsewhere, isOfType, isTooLong } from "./incoming.js";
import { messagePage } from "./layout.js";
import { orderPage, ordersPage } from "./order-pages.js";
import type { Order } from "./procedures.js";

type Handler = (visit: Visit, request: HttpRequest, part: string) => HttpResponse | Promise<HttpResponse>;

const ROUTES: readonly (readonly [method: "GET" | "POST", path: RegExp, handler: Handler])[] = [
  ["GET", /^\/$/, showCatalogue],
  ["GET", /^\/products\/([a-z0-9-]{1,64})$/, showProduct],
  ["GET", /^\/cart$/, showCart],
  ["POST", /^\/cart$/, addFromForm],
  ["POST", /^\/cart\/update$/, updateFromForm],
  ["GET", /^\/checkout$/, showCheckout],
  ["POST", /^\/checkout$/, placeFromForm],
  ["GET", /^\/orders$/, showOrders],
  ["GET", /^\/orders\/([\w-]{16})$/, showOrder],
];

/** Answers a request for a page. */
export function answerSite(visit: Visit, request: HttpRequest): HttpResponse | Promise<HttpResponse> {
  const method = request.method === "HEAD" ? "GET" : request.method;
  const allowed: string[] = [];
  for (const [routeMethod, path, handler] of ROUTES) {
    const match = path.exec(request.path);
    if (match === null) continue;
    allowed.push(routeMethod === "GET" ? "GET, HEAD" : routeMethod);
    if (routeMethod !== method) continue;
    const answer = handler(visit, request, match[1] ?? "");
    return answer instanceof Promise ? answer.catch((error) => troublePage(visit, error)) : answer;
  }
  if (allowed.length === 0) return notFound(visit);
  const message = messagePage("That does not work here", "This page takes no such request.");
  return page(visit, "Not here", message, 405, { allow: allowed.join(", ") });
}

/** For what the storage could not do. Throws every other error again. */
function troublePage(visit: Visit, error: unknown): HttpResponse {
  const { status, message, headers } = troubleOf(error);
  return page(visit, "Not now", messagePage("The sea is rough just now", message), status, headers);
}

function notFound(visit: Visit): HttpResponse {
  return page(
    visit,
    "Not found",
    messagePage("The tide has taken it", "There is no page at this address."),
    404,
  );
}

function showCatalogue(visit: Visit, request: HttpRequest): HttpResponse {
  const wanted = request.query.get("category");
  const category = CATEGORIES.find((name) => name === wanted);
  return page(visit, "Shop", cataloguePage(visit.products, category));
}

function findProduct(visit: Visit, id: string | null): Product | undefined {
  return visit.products.find((product) => product.id === id);
}

function showProduct(visit: Visit, _request: HttpRequest, id: string): HttpResponse {
  const product = findProduct(visit, id);
  if (product === undefined) return notFound(visit);
  return page(visit, product.name, productPage(product, visit.products, formToken(visit.context.session)));
}

function showCart(visit: Visit): HttpResponse {
  return page(visit, "Cart", cartPage(cartOf(visit), formToken(visit.context.session)));
}

/** The form, if it was sent from a page of ours; else the answer to it. */
async function readForm(visit: Visit, request: HttpRequest): Promise<URLSearchParams | HttpResponse> {
  const refuse = (status: number, title: string, message: string) =>
    page(visit, title, messagePage(title, message), status);
  if (!isOfType(request, FORM_TYPE)) {
    return refuse(415, "That is not a form", "Please use the forms of the shop.");
  }
  if (await isTooLong(request)) return refuse(413, "That is too long", "Please go back and write less.");
  const form = await request.form();
  const isOurs = !isFromElsewhere(request) && form.get("token") === formToken(visit.context.session);
  if (isOurs) return form;
  const message = "Please go back, load the page again, and try once more. (Are cookies switched off?)";
  return refuse(403, "This form is not from this visit", message);
}

/** Digits only; anything else is no quantity. */
function quantityOf(form: URLSearchParams): number {
  const text = form.get("quantity") ?? "";
  return /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
}

async function addFromForm(visit: Visit, request: HttpRequest): Promise<HttpResponse> {
  const form = await readForm(visit, request);
  if (!(form instanceof URLSearchParams)) return form;
  const product = findProduct(visit, form.get("product"));
  if (product === undefined) return notFound(visit);
  const { session } = visit.context;
  try {
    addToCart(session, product, quantityOf(form));
  } catch (error) {
    if (!(error instanceof CartError)) throw error;
    return page(
      visit,
      product.name,
      productPage(product, visit.products, formToken(session), error.message),
      409,
    );
  }
  return seeOther(visit, "/cart");
}

async function updateFromForm(visit: Visit, request: HttpRequest): Promise<HttpResponse> {
  const form = await readForm(visit, request);
  if (!(form instanceof URLSearchParams)) return form;
  const product = findProduct(visit, form.get("product"));
  if (product === undefined) return notFound(visit);
  const { session } = visit.context;
  try {
    setQuantity(session, product, quantityOf(form));
  } catch (error) {
    if (!(error instanceof CartError)) throw error;
    return page(visit, "Cart", cartPage(cartOf(visit), formToken(session), error.message), 409);
  }
  return seeOther(visit, "/cart");
}

function showCheckout(visit: Visit): HttpResponse {
  const cart = cartOf(visit);
  if (cart.lines.length === 0) return seeOther(visit, "/cart");
  const { session } = visit.context;
  const form = { token: formToken(session), checkout: checkoutName(session), values: {}, errors: {} };
  return page(visit, "Checkout", checkoutPage(cart, form));
}

async function placeFromForm(visit: Visit, request: HttpRequest): Promise<HttpResponse> {
  const form = await readForm(visit, request);
  if (!(form instanceof URLSearchParams)) return form;
  const values = Object.fromEntries(form);
  const checked = checkBuyer(values);
  const cart = cartOf(visit);
  const { session } = visit.context;
  const checkout = values.checkout ?? "";
  if (!CHECKOUT_NAME.test(checkout)) return seeOther(visit, "/checkout");
  if ("errors" in checked) {
    const again = { token: formToken(session), checkout, values, errors: checked.errors };
    return page(visit, "Checkout", checkoutPage(cart, again), 422);
  }
  try {
    const { id } = await placeOrder(visit, cart, checked.buyer, checkout);
    return seeOther(visit, `/orders/${id}`);
  } catch (error) {
    if (!(error instanceof CartError)) throw error;
    return page(visit, "Cart", cartPage(cartOf(visit), formToken(session), error.message), 409);
  }
}

/** The orders of this session. */
export async function ordersOf({ context }: Visit): Promise<Order[]> {
  const ids = placedOrders(context.session).map(({ id }) => id);
  return ids.length === 0 ? [] : context.call<Order[]>("orders", { ids });
}

/** The order, if it is of this session: those of others are not even looked for. */
export async function orderOf({ context }: Visit, id: string): Promise<Order | undefined> {
  if (!placedOrders(context.session).some((order) => order.id === id)) return undefined;
  const [order] = await context.call<Order[]>("orders", { ids: [id] });
  return order;
}

async function showOrders(visit: Visit): Promise<HttpResponse> {
  return page(visit, "Orders", ordersPage(await ordersOf(visit)));
}

async function showOrder(visit: Visit, _request: HttpRequest, id: string): Promise<HttpResponse> {
  const order = await orderOf(visit, id);
  return order === undefined ? notFound(visit) : page(visit, "Thank you", orderPage(order));
}
