// The shop's pages. Pure functions from what is known to HTML; they neither read nor change a session.

import type { Cart } from "./cart.js";
import { MAX_QUANTITY } from "./cart.js";
import { CATEGORIES, CATEGORY_NAMES, type Category, type Product } from "./catalogue.js";
import { type Html, html } from "./html.js";
import { formatMoney } from "./money.js";
import type { Order } from "./procedures.js";

/** What every page shows around its content. */
export interface Surroundings {
  readonly cartCount: number;
  /** "worker 2 · session from cache · version 3". */
  readonly servedBy: string;
}

export function layout(title: string, surroundings: Surroundings, content: Html): string {
  const { cartCount, servedBy } = surroundings;
  const things = cartCount === 1 ? "1 thing" : `${cartCount} things`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · The Rock Pool</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top"><div class="wide">
<a class="brand" href="/"><img src="/favicon.svg" alt="" width="35" height="35">The Rock Pool</a>
<nav aria-label="Main"><a href="/">Shop</a> <a href="/orders">Orders</a> <a class="cart-link" href="/cart">Cart · ${things}</a></nav>
</div></header>
<main id="content"><div class="wide">
${content}
</div></main>
<footer class="foot"><div class="wide"><span>A limpet always returns to its own spot on the rock.</span> <span class="served">${servedBy}</span></div></footer>
</body>
</html>
`.text;
}

function notice(message: string | undefined): Html | undefined {
  return message === undefined ? undefined : html`<p class="notice" role="alert">${message}</p>`;
}

function hidden(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}

function stockOf(product: Product): Html {
  if (product.stock === 0) return html`<span class="stock">sold out</span>`;
  return product.stock <= 10 ? html`<span class="stock">only ${product.stock} left</span>` : html``;
}

export function cataloguePage(products: readonly Product[], chosen: Category | undefined): Html {
  const chip = (name: string, href: string, isCurrent: boolean) =>
    html`<li><a href="${href}"${isCurrent ? html` aria-current="page"` : ""}>${name}</a></li>`;
  return html`<h1>${chosen === undefined ? "Things from the tideline" : CATEGORY_NAMES[chosen]}</h1>
<p class="lead">Tools for the shore, books for the train there, and something warm for when you are back.</p>
<nav aria-label="Categories"><ul class="chips">${chip("Everything", "/", chosen === undefined)}${CATEGORIES.map(
    (category) => chip(CATEGORY_NAMES[category], `/?category=${category}`, chosen === category),
  )}</ul></nav>
<ul class="grid">${products
    .filter((product) => chosen === undefined || product.category === chosen)
    .map(
      (
        product,
      ) => html`<li class="card product"><img src="/images/${product.id}.svg" alt="" width="200" height="150" loading="lazy">
<div><h2><a href="/products/${product.id}">${product.name}</a></h2><p>${product.description}</p>
<span class="row"><span class="price">${formatMoney(product.pricePence)}</span> ${stockOf(product)}</span></div></li>`,
    )}</ul>`;
}

export function productPage(product: Product, token: string, message?: string): Html {
  const form = html`<form method="post" action="/cart">${hidden("token", token)}${hidden("product", product.id)}
<span><label for="quantity">Quantity</label><input id="quantity" name="quantity" type="number" min="1" max="${Math.min(MAX_QUANTITY, product.stock)}" value="1" required></span>
<button>Add to cart</button></form>`;
  return html`<p class="crumbs"><a href="/">Shop</a> / <a href="/?category=${product.category}">${CATEGORY_NAMES[product.category]}</a></p>
${notice(message)}<div class="detail"><div class="card"><img src="/images/${product.id}.svg" alt="Drawing: ${product.name}" width="400" height="400"></div>
<div><h1>${product.name}</h1><p class="price">${formatMoney(product.pricePence)} ${stockOf(product)}</p><p>${product.description}</p>
${product.stock > 0 ? form : html`<p class="error">Sold out, until the tide brings more.</p>`}</div></div>`;
}

export function cartPage(cart: Cart, token: string, message?: string): Html {
  if (cart.lines.length === 0) {
    return html`<h1>Your cart</h1>${notice(message)}<p class="lead">There is nothing in it yet.</p><p><a class="button" href="/">Look around</a></p>`;
  }
  const line = ({ product, quantity }: Cart["lines"][number]) => html`<tr>
<td class="hide-small"><img class="thumb" src="/images/${product.id}.svg" alt="" width="54" height="54"></td>
<th scope="row"><a href="/products/${product.id}">${product.name}</a></th>
<td class="number hide-small">${formatMoney(product.pricePence)}</td>
<td><form class="inline" method="post" action="/cart/update">${hidden("token", token)}${hidden("product", product.id)}
<input name="quantity" type="number" min="0" max="${MAX_QUANTITY}" value="${quantity}" required aria-label="Quantity of ${product.name}"><button class="quiet">Update</button></form>
<form method="post" action="/cart/update">${hidden("token", token)}${hidden("product", product.id)}${hidden("quantity", "0")}<button class="quiet" aria-label="Remove ${product.name}">Remove</button></form></td>
<td class="number">${formatMoney(product.pricePence * quantity)}</td></tr>`;
  return html`<h1>Your cart</h1>${notice(message)}
<div class="card"><table><thead><tr><th class="hide-small"></th><th scope="col">Product</th><th scope="col" class="number hide-small">Price</th><th scope="col">Quantity</th><th scope="col" class="number">Total</th></tr></thead>
<tbody>${cart.lines.map(line)}</tbody>
<tfoot><tr><td class="hide-small"></td><td>Total</td><td class="hide-small"></td><td></td><td class="number">${formatMoney(cart.totalPence)}</td></tr></tfoot></table></div>
<p class="actions"><a href="/">Go on looking</a> <a class="button" href="/checkout">Go to checkout</a></p>`;
}

export interface CheckoutForm {
  readonly token: string;
  readonly checkout: string;
  readonly values: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}

export function checkoutPage(cart: Cart, form: CheckoutForm): Html {
  const describe = (name: string) =>
    form.errors[name] === undefined ? html`` : html` aria-invalid="true" aria-describedby="${name}-error"`;
  const error = (name: string) => {
    const message = form.errors[name];
    return message === undefined ? undefined : html`<span class="error" id="${name}-error">${message}</span>`;
  };
  const value = (name: string) => form.values[name] ?? "";
  return html`<h1>Checkout</h1>
<p class="lead">${cart.count === 1 ? "One thing" : `${cart.count} things`}, ${formatMoney(cart.totalPence)} in all. This is an example: nobody is charged, and nothing is sent.</p>
<form class="card stack narrow" method="post" action="/checkout">${hidden("token", form.token)}${hidden("checkout", form.checkout)}
<span><label for="name">Name</label><input id="name" name="name" autocomplete="name" maxlength="100" required value="${value("name")}"${describe("name")}>${error("name")}</span>
<span><label for="address">Address</label><textarea id="address" name="address" rows="3" autocomplete="street-address" maxlength="500" required${describe("address")}>${value("address")}</textarea>${error("address")}</span>
<span><label for="email">E-mail</label><input id="email" name="email" type="email" autocomplete="email" maxlength="200" required value="${value("email")}"${describe("email")}>${error("email")}</span>
<button>Place the order</button></form>`;
}

function orderTable(order: Order): Html {
  return html`<div class="card"><table><thead><tr><th scope="col">Product</th><th scope="col" class="number">Quantity</th><th scope="col" class="number">Total</th></tr></thead>
<tbody>${order.lines.map(
    (line) =>
      html`<tr><th scope="row"><a href="/products/${line.productId}">${line.name}</a></th><td class="number">${line.quantity}</td><td class="number">${formatMoney(line.quantity * line.pricePence)}</td></tr>`,
  )}</tbody><tfoot><tr><td>Total</td><td></td><td class="number">${formatMoney(order.totalPence)}</td></tr></tfoot></table></div>`;
}

export function orderPage(order: Order): Html {
  return html`<h1>Thank you, ${order.name}</h1>
<p class="notice good" role="status">Your order is placed. Its number is ${order.id}.</p>
${orderTable(order)}
<p class="actions"><span>To: ${order.address}</span> <a href="/orders">All your orders</a></p>`;
}

export function ordersPage(orders: readonly Order[]): Html {
  if (orders.length === 0) {
    return html`<h1>Your orders</h1><p class="lead">There are none yet.</p><p><a class="button" href="/">Look around</a></p>`;
  }
  return html`<h1>Your orders</h1><div class="card"><table><thead><tr><th scope="col">Number</th><th scope="col" class="hide-small">Placed (UTC)</th><th scope="col" class="number">Total</th></tr></thead>
<tbody>${orders.map(
    (order) =>
      html`<tr><th scope="row"><a href="/orders/${order.id}">${order.id}</a></th><td class="hide-small">${order.placedAt}</td><td class="number">${formatMoney(order.totalPence)}</td></tr>`,
  )}</tbody></table></div>`;
}

export function messagePage(title: string, message: string): Html {
  return html`<h1>${title}</h1><p class="lead">${message}</p><p><a class="button" href="/">Back to the shop</a></p>`;
}
