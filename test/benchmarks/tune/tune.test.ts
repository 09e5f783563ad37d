// `limpet tune` as people run it, at a small size: that it tells an app that waits from one that computes on the machine that it is on,
// and leaves nothing behind. What else it measures is not asserted.

import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as eventLoopTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as v from "valibot";
import { ServerProcess } from "../../../benchmarks/support/server-process.js";
import type { TuneFigures } from "../../../benchmarks/tune/figures.js";
import { tuneCommand } from "../../../benchmarks/tune/program.js";
import { AdminClient } from "../../../core/cli/admin-client.js";
import type { WorkersAnswer } from "../../../core/cli/admin-command.js";
import { failure, runCommand } from "../../core/cli/command-fixture.js";
import { tuneFigures } from "../schemas/tune.js";

const limpet = new URL("../../../core/cli/limpet.js", import.meta.url);
const tune = suite("limpet tune");
let folder = "";

tune.before(() => {
  folder = mkdtempSync(join(tmpdir(), "limpet-tune-test-"));
});

tune.after(() => rmSync(folder, { recursive: true }));

/** Its temporary files are in `folder`, where they can be looked for. */
function run(...parameters: string[]): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [fileURLToPath(limpet), "tune", ...parameters], {
    encoding: "utf8",
    timeout: 120_000,
    env: { ...process.env, TMPDIR: folder },
  });
}

function leftBehind(): string[] {
  return readdirSync(folder).filter((name) => name.startsWith("limpet-tune-"));
}

/** Processes whose files are in `folder`. */
function farmsUnderTest(): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
    } catch {
      // It has ended since it was listed.
      return false;
    }
  });
}

function figuresOf({ status, stdout, stderr }: SpawnSyncReturns<string>): TuneFigures {
  assert.is(status, 0, stderr);
  return v.parse(tuneFigures, JSON.parse(stdout).figures);
}

const size = ["--workers", "2,8", "--seconds", "1", "--connections", "32", "--json"];

tune("an app that waits, is recommended more workers than one that computes, and told why", async () => {
  const page = join(folder, "report.html");
  const burning = figuresOf(run("--handler-burn-ms", "4", "--rounds", "2", "--html", page, ...size));
  assert.is(burning.settings.length, 2);
  assert.match(readFileSync(page, "utf8"), "<svg");

  // And what waits sets its recommendation on a farm.
  const admin = `unix:${join(folder, "admin.sock")}`;
  const links = ["--socket", "127.0.0.1:0", "--tun", "off", "--database", ":memory:", "--log-level", "error"];
  const farm = await ServerProcess.start(limpet, ["serve", "--workers", "1", "--admin", admin, ...links]);
  try {
    const wait = ["--handler-wait-ms", "20", "--handler-concurrency", "1", "--rounds", "1"];
    const ran = run(...wait, "--apply", "--admin", admin, ...size);
    const waiting = figuresOf(ran);
    assert.equal(
      [burning, waiting].map(({ recommendation: { workers, limit } }) => [workers, limit]),
      [
        [2, "cores"],
        [8, "waiting"],
      ],
      `${burning.recommendation.reason}\n${waiting.recommendation.reason}`,
    );
    assert.match(burning.recommendation.reason, "burns CPU");
    assert.match(waiting.recommendation.reason, "the app waits");
    for (const figure of [...burning.settings, ...waiting.settings])
      assert.equal([figure.failures, figure.idleWorkers], [0, 0]);
    assert.match(ran.stderr, /^2 settings, 1 round of 1 s each: this takes about \d+ s\n/);
    assert.match(ran.stderr, ": 8 workers (before: 1), 8 serving");
    const { workers } = await new AdminClient(admin).get<WorkersAnswer>("/workers");
    assert.is(workers.length, 8);
  } finally {
    await farm.stop();
  }
  assert.equal(leftBehind(), []);
});

tune("an own app and its requests, are measured as a table says", () => {
  const app = join(folder, "app.mjs");
  writeFileSync(
    app,
    'export default { fetch: ({ path }) => new Response(path, { status: path === "/no" ? 404 : 200 }) };',
  );
  const requests = join(folder, "requests.json");
  writeFileSync(requests, '[{"path": "/yes"}, {"path": "/no", "weight": 0.01}]');
  const own = ["--app", app, "--requests", requests, "--workers", "1", "--seconds", "1", "--rounds", "1"];
  const { status, stdout, stderr } = run(...own, "--connections", "4");
  assert.is(status, 0, stderr);
  assert.match(stdout, /\nworkers +requests\/s +× first .*\n► 1 +\d/);
  assert.match(stdout, `Load: 4 connections, ${requests}.`);
  assert.match(stdout, /\nlimpet serve --workers 1\n$/);
  assert.equal(leftBehind(), []);
});

tune("the shop, is full of people, unless it is told otherwise", () => {
  const { load, settings } = figuresOf(
    run("--workers", "2", "--rounds", "1", ...size.slice(2), "--think-ms", "5"),
  );
  assert.is(load, "32 shoppers who think for 5 ms, from addresses of 127.64.0.0/10");
  const [{ failures, idleWorkers, requestsPerSecond, cacheHits }] = settings as [TuneFigures["settings"][0]];
  assert.equal([failures, idleWorkers], [0, 0]);
  assert.ok(requestsPerSecond.median > 0 && cacheHits !== undefined);
  assert.equal(leftBehind(), []);
});

tune("Ctrl-C, ends the farm too, and leaves nothing behind", async () => {
  const own = spawn(process.execPath, [fileURLToPath(limpet), "tune", "--workers", "1", "--seconds", "60"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, TMPDIR: folder },
  });
  let told = "";
  own.stderr.on("data", (chunk) => {
    told += chunk;
    // The first farm is starting, or about to.
    if (/^1\/3 /m.test(told)) own.kill("SIGINT");
  });
  assert.equal(await once(own, "close"), [130, null], told);
  // What is killed may take a moment to be gone.
  while (farmsUnderTest().length > 0) await eventLoopTurn();
  assert.equal(leftBehind(), []);
});

tune("what cannot be, is said in a sentence, before anything is measured", async () => {
  const wrong = join(folder, "wrong.json");
  writeFileSync(wrong, '[{"path": "/"}, {"path": "nowhere"}]');
  for (const [parameters, words] of [
    [["--requests", wrong], /request 1 \(counted from 0\), path: takes a path/],
    [["--app", "/nowhere.js"], /^app \(--app\): there is no file \/nowhere\.js$/],
    [["--app", wrong, "--handler-wait-ms", "1"], /two apps/],
    [["--workers", "1,65"], /whole numbers from 1 to 64/],
    [["--policies", "luck"], /some of least-loaded/],
    [["--handler-burn-ms", "0"], /a number above 0/],
    [["--handler-wait-ms", "10000"], /take less than 10000 together/],
    [["--handler-wait-ms", "5000", "--handler-burn-ms", "5000"], /take less than 10000 together/],
    [["--cache-mib", "16,65537"], /whole number from 1 to 65536/],
    [["--think-ms", "60001"], /whole number from 0 to 60000/],
    [["--think-ms", "10", "--app", wrong], /--think-ms is for shoppers/],
    [["--connections", "10001"], /whole number from 1 to 10000/],
    [["--html", join(folder, "no", "page.html")], /^html \(--html\): .*there is no such file$/],
    [["--apply", "--admin", "127.0.0.1:1"], /^no farm answers at 127\.0\.0\.1:1/],
  ] as const) {
    const error = await failure(runCommand(tuneCommand(), parameters));
    assert.match(error.message, words);
    // What has a code is printed as it is, and ends the program with 2.
    assert.ok(error.code, `${parameters}`);
  }
  const { status, stdout } = run("--help");
  assert.is(status, 0);
  assert.match(stdout, /^Usage: limpet tune \[options\]\n[\s\S]*Examples:/);
  assert.is(run("--workers", "0").status, 2);
  assert.equal(leftBehind(), []);
});

tune("a farm that cannot start, says why in a sentence, which is the last", () => {
  const app = join(folder, "throws.mjs");
  writeFileSync(app, 'throw new Error("no such luck");');
  const { status, stdout, stderr } = run("--app", app, "--workers", "1", "--rounds", "1");
  assert.equal([status, stdout], [2, ""]);
  assert.match(stderr, /\n1\/1 .*\nlimpet: The app .*throws\.mjs could not be loaded: no such luck\.\n$/);
  assert.equal(leftBehind(), []);
});

tune.run();
