// From a cart to an order: what the buyer must tell, and one order for one checkout, however often it is sent.

import { createHash, randomBytes } from "node:crypto";
import * as v from "valibot";
import type { Context, Session } from "../app/app.js";
import { StorageError } from "../app/app.js";
import { type Cart, CartError, lastCheckout, moveCartToOrder, orderIds } from "./cart.js";
import type { OrderRequest } from "./procedures.js";

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

/** Names one checkout: the same as long as the session is what it was when the form was made. */
export function checkoutToken(session: Session): string {
  return digest("checkout", session, String(session.version));
}

/**
 * Places the order and empties the cart, in one transaction. Resolves to the order's ID; that of the order placed before,
 * if this checkout was sent already. Throws a `CartError` for what the shop does not have; the cart is as before then.
 */
export async function placeOrder(
  context: Context,
  cart: Cart,
  buyer: Buyer,
  checkout: string,
): Promise<string> {
  const { session } = context;
  if (lastCheckout(session) === checkout) return orderIds(session)[0]!;
  if (cart.lines.length === 0) throw new CartError("The cart is empty.");
  const order: OrderRequest = {
    id: randomBytes(12).toString("base64url"),
    checkout,
    ...buyer,
    lines: cart.lines.map(({ product, quantity }) => ({ productId: product.id, quantity })),
  };
  moveCartToOrder(session, order.id, checkout);
  try {
    return await session.commitWith<string>("placeOrder", order);
  } catch (error) {
    if (error instanceof StorageError && error.code === "procedure_failed")
      throw new CartError(error.message);
    throw error;
  }
}
