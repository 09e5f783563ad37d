// The peer node:cluster with stickiness by source: the primary accepts, and hands each connection over to the worker that its source
// names, by the address's digits as a number, the simplest of the hashes in use. It is how Node's documentation hands sockets over (child_process, "Example: sending a socket object",
// `pauseOnConnect` included), and what packages for sticky sessions do. A worker keeps its sessions in its own memory: that is
// what stickiness is wanted for here, and they are gone with the process.
//   node node-cluster-sticky.js PORT WORKERS

import cluster from "node:cluster";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { answer, send } from "./node-answer.js";
import { READ_PATH, visitsText, WRITE_PATH } from "./response.js";

const [port, workers] = process.argv.slice(2).map(Number);

function workerOf(source: string): number {
  return Number(source.replaceAll(/\D/g, "")) % workers!;
}

function servePrimary(): void {
  const all = Array.from({ length: workers! }, () => cluster.fork());
  let ready = 0;
  cluster.on("message", () => {
    if (++ready < workers!) return;
    const accept = (socket: Socket) => all[workerOf(socket.remoteAddress ?? "")]!.send("connection", socket);
    createTcpServer({ pauseOnConnect: true }, accept).listen(port, () => process.stdout.write("ready\n"));
  });
}

function serveWorker(): void {
  const visits = new Map<string, number>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== READ_PATH && request.url !== WRITE_PATH) {
      answer(request, response);
      return;
    }
    const sid = /\bsid=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? randomUUID();
    if (request.url === WRITE_PATH) visits.set(sid, (visits.get(sid) ?? 0) + 1);
    const body = visitsText(visits.get(sid) ?? 0);
    send(response, body, request.headers.cookie === undefined ? { "set-cookie": `sid=${sid}` } : {});
  });
  process.on("message", (_message, socket: Socket | undefined) => {
    // It may have ended on its way.
    if (socket === undefined) return;
    server.emit("connection", socket);
    socket.resume();
  });
  process.send!("ready");
}

if (cluster.isPrimary) servePrimary();
else serveWorker();
