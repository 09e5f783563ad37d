// Checkouts where something comes in between: the same form twice and from two workers, another buyer, a database that
// fails. Held to one rule: an order, its stock and the emptied cart are all there, or none of them.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { StorageError } from "../../../workers/session/storage.js";
import { SEED_PRODUCTS } from "../../../workers/shop/catalogue.js";
import { createShop } from "../../../workers/shop/shop.js";
import { AppHarness, type Browser, type Reply } from "../../support/app-harness.js";

const BUYER = { name: "Ann Shore", address: "1 Ledge\nCove", email: "ann@example.org" };

/** Runs a test on a shop of its own. */
async function inShop(workerCount: number, run: (harness: AppHarness) => Promise<void>): Promise<void> {
  const harness = await AppHarness.start(createShop, workerCount);
  try {
    await run(harness);
  } finally {
    await harness.close();
  }
}

function hidden(page: Reply, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page.body)?.[1] ?? "";
}

/** Puts something into the cart and fills in the checkout's form. */
async function fillIn(browser: Browser, productId: string, quantity = 1): Promise<Record<string, string>> {
  assert.is((await browser.json("POST", "/api/cart/items", { productId, quantity })).status, 200);
  const page = await browser.get("/checkout");
  return { token: hidden(page, "token"), checkout: hidden(page, "checkout"), ...BUYER };
}

async function stockOf(harness: AppHarness, id: string): Promise<number> {
  return (await harness.database.knex("shop_products").where({ id }).first("stock")).stock;
}

async function countOf(harness: AppHarness, table: string): Promise<number> {
  return (await harness.database.knex(table).count({ count: "*" }))[0]!.count as number;
}

test("checkout, of the same form by two workers at once, is one order that both show", () =>
  inShop(2, async (harness) => {
    const browser = harness.browser();
    const form = await fillIn(browser, "sea-salt", 3);
    const [one, two] = await Promise.all([
      browser.post("/checkout", form, { worker: 0 }),
      browser.post("/checkout", form, { worker: 1 }),
    ]);
    assert.equal([one.status, two.status], [303, 303]);
    assert.is(one.headers.get("location"), two.headers.get("location"));
    assert.is(await countOf(harness, "shop_orders"), 1);
    assert.is(await stockOf(harness, "sea-salt"), 87);
    const order = await browser.get(one.headers.get("location")!, { worker: 1 });
    assert.match(order.body, "Thank you, Ann Shore");
    assert.ok(harness.storage.calls.includes("call orderOfCheckout"), "the second one met a conflict");
  }));

test("checkout, of an old form after a later order, shows the old order and leaves the cart", () =>
  inShop(1, async (harness) => {
    const browser = harness.browser();
    const first = await fillIn(browser, "sea-salt");
    const firstOrder = (await browser.post("/checkout", first)).headers.get("location");
    const second = await fillIn(browser, "limpet-mug");
    const secondOrder = (await browser.post("/checkout", second)).headers.get("location");
    assert.is.not(firstOrder, secondOrder);
    await browser.json("POST", "/api/cart/items", { productId: "tide-tables" });
    assert.is((await browser.post("/checkout", first)).headers.get("location"), firstOrder);
    assert.is(JSON.parse((await browser.get("/api/cart")).body).count, 1);
    const { orders } = JSON.parse((await browser.get("/api/orders")).body);
    const ids = orders.map(({ id }: { id: string }) => `/orders/${id}`);
    assert.equal(ids, [secondOrder, firstOrder], "the newest first");
  }));

test("checkout, named alike by two sessions of the API, is an order for each", () =>
  inShop(1, async (harness) => {
    const ids = new Set<string>();
    for (const browser of [harness.browser(), harness.browser()]) {
      await browser.json("POST", "/api/cart/items", { productId: "sea-salt" });
      const named = { ...BUYER, checkout: "my-checkout" };
      const placed = await browser.json("POST", "/api/checkout", named);
      const again = await browser.json("POST", "/api/checkout", named);
      assert.equal([placed.status, again.status, again.body], [201, 200, placed.body]);
      ids.add(placed.body);
    }
    assert.is(ids.size, 2);
  }));

test("checkout, of more than is left by then, says what is left and changes nothing", () =>
  inShop(1, async (harness) => {
    const browser = harness.browser();
    await browser.json("POST", "/api/cart/items", { productId: "limpet-mug", quantity: 2 });
    const form = await fillIn(browser, "anemone-lamp", 4);
    await harness.database.knex("shop_products").where({ id: "anemone-lamp" }).update({ stock: 1 });
    const versionBefore = (await browser.get("/cart")).headers.get("x-limpet-version");
    const refused = await browser.post("/checkout", form);
    assert.is(refused.status, 409);
    assert.match(refused.body, "Anemone lamp has only 1 left.");
    const cart = await browser.get("/cart");
    assert.match(cart.body, "Only 1 left by now.");
    assert.is(cart.headers.get("x-limpet-version"), versionBefore);
    assert.is(JSON.parse((await browser.get("/api/cart")).body).count, 6);
    assert.is(await countOf(harness, "shop_orders"), 0);
    assert.is(await stockOf(harness, "limpet-mug"), 48);
  }));

test("checkout, when its answer is lost, is found done by whoever sends the form again", () =>
  inShop(1, async (harness) => {
    const browser = harness.browser();
    const form = await fillIn(browser, "sea-salt");
    const { storage } = harness;
    const commit = storage.commit.bind(storage);
    storage.commit = async (change) => {
      await commit(change);
      throw new StorageError("unavailable", "no answer in time");
    };
    const lost = await browser.post("/checkout", form);
    assert.equal([lost.status, lost.headers.get("retry-after")], [503, "1"]);
    assert.match(lost.body, "An order that is sent again is not placed twice.");
    storage.commit = commit;
    const again = await browser.post("/checkout", form);
    assert.is(again.status, 303);
    assert.match((await browser.get(again.headers.get("location")!)).body, "Thank you, Ann Shore");
    assert.is(await countOf(harness, "shop_orders"), 1);
    assert.is(await stockOf(harness, "sea-salt"), 89);
  }));

test("API, when the storage does not answer or somebody else was faster, says so in JSON", () =>
  inShop(1, async (harness) => {
    const browser = harness.browser();
    await browser.json("POST", "/api/cart/items", { productId: "sea-salt" });
    const { storage } = harness;
    const commit = storage.commit.bind(storage);
    for (const [code, status] of [
      ["unavailable", 503],
      ["conflict", 409],
    ] as const) {
      storage.commit = () => Promise.reject(new StorageError(code, "secret"));
      const refused = await browser.json("POST", "/api/checkout", BUYER);
      assert.equal([refused.status, JSON.parse(refused.body).error.code], [status, code]);
      assert.not.match(refused.body, "secret");
      storage.commit = commit;
      assert.is(JSON.parse((await browser.get("/api/cart")).body).count, 1, "the cart is as before");
    }
    assert.is((await browser.json("POST", "/api/checkout", BUYER)).status, 201);
  }));

test("checkout, when its SQL fails, tells the log and not the buyer, who keeps the cart", () =>
  inShop(1, async (harness) => {
    const browser = harness.browser();
    const form = await fillIn(browser, "sea-salt");
    await harness.database.knex.schema.dropTable("shop_order_lines");
    const failed = await browser.post("/checkout", form);
    assert.is(failed.status, 500);
    assert.not.match(failed.body, "shop_order_lines");
    assert.match(String(harness.workers[0]!.faults[0]!.error), "shop_order_lines");
    assert.is(await countOf(harness, "shop_orders"), 0);
    assert.is(await stockOf(harness, "sea-salt"), 90);
    assert.is(JSON.parse((await browser.get("/api/cart")).body).count, 1);
  }));

test("stock and orders, whoever buys what on whichever worker, add up to what there was", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          buyer: fc.nat({ max: 2 }),
          worker: fc.nat({ max: 1 }),
          product: fc.constantFrom("anemone-lamp", "barnacle-atlas"),
          quantity: fc.integer({ min: 1, max: 6 }),
        }),
        { minLength: 1, maxLength: 12 },
      ),
      (purchases) =>
        inShop(2, async (harness) => {
          const browsers = [harness.browser(), harness.browser(), harness.browser()];
          for (const { buyer, worker, product: productId, quantity } of purchases) {
            const browser = browsers[buyer]!;
            const added = await browser.json("POST", "/api/cart/items", { productId, quantity }, { worker });
            assert.ok([200, 409].includes(added.status), added.body);
            const placed = await browser.json("POST", "/api/checkout", BUYER, { worker: 1 - worker });
            assert.ok([201, 409].includes(placed.status), placed.body);
          }
          for (const id of ["anemone-lamp", "barnacle-atlas"]) {
            const [sold] = await harness.database.knex("shop_order_lines").where({ product_id: id }).sum({
              quantity: "quantity",
            });
            const left = await stockOf(harness, id);
            assert.ok(left >= 0);
            assert.is(left + Number(sold!.quantity), SEED_PRODUCTS.find((one) => one.id === id)!.stock);
          }
        }),
    ),
    { numRuns: 15, seed: 7 },
  ));

test.run();
