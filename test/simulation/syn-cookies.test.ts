// Connections of any options that SYN cookies open, against a model client over a network that loses, damages and delays packets:
// SYNs go to any of two stacks of a farm, the ACK to any, and a forger guesses meanwhile. What must hold: every client is
// served, byte for byte; no one else is; no connection, timer or flow is left. Order is kept, and what is lost was never first of
// several: a later segment proves no cookie, and is reset as the RFC has it. Seeds: support/sim-seeds.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateCookiePeriod } from "../../core/memory/cookie-period.js";
import { NO_FLOW } from "../../core/memory/descriptor.js";
import { ACK, RST, SYN } from "../../core/wire/tcp.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { SimClient } from "../support/sim-client.js";
import { Random, SimEgress, SimNetwork } from "../support/sim-network.js";
import { forEachSeed, simSeeds } from "../support/sim-seeds.js";
import { type SimPlan, SimUser } from "../support/sim-user.js";
import { buildPacket, pattern, Slot } from "../support/tcp-packet.js";

const FIRST_PORT = 40_000;
const FORGER_PORT = 50_000;
const MAX_STEPS = 200_000;

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
  const plans = new Map<number, SimPlan>();
  for (let port = FIRST_PORT, last = FIRST_PORT + random.between(0, 3); port <= last; port++) {
    const uploadBytes = isClean ? random.between(0, 30_000) : random.between(0, 500);
    plans.set(port, { uploadBytes, downloadBytes: random.between(0, 30_000), answersAtOnce: false });
  }
  const clients = new Map<number, SimClient>();
  const user = new SimUser(random, plans, 0);
  const cookiePeriod = allocateCookiePeriod();
  const ended = new Set<number>();
  const stacks = [0, 1].map(() => {
    const egress = new SimEgress(mtuBytes, random.chance(0.5), (packet) =>
      network.send(nowMs, packet, (arriving) => clients.get(portOf(arriving, true))?.arrive(nowMs, arriving)),
    );
    return new TcpStack({
      egresses: [egress],
      user,
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
  for (const [port, { uploadBytes, downloadBytes }] of plans) {
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
    clients.set(port, client);
  }

  const nextMs = () =>
    Math.min(
      network.nextMs,
      ...stacks.map((stack) => stack.nextDeadlineMs()),
      ...[...clients.values()].map((client) => client.nextMs),
    );
  const word = () => random.between(-(2 ** 31), 2 ** 31 - 1);
  for (let steps = 0; nextMs() !== Number.POSITIVE_INFINITY; steps++) {
    assert.ok(steps < MAX_STEPS, "it comes to an end");
    nowMs = Math.max(nowMs, nextMs());
    for (const stack of stacks) stack.turn(nowMs);
    network.run(nowMs, random.between(1, 64));
    for (const client of clients.values()) client.run(nowMs);
    if (random.chance(0.1)) {
      const endpoint = { ipVersion, port: FORGER_PORT + random.between(0, 99), localPort: 80 } as const;
      director.receive(buildPacket(endpoint, word(), word(), ACK, 1000, pattern(0, random.between(0, 9))));
    }
    for (const stack of stacks) {
      stack.expire();
      stack.flush();
    }
  }

  for (const [port, client] of clients) {
    assert.not(client.wasReset, "no connection is reset");
    assert.ok(client.isDone, "both sides have closed");
    const expected = pattern(0, plans.get(port)!.downloadBytes);
    assert.is(Buffer.compare(client.download, expected), 0, "the download is right");
  }
  for (const [{ sourcePort }, { bytes, count }] of user.uploads) {
    assert.is(count, bytes.length, "the whole upload arrives");
    assert.is(Buffer.compare(bytes, pattern(sourcePort, count)), 0, "the upload is right");
  }
  assert.is(user.uploads.size, plans.size, "one connection a client, and none of the forger's");
  assert.is(user.reasons.size, plans.size);
  assert.is(ended.size, plans.size, "each flow has ended");
  let accepted = 0;
  for (const stack of stacks) {
    assert.equal([stack.connectionCount, stack.timeWaitCount, stack.timerCount], [0, 0, 0]);
    accepted += stack.counters.synCookiesAccepted;
  }
  assert.is(accepted, plans.size);
}

test("simulation, any options of a SYN through a cookie, make a connection that works, and nothing else makes one", () => {
  forEachSeed(simSeeds(200), simulate);
});

test.run();
