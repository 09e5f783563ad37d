// The package as somebody who installs it finds it: `npm pack`, unpacked into an empty folder, with its dependencies beside it.
// The README's two examples are run as they are printed there, and checked as TypeScript sees them.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ask } from "../support/client.js";

const root = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "limpet-package-"));
const installed = join(folder, "node_modules", "limpet");
test.after(() => rmSync(folder, { recursive: true }));

function run(command: string, parameters: string[], cwd = folder): string {
  const result = spawnSync(command, parameters, { cwd, encoding: "utf8", timeout: 120_000 });
  assert.is(result.status, 0, `${command} ${parameters.join(" ")}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}

/** The README's code that begins with the comment that names its file. */
function example(name: string): string {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, code] = new RegExp(`\`\`\`js\\n(// ${name}\\n[\\s\\S]*?)\`\`\``).exec(readme) ?? [];
  assert.ok(code, `the README has ${name}`);
  return code;
}

test("package, when packed, has what it needs and nothing else", () => {
  // Built already: a test must not build what others are running.
  run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], root);
  const [archive] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  mkdirSync(installed, { recursive: true });
  run("tar", ["-xzf", archive!, "--strip-components=1", "-C", installed]);
  assert.equal(readdirSync(join(installed, "dist")).sort(), ["benchmarks", "core", "storage", "workers"]);
  for (const name of readdirSync(join(root, "node_modules")).filter((one) => !one.startsWith(".")))
    symlinkSync(resolve(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }');
});

test("command, from the package, says its version", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  assert.is(run(process.execPath, [join(installed, "dist/core/cli/limpet.js"), "--version"]), `${version}\n`);
});

test("examples of the README, as they are printed, serve", async () => {
  writeFileSync(join(folder, "app.js"), example("app.js"));
  // A port of its own: others may be using the example's.
  writeFileSync(
    join(folder, "farm.js"),
    example("farm.js")
      .replace("127.0.0.1:8080", "127.0.0.1:0")
      .replace('"auto"', '"off"')
      .replace("workers: 2,", 'workers: 2,\n  admin: "none",'),
  );
  const farm = spawn(process.execPath, ["farm.js"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  farm.stdout.on("data", (data) => {
    output += data;
  });
  const ended = once(farm, "exit");
  while (!output.includes("└"))
    await Promise.race([once(farm.stdout, "data"), ended.then(() => assert.unreachable(output))]);
  const [, url] = /open (\S+)/.exec(output) ?? [];
  const before = (await ask(url!)).json<{ notes: unknown[] }>();
  const body = Buffer.from("remember the milk");
  assert.is((await ask(`${url}notes`, { body })).status, 303);
  const after = (await ask(url!)).json<{ notes: { text: string }[] }>();
  assert.is(before.notes.length, 0);
  assert.equal(after.notes, [{ text: "remember the milk" }]);
  farm.kill("SIGTERM");
  assert.equal(await ended, [0, null]);
});

test("types, as a strict program sees them, fit the examples", () => {
  writeFileSync(
    join(folder, "uses.ts"),
    `
    import { createFarm, type Farm, type FarmStatus, OptionError } from "limpet";
    import { type App, HttpResponse } from "limpet/app";
    const app: App = {
      async fetch(request, { session, worker }) {
        session.state.seen = Number(session.state.seen ?? 0) + 1;
        return HttpResponse.json({ worker, path: request.path });
      },
    };
    export default app;
    const farm: Farm = createFarm({ workers: "auto", policy: "hash", socket: "none" });
    farm.on("workerFailed", (worker: number, error: unknown, retryMs: number) => console.log(worker, error, retryMs));
    const status: FarmStatus = farm.status();
    console.log(status.workers[0]?.state === "serving", OptionError);
    // @ts-expect-error: there is no such policy.
    createFarm({ policy: "best" });
  `,
  );
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const types = [
    "--strict",
    "--noEmit",
    "--exactOptionalPropertyTypes",
    "--types",
    "node",
    "--skipLibCheck",
    "false",
  ];
  run(process.execPath, [compiler, ...types, "--module", "nodenext", "--target", "es2023", "uses.ts"]);
});

test.run();
