// `limpet serve --demo`: people in the shop, whom the farm survives whatever becomes of them. The command as it is run, on ports of its
// own; and the parts that can be wrong.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Demo, demoOptions, shoppersIn } from "../../../core/cli/demo.js";
import { OptionError } from "../../../core/options.js";

const limpet = fileURLToPath(new URL("../../../core/cli/limpet.js", import.meta.url));
const shop = fileURLToPath(new URL("../../../workers/shop/shop.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "limpet-demo-"));
test.after(() => rmSync(folder, { recursive: true }));

interface Status {
  readonly sources: number;
  readonly workers: readonly {
    readonly worker: number;
    readonly sources: number;
    readonly requests: number;
  }[];
}

test("serve --demo, has people from many sources at all workers, through reload and resize, until Ctrl-C", async () => {
  const links = ["--tun", "off", "--socket", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
  const farm = ["--workers", "2", "--durability", "normal", "--drain-seconds", "5"];
  const child = spawn(process.execPath, [limpet, "serve", "--demo", "30", ...links, ...farm], {
    cwd: folder,
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const ended = once(child, "close");
  const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isSo())) {
      assert.is(child.exitCode, null, output);
      await pause(20);
    }
  };
  await until(() => output.includes("ready after"));
  const isLinux = process.platform === "linux";
  assert.match(
    output,
    isLinux ? /\n {2}demo +30 shoppers, from addresses of 127\./ : /\n {2}demo +30 shoppers/,
  );
  const [, admin] = /admin +(\S+)/.exec(output) ?? [];
  const command = (...parameters: string[]): string => {
    const environment = { ...process.env, LIMPET_ADMIN: admin };
    const result = spawnSync(process.execPath, [limpet, ...parameters], {
      encoding: "utf8",
      env: environment,
    });
    assert.is(result.status, 0, result.stderr);
    return result.stdout;
  };
  const status = (): Status => JSON.parse(command("status", "--json"));
  /** Everybody there has served more than so many requests. */
  const areBusy = (workers: number, requests: number): boolean => {
    const now = status();
    return (
      now.workers.length === workers &&
      now.workers.every((one) => one.requests > requests && (!isLinux || one.sources > 1))
    );
  };
  await until(() => areBusy(2, 20));
  if (isLinux) assert.ok(status().sources >= 30);
  assert.match(command("top", "--count", "1"), /requests\/s/);
  child.kill("SIGHUP");
  await until(() => output.includes("all workers are new"));
  command("workers", "3");
  await until(() => areBusy(3, 10));
  child.kill("SIGINT");
  assert.equal(await ended, [0, null], output);
  assert.match(
    output,
    /limpet: demo: \d{2,} requests, \d+ visits, .*, 0 sessions lost, .*\n[\s\S]*limpet: stopped \(SIGINT\)\n$/,
  );
  assert.not.match(output, /no shoppers/);
});

test("serve --demo, of what it cannot do, says so in a sentence, with exit code 2", () => {
  for (const [parameters, message] of [
    [["--demo", "0"], /--demo takes a whole number of shoppers from 1 to 2000, not "0"/],
    [["--demo=many"], /--demo takes a whole number/],
    [["--demo", "--app", "other.js"], /--demo shops in the shop that limpet brings along.*other\.js/],
  ] as const) {
    const result = spawnSync(process.execPath, [limpet, "serve", ...parameters], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.is(result.status, 2);
    assert.is(result.stdout, "");
    assert.match(result.stderr, message);
    assert.match(result.stderr, /^limpet: [^\n]+\n$/, "one line");
  }
});

test("number of shoppers, is what the flag says", () => {
  assert.equal([shoppersIn(undefined), shoppersIn(true), shoppersIn("2000")], [undefined, 40, 2000]);
  for (const wrong of ["0", "-1", "2001", "1.5", "forty", "", "1e3"])
    assert.throws(
      () => shoppersIn(wrong),
      (error: Error) => error instanceof OptionError,
      wrong,
    );
});

test("app of a demo, is the shop with deliveries, whichever way the shop is named", () => {
  for (const options of [{}, { app: shop }, { app: new URL(`file://${shop}`) }]) {
    const { app, workers } = demoOptions({ ...options, workers: 3 });
    assert.match(String(app), /stocked-shop\.js$/);
    assert.is(workers, 3);
  }
  assert.throws(() => demoOptions({ app: "./mine.js" }), /the app is \.\/mine\.js/);
});

for (const [what, url, shoppers, message] of [
  ["nobody answers", "http://127.0.0.1:1/", 3, /cannot reach http:\/\/127\.0\.0\.1:1\/ \(ECONNREFUSED\)/],
  ["the URL is none", "nowhere", 3, /Invalid URL/],
  ["their thread fails", "http://127.0.0.1:1/", 0, /there can be 1 to 10000 shoppers/],
] as const) {
  test(`demo, where ${what}, is a warning, and can be stopped`, async () => {
    const warnings: string[] = [];
    const demo = new Demo(url, shoppers, (warning) => warnings.push(warning));
    assert.match(await demo.started, /^no shoppers: /);
    await demo.stop();
    assert.is(warnings.length, 1, warnings.join());
    assert.match(warnings[0]!, message);
    assert.match(warnings[0]!, /; the farm goes on$/);
  });
}

test.run();
