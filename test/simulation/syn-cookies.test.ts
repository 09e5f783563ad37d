// Connections of any options that SYN cookies open, against a model client over a network that loses, damages and delays packets:
// SYNs go to any of two stacks of a farm, the ACK to any, and a forger guesses meanwhile. What must hold: every client is
// served, byte for byte; no one else is; no connection, timer or flow is left. Seeds as in tcp.test.ts. Order is kept, and what
// is lost was never first of several: a later segment proves no cookie, and is reset as the RFC has it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateCookiePeriod } from "../../core/memory/cookie-period.js";
import { NO_FLOW } from "../../core/memory/descriptor.js";
import { ACK, RST, SYN } from "../../core/wire/tcp.js";
import type { StreamConnection, StreamUser } from "../../workers/stream.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { SimClient } from "../support/sim-client.js";
import { Random, SimEgress, SimNetwork } from "../support/sim-network.js";
import { buildPacket, pattern, Slot } from "../support/tcp-packet.js";

const FIRST_PORT = 40_000;
const FORGER_PORT = 50_000;
const MAX_STEPS = 200_000;

interface Plan {
  readonly uploadBytes: number;
  readonly downloadBytes: number;
}

/** Takes each client's upload, answers it with its download and closes. */
class Server implements StreamUser {
  readonly uploads = new Map<StreamConnection, number>();
  closes = 0;
  readonly #plans: readonly Plan[];

  constructor(plans: readonly Plan[]) {
    this.#plans = plans;
  }

  #planOf(connection: StreamConnection): Plan {
    const plan = this.#plans[connection.sourcePort - FIRST_PORT];
    assert.ok(plan !== undefined, `port ${connection.sourcePort} is a client's`);
    return plan!;
  }

  opened(connection: StreamConnection): void {
    this.uploads.set(connection, 0);
    if (this.#planOf(connection).uploadBytes === 0) this.#answer(connection);
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const from = this.uploads.get(connection)!;
    const expected = pattern(connection.sourcePort + from, end - start);
    assert.is(Buffer.compare(bytes.slice(start, end), expected), 0, "the upload is right");
    this.uploads.set(connection, from + end - start);
    if (from + end - start === this.#planOf(connection).uploadBytes) this.#answer(connection);
    return end - start;
  }

  #answer(connection: StreamConnection): void {
    connection.send(pattern(0, this.#planOf(connection).downloadBytes));
    connection.close();
  }

  peerClosed(): void {}

  drained(): void {}

  closed(): void {
    this.closes++;
  }
}

function portOf(packet: Uint8Array, isDestination: boolean): number {
  const at = (packet[0]! >>> 4 === 4 ? 20 : 40) + (isDestination ? 2 : 0);
  return (packet[at]! << 8) | packet[at + 1]!;
}

function flagsOf(packet: Uint8Array): number {
  return packet[(packet[0]! >>> 4 === 4 ? 20 : 40) + 13]!;
}

/** What the director does: SYNs of no flow go anywhere, and what else has none begins one; sources of connections stay pinned. */
class Director {
  readonly #pinned = new Map<number, TcpStack>();
  readonly #proven = new Set<number>();
  readonly #slot = new Slot();
  readonly #random: Random;
  readonly #stacks: readonly TcpStack[];

  constructor(random: Random, stacks: readonly TcpStack[]) {
    this.#random = random;
    this.#stacks = stacks;
  }

  receive(packet: Uint8Array): void {
    const port = portOf(packet, false);
    const flags = flagsOf(packet) & (SYN | ACK | RST);
    let stack = this.#pinned.get(port);
    const isFlowless = stack === undefined && flags === SYN;
    if (stack === undefined) {
      stack = this.#stacks[this.#random.between(0, 1)]!;
      if (!isFlowless) this.#pinned.set(port, stack);
    }
    this.#slot.give(stack, packet, isFlowless ? NO_FLOW : port, 1, 77);
  }

  flowEnded(port: number, wasConnection: boolean): void {
    if (wasConnection) this.#proven.add(port);
    else if (!this.#proven.has(port)) this.#pinned.delete(port);
  }
}

function simulate(seed: number): void {
  const random = new Random(seed);
  const isClean = random.chance(0.3);
  const network = new SimNetwork(random, {
    loss: isClean ? 0 : random.next() * 0.2,
    duplication: 0,
    corruption: isClean ? 0 : random.next() * 0.05,
    reordering: 0,
    reorderMs: 0,
    delayMs: random.between(0, 80),
  });
  let nowMs = random.between(0, 1_000_000);
  const mtuBytes = random.chance(0.5) ? 1500 : random.between(600, 1500);
  const plans: Plan[] = Array.from({ length: random.between(1, 4) }, () => ({
    uploadBytes: isClean ? random.between(0, 30_000) : random.between(0, 500),
    downloadBytes: random.between(0, 30_000),
  }));
  const clients: SimClient[] = [];
  const server = new Server(plans);
  const cookiePeriod = allocateCookiePeriod();
  const ended = new Set<number>();
  const stacks = [0, 1].map(() => {
    const egress = new SimEgress(mtuBytes, random.chance(0.5), (packet) =>
      network.send(nowMs, packet, (arriving) =>
        clients[portOf(arriving, true) - FIRST_PORT]?.arrive(nowMs, arriving),
      ),
    );
    return new TcpStack({
      egresses: [egress],
      user: server,
      listenPorts: [80],
      nowMs,
      secret: [seed, ~seed, seed * 3],
      cookiePeriod,
      limits: { maxHalfOpen: 0, maxRetransmissions: 60 },
      flowEnded: (flow, _generation, wasConnection) => {
        if (wasConnection) ended.add(flow);
        director.flowEnded(flow, wasConnection);
      },
    });
  });
  const director: Director = new Director(random, stacks);
  const ipVersion = random.chance(0.5) ? 4 : 6;
  for (const [index, { uploadBytes, downloadBytes }] of plans.entries()) {
    const port = FIRST_PORT + index;
    const client = new SimClient(
      {
        endpoint: { ipVersion, port, localPort: 80 },
        upload: pattern(port, uploadBytes),
        downloadBytes,
        hasTimestamps: random.chance(0.6),
        hasSack: random.chance(0.6),
        windowShift: random.chance(0.7) ? random.between(0, 14) : -1,
        mss: random.chance(0.5) ? 1460 : random.between(48, 1460),
        bufferBytes: random.chance(0.5) ? 65_000 : random.between(20_000, 200_000),
        readEveryMs: random.chance(0.5) ? 0 : random.between(1, 100),
        delayedAckMs: random.chance(0.5) ? 0 : 40,
        closesEarly: random.chance(0.5),
        resetsAtBytes: -1,
      },
      random,
      nowMs,
      (packet) => network.send(nowMs, packet, (arriving) => director.receive(arriving)),
    );
    clients.push(client);
  }

  const nextMs = () =>
    Math.min(
      network.nextMs,
      ...stacks.map((stack) => stack.nextDeadlineMs()),
      ...clients.map((client) => client.nextMs),
    );
  const word = () => random.between(-(2 ** 31), 2 ** 31 - 1);
  for (let steps = 0; nextMs() !== Number.POSITIVE_INFINITY; steps++) {
    assert.ok(steps < MAX_STEPS, "it comes to an end");
    nowMs = Math.max(nowMs, nextMs());
    for (const stack of stacks) stack.turn(nowMs);
    network.run(nowMs, random.between(1, 64));
    for (const client of clients) client.run(nowMs);
    if (random.chance(0.1)) {
      const endpoint = { ipVersion, port: FORGER_PORT + random.between(0, 99), localPort: 80 } as const;
      director.receive(buildPacket(endpoint, word(), word(), ACK, 1000, pattern(0, random.between(0, 9))));
    }
    for (const stack of stacks) {
      stack.expire();
      stack.flush();
    }
  }

  for (const [index, client] of clients.entries()) {
    assert.not(client.wasReset, "no connection is reset");
    assert.ok(client.isDone, "both sides have closed");
    const expected = pattern(0, plans[index]!.downloadBytes);
    assert.is(Buffer.compare(client.download, expected), 0, "the download is right");
  }
  assert.is(server.uploads.size, plans.length, "one connection a client, and none of the forger's");
  assert.is(server.closes, plans.length);
  assert.is(ended.size, plans.length, "each flow has ended");
  let accepted = 0;
  for (const stack of stacks) {
    assert.equal([stack.connectionCount, stack.timeWaitCount, stack.timerCount], [0, 0, 0]);
    accepted += stack.counters.synCookiesAccepted;
  }
  assert.is(accepted, plans.length);
}

const only = process.env.LIMPET_SIM_SEED;
const first = only === undefined ? 1 : Number(only);
const count = only === undefined ? Number(process.env.LIMPET_SIM_SEEDS ?? 200) : 1;

test("simulation, any options of a SYN through a cookie, make a connection that works, and nothing else makes one", () => {
  for (let seed = first; seed < first + count; seed++) {
    try {
      simulate(seed);
    } catch (error) {
      (error as Error).message += ` (replay with LIMPET_SIM_SEED=${seed})`;
      throw error;
    }
  }
});

test.run();
