// The peer node:cluster, as its documentation's first example has it: node:http in worker processes that share a port, to which
// connections go round-robin, the default on Linux. A client's next connection may be any worker's.
//   node node-cluster.js PORT WORKERS

import cluster from "node:cluster";
import { createServer } from "node:http";
import { answer } from "./node-answer.js";

const [port, workers] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
  let ready = 0;
  cluster.on("listening", () => {
    if (++ready === workers) process.stdout.write("ready\n");
  });
  for (let i = 0; i < workers!; i++) cluster.fork();
} else {
  createServer(answer).listen(port);
}
