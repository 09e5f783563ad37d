// The peer nginx, in the `http` and `throughput` benchmarks. As the documentation of its core and HTTP modules (nginx.org/en/docs) has it: a
// worker process for each core (`worker_processes auto`), files by sendfile(2) in full packets (`sendfile`, `tcp_nopush`), their
// descriptors kept open (`open_file_cache`), a short text by `return`, without a file at all. Connections are kept for more requests
// than the default of 1,000, as those of all other servers are.
//   node nginx.js PORT [BYTES]        BYTES: /bytes is a file of so many zeros

import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, runInstalled } from "./installed-server.js";
import { BODIES, BODY_TYPE } from "./response.js";

function configuration(folder: string, port: number): string {
  return `daemon off;
user root;
worker_processes auto;
pid ${folder}/pid;
error_log stderr;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=16;
  default_type "${BODY_TYPE}";
  server {
    listen ${port};
    root ${folder};
    location = /hello { return 200 "${BODIES["/hello"]}"; }
  }
}
`;
}

const [port, bytes] = process.argv.slice(2).map(Number);
const folder = makeFolder("nginx");
for (const path of ["/16-kib", "/1-mib"]) writeFileSync(join(folder, path), BODIES[path]!);
if (bytes !== undefined) {
  writeFileSync(join(folder, "bytes"), "");
  truncateSync(join(folder, "bytes"), bytes);
}
const file = join(folder, "nginx.conf");
writeFileSync(file, configuration(folder, port!));
await runInstalled("nginx", ["-p", folder, "-c", file, "-e", "stderr"], port!);
