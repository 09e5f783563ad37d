// The shop for those who shop without end: the same app, to which a delivery comes before a product sells out. Whoever orders too much of
// it has it delivered in the transaction of their order, so that no timer is needed and the database adds up at any moment.

import type { Knex } from "knex";
import type { App } from "../../workers/app/app.js";
import { SEED_PRODUCTS } from "../../workers/shop/catalogue.js";
import type { OrderRequest } from "../../workers/shop/procedures.js";
import { createShop } from "../../workers/shop/shop.js";

/** A product of which there is less is delivered: twice what a cart holds, as what is shown may be two seconds old. */
const FEW = 40;
const DELIVERED = 100;

type Database = Knex | Knex.Transaction;

/** Of these products only: an order has locked its own, and no others. */
async function deliver(database: Database, ids: readonly string[]): Promise<void> {
  await database("shop_products")
    .whereIn("id", ids)
    .andWhere("stock", "<", FEW)
    .increment("stock", DELIVERED);
}

/** A shop with a shelf of its own, as `createShop`'s. */
export function createStockedShop(nowMs: () => number) {
  const shop = createShop(nowMs);
  return {
    ...shop,

    async setup(context) {
      // Where all is sold out already nobody could order. A database that is slow to come up is no reason not to serve.
      await context.call("open").catch(() => {});
      await shop.setup(context);
    },

    procedures: {
      ...shop.procedures,
      async placeOrder(database: Database, order: OrderRequest) {
        await shop.procedures.placeOrder(database, order);
        const ids = order.lines.map(({ productId }) => productId);
        await deliver(database, ids);
      },
      async open(database: Database) {
        const ids = SEED_PRODUCTS.map(({ id }) => id);
        await deliver(database, ids);
        return null;
      },
    },
  } satisfies App;
}

export default createStockedShop(Date.now) satisfies App;
