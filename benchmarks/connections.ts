// What does a connection cost that is open and idle, as most are? Bytes that stay for each, in TCP alone and with HTTP.

import { HttpResponse } from "../workers/http/response.js";
import { HttpServer } from "../workers/http/server.js";
import type { StreamConnection, StreamUser } from "../workers/stream.js";
import type { Benchmark } from "./support/benchmark.js";
import { measureHeap } from "./support/heap.js";
import { IdleConnections } from "./support/idle-connections.js";
import { count } from "./support/parameters.js";

export interface ConnectionsOptions {
  readonly connections: number;
}

export interface ConnectionsFigure {
  readonly what: "TCP" | "TCP and HTTP";
  readonly connections: number;
  /** Bytes a connection: in the engine's heap, and in arrays beside it. */
  readonly heapBytes: number;
  readonly arrayBytes: number;
  /** Time that opening, one request and its answer took, in µs a connection. */
  readonly openUs: number;
}

const answer = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "latin1");

/** The least that a user can be: answers every arrival, and remembers nothing. */
const echo: StreamUser = {
  opened() {},
  received(connection: StreamConnection, _bytes: Uint8Array, start: number, end: number): number {
    connection.send(answer);
    return end - start;
  },
  peerClosed() {},
  drained() {},
  closed() {},
};

export async function runConnections(options: ConnectionsOptions): Promise<ConnectionsFigure[]> {
  const response = HttpResponse.text("hello");
  return [
    await measure("TCP", options.connections, echo),
    await measure("TCP and HTTP", options.connections, new HttpServer({}, () => response, Date.now)),
  ];
}

async function measure(
  what: ConnectionsFigure["what"],
  connections: number,
  user: StreamUser,
): Promise<ConnectionsFigure> {
  const idle = new IdleConnections(user);
  // The code is compiled, and what is there once only is there.
  idle.open(2000);
  let arraysBefore = 0;
  let openMs = 0;
  const { heap } = await measureHeap(() => {
    arraysBefore = process.memoryUsage().arrayBuffers;
    const startMs = performance.now();
    idle.open(connections);
    openMs = performance.now() - startMs;
  });
  if (idle.stack.connectionCount !== connections + 2000) throw new Error("not all connections are open");
  return {
    what,
    connections,
    heapBytes: heap.retainedBytes / connections,
    arrayBytes: (process.memoryUsage().arrayBuffers - arraysBefore) / connections,
    openUs: (openMs * 1000) / connections,
  };
}

export const connections: Benchmark<ConnectionsOptions, ConnectionsFigure[]> = {
  name: "connections",
  question: "bytes that an open and idle connection costs a worker",
  isInNamespace: false,
  options: (command) => command.option("--connections <n>", "connections to open", count, 100_000),
  run: runConnections,
  tables: (figures) => [
    figures.map((figure) => ({
      what: figure.what,
      "heap bytes": figure.heapBytes.toFixed(0),
      "bytes in arrays": figure.arrayBytes.toFixed(0),
      "µs to open and ask once": figure.openUs.toFixed(1),
    })),
  ],
};
