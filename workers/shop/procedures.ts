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

/** Writes the order and takes its products out of stock. Resolves to the order's ID: of the first attempt, if there was one. */
async function placeOrder(database: Database, order: OrderRequest): Promise<string> {
  const earlier = await database("shop_orders").where({ checkout: order.checkout }).first("id");
  if (earlier !== undefined) return earlier.id;
  const rows: ProductRow[] = await database("shop_products").whereIn(
    "id",
    order.lines.map(({ productId }) => productId),
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const lines = order.lines.map(({ productId, quantity }) => {
    const row = byId.get(productId);
    if (row === undefined) throw new Error(`We no longer have "${productId}".`);
    if (row.stock < quantity) {
      throw new Error(
        row.stock === 0 ? `${row.name} is sold out.` : `Only ${row.stock} of ${row.name} are left.`,
      );
    }
    return {
      order_id: order.id,
      product_id: productId,
      name: row.name,
      quantity,
      price_pence: row.price_pence,
    };
  });
  const total = lines.reduce((sum, line) => sum + line.quantity * line.price_pence, 0);
  const { id, checkout, name, address, email } = order;
  await database("shop_orders").insert({ id, checkout, name, address, email, total_pence: total });
  await database("shop_order_lines").insert(lines);
  for (const line of lines) {
    await database("shop_products").where({ id: line.product_id }).decrement("stock", line.quantity);
  }
  return id;
}

/** The orders of these IDs, the newest first. */
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
    .sort((a, b) => ids.indexOf(b.id) - ids.indexOf(a.id));
}

export const procedures = { products, placeOrder, orders } as const;
