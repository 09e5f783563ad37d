// The worker's TCP against model clients over a network that loses, repeats, reorders, damages and delays packets: all of one run
// follows from its seed. What must hold: the bytes that arrive are those that were sent, in order, once, both ways; every
// connection ends; no connection, record, timer or flow is left. Seeds: support/sim-seeds.ts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { readWord } from "../../core/wire/word.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { SimClient } from "../support/sim-client.js";
import { type PathFaults, Random, SimEgress, SimNetwork } from "../support/sim-network.js";
import { forEachSeed, simSeeds } from "../support/sim-seeds.js";
import { type SimPlan, SimUser } from "../support/sim-user.js";
import { buildIcmpError, type Endpoint, pattern, Slot } from "../support/tcp-packet.js";

const MAX_VIRTUAL_MS = 24 * 3_600_000;
const MAX_STEPS = 1_000_000;
const FIRST_PORT = 40_000;
/** The same for all: the table has to tell the connections apart. */
const HASH = 77;
const TOO_BIG = { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } } as const;

/** One farm of one worker, its clients and the path between them. */
class Simulation {
  nowMs = 1000;
  readonly random: Random;
  readonly network: SimNetwork;
  readonly plans = new Map<number, SimPlan>();
  readonly clients = new Map<number, SimClient>();
  readonly egress: SimEgress;
  readonly user: SimUser;
  readonly stack: TcpStack;
  readonly #endedFlows = new Set<number>();
  /** From this time on nothing larger gets to the clients, and we are told, or not. */
  readonly #narrow: { readonly fromMs: number; readonly mtuBytes: number; readonly isBlackHole: boolean };
  readonly #ipVersion: 4 | 6;
  /** How often the device has no room for a whole turn. */
  readonly #fullness: number;
  readonly #slot = new Slot();
  readonly #receiveBufferBytes: number;

  constructor(seed: number) {
    const random = new Random(seed);
    this.random = random;
    this.network = new SimNetwork(random, drawFaults(random));
    const mtuBytes = random.chance(0.5) ? 1500 : random.between(576, 1500);
    // A device that cuts segments (GSO), or a plain one.
    this.egress = new SimEgress(mtuBytes, random.chance(0.5), (packet) => this.#leave(packet));
    this.#ipVersion = random.chance(0.5) ? 4 : 6;
    this.#narrow = {
      fromMs: random.chance(0.2) ? this.nowMs + random.between(0, 500) : Number.POSITIVE_INFINITY,
      mtuBytes: this.#ipVersion === 4 ? random.between(552, 1499) : random.between(1280, 1499),
      isBlackHole: random.chance(0.3),
    };
    this.user = new SimUser(random, this.plans, random.chance(0.5) ? 0 : random.next() * 0.5);
    this.#receiveBufferBytes = drawBuffer(random, 256 * 1024);
    this.stack = new TcpStack({
      egresses: [this.egress],
      user: this.user,
      listenPorts: [80],
      nowMs: this.nowMs,
      secret: [seed, ~seed, seed * 3],
      limits: {
        maxRetransmissions: 60,
        maxSynAckRetransmissions: 60,
        receiveBufferBytes: this.#receiveBufferBytes,
      },
      congestion: random.chance(0.5) ? "cubic" : "new-reno",
      flowEnded: (flow) => this.#endedFlows.add(flow),
    });
    this.#fullness = random.chance(0.7) ? 0 : random.next() * 0.3;
    const count = random.between(1, 3);
    for (let index = 0; index < count; index++) this.#addClient(index);
  }

  /** What the server sends sets out on its way, or is too big for it. */
  #leave(packet: Uint8Array): void {
    const { fromMs, mtuBytes, isBlackHole } = this.#narrow;
    const l4Offset = this.#ipVersion === 4 ? 20 : 40;
    const port = readWord(packet, l4Offset) & 0xffff;
    if (this.nowMs < fromMs || packet.length <= mtuBytes) {
      const arrive = (arriving: Uint8Array) => this.clients.get(port)?.arrive(this.nowMs, arriving);
      this.network.send(this.nowMs, packet, arrive);
      return;
    }
    if (isBlackHole) return;
    const error = { ...TOO_BIG[this.#ipVersion], mtu: mtuBytes, packetBytes: packet.length };
    const told = buildIcmpError(this.#endpointOf(port), error, readWord(packet, l4Offset + 4));
    this.network.send(this.nowMs, told, (arriving) => this.#slot.giveError(this.stack, arriving, HASH));
  }

  #endpointOf(port: number): Endpoint {
    return { ipVersion: this.#ipVersion, port, localPort: 80 };
  }

  #addClient(index: number): void {
    const { random } = this;
    const port = FIRST_PORT + index;
    const bufferBytes = drawBuffer(random, 65_000);
    const plan = drawPlan(random, this.#receiveBufferBytes, bufferBytes);
    this.plans.set(port, plan);
    const client = new SimClient(
      {
        endpoint: this.#endpointOf(port),
        upload: pattern(port, plan.uploadBytes),
        downloadBytes: plan.downloadBytes,
        hasTimestamps: random.chance(0.6),
        hasSack: random.chance(0.6),
        // No greater than the buffer can be told with.
        windowShift: random.chance(0.7)
          ? random.between(0, Math.min(14, Math.floor(Math.log2(bufferBytes))))
          : -1,
        mss: random.between(300, 1460),
        bufferBytes,
        readEveryMs: random.chance(0.5) ? 0 : random.chance(0.1) ? 5000 : random.between(1, 400),
        delayedAckMs: random.chance(0.5) ? 0 : 40,
        closesEarly: random.chance(0.5),
        resetsAtBytes: random.chance(0.1) ? random.between(0, 5000) : -1,
      },
      random,
      this.nowMs,
      (packet) =>
        this.network.send(this.nowMs, packet, (arriving) =>
          this.#slot.give(this.stack, arriving, index, 1, HASH),
        ),
    );
    this.clients.set(port, client);
  }

  /** A worker's turns, until nothing is under way: some packets arrive, timers expire, users act, everything due leaves. */
  run(): void {
    const { network, stack, user, random, clients } = this;
    for (let steps = 0; ; steps++) {
      let nextMs = Math.min(network.nextMs, stack.nextDeadlineMs());
      for (const client of clients.values()) nextMs = Math.min(nextMs, client.nextMs);
      if (user.reluctant.size > 0) nextMs = Math.min(nextMs, this.nowMs + 20);
      if (nextMs === Number.POSITIVE_INFINITY) return;
      assert.ok(steps < MAX_STEPS && nextMs < MAX_VIRTUAL_MS, "it comes to an end");
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.egress.isFull = random.chance(this.#fullness);
      stack.turn(this.nowMs);
      network.run(this.nowMs, random.between(1, 64));
      for (const client of clients.values()) client.run(this.nowMs);
      stack.expire();
      for (const connection of [...user.reluctant]) {
        if (!random.chance(0.5)) continue;
        user.reluctant.delete(connection);
        connection.resume();
      }
      stack.flush();
    }
  }

  check(): void {
    const { stack, user } = this;
    const uploads = new Map([...user.uploads].map(([{ sourcePort }, upload]) => [sourcePort, upload]));
    for (const [port, client] of this.clients) {
      const { uploadBytes, downloadBytes } = this.plans.get(port)!;
      const upload = uploads.get(port) ?? { bytes: new Uint8Array(0), count: 0 };
      const arrived = upload.bytes.subarray(0, upload.count);
      assert.is(Buffer.compare(arrived, pattern(port, upload.count)), 0, "the upload is right");
      const downloaded = client.download.subarray(0, client.received);
      assert.is(Buffer.compare(downloaded, pattern(0, client.received)), 0, "the download is right");
      assert.not(client.wasReset, "no connection is reset by the server");
      if (client.hasReset) continue;
      assert.ok(client.isDone, "both sides have closed");
      assert.is(user.reasons.get(port), "closed");
      assert.ok(user.peerClosedPorts.has(port), "the server knows that the client has closed");
      assert.is(upload.count, uploadBytes, "the whole upload arrives");
      assert.is(client.received, downloadBytes, "the whole download arrives");
    }
    assert.is(user.reasons.size, uploads.size, "all that was opened is closed");
    assert.is(stack.connectionCount, 0);
    assert.is(stack.timeWaitCount, 0);
    assert.is(stack.timerCount, 0);
    assert.is(this.#endedFlows.size, this.clients.size, "each flow has ended");
  }
}

function drawFaults(random: Random): PathFaults {
  return {
    loss: random.chance(0.2) ? 0 : random.next() * 0.2,
    duplication: random.next() * 0.1,
    corruption: random.next() * 0.05,
    reordering: random.next() * 0.3,
    reorderMs: random.between(1, 60),
    delayMs: random.chance(0.3) ? 0 : random.between(1, 80),
  };
}

/** From a few bytes, where every window is a tiny one and closed more often than open, to more than enough. */
function drawBuffer(random: Random, mostBytes: number): number {
  if (random.chance(0.5)) return mostBytes;
  return random.chance(0.3) ? random.between(1, 1500) : random.between(1500, 60_000);
}

/** Through a tiny buffer goes less, or a simulation takes for ever. */
const MOST_BUFFERS = 200;

function drawPlan(random: Random, serverBufferBytes: number, clientBufferBytes: number): SimPlan {
  const uploadBytes = random.chance(0.3) ? random.between(0, 60_000) : random.between(0, 3000);
  const downloadBytes = random.chance(0.4) ? random.between(0, 120_000) : random.between(0, 3000);
  return {
    uploadBytes: Math.min(uploadBytes, MOST_BUFFERS * serverBufferBytes),
    downloadBytes: Math.min(downloadBytes, MOST_BUFFERS * clientBufferBytes),
    answersAtOnce: random.chance(0.3),
  };
}

const seeds = simSeeds(2000);

test(`simulation, streams arrive whole and everything ends, ${seeds.count} seeds from ${seeds.first} on`, () => {
  forEachSeed(seeds, (seed) => {
    const simulation = new Simulation(seed);
    simulation.run();
    simulation.check();
  });
});

test.run();
