// The shop's SQL: runs in the storage thread. `placeOrder` runs in the transaction of the session's change, which empties
// the cart. Procedures do nothing but SQL, because a transaction that failed may be tried again.

import type { Knex } from "knex";
import type { Category, Product } from "./catalogue.js";

type Database = Knex | Knex.Transaction;

export interface OrderRequest {
  /** Unguessable: whoever knows it may not see the order, but nobody shall be able to count them. */
  readonly id: string;
  /** The same for every attempt of one checkout. */
  readonly checkout: string;
  readonly name: string;
  readonly address: string;
  readonly email: string;
  readonly lines: readonly { readonly productId: string; readonly quantity: number }[];
}

export interface OrderLine {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  readonly pricePence: number;
}

export interface Order {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly email: string;
  readonly totalPence: number;
  readonly placedAt: string;
  readonly lines: readonly OrderLine[];
}

interface ProductRow {
  readonly id: string;
  readonly name: string;
  readonly category: Category;
  readonly price_pence: number;
  readonly stock: number;
  readonly description: string;
}

async function products(database: Database): Promise<Product[]> {
  const rows: ProductRow[] = await database("shop_products").orderBy("position");
  return rows.map(({ price_pence: pricePence, id, name, category, stock, description }) => ({
    id,
    name,
    category,
    pricePence,
    stock,
    description,
  }));
}

/** Begins the message of a procedure that says no in words that are for the buyer. Any other error is a fault. */
const REFUSAL = "Refused: ";

/** What a procedure's error says to the buyer; undefined if it is not for the buyer. */
export function refusalOf(message: string): string | undefined {
  return message.startsWith(REFUSAL) ? message.slice(REFUSAL.length) : undefined;
}

/** Writes the order and takes its products out of stock; throws a refusal if there are not enough of them. */
async function placeOrder(database: Database, order: OrderRequest): Promise<void> {
  const ids = order.lines.map(({ productId }) => productId);
  const rows: ProductRow[] = await database("shop_products").whereIn("id", ids);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const refusals = order.lines.flatMap((line) => whyNot(line, byId.get(line.productId)));
  if (refusals.length > 0) throw new Error(REFUSAL + refusals.join(" "));
  const lines = order.lines.map(({ productId, quantity }) => {
    const { name, price_pence } = byId.get(productId)!;
    return { order_id: order.id, product_id: productId, name, quantity, price_pence };
  });
  const { id, checkout, name, address, email } = order;
  const total_pence = lines.reduce((sum, line) => sum + line.quantity * line.price_pence, 0);
  // Its checkout is unique: a second order from it ends here, and with it the whole transaction.
  await database("shop_orders").insert({ id, checkout, name, address, email, total_pence });
  await database("shop_order_lines").insert(lines);
  for (const { product_id: id, name, quantity } of lines) {
    // Asked again: a database that many farms share may have sold it to somebody else since it was read above.
    const taken = await database("shop_products")
      .where({ id })
      .andWhere("stock", ">=", quantity)
      .decrement("stock", quantity);
    if (taken === 0) throw new Error(`${REFUSAL}${name} has just been sold to somebody else.`);
  }
}

/** Why a line cannot be had; empty if it can. */
function whyNot(
  { productId, quantity }: OrderRequest["lines"][number],
  row: ProductRow | undefined,
): string[] {
  if (row === undefined) return [`We no longer have "${productId}".`];
  if (row.stock >= quantity) return [];
  if (row.stock === 0) return [`${row.name} is sold out.`];
  return [`${row.name} has only ${row.stock} left.`];
}

/** The ID of the order that a checkout has become; null if there is none. */
async function orderOfCheckout(
  database: Database,
  { checkout }: { readonly checkout: string },
): Promise<string | null> {
  const order: { readonly id: string } | undefined = await database("shop_orders")
    .where({ checkout })
    .first("id");
  return order?.id ?? null;
}

/** The orders of these IDs, in the order of the IDs. */
async function orders(database: Database, { ids }: { readonly ids: readonly string[] }): Promise<Order[]> {
  const heads = await database("shop_orders").whereIn("id", ids);
  const lines = await database("shop_order_lines").whereIn("order_id", ids).orderBy("name");
  return heads
    .map((head) => ({
      id: head.id,
      name: head.name,
      address: head.address,
      email: head.email,
      totalPence: head.total_pence,
      placedAt: String(head.placed_at),
      lines: lines
        .filter((line) => line.order_id === head.id)
        .map((line) => ({
          productId: line.product_id,
          name: line.name,
          quantity: line.quantity,
          pricePence: line.price_pence,
        })),
    }))
    .sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

export const procedures = { products, placeOrder, orderOfCheckout, orders } as const;
