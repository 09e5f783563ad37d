// The house and its rooms: who may import whom, no cycles, no rooms for odds and ends, and a word at every door.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const ROOMS = ["core", "workers", "storage", "benchmarks", "test"];
const MAX_LINES = 420;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
}

/** The project's own imports of a file's text, as paths from the root. */
function importsOf(from: string, text: string): Import[] {
  const found: Import[] = [];
  const statement = /^(?:import|export)\s+(type\s+)?(\{[^}]*\}|[^"';]*?)\s*(?:from\s+)?"(\.[^"]+)\.js"/gms;
  for (const [, type, names, path] of text.matchAll(statement)) {
    const bindings = names?.startsWith("{")
      ? names
          .slice(1, -1)
          .split(",")
          .filter((name) => name.trim() !== "")
      : [];
    const allTypes = bindings.length > 0 && bindings.every((name) => name.trim().startsWith("type "));
    found.push({
      from,
      to: `${normalize(join(dirname(from), path!))}.ts`,
      isTypeOnly: type !== undefined || allTypes,
    });
  }
  return found;
}

/** What each room may import beside itself; the first prefix that fits counts. A trailing "type" allows types only. */
const RULES: readonly (readonly [room: string, allowed: readonly (string | readonly [string, "type"])[]])[] =
  [
    ["core/wire/", []],
    ["core/memory/", []],
    ["core/flow/", ["core/wire/", "core/memory/"]],
    ["core/link/", ["core/memory/"]],
    ["core/director/", ["core/wire/", "core/memory/", "core/flow/", "core/link/link.ts"]],
    ["core/cli/", ["core/farm.ts", "core/options.ts", "core/director/policies.ts"]],
    // core reaches workers and storage by starting their threads, and knows the types of what it starts them with.
    ["core/", ["core/", ["workers/worker-options.ts", "type"], ["storage/thread-messages.ts", "type"]]],
    [
      "workers/",
      [
        "core/wire/",
        "core/memory/",
        "core/link/egress.ts",
        "core/link/ring-egress.ts",
        "core/link/tun-egress.ts",
        "storage/messages.ts",
      ],
    ],
    ["storage/", ["core/memory/session-directory.ts", ["workers/app/app.ts", "type"]]],
  ];

/** Why the import may not be, or undefined. */
function objection({ from, to, isTypeOnly }: Import): string | undefined {
  const rule = RULES.find(([room]) => from.startsWith(room));
  if (rule === undefined) return undefined;
  const [room, allowed] = rule;
  const home = room === "core/" ? undefined : room;
  if (home !== undefined && to.startsWith(home)) return undefined;
  for (const entry of allowed) {
    const [prefix, onlyTypes] = typeof entry === "string" ? [entry, false] : [entry[0], true];
    if (to.startsWith(prefix) && (!onlyTypes || isTypeOnly)) return undefined;
  }
  return `${from} imports ${to}`;
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

const files = ROOMS.flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join(room, file)),
);
const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
const imports = files.flatMap((file) => importsOf(file, texts.get(file)!));

test("imports, go only where a room may look", () => {
  assert.ok(imports.length > 300, `${imports.length} imports found`);
  assert.equal(
    imports.map(objection).filter((text) => text !== undefined),
    [],
  );
});

test("imports, have no cycle but that of types", () => {
  assert.is(findCycle(imports), undefined);
});

test("imports, all lead to files that are there", () => {
  for (const { from, to } of imports) assert.ok(texts.has(to), `${from} imports ${to}`);
});

test("files, have names that say what is in them, and no barrels but the public entries", () => {
  for (const file of files) assert.not.match(file, /(^|\/)(utils?|helpers?|common|misc|index)(\/|\.)/);
});

test("files, begin with a word about themselves, and are short", () => {
  for (const [file, text] of texts) {
    if (file.startsWith("test/")) continue;
    assert.match(text, /^(#!.*\n)?\/\/ \S/, file);
    const lines = text.split("\n").length;
    assert.ok(lines <= MAX_LINES, `${file} has ${lines} lines`);
  }
});

test("top level, holds what was agreed", () => {
  const here = readdirSync(".").filter(
    (name) => !name.startsWith(".") && !["node_modules", "dist"].includes(name),
  );
  for (const name of ["package.json", "tsconfig.json", ...ROOMS]) assert.ok(here.includes(name), name);
  assert.is(relative(".", "core"), "core");
});

test("the checks themselves, notice what they are there for", () => {
  const bad = importsOf(
    "core/wire/a.ts",
    'import { a, type B } from "../flow/b.js";\nimport type { C } from "./c.js";\nimport {\n  type D,\n} from "./d.js";\n',
  );
  assert.equal(
    bad.map(({ to, isTypeOnly }) => [to, isTypeOnly]),
    [
      ["core/flow/b.ts", false],
      ["core/wire/c.ts", true],
      ["core/wire/d.ts", true],
    ],
  );
  assert.equal(bad.map(objection), ["core/wire/a.ts imports core/flow/b.ts", undefined, undefined]);
  const value = { from: "core/farm.ts", to: "workers/worker-options.ts", isTypeOnly: false };
  assert.ok(objection(value));
  assert.is(objection({ ...value, isTypeOnly: true }), undefined);
  const edge = (from: string, to: string) => ({ from, to, isTypeOnly: false });
  assert.equal(findCycle([edge("a", "b"), edge("b", "c"), edge("c", "b")]), ["b", "c", "b"]);
});

test.run();
