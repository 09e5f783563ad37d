// What the shop refuses before it looks at a field: bodies of another type, too long ones, forms from elsewhere. And what it
// still does while the database is away.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { StorageError } from "../../../workers/session/storage.js";
import { MAX_BODY_BYTES } from "../../../workers/shop/incoming.js";
import { createShop } from "../../../workers/shop/shop.js";
import { AppHarness, type Browser } from "../../support/app-harness.js";

const BUYER = { name: "Ann Shore", address: "1 Ledge\nCove", email: "ann@example.org" };
const FORM = "application/x-www-form-urlencoded";

/** Runs a test on a shop of its own, in which nothing may be a fault. */
async function inShop(run: (harness: AppHarness) => Promise<void>): Promise<void> {
  const harness = await AppHarness.start(createShop);
  try {
    await run(harness);
    assert.equal(harness.workers[0]!.faults, []);
  } finally {
    await harness.close();
  }
}

/** The form that puts a mug into the cart, as the product's page has it. */
async function mugForm(browser: Browser): Promise<Record<string, string>> {
  const page = await browser.get("/products/limpet-mug");
  const token = /name="token" value="([^"]+)"/.exec(page.body)?.[1];
  assert.type(token, "string");
  return { token: token!, product: "limpet-mug", quantity: "1" };
}

async function cartCount(browser: Browser): Promise<number> {
  return JSON.parse((await browser.get("/api/cart")).body).count;
}

test("form, whatever type it claims to be of, is taken if it is a form and else refused with 415", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const fields = await mugForm(browser);
    for (const type of [
      `${FORM}x`,
      `x${FORM}`,
      `${FORM}/x`,
      "text/plain",
      "",
      "multipart/form-data; boundary=x",
    ]) {
      const refused = await browser.post("/cart", fields, { headers: { "content-type": type } });
      assert.is(refused.status, 415, type);
    }
    assert.is(await cartCount(browser), 0);
    for (const type of [FORM, `${FORM}; charset=utf-8`, `${FORM} ;charset=utf-8`, FORM.toUpperCase()]) {
      const taken = await browser.post("/cart", fields, { headers: { "content-type": type } });
      assert.is(taken.status, 303, type);
    }
    assert.is(await cartCount(browser), 4);
  }));

test("form, from another site by what the browser says, is refused though its token is right", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const fields = await mugForm(browser);
    const foreign: Record<string, string>[] = [
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site", origin: "http://shop.test" },
      { origin: "http://evil.test" },
      { origin: "http://shop.test.evil.test" },
      { origin: "http://shop.test:8080" },
      { origin: "null" },
      { origin: "" },
      { origin: "shop.test" },
    ];
    for (const headers of foreign) {
      assert.is((await browser.post("/cart", fields, { headers })).status, 403, JSON.stringify(headers));
    }
    assert.is(await cartCount(browser), 0);
    const own: Record<string, string>[] = [
      {},
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "none" },
      { origin: "http://shop.test" },
      { origin: "http://SHOP.test:80" },
      { origin: "https://shop.test" },
    ];
    for (const headers of own) {
      assert.is((await browser.post("/cart", fields, { headers })).status, 303, JSON.stringify(headers));
    }
    assert.is(await cartCount(browser), own.length);
  }));

test("body, at the limit of its length, is looked at, and one byte longer is refused with 413", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const fields = { ...(await mugForm(browser)), more: "" };
    const padding = MAX_BODY_BYTES - new URLSearchParams(fields).toString().length;
    const longest = { ...fields, more: "x".repeat(padding) };
    assert.is((await browser.post("/cart", longest)).status, 303);
    const refused = await browser.post("/cart", { ...longest, more: `${longest.more}x` });
    assert.is(refused.status, 413);
    assert.ok(refused.body.length < MAX_BODY_BYTES, "what was sent does not come back");
    const json = JSON.stringify({ productId: "limpet-mug" });
    const headers = { "content-type": "application/json" };
    const fits = { headers, body: json.padEnd(MAX_BODY_BYTES) };
    assert.is((await browser.send("POST", "/api/cart/items", fits)).status, 200);
    const over = await browser.send("POST", "/api/cart/items", { headers, body: `${fits.body} ` });
    assert.equal([over.status, JSON.parse(over.body).error.code], [413, "too_long"]);
    const far = await browser.send("POST", "/cart", { headers, body: "x".repeat(5 * MAX_BODY_BYTES) });
    assert.equal([far.status, far.body], [413, "413 Content Too Large\n"], "not even read");
    assert.is(await cartCount(browser), 2);
  }));

test("body, with all fields at their longest and every character escaped, is not too long", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    await browser.post("/cart", await mugForm(browser));
    const page = (await browser.get("/checkout")).body;
    const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(page)![1]!;
    const placed = await browser.post("/checkout", {
      token: hidden("token"),
      checkout: hidden("checkout"),
      name: "漢".repeat(100),
      address: "漢".repeat(500),
      email: BUYER.email,
    });
    assert.is(placed.status, 303);
  }));

test("shop, while the database is away, shows what it knew and asks for it once in two seconds", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    await browser.json("POST", "/api/cart/items", { productId: "limpet-mug" });
    const { storage } = harness;
    const call = storage.call.bind(storage);
    let asked = 0;
    storage.call = () => {
      asked++;
      return Promise.reject(new StorageError("unavailable", "no answer in time"));
    };
    harness.nowMs += 3_600_000;
    for (const path of ["/", "/products/limpet-mug", "/cart", "/checkout", "/api/products", "/api/cart"]) {
      assert.is((await browser.get(path)).status, 200, path);
    }
    assert.is(asked, 1);
    harness.nowMs += 2000;
    assert.is((await browser.get("/")).status, 200);
    assert.is(asked, 2);
    storage.call = call;
    await harness.database.knex("shop_products").where({ id: "limpet-mug" }).update({ stock: 3 });
    harness.nowMs += 2000;
    assert.match((await browser.get("/products/limpet-mug")).body, "only 3 left");
  }));

test("shop, while the database is slow, has one visitor wait for it and serves the others", () =>
  inShop(async (harness) => {
    await harness.browser().get("/");
    const { storage } = harness;
    let answer: (error: unknown) => void = () => {};
    storage.call = () => new Promise((_, reject) => (answer = reject));
    harness.nowMs += 2000;
    let hasWaited = false;
    const first = harness
      .browser()
      .get("/")
      .finally(() => (hasWaited = true));
    for (let visitor = 0; visitor < 3; visitor++) {
      assert.is((await harness.browser().get("/")).status, 200);
    }
    assert.not(hasWaited, "the first one waits for what the others did not wait for");
    answer(new StorageError("unavailable", "no answer in time"));
    assert.is((await first).status, 200);
  }));

test("shop, that has never seen its products, answers 503 until the database is there", () =>
  inShop(async (harness) => {
    const { storage } = harness;
    const call = storage.call.bind(storage);
    storage.call = () => Promise.reject(new StorageError("unavailable", "no answer in time"));
    const refused = await harness.browser().get("/");
    assert.equal([refused.status, refused.headers.get("retry-after")], [503, "1"]);
    storage.call = call;
    assert.is((await harness.browser().get("/")).status, 200);
  }));

test("order, asked for by another session, costs no query", () =>
  inShop(async (harness) => {
    const ann = harness.browser();
    await ann.json("POST", "/api/cart/items", { productId: "limpet-mug" });
    const { orderId } = JSON.parse((await ann.json("POST", "/api/checkout", BUYER)).body);
    const eve = harness.browser();
    await eve.get("/");
    harness.storage.calls.length = 0;
    for (const path of [`/orders/${orderId}`, `/api/orders/${orderId}`]) {
      assert.is((await eve.get(path)).status, 404, path);
      assert.is((await ann.get(path)).status, 200, path);
    }
    const queries = harness.storage.calls.filter((what) => what === "call orders").length;
    assert.is(queries, 2, "only for those whose orders they are");
  }));

test("stock, that another farm takes between the look and the taking, is not sold twice", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    await browser.json("POST", "/api/cart/items", { productId: "limpet-mug", quantity: 2 });
    const { knex } = harness.database;
    // Stands for the other farm: takes nearly all once this order's lines are written.
    await knex.raw(
      `CREATE TRIGGER other_farm AFTER INSERT ON shop_order_lines BEGIN
         UPDATE shop_products SET stock = 1 WHERE id = NEW.product_id; END`,
    );
    const refused = await browser.json("POST", "/api/checkout", BUYER);
    assert.equal([refused.status, JSON.parse(refused.body).error.code], [409, "not_available"]);
    assert.match(refused.body, "Limpet mug has just been sold to somebody else.");
    assert.is(await cartCount(browser), 2);
    assert.equal(await knex("shop_orders"), []);
    await knex.raw("DROP TRIGGER other_farm");
    assert.is((await browser.json("POST", "/api/checkout", BUYER)).status, 201);
  }));

test.run();
