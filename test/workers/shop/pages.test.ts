// What the shop shows: sound HTML and SVG that ask for nothing from elsewhere, files that caches may keep, few queries for
// many visitors; and what it says to datagrams.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SEED_PRODUCTS } from "../../../workers/shop/catalogue.js";
import { html } from "../../../workers/shop/html.js";
import { formatMoney } from "../../../workers/shop/money.js";
import { createShop } from "../../../workers/shop/shop.js";
import { AppHarness } from "../../support/app-harness.js";

const VOID_TAGS = ["meta", "link", "img", "input", "br"];

async function inShop(run: (harness: AppHarness) => Promise<void>): Promise<void> {
  const harness = await AppHarness.start(createShop);
  try {
    await run(harness);
  } finally {
    await harness.close();
  }
}

/** The first tag that is not closed where it should be. */
function unbalanced(text: string): string | undefined {
  const open: string[] = [];
  for (const [tag, closing, name] of text.matchAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)\b[^>]*>/g)) {
    if (tag.endsWith("/>") || VOID_TAGS.includes(name!)) continue;
    if (closing === "") open.push(name!);
    else if (open.pop() !== name) return name;
  }
  return open.pop();
}

test("pages, all of them, are balanced, ask for nothing from elsewhere and have no scripts", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const bought = { name: "A", address: "B", email: "a@example.org" };
    await browser.json("POST", "/api/cart/items", { productId: "sea-salt" });
    const { orderId } = JSON.parse((await browser.json("POST", "/api/checkout", bought)).body);
    await browser.json("POST", "/api/cart/items", { productId: "limpet-mug" });
    const products = SEED_PRODUCTS.map(({ id }) => `/products/${id}`);
    const orders = ["/orders", `/orders/${orderId}`];
    for (const path of ["/", "/?category=home", "/cart", "/checkout", "/nowhere", ...orders, ...products]) {
      const page = await browser.get(path);
      assert.is(unbalanced(page.body), undefined, path);
      assert.not.match(
        page.body,
        /<script|\son\w+=|\sstyle=|(src|href|action)="(?!\/|#)|undefined|NaN/,
        path,
      );
      assert.is(page.body.match(/<h1/g)?.length, 1, `${path} has one heading`);
      const ids = [...page.body.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
      assert.is(new Set(ids).size, ids.length, `${path} has no ID twice`);
      assert.match(page.headers.get("content-security-policy")!, "form-action 'self'");
      assert.is(page.headers.get("x-content-type-options"), "nosniff");
    }
  }));

test("pictures, that pages and the style sheet name, are there and are sound SVG", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const texts = [(await browser.get("/")).body, (await browser.get("/cart")).body];
    texts.push((await browser.get("/style.css")).body);
    const paths = new Set(texts.flatMap((text) => text.match(/\/images\/[\w-]+\.svg/g) ?? []));
    assert.is(paths.size, SEED_PRODUCTS.length + 2);
    for (const path of paths) {
      const picture = await browser.get(path);
      assert.is(picture.status, 200, path);
      assert.is(picture.headers.get("content-type"), "image/svg+xml");
      assert.is(unbalanced(picture.body), undefined, path);
      assert.not.match(picture.body, /undefined|NaN|<script|href/);
    }
  }));

test("file, asked for with its tag, is not sent again", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const etag = (await browser.get("/style.css")).headers.get("etag")!;
    assert.match(etag, /^"[\w-]{22}"$/);
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const again = await browser.get("/style.css", { headers: { "if-none-match": tags } });
      assert.equal([again.status, again.body, again.headers.get("etag")], [304, "", etag], tags);
    }
    assert.is((await browser.get("/style.css", { headers: { "if-none-match": '"other"' } })).status, 200);
    const post = await browser.json("POST", "/style.css", {});
    assert.equal([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
    assert.is((await browser.get("/images/none.svg")).status, 404);
    assert.is(browser.cookie, undefined, "no session was begun");
    assert.equal(harness.storage.calls, []);
  }));

test("file, asked for in part or compressed, comes so, with a tag of its own", () =>
  inShop(async (harness) => {
    const browser = harness.browser();
    const whole = await browser.get("/style.css");
    const part = await browser.get("/style.css", { headers: { range: "bytes=3-9" } });
    assert.equal([part.status, part.body], [206, whole.body.slice(3, 10)]);
    const coded = await browser.get("/style.css", { headers: { "accept-encoding": "gzip, deflate, br" } });
    assert.equal([coded.status, coded.headers.get("content-encoding")], [200, "br"]);
    assert.is.not(coded.headers.get("etag"), whole.headers.get("etag"));
    const [length, wholeLength] = [coded, whole].map(({ headers }) => Number(headers.get("content-length")));
    assert.ok(length! < wholeLength! / 2, `${length} of ${wholeLength} bytes`);
    assert.is((await browser.get("/favicon.svg")).headers.get("vary"), "accept-encoding");
  }));

test("products, however many look at them, are read once in two seconds", () =>
  inShop(async (harness) => {
    const reads = () => harness.storage.calls.filter((call) => call === "call products").length;
    await Promise.all(Array.from({ length: 20 }, () => harness.browser().get("/")));
    assert.is(reads(), 1, "those who come together wait for the same answer");
    harness.nowMs += 1999;
    await harness.browser().get("/");
    assert.is(reads(), 1);
    harness.nowMs += 1;
    await harness.browser().get("/");
    assert.is(reads(), 2);
  }));

test("sold-out product, on its page, cannot be ordered", () =>
  inShop(async (harness) => {
    await harness.database.knex("shop_products").where({ id: "tide-clock" }).update({ stock: 0 });
    const page = await harness.browser().get("/products/tide-clock");
    assert.match(page.body, "Sold out, until the tide brings more.");
    assert.not.match(page.body, 'action="/cart"');
    const added = await harness.browser().json("POST", "/api/cart/items", { productId: "tide-clock" });
    assert.equal([added.status, JSON.parse(added.body).error.code], [409, "not_available"]);
  }));

test("state of the session, whatever an older shop has left there, is read with care", () =>
  inShop(async (harness) => {
    const shop = createShop(() => harness.nowMs);
    const states = [
      { cart: null, orders: null },
      { cart: "x", orders: [null, 1, { id: 3 }, "old"] },
      { cart: { "sea-salt": -1, "limpet-mug": 1e9, nothing: 3, "tide-clock": Number.NaN }, orders: {} },
      { cart: [], orders: [{}] },
    ];
    for (const state of states) {
      for (const path of ["/cart", "/orders", "/checkout"]) {
        const session = { id: "s", isNew: false, origin: "cache" as const, version: 1, state };
        const context = { session, worker: 0, call: harness.call, source: { address: "", port: 0 } };
        const request = { method: "GET", path, query: new URLSearchParams() };
        const answer = await shop.fetch(request as never, context as never);
        assert.is(answer.status, path === "/checkout" ? 303 : 200, JSON.stringify(state));
      }
    }
  }));

test("datagram, answers briefly, and null to what it does not know", () =>
  inShop(async (harness) => {
    const shop = createShop(() => harness.nowMs);
    const context = { worker: 4, source: { address: "192.0.2.1", port: 9 }, call: harness.call };
    const ask = (path: string, body?: unknown) => shop.datagram({ path, body }, context);
    assert.equal(await ask("ping"), { worker: 4 });
    const prices = (await ask("products")) as Record<string, number>;
    assert.is(Object.keys(prices).length, 24);
    assert.is(prices["limpet-mug"], 1650);
    assert.is(((await ask("product", { id: "limpet-mug" })) as { name: string }).name, "Limpet mug");
    for (const body of [undefined, null, 7, "limpet-mug", {}, { id: "none" }, { id: {} }]) {
      assert.is(await ask("product", body), null);
    }
    assert.is(await ask("orders"), null);
  }));

test("html, of any text, has it as text only", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const page = html`<p title="${text}">${text}</p>`.text;
      assert.is(page.match(/[<>]/g)?.length, 4);
      assert.is(page.match(/"/g)?.length, 2);
      const back = page.slice(page.indexOf(">") + 1, -4).replace(/&(lt|gt|quot|#39|amp);/g, (_, name) => {
        return { lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" }[name as string]!;
      });
      assert.is(back, text);
    }),
  );
  assert.is(html`${[html`<b></b>`, "<"]}${undefined}${false}${0}`.text, "<b></b>&lt;0");
});

test("money, is pounds with two digits of pence", () => {
  const cases = [
    [0, "£0.00"],
    [5, "£0.05"],
    [1250, "£12.50"],
    [99_999, "£999.99"],
    [100_000, "£1,000.00"],
    [123_456_789, "£1,234,567.89"],
  ] as const;
  for (const [pence, text] of cases) assert.is(formatMoney(pence), text);
});

test.run();
