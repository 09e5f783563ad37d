// The shop with deliveries: what is bought up comes again, and the orders add up with it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { createStockedShop } from "../../../benchmarks/shoppers/stocked-shop.js";
import { StorageError } from "../../../workers/session/storage.js";
import { AppHarness } from "../../support/app-harness.js";

const BUYER = { name: "Ann Shore", address: "1 Ledge", email: "ann@example.org" };

async function inShop(run: (harness: AppHarness) => Promise<void>): Promise<void> {
  const harness = await AppHarness.start(createStockedShop);
  try {
    await run(harness);
  } finally {
    await harness.close();
  }
}

const stockOf = async ({ database }: AppHarness, id: string): Promise<number> =>
  (await database.knex("shop_products").where({ id }).first("stock")).stock;

test("product, however much of it is bought, does not sell out", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    for (let n = 0; n < 12; n++) {
      const before = await stockOf(harness, "sea-salt");
      const item = { productId: "sea-salt", quantity: 20 };
      assert.is((await browser.json("POST", "/api/cart/items", item)).status, 200);
      const reply = await browser.json("POST", "/api/checkout", { ...BUYER, checkout: `n${n}` });
      assert.is(reply.status, 201, reply.body);
      const after = await stockOf(harness, "sea-salt");
      assert.is(after, before - 20 < 40 ? before + 80 : before - 20);
    }
    assert.is(await stockOf(harness, "shrimp-net"), 25, "nobody has bought any");
  }));

test("shop, that opens sold out, has something to sell", () =>
  inShop(async (harness) => {
    await harness.database.knex("shop_products").update({ stock: 0 });
    await createStockedShop(() => 0).setup({ worker: 0, call: harness.call });
    assert.is(await stockOf(harness, "star-brooch"), 100);
  }));

test("shop, whose database is away, opens nevertheless if it knows its products", async () => {
  const call = () => Promise.reject(new StorageError("unavailable", "away"));
  await createStockedShop(() => 0).setup({ worker: 0, call });
});

test.run();
