// The peer nginx of the `throughput` benchmark: one worker process, one file of so many zeros, sent by sendfile(2).
//   node nginx.js PORT BYTES        serves /bytes

import { once } from "node:events";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { spawnChild } from "../support/children.js";

const [port, bytes] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "limpet-bench-nginx-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "bytes");
writeFileSync(file, "");
truncateSync(file, bytes!);
const configuration = join(folder, "nginx.conf");
writeFileSync(
  configuration,
  `daemon off;
user root;
worker_processes 1;
pid ${folder}/pid;
error_log stderr;
events {}
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`,
);
const nginx = spawnChild("nginx", ["-p", folder, "-c", configuration, "-e", "stderr"], {
  stdio: ["ignore", "inherit", "inherit"],
});
nginx.once("exit", (code) => process.exit(code ?? 1));
process.once("SIGTERM", () => nginx.kill("SIGTERM"));

for (;;) {
  const socket = connect(port!, "127.0.0.1");
  const isThere = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  if (isThere) break;
  await after(20);
}
process.stdout.write("ready\n");
