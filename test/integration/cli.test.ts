// The limpet command as a person meets it: `serve` starts, says where to go, ends on a signal; the other commands ask it and
// tell it; and everything that can be wrong with how it is started is one sentence and exit code 2. Runs in a network
// namespace of its own.

import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
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

  /** Runs limpet to its end, and gives what it prints; for commands that must succeed. */
  function run(...parameters: string[]): string {
    const result = spawnSync(process.execPath, [limpet, ...parameters], {
      cwd: folder,
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.is(result.status, 0, `${parameters.join(" ")}: ${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  interface Running {
    readonly child: ChildProcess;
    readonly output: () => string;
    readonly ended: Promise<number | null>;
  }

  /** Starts limpet and resolves when it says that it is ready. */
  async function serve(...parameters: string[]): Promise<Running> {
    return started(spawn(process.execPath, [limpet, "serve", ...parameters], { cwd: folder }));
  }

  async function started(child: ChildProcessWithoutNullStreams): Promise<Running> {
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
      assert.match(output(), /open +http:\/\/127\.0\.0\.1:8080\/\n/);
      assert.match(output(), /link +TUN device limpet0/);
      assert.match(output(), /link +sockets at 127\.0\.0\.1, TCP and UDP port 8080/);
      assert.match(output(), /admin +http:\/\/127\.0\.0\.1:9090/);
      const cookie = cookieOf(await ask("http://198.18.0.1/session/add"));
      assert.ok("limpet0" in networkInterfaces());
      child.kill(signal);
      assert.is(await ended, 0, output());
      assert.not("limpet0" in networkInterfaces());
      assert.not(existsSync(join(folder, `${database}-wal`)), "the write-ahead log is in the database");

      const again = await serve("--app", testApp, "--database", database);
      // The session began over the device, and goes on over a socket.
      const shown = (await ask("http://127.0.0.1:8080/session", { cookie })).json();
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

  cli("serve, while another has device and ports, says so; the first is not disturbed", async () => {
    const first = await serve("--app", testApp, "--database", ":memory:");
    const other = ["serve", "--app", testApp, "--database", ":memory:"];
    assert.match(refused(...other), /limpet0 is in use/);
    assert.match(refused(...other, "--tun", "off"), /127\.0\.0\.1:8080.*in use/);
    assert.match(
      refused(...other, "--tun", "off", "--socket", "127.0.0.1:8081"),
      /admin.*127\.0\.0\.1:9090.*in use/,
    );
    assert.is((await ask("http://198.18.0.1/")).status, 200);
    assert.is((await ask("http://127.0.0.1:8080/")).status, 200);
    first.child.kill("SIGTERM");
    assert.is(await first.ended, 0);
  });

  cli("worker that dies, is replaced, and the farm goes on", async () => {
    const { child, output, ended } = await serve(
      "--app",
      testApp,
      "--database",
      ":memory:",
      "--workers",
      "1",
    );
    for (const url of ["http://198.18.0.1/", "http://127.0.0.1:8080/"]) {
      await ask(`${url}die`).then(
        () => assert.unreachable("the worker has answered"),
        () => {},
      );
      assert.is((await ask(url)).json().worker, 0);
    }
    assert.match(output(), /"worker":0.*worker exited with code: 3/);
    child.kill("SIGTERM");
    assert.is(await ended, 0, output());
  });

  cli(
    "signals: SIGHUP reads the app anew, SIGTERM lets a request finish, a second one does not",
    async () => {
      const app = join(folder, "signals.mjs");
      const source = (version: number) => `
      export default {
        sessionless: () => true,
        async fetch(request) {
          if (request.path === "/wait") await new Promise((resolve) => setTimeout(resolve, 60000));
          return new Response("version ${version}");
        },
      };`;
      writeFileSync(app, source(1));
      const { child, output, ended } = await serve("--app", app, "--database", ":memory:", "--tun", "off");
      const url = "http://127.0.0.1:8080/";
      assert.is((await ask(url)).body.toString(), "version 1");
      writeFileSync(app, source(2));
      child.kill("SIGHUP");
      while (!output().includes("all workers are new")) await ask(url);
      assert.is((await ask(url)).body.toString(), "version 2");
      const unfinished = ask(`${url}wait`).then(
        () => "answered",
        (error: NodeJS.ErrnoException) => error.code,
      );
      const inFlight = () =>
        JSON.parse(run("status", "--json")).workers.some(
          ({ inFlight }: { inFlight: number }) => inFlight > 0,
        );
      while (!inFlight()) await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill("SIGTERM");
      while (!output().includes("again to end at once")) await new Promise(setImmediate);
      child.kill("SIGTERM");
      assert.is(await unfinished, "ECONNRESET");
      assert.is(await ended, 0, output());
    },
  );

  cli("commands, ask a running farm and tell it", async () => {
    const { child, ended } = await serve("--app", testApp, "--database", ":memory:", "--workers", "1");
    assert.match(run("status"), /1 of 1 serving/);
    run("workers", "3");
    const status = JSON.parse(run("status", "--json"));
    assert.equal(
      status.workers.map(({ state }: { state: string }) => state),
      ["serving", "serving", "serving"],
    );
    run("drain", "1");
    assert.equal(
      JSON.parse(run("workers", "--json")).workers.map(({ worker }: { worker: number }) => worker),
      [0, 2],
    );
    run("reload");
    assert.is((await ask("http://127.0.0.1:8080/")).status, 200);
    assert.match(run("flows", "--kind", "source"), /127\.0\.0\.1/);
    assert.match(run("top", "--count", "1"), /requests\/s/);
    assert.match(refused("drain", "7"), /no worker 7/);
    assert.match(refused("workers", "0"), /auto or a whole number from 1 to 64/);
    child.kill("SIGTERM");
    assert.is(await ended, 0);
    assert.match(refused("status"), /no farm answers at http:\/\/127\.0\.0\.1:9090/);
  });

  cli("options, come from file and environment too, and check shows them", async () => {
    writeFileSync(join(folder, "farm.toml"), 'workers = 2\ntun = "off"\nsocket = "127.0.0.1:8090"\n');
    writeFileSync(join(folder, "wrong.toml"), 'workers = 0\npolicy = "best"\n');
    assert.match(run("check", "farm.toml"), /127\.0\.0\.1:8090/);
    const checked = spawnSync(process.execPath, [limpet, "check", "wrong.toml"], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.is(checked.status, 2);
    assert.match(checked.stdout + checked.stderr, /workers in wrong\.toml[\s\S]*policy in wrong\.toml/);
    const { child, output, ended } = await serve(
      "--config",
      "farm.toml",
      "--app",
      testApp,
      "--database",
      ":memory:",
    );
    assert.match(output(), /workers +2,/);
    assert.is((await ask("http://127.0.0.1:8090/")).status, 200);
    child.kill("SIGTERM");
    assert.is(await ended, 0);
  });

  cli("serve, with wrong options, names the option and what it takes", () => {
    assert.match(refused("serve", "--frobnicate"), /unknown option '--frobnicate'/);
    assert.match(refused("serve", "--workers", "0"), /--workers.*auto or a whole number from 1 to 64/);
    assert.match(refused("serve", "--workers", "many"), /--workers.*auto or a whole number from 1 to 64/);
    assert.match(refused("serve", "--policy", "best"), /--policy.*least-loaded/);
    assert.match(refused("serve", "--tun", "off", "--socket", "none"), /no link/);
    assert.match(refused("serve", "--admin", "0.0.0.0:9090"), /token/i);
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

  cli("serve, without the right to open a device, serves over sockets, and says how to get one", async () => {
    const without = ["--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups"];
    const parameters = [
      ...without,
      process.execPath,
      limpet,
      "serve",
      "--app",
      testApp,
      "--database",
      ":memory:",
    ];
    const refusal = spawnSync("setpriv", [...parameters, "--tun", "on"], {
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.is(refusal.status, 2, refusal.stderr);
    assert.match(refusal.stderr, /^limpet: [^\n]*CAP_NET_ADMIN[^\n]*setcap[^\n]*\n$/);
    const { child, output, ended } = await started(spawn("setpriv", parameters));
    assert.match(output(), /no TUN +[^\n]*CAP_NET_ADMIN[^\n]*setcap/);
    assert.is((await ask("http://127.0.0.1:8080/")).status, 200);
    child.kill("SIGTERM");
    assert.is(await ended, 0, output());
  });

  cli("help and version, asked for, are printed with exit code 0", () => {
    const commands = ["serve", "check", "status", "top", "workers", "flows", "drain", "reload"];
    for (const parameters of [["--help"], ["--version"], ...commands.map((command) => [command, "--help"])]) {
      const result = spawnSync(process.execPath, [limpet, ...parameters], { encoding: "utf8" });
      assert.is(result.status, 0);
      assert.ok(result.stdout.length > 0);
      assert.is(result.stderr, "");
    }
  });

  cli.run();
}
