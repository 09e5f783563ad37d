// The pages to look around on: the catalogue and a product. Pure functions from what is known to HTML.

import { MAX_QUANTITY } from "./cart.js";
import { CATEGORIES, CATEGORY_NAMES, type Category, type Product } from "./catalogue.js";
import { type Html, html } from "./html.js";
import { type Content, hidden, notice, picture, stockOf } from "./layout.js";
import { formatMoney } from "./money.js";

/** Products of the same category shown below one. */
const MAX_NEIGHBOURS = 4;

export function cataloguePage(products: readonly Product[], chosen: Category | undefined): Content {
  const shown = chosen === undefined ? products : products.filter(({ category }) => category === chosen);
  return {
    banner: html`<div class="hero"><div class="wide"><h1>${chosen === undefined ? "Things from the tideline" : CATEGORY_NAMES[chosen]}</h1>
<p>Tools for the shore, books for the train there, and something warm for when you are back.</p></div></div>`,
    body: html`<nav aria-label="Categories"><ul class="chips">${chip("Everything", "/", chosen === undefined)}${CATEGORIES.map(
      (category) => chip(CATEGORY_NAMES[category], `/?category=${category}`, chosen === category),
    )}</ul></nav>
${grid(shown)}`,
  };
}

function chip(name: string, href: string, isCurrent: boolean): Html {
  return html`<li><a href="${href}"${isCurrent && html` aria-current="page"`}>${name}</a></li>`;
}

function grid(products: readonly Product[]): Html {
  return html`<ul class="grid">${products.map(card)}</ul>`;
}

function card(product: Product): Html {
  return html`<li class="card product"><img src="/images/${product.id}.svg" alt="" width="300" height="300" loading="lazy">
<div><h2><a href="/products/${product.id}">${product.name}</a></h2><p>${product.description}</p>
<span class="row"><span class="price">${formatMoney(product.pricePence)}</span>${stockOf(product)}</span></div></li>
`;
}

export function productPage(
  product: Product,
  all: readonly Product[],
  token: string,
  message?: string,
): Content {
  const { id, category, name, pricePence, description } = product;
  const neighbours = all.filter((one) => one.category === category && one.id !== id);
  return {
    body: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Shop</a> <span aria-hidden="true">/</span> <a href="/?category=${category}">${CATEGORY_NAMES[category]}</a></nav>
${notice(message)}
<div class="detail"><div class="card">${picture(id, "full", `Drawing: ${name}`)}</div>
<div><h1>${name}</h1><p class="price">${formatMoney(pricePence)} ${stockOf(product)}</p><p class="lead">${description}</p>
${buyForm(product, token)}
<ul class="promises"><li>Sent within two tides</li><li>Thirty days to change your mind</li><li>Mended for free, for as long as we can</li></ul></div></div>
<h2 class="next">Also ${CATEGORY_NAMES[category].toLowerCase()}</h2>
${grid(neighbours.slice(0, MAX_NEIGHBOURS))}`,
  };
}

function buyForm({ id, stock }: Product, token: string): Html {
  if (stock === 0) return html`<p class="error">Sold out, until the tide brings more.</p>`;
  return html`<form class="buy" method="post" action="/cart">${hidden("token", token)}${hidden("product", id)}
<span><label for="quantity">Quantity</label><input id="quantity" name="quantity" type="number" min="1" max="${Math.min(MAX_QUANTITY, stock)}" value="1" required></span>
<button>Add to cart</button></form>`;
}
