// What all pages of the shop share: the frame around their content, and the pieces that several of them show. Pure functions
// from what is known to HTML.

import type { Product } from "./catalogue.js";
import { type Html, html } from "./html.js";

/** What every page shows around its content. */
export interface Surroundings {
  readonly cartCount: number;
  /** "worker 2 · session from cache · version 3". */
  readonly servedBy: string;
}

/** A page's content. `banner` is as wide as the window, above the rest. */
export interface Content {
  readonly banner?: Html;
  readonly body: Html;
}

export function layout(title: string, { cartCount, servedBy }: Surroundings, content: Content): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="theme-color" content="#0a3f49">
<title>${title} · The Rock Pool</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top"><div class="wide">
<a class="brand" href="/"><img src="/favicon.svg" alt="" width="36" height="36">The Rock Pool</a>
<nav aria-label="Main"><a href="/">Shop</a><a href="/orders">Orders</a><a class="cart-link" href="/cart">Cart<span class="count">${cartCount}</span><span class="unseen"> ${things(cartCount)}</span></a></nav>
</div></header>
<main id="content">${content.banner}<div class="wide">
${content.body}
</div></main>
<footer class="foot"><div class="wide"><span>A limpet always returns to its own spot on the rock.</span><span class="served">${servedBy}</span></div></footer>
</body>
</html>
`.text;
}

/** "thing" or "things". */
function things(count: number): string {
  return count === 1 ? "thing" : "things";
}

export function countOfThings(count: number): string {
  return `${count} ${things(count)}`;
}

export function notice(message: string | undefined): Html | undefined {
  return message === undefined ? undefined : html`<p class="notice" role="alert">${message}</p>`;
}

export function hidden(name: string, value: string): Html {
  return html`<input type="hidden" name="${name}" value="${value}">`;
}

/** Stock up to here is told. */
const FEW = 10;

export function stockOf(product: Product): Html | undefined {
  if (product.stock === 0) return html`<span class="stock none">sold out</span>`;
  return product.stock <= FEW ? html`<span class="stock">only ${product.stock} left</span>` : undefined;
}

export function picture(productId: string, kind: "thumb" | "full", alt = ""): Html {
  const size = kind === "thumb" ? 72 : 600;
  return html`<img class="${kind}" src="/images/${productId}.svg" alt="${alt}" width="${size}" height="${size}">`;
}

/** A page of few words. */
export function messagePage(title: string, message: string): Content {
  return {
    body: html`<div class="message"><img src="/images/empty-shell.svg" alt="" width="160" height="160">
<h1>${title}</h1><p class="lead">${message}</p><p><a class="button" href="/">Back to the shop</a></p></div>`,
  };
}
