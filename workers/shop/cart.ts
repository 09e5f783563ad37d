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
  const before = quantities(session)[product.id];
  setQuantity(session, product, (isQuantity(before) ? before : 0) + quantity);
}

/** IDs of the orders that this session has placed, the newest first. */
export function orderIds(session: Session): readonly string[] {
  const { orders } = session.state;
  return Array.isArray(orders) ? orders.filter((id) => typeof id === "string") : [];
}

/** Empties the cart into an order. To be committed together with it. */
export function moveCartToOrder(session: Session, orderId: string, checkout: string): void {
  session.state.cart = {};
  session.state.checkout = checkout;
  session.state.orders = [orderId, ...orderIds(session)].slice(0, MAX_ORDERS);
}

/** The checkout that the session's last order came from. */
export function lastCheckout(session: Session): string | undefined {
  return typeof session.state.checkout === "string" ? session.state.checkout : undefined;
}
