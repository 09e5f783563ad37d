// Bytes that an open and idle connection costs a worker, in TCP alone and with HTTP, and the time that opening it takes.

import { HttpResponse } from "../../workers/http/response.js";
import { HttpServer } from "../../workers/http/server.js";
import type { StreamConnection, StreamUser } from "../../workers/stream.js";
import { measureHeap } from "./heap.js";
import { IdleConnections } from "./idle-connections.js";
import type { Progress } from "./progress.js";
import { type Spread, spreadOf } from "./spread.js";

export const IDLE_KINDS = ["TCP", "TCP and HTTP"] as const;

export interface IdleFigure {
  readonly what: (typeof IDLE_KINDS)[number];
  readonly connections: number;
  /** Bytes a connection: in the engine's heap, and in arrays beside it. */
  readonly heapBytes: Spread;
  readonly arrayBytes: Spread;
  /** Time that opening, one request and its answer took, in µs a connection. */
  readonly openUs: Spread;
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

/** Until the code is compiled, and what is there once only is there. */
const WARM_UP_CONNECTIONS = 2000;

interface IdleRound {
  readonly heapBytes: number;
  readonly arrayBytes: number;
  readonly openUs: number;
}

export async function measureIdle(
  { connections, rounds }: { readonly connections: number; readonly rounds: number },
  progress: Progress,
): Promise<IdleFigure[]> {
  const response = HttpResponse.text("hello");
  const figures: IdleFigure[] = [];
  for (const what of IDLE_KINDS) {
    const measured: IdleRound[] = [];
    for (let round = 1; round <= rounds; round++) {
      progress.next(`round ${round} of ${rounds}: idle connections, ${what}`);
      const user = what === "TCP" ? echo : new HttpServer({}, () => response, Date.now);
      measured.push(await idleRound(user, connections));
    }
    const of = (name: keyof IdleRound) => spreadOf(measured.map((round) => round[name]));
    const [heapBytes, arrayBytes, openUs] = [of("heapBytes"), of("arrayBytes"), of("openUs")];
    figures.push({ what, connections, heapBytes, arrayBytes, openUs });
  }
  return figures;
}

async function idleRound(user: StreamUser, connections: number): Promise<IdleRound> {
  // What the round before has left is collected, and its arrays, which the engine gives back later, with the collection after it.
  await measureHeap(() => {});
  const idle = new IdleConnections(user);
  idle.open(WARM_UP_CONNECTIONS);
  let arraysBefore = 0;
  let openMs = 0;
  const { heap } = await measureHeap(() => {
    arraysBefore = process.memoryUsage().arrayBuffers;
    const startMs = performance.now();
    idle.open(connections);
    openMs = performance.now() - startMs;
  });
  if (idle.stack.connectionCount !== connections + WARM_UP_CONNECTIONS)
    throw new Error("not all connections are open");
  return {
    heapBytes: heap.retainedBytes / connections,
    arrayBytes: (process.memoryUsage().arrayBuffers - arraysBefore) / connections,
    openUs: (openMs * 1000) / connections,
  };
}
