// The pages of orders that are placed. Pure functions from what is known to HTML.

import { html } from "./html.js";
import { type Content, countOfThings, picture } from "./layout.js";
import { formatMoney } from "./money.js";
import type { Order } from "./procedures.js";

export function orderPage(order: Order): Content {
  const { id, name, address, email, lines, totalPence, placedAt } = order;
  return {
    body: html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/orders">Orders</a> <span aria-hidden="true">/</span> ${id}</nav>
<h1>Thank you, ${name}</h1>
<p class="notice good" role="status">Your order is placed. Its number is <strong>${id}</strong>.</p>
<div class="split"><ul class="card lines">${lines.map(
      (line) => html`<li>${picture(line.productId, "thumb")}
<div class="what"><a href="/products/${line.productId}">${line.name}</a><span class="soft">${line.quantity} × ${formatMoney(line.pricePence)}</span></div>
<span class="sum">${formatMoney(line.quantity * line.pricePence)}</span></li>
`,
    )}</ul>
<aside class="card summary" aria-label="Summary"><dl class="facts"><dt>Placed</dt><dd>${placedAt} UTC</dd><dt>To</dt><dd class="address">${name}
${address}</dd><dt>E-mail</dt><dd>${email}</dd></dl>
<dl><dt class="total">Total</dt><dd class="total">${formatMoney(totalPence)}</dd></dl>
<a class="button" href="/">Go on looking</a></aside></div>`,
  };
}

export function ordersPage(orders: readonly Order[]): Content {
  if (orders.length === 0) {
    return {
      body: html`<div class="message"><img src="/images/empty-shell.svg" alt="" width="160" height="160"><h1>Your orders</h1>
<p class="lead">There are none yet.</p><p><a class="button" href="/">Look around</a></p></div>`,
    };
  }
  return {
    body: html`<h1>Your orders</h1><ul class="card lines">${orders.map((order) => {
      const count = order.lines.reduce((sum, line) => sum + line.quantity, 0);
      return html`<li>${order.lines.slice(0, 3).map((line) => picture(line.productId, "thumb"))}
<div class="what"><a href="/orders/${order.id}">Order ${order.id}</a><span class="soft">${countOfThings(count)}, ${order.placedAt} UTC</span></div>
<span class="sum">${formatMoney(order.totalPence)}</span></li>
`;
    })}</ul>`,
  };
}
