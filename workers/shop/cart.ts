// What a visitor's session holds: a cart, and the orders placed from it. Everything is bounded, and whatever the state has
// in it (an older version of the shop wrote it, perhaps) is read with care.

import type { Session } from "../app/app.js";
import type { Product } from "./catalogue.js";

/** Most of one product in a cart. */
export const MAX_QUANTITY = 20;
/** Different products in a cart. */
export const MAX_LINES = 50;
/** Orders that a session remembers. */
const MAX_ORDERS = 50;

export interface CartLine {
  readonly product: Product;
  readonly quantity: number;
}

export interface Cart {
  readonly lines: readonly CartLine[];
  readonly count: number;
  readonly totalPence: number;
}

/** Why a cart cannot be changed so; the message is for the visitor. */
export class CartError extends Error {
  override readonly name = "CartError";
}

function quantities(session: Session): Record<string, unknown> {
  const { cart } = session.state;
  return typeof cart === "object" && cart !== null ? (cart as Record<string, unknown>) : {};
}

function isQuantity(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_QUANTITY;
}

/** The cart as it is now, with what the shop knows of its products; what the shop does not have is left out. */
export function readCart(session: Session, products: readonly Product[]): Cart {
  const byProduct = quantities(session);
  const lines = products.flatMap((product) => {
    const quantity = Object.hasOwn(byProduct, product.id) ? byProduct[product.id] : undefined;
    return isQuantity(quantity) ? [{ product, quantity }] : [];
  });
  return {
    lines,
    count: lines.reduce((sum, line) => sum + line.quantity, 0),
    totalPence: lines.reduce((sum, line) => sum + line.quantity * line.product.pricePence, 0),
  };
}

/** Sets how much of a product is in the cart; 0 takes it out. Throws a `CartError`. */
export function setQuantity(session: Session, product: Product, quantity: number): void {
  if (quantity !== 0 && !isQuantity(quantity)) {
    throw new CartError(`Please choose a quantity from 1 to ${MAX_QUANTITY}.`);
  }
  if (quantity > product.stock) {
    const left = product.stock === 0 ? "is sold out" : `has only ${product.stock} left`;
    throw new CartError(`${product.name} ${left}.`);
  }
  const { [product.id]: _, ...others } = quantities(session);
  if (quantity > 0 && Object.keys(others).length >= MAX_LINES) throw new CartError("The cart is full.");
  session.state.cart = quantity === 0 ? others : { ...others, [product.id]: quantity };
}

/** Adds to what is in the cart. Throws a `CartError`. */
export function addToCart(session: Session, product: Product, quantity: number): void {
  if (!isQuantity(quantity)) throw new CartError(`Please choose a quantity from 1 to ${MAX_QUANTITY}.`);
  const byProduct = quantities(session);
  const before = Object.hasOwn(byProduct, product.id) ? byProduct[product.id] : 0;
  const total = (isQuantity(before) ? before : 0) + quantity;
  if (total > MAX_QUANTITY) throw new CartError(`A cart holds at most ${MAX_QUANTITY} of one thing.`);
  setQuantity(session, product, total);
}

/** An order as the session remembers it. */
export interface SessionOrder {
  readonly id: string;
  /** The key of the checkout that it came from. */
  readonly checkout: string;
}

function isSessionOrder(value: unknown): value is SessionOrder {
  const { id, checkout } = (
    typeof value === "object" && value !== null ? value : {}
  ) as Partial<SessionOrder>;
  return typeof id === "string" && typeof checkout === "string";
}

/** The orders that this session has placed, the newest first. */
export function placedOrders(session: Session): readonly SessionOrder[] {
  const { orders } = session.state;
  return Array.isArray(orders) ? orders.filter(isSessionOrder) : [];
}

/** Empties the cart into an order. To be committed together with it. */
export function moveCartToOrder(session: Session, { id, checkout }: SessionOrder): void {
  session.state.cart = {};
  session.state.orders = [{ id, checkout }, ...placedOrders(session)].slice(0, MAX_ORDERS);
}
