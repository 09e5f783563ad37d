// The admin interface's page: one table of workers and the totals, drawn anew every second from GET /status. One
// file without anything from elsewhere; its policy lets this script and this style run and no other, and talk to nobody but the
// farm. Text from the farm only ever becomes text, never markup.

import { createHash } from "node:crypto";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8889; --good: #2a9d5c; --bad: #d1495b; --warm: #c98a1b }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 } header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap }
#state { padding: 0 .6em; border-radius: 1em; color: #fff; background: var(--soft) }
#state.good { background: var(--good) } #state.bad { background: var(--bad) }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .8rem; margin: 1.5rem 0 }
dt { font-size: .8rem; opacity: .7 } dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
th { font-size: .8rem; font-weight: 600; opacity: .7 } th:nth-child(2), td:nth-child(2) { text-align: left }
td.serving { color: var(--good) } td.starting, td.draining { color: var(--warm) } td.absent { color: var(--bad) }
#note { min-height: 1.5em; color: var(--bad) } form { margin: 1rem 0 } [hidden] { display: none }
`;

const SCRIPT = `
"use strict";
const byId = (id) => document.getElementById(id);
const whole = (n) => Math.round(n).toLocaleString("en");
let token = "", before, timer;

function show(id, text) { byId(id).textContent = text; }

function row(cells, stateAt, state) {
  const tr = document.createElement("tr");
  cells.forEach((text, i) => {
    const td = document.createElement("td");
    td.textContent = text;
    if (i === stateAt) td.className = state;
    tr.append(td);
  });
  return tr;
}

function draw(status, at) {
  const seconds = before && status.uptimeSeconds >= before.status.uptimeSeconds ? (at - before.at) / 1000 : 0;
  const past = new Map(seconds > 0 ? before.status.workers.map((w) => [w.worker, w.requests]) : []);
  const rate = (w) => past.has(w.worker) ? Math.max(0, w.requests - past.get(w.worker)) / seconds : undefined;
  const packets = (s) => Object.values(s.verdicts).reduce((sum, n) => sum + n, 0);
  const sum = (of) => status.workers.reduce((total, w) => total + of(w), 0);
  const perSecond = (n) => seconds > 0 ? whole(n) : "\\u2013";
  show("version", "limpet " + status.version);
  show("state", status.isDraining ? "draining" : status.isReady ? "ready" : "not ready");
  byId("state").className = status.isReady ? "good" : "bad";
  show("where", status.urls.join("  "));
  show("requests", perSecond(sum((w) => rate(w) ?? 0)));
  show("packets", seconds > 0 ? whole((packets(status) - packets(before.status)) / seconds) : "\\u2013");
  show("connections", whole(sum((w) => w.connections)));
  show("inflight", whole(sum((w) => w.inFlight)));
  show("flows", whole(status.flows));
  show("sources", whole(status.sources));
  show("table", ((status.flows + status.sources) / status.flowEntries * 100).toFixed(1) + " %");
  show("slots", whole(status.freeSlots) + " / " + whole(status.poolSlots));
  show("workers", status.workers.length + " / " + status.targetWorkers);
  show("storage", status.storage.isServing ? "serving" : "not serving");
  byId("rows").replaceChildren(...status.workers.map((w) => row([
    w.worker, w.state, w.weight + " %", rate(w) === undefined ? "\\u2013" : whole(rate(w)), whole(w.requests),
    whole(w.inFlight), whole(w.connections), whole(w.flows), whole(w.sources), w.failures,
  ], 1, w.state)));
  before = { status, at };
}

async function look() {
  clearTimeout(timer);
  try {
    const headers = token === "" ? {} : { Authorization: "Bearer " + token };
    const response = await fetch("status", { headers, signal: AbortSignal.timeout(5000) });
    byId("login").hidden = response.status !== 401;
    if (response.ok) draw(await response.json(), performance.now());
    show("note", response.ok || response.status === 401 ? "" : (await response.json()).error);
  } catch (error) {
    show("note", "no farm answers: " + error.message);
    byId("state").className = "bad";
    show("state", "gone");
  }
  if (byId("login").hidden) timer = setTimeout(look, 1000);
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  look();
});
look();
`;

function tile(id: string, label: string): string {
  return `<div><dt>${label}</dt><dd id="${id}">–</dd></div>`;
}

const TILES = [
  tile("requests", "requests / s"),
  tile("packets", "packets / s"),
  tile("connections", "connections"),
  tile("inflight", "in flight"),
  tile("flows", "flows"),
  tile("sources", "sources"),
  tile("table", "flow table"),
  tile("slots", "free slots"),
  tile("workers", "workers / target"),
  tile("storage", "storage"),
];

const COLUMNS = [
  "worker",
  "state",
  "weight",
  "requests / s",
  "requests",
  "in flight",
  "connections",
  "flows",
  "sources",
  "failures",
];

export const DASHBOARD_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>limpet</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header><h1 id="version">limpet</h1><span id="state">…</span><span id="where"></span></header>
<p id="note" role="status"></p>
<form id="login" hidden><label>Admin token <input id="token" type="password" autocomplete="off"></label> <button>Look</button></form>
<dl>${TILES.join("")}</dl>
<table>
<thead><tr>${COLUMNS.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>
<tbody id="rows"></tbody>
</table>
<script>${SCRIPT}</script>
</body>
</html>
`;

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** The page's Content-Security-Policy (CSP Level 3, section 2.3.1: hashes of what may run). */
export const DASHBOARD_POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(SCRIPT)}`,
  `style-src ${hashOf(STYLE)}`,
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
