// `limpet serve` as a person meets it: starts, says where to go, ends on a signal; and everything that can be wrong with
// how it is started is one sentence and exit code 2. Runs in a network namespace of its own.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ask, cookieOf } from "../support/client.js";
import { enterNamespace } from "../support/namespace.js";

const limpet = fileURLToPath(new URL("../../core/cli/limpet.js", import.meta.url));
const testApp = fileURLToPath(new URL("../support/test-app.js", import.meta.url));

if (enterNamespace()) {
  const folder = mkdtempSync(join(tmpdir(), "limpet-cli-"));
  const cli = suite("cli");
  cli.after(() => rmSync(folder, { recursive: true }));

  /** Runs limpet to its end; for starts that must fail. */
  function refused(...parameters: string[]): string {
    const result = spawnSync(process.execPath, [limpet, ...parameters], {
      cwd: folder,
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.is(result.status, 2, `${parameters.join(" ")}: ${result.stdout}${result.stderr}`);
    assert.is(result.stdout, "");
    assert.match(result.stderr, /^limpet: [^\n]+\n$/, "one line");
    assert.not.match(result.stderr, /\bat .*:\d+:\d+/, "no stack");
    return result.stderr;
  }

  interface Running {
    readonly child: ChildProcess;
    readonly output: () => string;
    readonly ended: Promise<number | null>;
  }

  /** Starts limpet and resolves when it says that it is ready. */
  async function serve(...parameters: string[]): Promise<Running> {
    const child = spawn(process.execPath, [limpet, "serve", ...parameters], { cwd: folder });
    let output = "";
    child.stderr.on("data", (chunk) => (output += chunk));
    const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (chunk) => {
        output += chunk;
        if (output.includes("ready after")) resolve();
      });
      void ended.then((code) => reject(new Error(`ended with ${code}: ${output}`)));
    });
    return { child, output: () => output, ended };
  }

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    cli(`serve, on ${signal}, takes its device away, closes the database and exits with 0`, async () => {
      const database = `${signal}.db`;
      const { child, output, ended } = await serve("--app", testApp, "--database", database);
      assert.match(output(), /open +http:\/\/198\.18\.0\.1\/\n/);
      assert.match(output(), /open +http:\/\/\[fd98:18::1\]\/\n/);
      assert.match(output(), /link +TUN device limpet0/);
      const cookie = cookieOf(await ask("http://198.18.0.1/session/add"));
      assert.ok("limpet0" in networkInterfaces());
      child.kill(signal);
      assert.is(await ended, 0, output());
      assert.not("limpet0" in networkInterfaces());
      assert.not(existsSync(join(folder, `${database}-wal`)), "the write-ahead log is in the database");

      const again = await serve("--app", testApp, "--database", database);
      const shown = (await ask("http://198.18.0.1/session", { cookie })).json();
      assert.equal([shown.origin, shown.count], ["database", 1]);
      again.child.kill("SIGTERM");
      assert.is(await again.ended, 0);
    });
  }

  cli("serve, with other addresses, port and device, serves there", async () => {
    const address = [
      "--address",
      "198.18.7.9/28",
      "--address6",
      "none",
      "--port",
      "8080",
      "--device",
      "rock0",
    ];
    const { child, output, ended } = await serve("--app", testApp, "--database", ":memory:", ...address);
    assert.match(output(), /open +http:\/\/198\.18\.7\.9:8080\/\n/);
    assert.not.match(output(), /open +http:\/\/\[/);
    assert.is((await ask("http://198.18.7.9:8080/")).status, 200);
    child.kill("SIGTERM");
    assert.is(await ended, 0);
  });

  cli("serve, while another has the device, says so; the first is not disturbed", async () => {
    const first = await serve("--app", testApp, "--database", ":memory:");
    assert.match(refused("serve", "--app", testApp, "--database", ":memory:"), /limpet0 is in use/);
    assert.is((await ask("http://198.18.0.1/")).status, 200);
    first.child.kill("SIGTERM");
    assert.is(await first.ended, 0);
  });

  cli(
    "worker that dies, leaves its clients to the others; the last one ends the farm with exit code 1",
    async () => {
      const { output, ended } = await serve("--app", testApp, "--database", ":memory:", "--workers", "2");
      const url = "http://198.18.0.1/";
      const { worker } = (await ask(url)).json();
      await ask(`${url}die`).then(
        () => assert.unreachable("the worker has answered"),
        () => {},
      );
      assert.is((await ask(url)).json().worker, 1 - Number(worker));
      await ask(`${url}die`).catch(() => {});
      assert.is(await ended, 1, output());
      assert.match(output(), "stopped (no worker left)");
    },
  );

  cli("serve, with wrong options, names the option and what it takes", () => {
    assert.match(refused("serve", "--frobnicate"), /unknown option '--frobnicate'/);
    assert.match(refused("serve", "--workers", "0"), /--workers.*auto or a whole number from 1 to 64/);
    assert.match(refused("serve", "--workers", "many"), /--workers.*auto or a whole number from 1 to 64/);
    assert.match(refused("serve", "--policy", "best"), /--policy.*least-loaded/);
    assert.match(refused("serve", "--address", "1.2.3.4"), /--address.*198\.18\.0\.1\/24/);
    assert.match(refused("serve", "--app", testApp, "--device", "lo"), /lo cannot be a TUN device/);
    assert.match(refused("frobnicate"), /unknown command 'frobnicate'/);
  });

  cli("serve, with an app that cannot be served, names the file and what is wrong", () => {
    const apps = {
      "throws.mjs": ['throw new Error("boom")', /throws\.mjs.*boom/],
      "empty.mjs": ["export default {}", /empty\.mjs.*fetch/],
      "syntax.mjs": ["export default {", /syntax\.mjs/],
      "setup.mjs": [
        'export default { fetch() {}, setup() { throw new Error("no disk") } }',
        /setup\.mjs.*could not be set up.*no disk/,
      ],
    } as const;
    for (const [name, [source, message]] of Object.entries(apps)) {
      writeFileSync(join(folder, name), source);
      assert.match(refused("serve", "--app", name, "--database", ":memory:"), message);
    }
    assert.match(refused("serve", "--app", "absent.mjs"), /no file .*absent\.mjs/);
  });

  cli("serve, with a database that cannot be used, says why", () => {
    writeFileSync(
      join(folder, "junk.db"),
      "this is no database, and long enough to be read as one ".repeat(100),
    );
    assert.match(
      refused("serve", "--app", testApp, "--database", "junk.db"),
      /junk\.db is not a SQLite database/,
    );
    assert.match(
      refused("serve", "--app", testApp, "--database", "none/x.db"),
      /directory .*none.* does not exist/,
    );
    assert.match(refused("serve", "--app", testApp, "--database", "."), /not a file/);
  });

  cli("serve, without the right to open a device, says what is missing and how to get it", () => {
    const without = ["--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups"];
    const result = spawnSync(
      "setpriv",
      [...without, process.execPath, limpet, "serve", "--app", testApp, "--database", ":memory:"],
      { encoding: "utf8", timeout: 20_000 },
    );
    assert.is(result.status, 2, result.stderr);
    assert.match(result.stderr, /^limpet: [^\n]*CAP_NET_ADMIN[^\n]*setcap[^\n]*\n$/);
  });

  cli("help and version, asked for, are printed with exit code 0", () => {
    for (const parameters of [["--help"], ["serve", "--help"], ["--version"]]) {
      const result = spawnSync(process.execPath, [limpet, ...parameters], { encoding: "utf8" });
      assert.is(result.status, 0);
      assert.ok(result.stdout.length > 0);
      assert.is(result.stderr, "");
    }
  });

  cli.run();
}
