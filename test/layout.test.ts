// The house and its rooms: who may import whom, no cycles, no rooms for odds and ends, and a word at every door.
// Read from the files themselves, so that nobody has to remember it.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const ROOMS = ["core", "workers", "storage", "benchmarks", "test"];
/** What is shipped, and what the length of files is looked at in. */
const SHIPPED = ["core/", "workers/", "storage/", "benchmarks/"];
const MAX_LINES = 400;

interface Import {
  readonly from: string;
  /** A path from the root for a file of ours; else the package's or builtin's name as it is written. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

/** The imports and re-exports of a file's text, dynamic ones of a literal included. */
function importsOf(from: string, text: string): Import[] {
  const found: Import[] = [];
  const statement =
    /^(?:import|export)\s+(type\s+)?(\{[^}]*\}|[^"';=({<]*?(?:\{[^}]*\})?)\s*(?:from\s+)?"([^"]+)"/gm;
  for (const [, type, names = "", path] of text.matchAll(statement)) {
    const bindings = /^\{(.*)\}$/s.exec(names)?.[1]?.split(",") ?? [];
    const named = bindings.map((name) => name.trim()).filter((name) => name !== "");
    const allTypes = named.length > 0 && named.every((name) => name.startsWith("type "));
    found.push({ from, to: targetOf(from, path!), isTypeOnly: type !== undefined || allTypes });
  }
  for (const [, path] of text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g))
    found.push({ from, to: targetOf(from, path!), isTypeOnly: false });
  return found;
}

function targetOf(from: string, path: string): string {
  return path.startsWith(".") ? normalize(join(dirname(from), path)).replace(/\.js$/, ".ts") : path;
}

function isOurs(to: string): boolean {
  return to.endsWith(".ts");
}

type Allowed = readonly (string | readonly [string, "type"])[];

/** What each room may import beside itself; the first that fits counts. "type": types only. A `/` at the end: all of it. */
const RULES: readonly (readonly [room: string, files: Allowed, packages: Allowed])[] = [
  // isIPv4 and isIPv6, which are pure functions of text.
  ["core/wire/address.ts", ["core/wire/"], ["node:net"]],
  ["core/wire/", ["core/wire/"], []],
  ["core/memory/", ["core/memory/"], []],
  ["core/flow/", ["core/flow/", "core/wire/", "core/memory/"], ["node:crypto"]],
  // What the kernel has taken off a relayed connection travels in front of its bytes.
  ["core/link/socket", ["core/link/", "core/memory/", "core/wire/peer-block.ts"], ["node:"]],
  ["core/link/", ["core/link/", "core/memory/"], ["koffi", "node:"]],
  ["core/director/", ["core/director/", "core/wire/", "core/memory/", "core/flow/", "core/link/link.ts"], []],
  // The page knows nothing of what it shows.
  ["core/cli/report/", ["core/cli/report/", "core/cli/table.ts"], ["d3-scale", "d3-shape", "node:os"]],
  // The one command that runs the packet path itself, without a farm's threads.
  [
    "core/cli/replay",
    [
      "core/cli/",
      "core/farm.ts",
      "core/farm-packet-path.ts",
      "core/options.ts",
      "core/options/",
      "core/director/threadless-farm.ts",
      "core/director/verdict.ts",
      "core/link/pcap.ts",
      "core/link/pcap-file.ts",
      "core/wire/address.ts",
      ["core/flow/", "type"],
    ],
    ["commander", "node:"],
  ],
  [
    // It starts the shoppers' thread, as core starts the workers', and knows the types of what is said.
    "core/cli/demo.ts",
    ["core/options.ts", "core/options/", ["benchmarks/shoppers/thread-messages.ts", "type"]],
    ["node:"],
  ],
  [
    "core/cli/",
    [
      "core/cli/",
      "core/farm.ts",
      "core/options.ts",
      "core/options/",
      "core/director/policies.ts",
      // What a running farm answers the commands.
      ["core/farm-status.ts", "type"],
      ["core/flow/flow-list.ts", "type"],
    ],
    ["commander", "cli-table3", "pino", "smol-toml", "node:"],
  ],
  // core reaches workers and storage by starting their threads, and knows the types of what it starts them with.
  ["core/farm.ts", ["core/"], ["node:"]],
  ["core/farm-memory.ts", ["core/", ["workers/worker-options.ts", "type"]], ["node:"]],
  [
    "core/supervision/worker-thread.ts",
    ["core/", ["workers/worker-options.ts", "type"]],
    ["piscina", "node:"],
  ],
  ["core/supervision/storage-", ["core/", ["storage/thread-messages.ts", "type"]], ["node:"]],
  ["core/admin/metrics.ts", ["core/"], ["prom-client", "node:"]],
  ["core/", ["core/"], ["node:"]],
  // The only rooms that know SQL are storage and what an app runs there.
  ["workers/tcp/", ["workers/", "core/wire/", "core/memory/", "core/link/egress.ts"], ["node:crypto"]],
  ["workers/http/", ["workers/", "core/wire/", "core/memory/"], []],
  ["workers/shop/", ["workers/"], [["knex", "type"], "valibot", "node:"]],
  ["workers/app/", ["workers/", "storage/messages.ts"], [["knex", "type"], "valibot", "node:"]],
  [
    "workers/",
    [
      "workers/",
      "core/wire/",
      "core/memory/",
      "core/link/egress.ts",
      "core/link/faulty-egress.ts",
      ["core/link/fault-queue.ts", "type"],
      "core/link/ring-egress.ts",
      "core/link/tun-egress.ts",
      "storage/messages.ts",
    ],
    ["lru-cache", "msgpackr", "pino", "node:"],
  ],
  [
    "storage/",
    [
      "storage/",
      "core/memory/session-directory.ts",
      "core/memory/heartbeat.ts",
      "core/memory/process-clock.ts",
      ["workers/app/app.ts", "type"],
    ],
    ["knex", "msgpackr", "node:"],
  ],
  // Shipped for `serve --demo`. Clients: of limpet they know the shop alone.
  ["benchmarks/support/random.ts", [], []],
  ["benchmarks/support/latencies.ts", [], ["hdr-histogram-js"]],
  [
    "benchmarks/shoppers/",
    [
      "benchmarks/shoppers/",
      "benchmarks/support/random.ts",
      "benchmarks/support/latencies.ts",
      "workers/shop/",
      ["workers/app/app.ts", "type"],
    ],
    [["knex", "type"], "node:"],
  ],
];

/** Why the import may not be, or undefined. */
function objection({ from, to, isTypeOnly }: Import): string | undefined {
  const rule = RULES.find(([room]) => from.startsWith(room));
  if (rule === undefined) return undefined;
  const [, files, packages] = rule;
  for (const entry of isOurs(to) ? files : packages) {
    const [name, onlyTypes] = typeof entry === "string" ? [entry, false] : [entry[0], true];
    const fits = /[/:]$/.test(name) ? to.startsWith(name) : to === name;
    if (fits && (!onlyTypes || isTypeOnly)) return undefined;
  }
  return `${from} imports ${isTypeOnly ? "types of " : ""}${to}`;
}

/** A cycle among the files, types left out, as the path that comes back to where it began. */
function findCycle(imports: readonly Import[]): string[] | undefined {
  const targets = new Map<string, string[]>();
  for (const { from, to, isTypeOnly } of imports) {
    if (!isTypeOnly) targets.set(from, [...(targets.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of targets.get(file) ?? []) {
      const cycle = walk(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of targets.keys()) {
    const cycle = walk(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** What is wrong with the file itself, or undefined. */
function complaint(file: string, text: string): string | undefined {
  if (/(^|\/)(utils?|helpers?|common|misc|index)(\/|\.)/.test(file))
    return `${file} has a name that says nothing`;
  if (!/^(#!.*\n)?\/\/ \S/.test(text)) return `${file} does not say what it is`;
  const lines = text.trimEnd().split("\n");
  const isShipped = SHIPPED.some((room) => file.startsWith(room));
  return isShipped && lines.length > MAX_LINES ? `${file} has ${lines.length} lines` : undefined;
}

const files = ROOMS.flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(room, file)),
);
const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
// Of this file only what is not made up: its imports are packages.
const imports = files
  .filter((file) => file !== "test/layout.test.ts")
  .flatMap((file) => importsOf(file, texts.get(file)!));

function none(objections: (string | undefined)[]): void {
  assert.equal(
    objections.filter((text) => text !== undefined),
    [],
  );
}

test("imports, go only where a room may look", () => {
  assert.ok(imports.length > 600, `${imports.length} imports found`);
  none(imports.map(objection));
});

test("imports, of what is shipped, are of nothing that is not", () => {
  const shipped = imports.filter(({ from }) => SHIPPED.some((room) => from.startsWith(room)));
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Record<string, object>;
  const packages = Object.keys(manifest.dependencies!);
  // The peers are measured where they are installed.
  const ofPeers = [...packages, ...Object.keys(manifest.devDependencies!)];
  for (const { from, to } of shipped) {
    const isThere = isOurs(to) ? SHIPPED.some((room) => to.startsWith(room)) : to.startsWith("node:");
    const known = from.startsWith("benchmarks/peers/") ? ofPeers : packages;
    assert.ok(isThere || known.includes(to), `${from} imports ${to}`);
  }
});

test("imports, are all found: no file names another but in them", () => {
  for (const [file, text] of texts) {
    if (file === "test/layout.test.ts") continue;
    const named = [...text.matchAll(/^(?:import\b|export\b.*\bfrom\b|\} from )[^\n]*"([^"]+)";$/gm)];
    const found = imports.filter(({ from }) => from === file).map(({ to }) => to);
    for (const [, path] of named) assert.ok(found.includes(targetOf(file, path!)), `${path} in ${file}`);
  }
});

test("imports, have no cycle but that of types", () => {
  assert.is(findCycle(imports), undefined);
});

test("imports, all lead to files that are there", () => {
  for (const { from, to } of imports.filter((one) => isOurs(one.to)))
    assert.ok(texts.has(to), `${from} imports ${to}`);
});

test("files, have names that say what is in them, begin with a word about themselves, and are short", () => {
  none([...texts].map(([file, text]) => complaint(file, text)));
});

test("top level, has the rooms that were agreed and no other", () => {
  const folders = readdirSync(".", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name);
  // What is made, not written.
  const made = ["node_modules", "dist", "coverage"];
  assert.equal(folders.filter((name) => !made.includes(name)).sort(), [...ROOMS].sort());
});

test("check of imports, reads every way to write one", () => {
  const text = `import "./a.js";
import b, { type B } from "./b.js";
import * as c from "../c.js";
import type { D } from "./d.js";
import {
  type E,
  type F,
} from "./e.js";
import {
  g,
  type G,
} from "./g.js";
export { h } from "./h.js";
export * from "./i.js";
export type { J } from "./j.js";
import { readFileSync } from "node:fs";
const k = await import("./k.js");
export const notAnImport = { name: "./l.js" };
`;
  assert.equal(
    importsOf("core/wire/x.ts", text).map(({ to, isTypeOnly }) => `${isTypeOnly ? "type " : ""}${to}`),
    [
      "core/wire/a.ts",
      "core/wire/b.ts",
      "core/c.ts",
      "type core/wire/d.ts",
      "type core/wire/e.ts",
      "core/wire/g.ts",
      "core/wire/h.ts",
      "core/wire/i.ts",
      "type core/wire/j.ts",
      "node:fs",
      "core/wire/k.ts",
    ],
  );
});

test("check of directions, notices what it is there for", () => {
  const forbidden: [string, string][] = [
    ["core/wire/ipv4.ts", "core/memory/ring.ts"],
    ["core/wire/ipv4.ts", "node:net"],
    ["core/memory/ring.ts", "core/wire/checksum.ts"],
    ["core/memory/ring.ts", "node:worker_threads"],
    ["core/flow/flow-table.ts", "core/link/link.ts"],
    ["core/link/tun.ts", "core/wire/packet.ts"],
    ["core/director/director.ts", "core/link/tun.ts"],
    ["core/director/director.ts", "workers/server.ts"],
    ["core/director/director.ts", "node:fs"],
    ["core/cli/serve.ts", "core/director/director.ts"],
    ["core/cli/serve.ts", "benchmarks/shoppers/shoppers.ts"],
    ["core/cli/demo.ts", "benchmarks/shoppers/thread-messages.ts"],
    ["benchmarks/shoppers/shoppers.ts", "core/farm.ts"],
    ["benchmarks/shoppers/shopper.ts", "benchmarks/support/load.ts"],
    ["core/cli/serve.ts", "core/director/threadless-farm.ts"],
    ["core/cli/replay.ts", "core/director/director.ts"],
    ["core/cli/report/report.ts", "core/cli/replay/result.ts"],
    ["core/cli/report/report.ts", "node:fs"],
    ["core/farm.ts", "workers/worker-options.ts"],
    ["core/farm.ts", "storage/thread-messages.ts"],
    ["core/farm.ts", "knex"],
    ["core/options.ts", "storage/messages.ts"],
    ["workers/server.ts", "core/director/director.ts"],
    ["workers/server.ts", "core/link/tun.ts"],
    ["workers/server.ts", "storage/database.ts"],
    ["workers/session/session.ts", "knex"],
    ["workers/tcp/listen.ts", "storage/messages.ts"],
    ["workers/app/app.ts", "knex"],
    ["storage/database.ts", "core/wire/packet.ts"],
    ["storage/app-module.ts", "workers/app/app.ts"],
  ];
  for (const [from, to] of forbidden)
    assert.is(objection({ from, to, isTypeOnly: false }), `${from} imports ${to}`);
  for (const [from, to] of [
    ["core/farm-memory.ts", "workers/worker-options.ts"],
    ["storage/app-module.ts", "workers/app/app.ts"],
    ["workers/app/app.ts", "knex"],
    ["core/cli/demo.ts", "benchmarks/shoppers/thread-messages.ts"],
  ] as const)
    assert.is(objection({ from, to, isTypeOnly: true }), undefined);
});

test("check of cycles, notices one, and lets types go round", () => {
  const edge = (from: string, to: string, isTypeOnly = false) => ({ from, to, isTypeOnly });
  assert.equal(findCycle([edge("a", "b"), edge("b", "c"), edge("c", "b")]), ["b", "c", "b"]);
  assert.equal(findCycle([edge("a", "a")]), ["a", "a"]);
  assert.is(findCycle([edge("a", "b"), edge("a", "c"), edge("b", "c")]), undefined);
  assert.is(findCycle([edge("a", "b"), edge("b", "a", true)]), undefined);
});

test("check of files, notices what it is there for", () => {
  const text = "// A file.\n";
  for (const file of ["core/utils/a.ts", "core/helpers.ts", "workers/common.ts", "core/wire/index.ts"])
    assert.match(complaint(file, text) ?? "", "says nothing", file);
  assert.match(complaint("core/a.ts", 'import "./b.js";\n') ?? "", "does not say");
  assert.match(complaint("core/a.ts", text + "a;\n".repeat(MAX_LINES)) ?? "", "401 lines");
  assert.is(complaint("core/a.ts", `#!/usr/bin/env node\n${text}`), undefined);
  assert.is(complaint("core/a.ts", text + "a;\n".repeat(MAX_LINES - 1)), undefined);
});

test.run();
