// The options file: what is taken from it, and the one sentence for each way in which it cannot be.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readOptionFile } from "../../../core/cli/option-file.js";

const folder = mkdtempSync(join(tmpdir(), "limpet-option-file-"));
const files = suite("option file");
files.after(() => rmSync(folder, { recursive: true }));

function written(text: string | Uint8Array): string {
  const file = join(folder, "farm.toml");
  writeFileSync(file, text);
  return file;
}

/** The one problem of a file with the text. */
function problemOf(text: string | Uint8Array): string {
  const { problems, values } = readOptionFile(written(text));
  assert.is(problems.length, 1, problems.join("\n"));
  assert.is(values.size, 0);
  assert.not.match(problems[0]!, /\n/);
  return problems[0]!;
}

files("file, has its options by their keys, unchecked", () => {
  const { values, problems } = readOptionFile(
    written('# a farm\nworkers = 4\ncache-mib = "many" # wrong, but not here\ncookie-secure = true\n'),
  );
  assert.equal(problems, []);
  assert.equal([...values].sort(), [
    ["cacheMib", "many"],
    ["cookieSecure", true],
    ["workers", 4],
  ]);
});

files("file, empty or with a byte order mark, is one", () => {
  assert.equal(readOptionFile(written("")), { values: new Map(), problems: [] });
  assert.equal([...readOptionFile(written("\ufeffport = 81\r\n")).values], [["port", 81]]);
});

files("path in a file, begins at the file's folder", () => {
  const text = 'app = "app.js"\ndatabase = "data/farm.db"\naccess-log = "../a.log"\n';
  assert.equal(Object.fromEntries(readOptionFile(written(text)).values), {
    app: join(folder, "app.js"),
    database: join(folder, "data/farm.db"),
    accessLog: join(folder, "../a.log"),
  });
});

files("path in a file, that is absolute, a URL or no path, is as it is written", () => {
  const text = 'app = "file:///srv/app.js"\ndatabase = ":memory:"\naccess-log = "-"\n';
  assert.equal(Object.fromEntries(readOptionFile(written(text)).values), {
    app: "file:///srv/app.js",
    database: ":memory:",
    accessLog: "-",
  });
  assert.is(readOptionFile(written('database = "/srv/farm.db"')).values.get("database"), "/srv/farm.db");
});

files(
  "key, unknown, is named with the file and the key that may have been meant; the others are taken",
  () => {
    const file = written("worker = 1\nport = 81\nfrobnicate = 1\n[cache]\nmib = 64\n");
    const { values, problems } = readOptionFile(file);
    assert.equal(problems, [
      `there is no option worker in ${file}; did you mean workers?`,
      `there is no option frobnicate in ${file}`,
      `there is no option cache in ${file}`,
    ]);
    assert.equal([...values], [["port", 81]]);
  },
);

files("key, that hides in a prototype or tears a line apart, is unknown like any other", () => {
  const text = '__proto__ = 1\nconstructor = 1\ntoString = 1\n"a\\nb" = 1\nconfig = "x"\n';
  const { values, problems } = readOptionFile(written(text));
  assert.is(problems.length, 5);
  assert.is(values.size, 0);
  for (const problem of problems) assert.match(problem, /^there is no option [^\n]+$/);
});

files("file, that is no TOML, is named with line, column and what is wrong", () => {
  assert.match(problemOf("port = 81\nworkers 4\n"), /farm\.toml is not TOML in line 2, column \d+: \S/);
  assert.match(problemOf("port = 1\nport = 2\n"), /in line 2, column 1: trying to redefine/);
  assert.match(problemOf("seed = 9007199254740993\n"), /in line 1, column 8: /);
  assert.match(problemOf(`port = ${"[".repeat(100_000)}`), /is not TOML in line 1, column/);
});

files("file, that is no TOML, is not shown: it may hold a secret", () => {
  const secret = "correct horse battery staple";
  for (const text of [`secret = ${secret}`, `secret = "${secret}\n`, `${secret}\n`, `secret = '${secret}' x`])
    assert.not.match(problemOf(text), /horse/);
});

files("file, that is too large or no text, is refused", () => {
  assert.match(problemOf("#".repeat(1024 * 1024 + 1)), /^the options file \S+ is larger than 1 MiB$/);
  assert.equal(readOptionFile(written("#".repeat(1024 * 1024))).problems, []);
  assert.match(problemOf(Uint8Array.of(0x23, 0xff, 0xfe)), /^the options file \S+ is not UTF-8 text$/);
});

files("file, that never ends, is given up", () => {
  assert.equal(readOptionFile("/dev/zero").problems, ["the options file /dev/zero is larger than 1 MiB"]);
});

files("file, that cannot be read, is named with the reason", () => {
  const missing = join(folder, "absent.toml");
  const reasonOf = (file: string) => readOptionFile(file).problems.join("\n");
  assert.is(reasonOf(missing), `the options file ${missing} cannot be read: there is no such file`);
  assert.is(reasonOf(""), 'the options file "" cannot be read: there is no such file');
  mkdirSync(join(folder, "folder"));
  assert.match(reasonOf(join(folder, "folder")), /cannot be read: it is a directory$/);
  assert.match(reasonOf(join(written(""), "x")), /cannot be read: there is no such file$/);
  assert.match(reasonOf("a\0b"), /^the options file "a\\u0000b" cannot be read: \S+$/);
});

files.run();
