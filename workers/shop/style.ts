// The shop's one style sheet.

export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f7f3ea; --card: #fffdf8; --ink: #17333a; --soft: #56707a; --line: #ddd4c2;
  --sea: #0e5a67; --sea-ink: #ffffff; --sand: #f4d9a8; --warn: #a4321f; --warn-ground: #fbe7e1;
  --shadow: 0 1px 2px rgb(23 51 58 / .08), 0 8px 24px rgb(23 51 58 / .07);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0c1b20; --card: #13272d; --ink: #e8f0ee; --soft: #9db4b8; --line: #274149;
    --sea: #58b8c4; --sea-ink: #06222a; --sand: #d9b979; --warn: #ffb4a3; --warn-ground: #3d1d17;
    --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 8px 24px rgb(0 0 0 / .3);
  }
}
* { box-sizing: border-box; }
html { font: 17px/1.55 "Avenir Next", "Segoe UI", "Helvetica Neue", system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--ink); }
h1, h2 { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif; font-weight: 600; line-height: 1.15; letter-spacing: -.01em; }
h1 { font-size: clamp(1.9rem, 4vw, 2.7rem); margin: 0 0 .4em; }
h2 { font-size: 1.25rem; margin: 0; }
a { color: var(--sea); text-underline-offset: .2em; }
a:focus-visible, button:focus-visible, input:focus-visible, textarea:focus-visible { outline: 3px solid var(--sand); outline-offset: 2px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; z-index: 1; }
.wide { width: min(72rem, 100% - 2.5rem); margin-inline: auto; }
.top { background: #0a3f49; color: #fff; }
.top .wide { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem 1.6rem; padding: .9rem 0; }
.top nav { display: flex; align-items: center; gap: 1.2rem; }
.top a { color: #fff; text-decoration: none; }
.top a:hover { text-decoration: underline; }
.brand { display: flex; align-items: center; gap: .7rem; font: 600 1.3rem "Iowan Old Style", Palatino, Georgia, serif; margin-right: auto; }
.brand img { width: 2.2rem; height: 2.2rem; display: block; }
.cart-link { background: #f4d9a8; color: #17333a !important; border-radius: 99px; padding: .3rem .95rem; font-weight: 600; }
main { flex: 1; padding: 2.4rem 0 3.5rem; }
.lead { color: var(--soft); max-width: 38rem; margin: 0 0 1.6rem; font-size: 1.1rem; }
.chips { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; padding: 0; margin: 0 0 1.6rem; }
.chips a { display: block; padding: .3rem .95rem; border: 1px solid var(--line); border-radius: 99px; text-decoration: none; color: var(--ink); background: var(--card); }
.chips a[aria-current] { background: var(--sea); border-color: var(--sea); color: var(--sea-ink); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: 1.4rem; list-style: none; padding: 0; margin: 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; box-shadow: var(--shadow); display: flex; flex-direction: column; }
.product { position: relative; transition: transform .15s; }
.product:hover { transform: translateY(-3px); }
@media (prefers-reduced-motion: reduce) { .product { transition: none; } }
.product img { width: 100%; height: auto; aspect-ratio: 1; display: block; }
.product div { padding: 1rem 1.1rem 1.1rem; display: flex; flex-direction: column; gap: .35rem; flex: 1; }
.product h2 a { color: inherit; text-decoration: none; }
.product h2 a::after { content: ""; position: absolute; inset: 0; }
.product p { margin: 0; color: var(--soft); font-size: .93rem; flex: 1; }
.price { font-weight: 700; font-variant-numeric: tabular-nums; }
.stock { color: var(--soft); font-weight: 400; font-size: .88rem; }
.row { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
.detail { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 2.4rem; align-items: start; }
.detail img { width: 100%; height: auto; display: block; }
.detail .price { font-size: 1.6rem; }
.detail form, .inline { display: flex; gap: .7rem; align-items: end; flex-wrap: wrap; }
.crumbs { color: var(--soft); margin: 0 0 1rem; font-size: .93rem; }
label { font-weight: 600; display: block; }
input, textarea { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: 9px; padding: .5rem .7rem; width: 100%; }
input[type=number] { width: 5.2rem; }
button, .button { font: inherit; font-weight: 650; cursor: pointer; border: 0; border-radius: 9px; padding: .58rem 1.25rem; background: var(--sea); color: var(--sea-ink); text-decoration: none; display: inline-block; }
button:hover, .button:hover { filter: brightness(1.1); }
button.quiet { background: none; color: var(--sea); padding-inline: .4rem; text-decoration: underline; text-underline-offset: .2em; font-weight: 500; }
table { border-collapse: collapse; width: 100%; background: var(--card); }
th, td { padding: .8rem 1rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: middle; }
th { font-size: .85rem; color: var(--soft); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tfoot td { font-weight: 700; border: 0; }
.thumb { width: 3.4rem; border-radius: 8px; display: block; }
.narrow { max-width: 34rem; }
.stack { display: grid; gap: 1.1rem; padding: 1.5rem; }
.actions { display: flex; justify-content: space-between; align-items: center; flex-wrap: wrap; gap: 1rem; margin-top: 1.4rem; }
.notice { border-radius: 10px; padding: .8rem 1.1rem; margin: 0 0 1.4rem; background: var(--warn-ground); color: var(--warn); font-weight: 600; }
.good { background: color-mix(in srgb, var(--sea) 14%, transparent); color: var(--ink); }
.error { color: var(--warn); font-weight: 600; font-size: .93rem; }
.foot { border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
.foot .wide { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .3rem 2rem; padding: 1.1rem 0; }
.served { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 44rem) {
  html { font-size: 16px; }
  .detail { grid-template-columns: minmax(0, 1fr); gap: 1.4rem; }
  .hide-small { display: none; }
  th, td { padding: .7rem .55rem; }
  .grid { grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .9rem; }
  .product div { padding: .8rem; }
  .product p { display: none; }
}
`;
