// From a cart to an order: what the buyer must tell, and one order for one checkout, however often it is sent.

import { createHash, randomBytes } from "node:crypto";
import * as v from "valibot";
import { type Session, StorageError } from "../app/app.js";
import type { Visit } from "./answer.js";
import { type Cart, CartError, moveCartToOrder, placedOrders } from "./cart.js";
import { type OrderRequest, refusalOf } from "./procedures.js";

function text(label: string, longest: number) {
  return v.pipe(
    v.string(`Please enter your ${label}.`),
    v.trim(),
    v.minLength(1, `Please enter your ${label}.`),
    v.maxLength(longest, `Your ${label} may have at most ${longest} characters.`),
  );
}

const buyerSchema = v.object({
  name: text("name", 100),
  address: text("address", 500),
  email: v.pipe(
    text("e-mail address", 200),
    v.email("Please enter an e-mail address like name@example.org."),
  ),
});

export type Buyer = v.InferOutput<typeof buyerSchema>;

export type BuyerCheck =
  | { readonly buyer: Buyer }
  /** A message by the name of the field. */
  | { readonly errors: Readonly<Record<string, string>> };

/** Checks what the buyer has told. */
export function checkBuyer(input: unknown): BuyerCheck {
  const result = v.safeParse(buyerSchema, input);
  if (result.success) return { buyer: result.output };
  const errors: Record<string, string> = {};
  for (const issue of result.issues) {
    const field = String(issue.path?.[0]?.key ?? "form");
    errors[field] ??= issue.message;
  }
  return { errors };
}

function digest(purpose: string, session: Session, more = ""): string {
  return createHash("sha256").update(`${purpose}\n${session.id}\n${more}`).digest("base64url").slice(0, 24);
}

/** Proves that a form came from a page of ours: derived from the session's ID, so that reading never writes a session. */
export function formToken(session: Session): string {
  return digest("form", session);
}

/**
 * Names one checkout: the same for as long as the session is what it was when the form was made. It is no secret; what
 * it is worth in the database is a hash of it together with the session's ID (`checkoutKey`).
 */
export function checkoutName(session: Session): string {
  return `form-${session.version}`;
}

/** What a checkout is called, by a form of ours or by a client of the API. */
export const CHECKOUT_NAME = /^[\w-]{1,64}$/;

/** No two sessions have the same, whatever name their clients choose. */
function checkoutKey(session: Session, name: string): string {
  return digest("checkout", session, name);
}

export interface PlacedOrder {
  readonly id: string;
  /** False if this checkout was sent before: the order is that of the first time. */
  readonly isNew: boolean;
}

/**
 * Places the order and empties the cart, in one transaction. Throws a `CartError` for what the shop does not have; the
 * cart is as before then.
 */
export async function placeOrder(
  { context, shelf }: Visit,
  cart: Cart,
  buyer: Buyer,
  name: string,
): Promise<PlacedOrder> {
  const { session, call } = context;
  const checkout = checkoutKey(session, name);
  const earlier = placedOrders(session).find((order) => order.checkout === checkout);
  if (earlier !== undefined) return { id: earlier.id, isNew: false };
  if (cart.lines.length === 0) throw new CartError("The cart is empty.");
  const order: OrderRequest = {
    id: randomBytes(12).toString("base64url"),
    checkout,
    ...buyer,
    lines: cart.lines.map(({ product, quantity }) => ({ productId: product.id, quantity })),
  };
  moveCartToOrder(session, order);
  // Whatever comes of it: done, there is less on the shelf; refused, there was less than we knew.
  shelf.expire();
  try {
    await session.commitWith("placeOrder", order);
    return { id: order.id, isNew: true };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    const refusal = error.code === "procedure_failed" ? refusalOf(error.message) : undefined;
    if (refusal !== undefined) throw new CartError(refusal);
    if (error.code !== "conflict") throw error;
    // Another worker has changed the session meanwhile: with this same form, perhaps, sent twice.
    const id = await call<string | null>("orderOfCheckout", { checkout });
    if (id === null) throw error;
    return { id, isNew: false };
  }
}
