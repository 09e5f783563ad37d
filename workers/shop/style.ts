// The shop's one style sheet. Its colours are named in one place, for light and for dark; nothing comes from elsewhere.

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f7f3ea; --card: #fffdf8; --ink: #17333a; --soft: #4f6972; --line: #e0d8c8; --edge: #7d9097;
  --sea: #0e5a67; --sea-ink: #ffffff; --focus: #c2571a; --warn: #a4321f; --warn-ground: #fbe7e1; --good-ground: #dcebe6;
  --shadow: 0 1px 2px rgb(23 51 58 / .07), 0 8px 24px rgb(23 51 58 / .06);
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", P052, Georgia, serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0c1b20; --card: #13272d; --ink: #e8f0ee; --soft: #a3babd; --line: #264048; --edge: #6c8890;
    --sea: #63c0cb; --sea-ink: #06222a; --focus: #f4c983; --warn: #ffb4a3; --warn-ground: #3d1d17; --good-ground: #15383a;
    --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 8px 24px rgb(0 0 0 / .25);
  }
  .card > img, .thumb { filter: brightness(.86) saturate(.95); }
}
* { box-sizing: border-box; }
html { font: 17px/1.55 "Avenir Next", "Segoe UI", Inter, "Helvetica Neue", system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink); }
h1, h2 { font-family: var(--serif); font-weight: 600; line-height: 1.15; letter-spacing: -.01em; text-wrap: balance; }
h1 { font-size: clamp(1.9rem, 4vw, 2.6rem); margin: 0 0 .5em; }
h2 { font-size: 1.25rem; margin: 0; }
a { color: var(--sea); text-underline-offset: .2em; text-decoration-thickness: .07em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.top :focus-visible, .hero :focus-visible { outline-color: #f4d9a8; }
.skip, .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip:focus { left: 1rem; top: 1rem; width: auto; height: auto; clip-path: none; background: var(--card); padding: .5rem 1rem; z-index: 2; border-radius: 9px; }
.wide { width: min(72rem, 100% - 2.5rem); margin-inline: auto; }
ul { list-style: none; margin: 0; padding: 0; }
.soft { color: var(--soft); font-size: .93rem; }

.top { background: #0a3f49; }
.top .wide { display: flex; align-items: center; gap: 1rem; padding: .8rem 0; }
.top nav { display: flex; align-items: center; gap: .3rem; margin-left: auto; }
.top a { color: #fff; text-decoration: none; border-radius: 99px; }
.top nav a { padding: .35rem .9rem; }
.top nav a:hover { background: rgb(255 255 255 / .12); }
.brand { display: flex; align-items: center; gap: .7rem; font: 600 1.3rem var(--serif); white-space: nowrap; }
.brand img { display: block; }
.top nav .cart-link { background: #f4d9a8; color: #17333a; font-weight: 650; display: flex; align-items: center; gap: .5rem; padding-right: .4rem; margin-left: .4rem; }
.top nav .cart-link:hover { background: #fbe6c1; }
.count { background: #17333a; color: #fff; border-radius: 99px; min-width: 1.6rem; padding: 0 .45rem; text-align: center; font-size: .85rem; line-height: 1.6rem; font-variant-numeric: tabular-nums; }

.hero { background: #0a3f49 url(/images/shore.svg) center bottom / max(100%, 60rem) auto no-repeat; color: #fff; padding: clamp(2rem, 5vw, 3.6rem) 0 clamp(8rem, 15vw, 26rem); margin-bottom: 1.8rem; }
.hero h1 { font-size: clamp(2.2rem, 5.4vw, 3.7rem); margin: 0 0 .3em; }
.hero p { margin: 0; max-width: 32rem; font-size: clamp(1.02rem, 1.6vw, 1.2rem); color: #d9ebea; text-wrap: pretty; }
main { flex: 1; padding-bottom: 4rem; }
main > .wide:first-child { padding-top: 2.2rem; }
.lead { font-size: 1.12rem; max-width: 36rem; margin: 0 0 1.5rem; text-wrap: pretty; }
.message { text-align: center; padding: 2.5rem 0; }
.message .lead { margin-inline: auto; color: var(--soft); }
.message img { border-radius: 50%; margin-bottom: 1rem; }
.crumbs { color: var(--soft); margin: 0 0 1.2rem; font-size: .93rem; overflow-wrap: anywhere; }

.chips { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1.6rem; }
.chips a { display: block; padding: .38rem 1.05rem; border: 1px solid var(--line); border-radius: 99px; text-decoration: none; color: var(--ink); background: var(--card); }
.chips a:hover { border-color: var(--sea); }
.chips a[aria-current] { background: var(--sea); border-color: var(--sea); color: var(--sea-ink); font-weight: 600; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 16px; overflow: hidden; box-shadow: var(--shadow); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: 1.4rem; }
.product { position: relative; display: flex; flex-direction: column; transition: transform .18s, box-shadow .18s; }
.product:hover { transform: translateY(-3px); box-shadow: 0 2px 4px rgb(23 51 58 / .1), 0 16px 36px rgb(23 51 58 / .13); }
@media (prefers-reduced-motion: reduce) { .product { transition: none; } .product:hover { transform: none; } }
.product img { width: 100%; height: auto; aspect-ratio: 1; display: block; }
.product div { padding: 1rem 1.15rem 1.1rem; display: flex; flex-direction: column; gap: .35rem; flex: 1; }
.product h2 a { color: inherit; text-decoration: none; }
.product h2 a::after { content: ""; position: absolute; inset: 0; border-radius: 16px; }
.product:has(a:focus-visible) { outline: 3px solid var(--focus); outline-offset: 2px; }
.product h2 a:focus-visible { outline: none; }
.product p { margin: 0 0 .3rem; color: var(--soft); font-size: .93rem; flex: 1; text-wrap: pretty; }
.row { display: flex; justify-content: space-between; align-items: center; gap: 1rem; }
.price { font-weight: 700; font-variant-numeric: tabular-nums; }
.stock { color: var(--ink); background: color-mix(in srgb, #e0a340 26%, transparent); border-radius: 99px; padding: .08rem .65rem; font-weight: 550; font-size: .82rem; white-space: nowrap; }
.stock.none { background: var(--warn-ground); color: var(--warn); }

.detail { display: grid; grid-template-columns: minmax(0, 1.1fr) minmax(0, 1fr); gap: clamp(1.6rem, 4vw, 3.4rem); align-items: center; }
.full { width: 100%; height: auto; display: block; }
.detail .price { font-size: 1.7rem; display: flex; align-items: center; gap: .8rem; margin: 0 0 1.1rem; }
.buy { display: flex; gap: .8rem; align-items: end; }
.buy button { padding-inline: 2rem; }
.promises { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: 1.1rem; color: var(--soft); font-size: .95rem; display: grid; gap: .35rem; }
.promises li::before { content: "\\2713"; color: var(--sea); font-weight: 700; margin-right: .65rem; }
.next { margin: 3rem 0 1.2rem; font-size: 1.5rem; }

label { font-weight: 600; display: block; margin-bottom: .25rem; }
input, textarea { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: .55rem .75rem; width: 100%; display: block; }
textarea { resize: vertical; }
input[type=number] { width: 5rem; }
[aria-invalid] { border-color: var(--warn); box-shadow: inset 0 0 0 1px var(--warn); }
button, .button { font: inherit; font-weight: 650; line-height: 1.55; cursor: pointer; border: 1px solid transparent; border-radius: 10px; padding: .55rem 1.3rem; background: var(--sea); color: var(--sea-ink); text-decoration: none; display: inline-block; text-align: center; }
button:hover, .button:hover { filter: brightness(1.12); }
button.quiet { background: none; color: var(--sea); padding: .3rem .45rem; text-decoration: underline; text-underline-offset: .2em; text-decoration-thickness: .07em; font-weight: 500; font-size: .93rem; }

.split { display: grid; grid-template-columns: minmax(0, 1fr) 21rem; gap: 1.6rem; align-items: start; }
.lines > li { display: flex; align-items: center; gap: 1rem; padding: 1rem 1.2rem; }
.lines > li + li { border-top: 1px solid var(--line); }
.thumb { width: 4rem; height: 4rem; border-radius: 11px; display: block; flex: none; }
.what { flex: 1; display: flex; flex-direction: column; min-width: 0; overflow-wrap: anywhere; }
.what a { color: var(--ink); font-weight: 600; text-decoration: none; }
.what a:hover { text-decoration: underline; }
.set { display: flex; align-items: center; gap: .3rem; }
.sum { font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; min-width: 5rem; text-align: right; }
.summary { padding: 1.3rem 1.4rem; display: grid; gap: 1rem; }
.summary ul { display: grid; gap: .8rem; border-bottom: 1px solid var(--line); padding-bottom: 1rem; }
.summary li { display: flex; align-items: center; gap: .8rem; font-size: .95rem; }
.summary li > span:not(.sum) { flex: 1; }
.summary li .thumb { width: 3rem; height: 3rem; border-radius: 9px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .45rem 1rem; margin: 0; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dt { color: var(--soft); }
dl .total { font-weight: 700; font-size: 1.2rem; color: var(--ink); }
dl dt.total:not(:first-child), dl dt.total:not(:first-child) + dd { border-top: 1px solid var(--line); padding-top: .7rem; margin-top: .3rem; }
dl:has(dt.total:not(:first-child)) { column-gap: 0; }
.facts { grid-template-columns: minmax(0, 1fr); gap: 0; border-bottom: 1px solid var(--line); padding-bottom: .6rem; }
.facts dt { font-size: .85rem; }
.facts dd { text-align: left; margin-bottom: .6rem; }
.address { white-space: pre-line; }
.aside-link { text-align: center; }
.stack { display: grid; gap: 1.2rem; padding: 1.5rem; }
.stack p { margin: .3rem 0 0; }

.notice { border-radius: 12px; padding: .8rem 1.1rem; margin: 0 0 1.4rem; background: var(--warn-ground); color: var(--warn); font-weight: 600; overflow-wrap: anywhere; }
.good { background: var(--good-ground); color: var(--ink); font-weight: 400; }
.error { color: var(--warn); font-weight: 600; font-size: .93rem; }
.foot { border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
.foot .wide { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .3rem 2rem; padding: 1.1rem 0; }
.served { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .82rem; }

@media (max-width: 60rem) { .split { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 44rem) {
  html { font-size: 16px; }
  .wide { width: calc(100% - 2rem); }
  .top .wide { gap: .4rem; }
  .brand { font-size: 1rem; gap: .45rem; }
  .brand img { width: 1.9rem; height: 1.9rem; }
  .top nav { gap: 0; }
  .top nav a { padding-inline: .45rem; font-size: .95rem; }
  .top nav .cart-link { padding-left: .7rem; padding-right: .3rem; margin-left: .2rem; }
  .detail { grid-template-columns: minmax(0, 1fr); }
  .grid { grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .9rem; }
  .grid .product p { display: none; }
  .product div { padding: .8rem .9rem .9rem; }
  .product h2 { font-size: 1.1rem; }
  .product .row { margin-top: auto; flex-wrap: wrap; gap: .2rem .6rem; }
  .chips { flex-wrap: nowrap; overflow-x: auto; margin-inline: -1rem; padding: 0 1rem .3rem; scrollbar-width: none; }
  .chips a { white-space: nowrap; }
  .lines > li { flex-wrap: wrap; padding: 1rem; gap: .7rem 1rem; }
  .lines .what { flex-basis: 9rem; }
  .lines .set { order: 2; }
  .lines .out { order: 3; margin-left: auto; }
}
`;
