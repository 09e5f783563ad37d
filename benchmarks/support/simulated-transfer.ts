// Stacks that send, clients that receive, and the path between them, brought together on virtual time. Each flow has a stack
// of its own, so that flows of different kinds can share a path. Runs with one seed are equal.

import type { StreamConnection, StreamUser } from "../../workers/stream.js";
import type { CongestionName } from "../../workers/tcp/congestion-algorithms.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { ModelClient } from "./model-client.js";
import type { Random } from "./random.js";
import { PathEgress, type PathOptions, SimulatedPath } from "./simulated-path.js";

/** What always waits to be sent on a connection that sends without end, and room for what any path holds besides. */
const BULK_BYTES = 16 * 1024 * 1024;
const SEND_BUFFER_BYTES = 200 * 1024 * 1024;
const chunk = new Uint8Array(1024 * 1024);

interface Flow {
  readonly stack: TcpStack;
  readonly egress: PathEgress;
  readonly client: ModelClient;
}

export class SimulatedTransfer {
  readonly path: SimulatedPath;
  readonly flows: Flow[] = [];
  readonly #random: Random;
  nowMs = 1000;

  constructor(options: PathOptions) {
    this.#random = options.random;
    this.path = new SimulatedPath(options);
  }

  /** A flow whose server sends `responseBytes` for each request, or without end and unasked (Infinity). */
  addFlow(congestion: CongestionName, responseBytes: number): Flow {
    const egress = new PathEgress(this.path);
    const stack = new TcpStack({
      congestion,
      egresses: [egress],
      user: responseBytes === Infinity ? new EndlessSender() : new Responder(responseBytes),
      listenPorts: [80],
      nowMs: this.nowMs,
      secret: [this.#random.word(), this.#random.word(), 0],
      flowEnded() {},
      limits: {
        sendHighWaterBytes: BULK_BYTES,
        sendLowWaterBytes: BULK_BYTES - chunk.length,
        sendBufferBytes: SEND_BUFFER_BYTES,
      },
    });
    const flow = { stack, egress, client: new ModelClient(stack, this.path, 1024 + this.flows.length) };
    this.flows.push(flow);
    return flow;
  }

  /** Lets time pass up to `untilMs`. */
  run(untilMs: number): void {
    for (;;) {
      let nextMs = this.path.nextMs;
      for (const { stack, client } of this.flows) {
        nextMs = Math.min(nextMs, stack.nextDeadlineMs(), client.ackAtMs);
      }
      if (nextMs > untilMs) break;
      this.#step(Math.max(this.nowMs, nextMs));
    }
    this.nowMs = untilMs;
  }

  #step(nowMs: number): void {
    this.nowMs = nowMs;
    const { flows } = this;
    for (const { stack, egress } of flows) {
      egress.nowMs = nowMs;
      stack.turn(nowMs);
    }
    this.path.deliver(nowMs, (segment) => flows[segment.port - 1024]!.client.arrive(nowMs, segment));
    for (const { stack, client } of flows) {
      if (client.ackAtMs <= nowMs) client.acknowledge(nowMs);
      stack.expire();
      stack.flush();
    }
  }
}

class EndlessSender implements StreamUser {
  opened(connection: StreamConnection): void {
    while (!connection.isAboveHighWater) connection.send(chunk);
  }

  received(_connection: StreamConnection, _bytes: Uint8Array, start: number, end: number): number {
    return end - start;
  }

  peerClosed(): void {}

  drained(connection: StreamConnection): void {
    this.opened(connection);
  }

  closed(): void {}
}

class Responder extends EndlessSender {
  readonly #responseBytes: number;

  constructor(responseBytes: number) {
    super();
    this.#responseBytes = responseBytes;
  }

  override opened(): void {}

  override received(connection: StreamConnection, _bytes: Uint8Array, start: number, end: number): number {
    connection.send(chunk, 0, this.#responseBytes);
    return end - start;
  }

  override drained(): void {}
}
