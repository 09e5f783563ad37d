// The shop as a visitor uses it, through HTTP, sessions and a real database in memory: pages without JavaScript, the JSON
// API, and what somebody might send who means no good.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AppServer, startAppServer } from "../../support/app-server.js";
import { type Answer, type AskOptions, ask, cookieOf } from "../../support/client.js";

const shop = suite("shop");
let server: AppServer;

shop.before(async () => {
  server = await startAppServer(new URL("../../../workers/shop/shop.js", import.meta.url));
});
shop.after(async () => {
  assert.equal(server.faults, []);
  await server.close();
});

/** A browser as far as the shop is concerned: keeps the cookie, sends forms with what is hidden in them. */
class Visitor {
  cookie: string | undefined;

  async get(path: string, options: AskOptions = {}): Promise<Answer> {
    const answer = await ask(`${server.origin}${path}`, { cookie: this.cookie, ...options });
    this.cookie = cookieOf(answer) ?? this.cookie;
    return answer;
  }

  /** The page's text. Every page must be sound HTML. */
  async read(path: string): Promise<string> {
    const text = (await this.get(path)).body.toString();
    assert.is(unbalanced(text), undefined, path);
    return text;
  }

  post(path: string, fields: Record<string, string>): Promise<Answer> {
    return this.get(path, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: Buffer.from(new URLSearchParams(fields).toString()),
    });
  }

  json(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.get(path, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    });
  }

  async token(): Promise<string> {
    return hidden(await this.read("/products/limpet-mug"), "token");
  }

  async add(product: string, quantity: string): Promise<Answer> {
    return this.post("/cart", { token: await this.token(), product, quantity });
  }
}

function hidden(page: string, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1];
  assert.ok(value, `a hidden ${name}`);
  return value!;
}

/** The first tag that is not closed where it should be. */
function unbalanced(page: string): string | undefined {
  const open: string[] = [];
  for (const [, closing, name] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (["meta", "link", "img", "input", "br"].includes(name!)) continue;
    if (closing === "") open.push(name!);
    else if (open.pop() !== name) return name;
  }
  return open.pop();
}

const BUYER = { name: "Ann Shore", address: "1 Ledge\nCove", email: "ann@example.org" };

shop("catalogue, shows two dozen products, and a category its own", async () => {
  const visitor = new Visitor();
  const all = await visitor.read("/");
  assert.is(all.match(/class="card product"/g)?.length, 24);
  const books = await visitor.read("/?category=books");
  assert.is(books.match(/class="card product"/g)?.length, 6);
  assert.is((await visitor.read("/?category=%3Cscript%3E")).match(/class="card product"/g)?.length, 24);
});

shop("page, says who served it, where the session came from and its version", async () => {
  const visitor = new Visitor();
  assert.match(await visitor.read("/"), "worker 5 · new session · version 0");
  assert.match(await visitor.read("/"), "worker 5 · session from cache · version 0");
  await visitor.add("limpet-mug", "1");
  const answer = await visitor.get("/cart");
  assert.match(answer.body.toString(), "worker 5 · session from cache · version 1");
  assert.is(answer.headers["x-limpet-worker"], "5");
  assert.is(answer.headers["x-limpet-session"], "cache");
  assert.is(answer.headers["x-limpet-version"], "1");
});

shop("pages, when only looked at, leave the session as it is", async () => {
  const visitor = new Visitor();
  for (const path of ["/", "/products/tide-clock", "/cart", "/checkout", "/orders", "/nowhere"]) {
    await visitor.get(path);
  }
  assert.is((await visitor.get("/api/whoami")).json<{ session: { version: number } }>().session.version, 0);
});

shop("visitor, without JavaScript, finds, buys and sees the order; nobody else does", async () => {
  const visitor = new Visitor();
  const added = await visitor.add("tide-clock", "2");
  assert.equal([added.status, added.headers.location], [303, "/cart"]);
  await visitor.add("limpet-mug", "1");
  const cart = await visitor.read("/cart");
  assert.match(cart, "£94.50");
  const token = hidden(cart, "token");
  await visitor.post("/cart/update", { token, product: "limpet-mug", quantity: "3" });
  assert.match(await visitor.read("/cart"), "£127.50");
  await visitor.post("/cart/update", { token, product: "limpet-mug", quantity: "0" });
  assert.match(await visitor.read("/cart"), "£78.00");

  const checkout = hidden(await visitor.read("/checkout"), "checkout");
  const placed = await visitor.post("/checkout", { token, checkout, ...BUYER });
  assert.is(placed.status, 303);
  const location = placed.headers.location!;
  assert.match(location, /^\/orders\/[\w-]{16}$/);
  const order = await visitor.read(location);
  assert.match(order, "Thank you, Ann Shore");
  assert.match(order, "£78.00");
  assert.match(await visitor.read("/orders"), location);
  assert.match(await visitor.read("/cart"), "nothing in it yet");
  assert.is((await new Visitor().get(location)).status, 404);
});

shop("checkout, sent twice, is one order", async () => {
  const visitor = new Visitor();
  await visitor.add("sea-salt", "1");
  const token = await visitor.token();
  const checkout = hidden(await visitor.read("/checkout"), "checkout");
  const first = await visitor.post("/checkout", { token, checkout, ...BUYER });
  const second = await visitor.post("/checkout", { token, checkout, ...BUYER });
  assert.equal([second.status, second.headers.location], [303, first.headers.location]);
  assert.is((await visitor.get("/api/orders")).json<{ orders: unknown[] }>().orders.length, 1);
});

shop("checkout, with fields wrong, says which and keeps what was entered", async () => {
  const visitor = new Visitor();
  await visitor.add("sea-salt", "1");
  const token = await visitor.token();
  const checkout = hidden(await visitor.read("/checkout"), "checkout");
  const fields = { name: " ", address: "<b>Cove</b>", email: "nobody" };
  const answer = await visitor.post("/checkout", { token, checkout, ...fields });
  const page = answer.body.toString();
  assert.is(answer.status, 422);
  assert.is(unbalanced(page), undefined);
  assert.match(page, "Please enter your name.");
  assert.match(page, "Please enter an e-mail address");
  assert.match(page, "&lt;b&gt;Cove&lt;/b&gt;");
  assert.is((await visitor.get("/api/orders")).json<{ orders: unknown[] }>().orders.length, 0);
});

shop("last of a product, wanted by two, goes to one; the other keeps the cart and is told", async () => {
  const one = new Visitor();
  const two = new Visitor();
  for (const visitor of [one, two]) assert.is((await visitor.add("anemone-lamp", "6")).status, 303);
  const first = await one.json("POST", "/api/checkout", BUYER);
  const second = await two.json("POST", "/api/checkout", BUYER);
  assert.is(first.status, 201);
  assert.is(second.status, 409);
  assert.match(second.json<{ error: { message: string } }>().error.message, "Anemone lamp is sold out.");
  assert.is((await two.get("/api/cart")).json<{ count: number }>().count, 6);
  assert.equal((await two.get("/api/orders")).json<{ orders: unknown[] }>().orders, []);
});

shop("form, without this session's token, is refused and changes nothing", async () => {
  const visitor = new Visitor();
  const other = new Visitor();
  const token = await other.token();
  await visitor.get("/");
  for (const fields of [
    { product: "sea-salt", quantity: "1" },
    { token, product: "sea-salt", quantity: "1" },
  ]) {
    assert.is((await visitor.post("/cart", fields as Record<string, string>)).status, 403);
  }
  assert.is((await visitor.get("/api/cart")).json<{ count: number }>().count, 0);
});

shop("quantity, of whatever kind that is none, is refused", async () => {
  const visitor = new Visitor();
  for (const quantity of ["-1", "0", "21", "1e3", "NaN", "1.5", "99999999999999999999", ""]) {
    assert.is((await visitor.add("sea-salt", quantity)).status, 409, quantity);
  }
  for (const quantity of [-1, 1.5, "1", null, 1e9]) {
    assert.is(
      (await visitor.json("POST", "/api/cart/items", { productId: "sea-salt", quantity })).status,
      422,
    );
  }
  assert.is((await visitor.get("/api/cart")).json<{ count: number }>().count, 0);
});

shop("name with markup, on the order, is text", async () => {
  const visitor = new Visitor();
  await visitor.add("sea-salt", "1");
  const name = `<script>alert("1")</script>'&`;
  const { orderId } = (await visitor.json("POST", "/api/checkout", { ...BUYER, name })).json<{
    orderId: string;
  }>();
  const page = await visitor.read(`/orders/${orderId}`);
  assert.match(page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;");
  assert.not.match(page, "<script");
});

shop("answers, by method and path, have the status that fits", async () => {
  const visitor = new Visitor();
  const table = [
    ["GET", "/api/products", 200],
    ["HEAD", "/api/products", 200],
    ["GET", "/api/products/limpet-lens", 200],
    ["GET", "/api/products/__proto__", 404],
    ["GET", "/api/cart", 200],
    ["POST", "/api/cart", 405],
    ["GET", "/api/cart/items", 405],
    ["POST", "/api/cart/items", 415],
    ["PATCH", "/api/cart/items/limpet-lens", 415],
    ["DELETE", "/api/cart/items/limpet-lens", 415],
    ["POST", "/api/checkout", 415],
    ["GET", "/api/orders", 200],
    ["GET", "/api/orders/aaaaaaaaaaaaaaaa", 404],
    ["GET", "/api/whoami", 200],
    ["GET", "/api/", 404],
    ["GET", "/nowhere", 404],
    ["DELETE", "/cart", 405],
    ["GET", "/products/..%2f", 404],
    ["GET", "/style.css", 200],
    ["GET", "/favicon.svg", 200],
    ["GET", "/robots.txt", 200],
    ["GET", "/images/limpet-lens.svg", 200],
    ["GET", "/images/nothing.svg", 404],
  ] as const;
  for (const [method, path, status] of table) {
    assert.is((await visitor.get(path, { method })).status, status, `${method} ${path}`);
  }
  const notAllowed = await visitor.get("/api/cart/items/limpet-lens");
  assert.equal([notAllowed.status, notAllowed.headers.allow], [405, "PATCH, DELETE"]);
});

shop("API, does what the pages do", async () => {
  const visitor = new Visitor();
  await visitor.json("POST", "/api/cart/items", { productId: "limpet-lens", quantity: 2 });
  await visitor.json("PATCH", "/api/cart/items/limpet-lens", { quantity: 3 });
  await visitor.json("POST", "/api/cart/items", { productId: "sea-salt" });
  const left = await visitor.json("DELETE", "/api/cart/items/sea-salt");
  assert.equal(left.json(), {
    items: [{ productId: "limpet-lens", name: "Limpet lens", quantity: 3, pricePence: 1450 }],
    count: 3,
    totalPence: 4350,
  });
  const { orderId } = (await visitor.json("POST", "/api/checkout", BUYER)).json<{ orderId: string }>();
  const { order } = (await visitor.get(`/api/orders/${orderId}`)).json<{ order: { totalPence: number } }>();
  assert.is(order.totalPence, 4350);
  assert.is((await visitor.json("POST", "/api/checkout", BUYER)).status, 409);
  assert.is((await visitor.json("POST", "/api/checkout", [])).status, 422);
});

shop("files, are the same for everyone: no session, and a cache may keep them", async () => {
  const answer = await ask(`${server.origin}/style.css`);
  assert.is(answer.headers["set-cookie"], undefined);
  assert.match(answer.headers["cache-control"]!, "public");
  const page = await ask(`${server.origin}/`);
  assert.is(page.headers["cache-control"], "no-store");
  assert.match(String(page.headers["content-security-policy"]), "default-src 'none'");
});

shop.run();
