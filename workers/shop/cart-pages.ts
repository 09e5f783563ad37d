// The pages of a purchase that is not made yet: the cart and the checkout. Pure functions from what is known to HTML.

import { type Cart, type CartLine, MAX_QUANTITY } from "./cart.js";
import { type Html, html } from "./html.js";
import { type Content, countOfThings, hidden, notice, picture } from "./layout.js";
import { formatMoney } from "./money.js";

export function cartPage(cart: Cart, token: string, message?: string): Content {
  if (cart.lines.length === 0) {
    return {
      body: html`<div class="message"><img src="/images/empty-shell.svg" alt="" width="160" height="160"><h1>Your cart</h1>${notice(message)}
<p class="lead">There is nothing in it yet.</p><p><a class="button" href="/">Look around</a></p></div>`,
    };
  }
  return {
    body: html`<h1>Your cart</h1>${notice(message)}
<div class="split"><ul class="card lines">${cart.lines.map((line) => cartLine(line, token))}</ul>
<aside class="card summary" aria-label="Summary"><dl><dt>${countOfThings(cart.count)}</dt><dd>${formatMoney(cart.totalPence)}</dd><dt>Postage</dt><dd>free</dd>
<dt class="total">Total</dt><dd class="total">${formatMoney(cart.totalPence)}</dd></dl>
<a class="button" href="/checkout">Go to checkout</a><a class="aside-link" href="/">Go on looking</a></aside></div>`,
  };
}

function cartLine({ product, quantity }: CartLine, token: string): Html {
  const { id, name, pricePence, stock } = product;
  const shortage = stock === 0 ? "Sold out by now." : `Only ${stock} left by now.`;
  return html`<li>${picture(id, "thumb")}
<div class="what"><a href="/products/${id}">${name}</a><span class="soft">${formatMoney(pricePence)} each</span>${stock < quantity && html`<span class="error">${shortage}</span>`}</div>
<form class="set" method="post" action="/cart/update">${hidden("token", token)}${hidden("product", id)}
<input name="quantity" type="number" min="0" max="${MAX_QUANTITY}" value="${quantity}" required aria-label="Quantity of ${name}"><button class="quiet" aria-label="Update quantity of ${name}">Update</button></form>
<form class="out" method="post" action="/cart/update">${hidden("token", token)}${hidden("product", id)}${hidden("quantity", "0")}<button class="quiet" aria-label="Remove ${name}">Remove</button></form>
<span class="sum">${formatMoney(pricePence * quantity)}</span></li>
`;
}

export interface CheckoutForm {
  readonly token: string;
  readonly checkout: string;
  /** What was entered, and what is wrong with it, by the name of the field. */
  readonly values: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}

export function checkoutPage(cart: Cart, form: CheckoutForm): Content {
  const { token, checkout, errors } = form;
  const isWrong = Object.keys(errors).length > 0;
  return {
    body: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/cart">Cart</a> <span aria-hidden="true">/</span> Checkout</nav><h1>Checkout</h1>
${isWrong && notice("Something is not right yet. Please look at the fields in red.")}
<div class="split"><form class="card stack" method="post" action="/checkout">${hidden("token", token)}${hidden("checkout", checkout)}
${field(form, "name", "Name", (shared, value) => html`<input ${shared} autocomplete="name" maxlength="100" value="${value}">`)}
${field(
  form,
  "address",
  "Address",
  (shared, value) => html`<textarea ${shared} rows="4" autocomplete="street-address" maxlength="500">
${value}</textarea>`,
)}
${field(form, "email", "E-mail", (shared, value) => html`<input ${shared} type="email" autocomplete="email" maxlength="200" value="${value}">`)}
<button>Place the order · ${formatMoney(cart.totalPence)}</button>
<p class="soft">This is an example: nobody is charged, and nothing is sent.</p></form>
<aside class="card summary" aria-label="Your order"><ul>${cart.lines.map(
      ({ product, quantity }) =>
        html`<li>${picture(product.id, "thumb")}<span>${product.name}<span class="soft"> ×&nbsp;${quantity}</span></span><span class="sum">${formatMoney(product.pricePence * quantity)}</span></li>`,
    )}</ul>
<dl><dt class="total">Total</dt><dd class="total">${formatMoney(cart.totalPence)}</dd></dl></aside></div>`,
  };
}

/** A field with its label and, below it, what is wrong. `control` is given the attributes that all fields share. */
function field(
  { values, errors }: CheckoutForm,
  name: string,
  label: string,
  control: (shared: Html, value: string) => Html,
): Html {
  const error = errors[name];
  const described = error !== undefined && html` aria-invalid="true" aria-describedby="${name}-error"`;
  const shared = html`id="${name}" name="${name}" required${described}`;
  return html`<div><label for="${name}">${label}</label>${control(shared, values[name] ?? "")}${error !== undefined && html`<p class="error" id="${name}-error">${error}</p>`}</div>`;
}
