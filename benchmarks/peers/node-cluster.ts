// The peer `node:cluster`: node:http in worker processes that share a port, scheduled round-robin, the default on Linux.
//   node node-cluster.js PORT WORKERS

import cluster from "node:cluster";
import { createServer } from "node:http";
import { HELLO, HELLO_TYPE } from "./response.js";

const [port, workers] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
  let ready = 0;
  cluster.on("listening", () => {
    if (++ready === workers) process.stdout.write("ready\n");
  });
  for (let i = 0; i < workers!; i++) cluster.fork();
} else {
  createServer((_request, response) => {
    response.writeHead(200, { "content-type": HELLO_TYPE, "content-length": HELLO.length });
    response.end(HELLO);
  }).listen(port);
}
