// Where the admin interface listens, and the one sentence for each reason why it cannot.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { AdminListenError, listenAt } from "../../../core/admin/listen-at.js";
import type { Endpoint, UnixSocket } from "../../../core/options/farm-options.js";
import { withAdmin } from "./admin-fixture.js";

const listening = suite("listening");
const folder = mkdtempSync(join(tmpdir(), "limpet-admin-"));
listening.after(() => rmSync(folder, { recursive: true }));

/** The error of a second server at a place, which must not have come to listen there. */
async function refusal(where: Endpoint | UnixSocket): Promise<AdminListenError> {
  const server = createServer();
  const error = await listenAt(server, where).then(
    () => assert.unreachable("it listens"),
    (error: unknown) => error,
  );
  assert.not(server.listening);
  assert.instance(error, AdminListenError);
  assert.not.match((error as Error).message, /\n/);
  return error as AdminListenError;
}

listening(
  "unix socket, is its owner's alone from the first moment, answers, and is gone after close",
  async () => {
    const path = join(folder, "own.sock");
    const mask = process.umask();
    await withAdmin(
      async ({ server, ask }) => {
        assert.is(server.url, `unix:${path}`);
        assert.is(statSync(path).mode & 0o777, 0o600);
        assert.is(process.umask(), mask, "the process's mask is what it was");
        assert.is((await ask("/healthz")).text, "ok\n");
      },
      undefined,
      { path },
    );
    assert.not(existsSync(path));
  },
);

listening("unix socket, that a dead process left behind, is replaced", async () => {
  const path = join(folder, "stale.sock");
  // Killed, it cannot remove its socket.
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  assert.is(spawnSync(process.execPath, ["-e", script]).signal, "SIGKILL");
  assert.ok(statSync(path).isSocket());
  await withAdmin(async ({ ask }) => assert.is((await ask("/healthz")).text, "ok\n"), undefined, { path });
});

listening("unix socket, of a live process, is in use and goes on", async () => {
  const path = join(folder, "live.sock");
  await withAdmin(
    async ({ ask }) => {
      const { code, message } = await refusal({ path });
      assert.is(code, "admin_in_use");
      assert.is(message, `the admin socket unix:${path} is in use: choose another with --admin, or none`);
      assert.is((await ask("/healthz")).text, "ok\n");
    },
    undefined,
    { path },
  );
});

listening("unix socket, where another file is, leaves that alone", async () => {
  const path = join(folder, "notes.txt");
  writeFileSync(path, "mine");
  assert.is((await refusal({ path })).code, "admin_in_use");
  assert.is(statSync(path).size, 4);
});

listening("port, that is taken, is in use", () =>
  withAdmin(async ({ server }) => {
    const port = Number(new URL(server.url).port);
    const { code, message } = await refusal({ host: "127.0.0.1", port });
    assert.is(code, "admin_in_use");
    assert.is(message, `the admin port 127.0.0.1:${port} is in use: choose another with --admin, or none`);
  }),
);

listening("place, that cannot be, is named with the reason", async () => {
  const absent = await refusal({ path: join(folder, "none", "admin.sock") });
  assert.is(absent.code, "admin_unavailable");
  assert.match(absent.message, /^the admin interface cannot listen at unix:.*: .*\((ENOENT|EACCES)\)$/);
  // TEST-NET-3 (RFC 5737): nobody's.
  const foreign = await refusal({ host: "203.0.113.1", port: 9090 });
  assert.match(
    foreign.message,
    /at 203\.0\.113\.1:9090: this machine has no such address \(EADDRNOTAVAIL\)$/,
  );
});

listening.run();
