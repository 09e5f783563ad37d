// The worker's TCP against a model client over a network that loses, repeats, reorders, damages and delays packets:
// all of one run follows from its seed. What must hold: the bytes that arrive are those that were sent, in order,
// once, both ways; every connection ends; no connection, record, timer or flow is left. LIMPET_SIM_SEEDS: how many
// seeds (default 300). LIMPET_SIM_SEED: one seed alone, to replay a failure.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CloseReason, StreamConnection, StreamUser } from "../../workers/stream.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";
import { SimClient } from "../support/sim-client.js";
import { Random, SimEgress, SimNetwork } from "../support/sim-network.js";
import { pattern, Slot } from "../support/tcp-packet.js";

const MAX_VIRTUAL_MS = 3_600_000;
const MAX_STEPS = 400_000;

/** Takes uploads of known length, sometimes reluctantly, and answers each with its download and a FIN. */
class SimUser implements StreamUser {
  readonly uploads = new Map<StreamConnection, { bytes: Uint8Array; count: number }>();
  readonly reasons: CloseReason[] = [];
  /** Connections whose kept data are to be given again. */
  readonly reluctant = new Set<StreamConnection>();
  opens = 0;
  peerCloses = 0;
  readonly #random: Random;
  readonly #plans: ReadonlyMap<number, { uploadBytes: number; downloadBytes: number }>;
  readonly #reluctance: number;

  constructor(
    random: Random,
    plans: ReadonlyMap<number, { uploadBytes: number; downloadBytes: number }>,
    reluctance: number,
  ) {
    this.#random = random;
    this.#plans = plans;
    this.#reluctance = reluctance;
  }

  opened(connection: StreamConnection): void {
    this.opens++;
    const plan = this.#plans.get(connection.sourcePort)!;
    this.uploads.set(connection, { bytes: new Uint8Array(plan.uploadBytes), count: 0 });
    if (plan.uploadBytes === 0) this.#answer(connection);
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const upload = this.uploads.get(connection)!;
    let count = end - start;
    if (this.#random.chance(this.#reluctance)) {
      count = this.#random.between(0, count);
      this.reluctant.add(connection);
    }
    assert.ok(upload.count + count <= upload.bytes.length, "no more arrives than was sent");
    upload.bytes.set(bytes.slice(start, start + count), upload.count);
    upload.count += count;
    if (count > 0 && upload.count === upload.bytes.length) this.#answer(connection);
    return count;
  }

  #answer(connection: StreamConnection): void {
    const { downloadBytes } = this.#plans.get(connection.sourcePort)!;
    const bytes = pattern(0, downloadBytes);
    for (let from = 0; from < downloadBytes; ) {
      const to = Math.min(downloadBytes, from + this.#random.between(1, 1 + (downloadBytes >>> 1)));
      connection.send(bytes, from, to);
      from = to;
    }
    connection.close();
  }

  peerClosed(): void {
    this.peerCloses++;
  }

  drained(): void {}

  closed(connection: StreamConnection, reason: CloseReason): void {
    this.reluctant.delete(connection);
    this.reasons.push(reason);
  }
}

function simulate(seed: number, isCutting: boolean): void {
  const random = new Random(seed);
  const network = new SimNetwork(random, {
    loss: random.chance(0.2) ? 0 : random.next() * 0.2,
    duplication: random.next() * 0.1,
    corruption: random.next() * 0.05,
    reordering: random.next() * 0.3,
    reorderMs: random.between(1, 60),
    delayMs: random.chance(0.3) ? 0 : random.between(1, 80),
  });
  let nowMs = 1000;
  const mtuBytes = random.chance(0.5) ? 1500 : random.between(576, 1500);
  const plans = new Map<number, { uploadBytes: number; downloadBytes: number }>();
  const clients = new Map<number, SimClient>();
  const egress = new SimEgress(mtuBytes, isCutting, (packet) => {
    const port = readDestinationPort(packet);
    network.send(nowMs, packet, (arriving) => clients.get(port)?.arrive(nowMs, arriving));
  });
  const user = new SimUser(random, plans, random.chance(0.5) ? 0 : random.next() * 0.5);
  const ended: number[] = [];
  const stack = new TcpStack({
    egresses: [egress],
    user,
    listenPorts: [80],
    nowMs,
    secret: [seed, ~seed, seed * 3],
    limits: {
      maxRetransmissions: 60,
      maxSynAckRetransmissions: 60,
      receiveBufferBytes: random.chance(0.5) ? 256 * 1024 : random.between(3000, 60_000),
    },
    flowEnded: (flow) => ended.push(flow),
  });
  // How often the device has no room for a whole turn.
  const fullness = random.chance(0.7) ? 0 : random.next() * 0.3;
  const slot = new Slot();
  const connections = random.between(1, 3);
  const ipVersion = random.chance(0.5) ? 4 : 6;
  for (let index = 0; index < connections; index++) {
    const port = 40_000 + index;
    const plan = {
      uploadBytes: random.chance(0.3) ? random.between(0, 60_000) : random.between(0, 3000),
      downloadBytes: random.chance(0.4) ? random.between(0, 120_000) : random.between(0, 3000),
    };
    plans.set(port, plan);
    const client = new SimClient(
      {
        endpoint: { ipVersion, port, localPort: 80 },
        upload: pattern(port, plan.uploadBytes),
        downloadBytes: plan.downloadBytes,
        hasTimestamps: random.chance(0.6),
        hasSack: random.chance(0.6),
        windowShift: random.chance(0.7) ? random.between(0, 7) : -1,
        mss: random.between(300, 1460),
        bufferBytes: random.chance(0.5) ? 65_000 : random.between(1500, 20_000),
        readEveryMs: random.chance(0.5) ? 0 : random.between(1, 400),
        delayedAckMs: random.chance(0.5) ? 0 : 40,
        closesEarly: random.chance(0.5),
      },
      random,
      nowMs,
      // The same hash for all: the table has to tell the connections apart.
      (packet) => network.send(nowMs, packet, (arriving) => slot.give(stack, arriving, index, 1, 77)),
    );
    clients.set(port, client);
  }

  // A worker's turns: some packets arrive, timers expire, users act, everything due leaves.
  const isSettled = () =>
    network.nextMs === Number.POSITIVE_INFINITY &&
    stack.nextDeadlineMs() === Number.POSITIVE_INFINITY &&
    [...clients.values()].every((client) => client.nextMs === Number.POSITIVE_INFINITY);
  for (let steps = 0; !isSettled() || user.reluctant.size > 0; steps++) {
    assert.ok(steps < MAX_STEPS && nowMs < MAX_VIRTUAL_MS, "it comes to an end");
    let nextMs = Math.min(network.nextMs, stack.nextDeadlineMs());
    for (const client of clients.values()) nextMs = Math.min(nextMs, client.nextMs);
    if (user.reluctant.size > 0) nextMs = Math.min(nextMs, nowMs + 20);
    nowMs = Math.max(nowMs, nextMs);
    egress.isFull = random.chance(fullness);
    stack.turn(nowMs);
    network.run(nowMs, random.between(1, 64));
    for (const client of clients.values()) client.run(nowMs);
    stack.expire();
    for (const connection of [...user.reluctant]) {
      if (!random.chance(0.5)) continue;
      user.reluctant.delete(connection);
      connection.resume();
    }
    stack.flush();
  }

  for (const [port, client] of clients) {
    assert.not(client.wasReset, "no connection is reset");
    assert.ok(client.isDone, "both sides have closed");
    assert.ok(
      Buffer.compare(client.download, pattern(0, plans.get(port)!.downloadBytes)) === 0,
      "the download is right",
    );
  }
  for (const [connection, upload] of user.uploads) {
    assert.is(upload.count, upload.bytes.length, "the whole upload arrives");
    assert.ok(
      Buffer.compare(upload.bytes, pattern(connection.sourcePort, upload.count)) === 0,
      "the upload is right",
    );
  }
  assert.is(user.opens, connections);
  assert.is(user.peerCloses, connections);
  assert.equal(user.reasons, new Array(connections).fill("closed"));
  assert.is(stack.connectionCount, 0);
  assert.is(stack.timeWaitCount, 0);
  assert.is(stack.timerCount, 0);
  assert.equal([...new Set(ended)].sort(), [...Array(connections).keys()], "each flow has ended");
}

function readDestinationPort(packet: Uint8Array): number {
  const at = (packet[0]! >>> 4 === 4 ? 20 : 40) + 2;
  return (packet[at]! << 8) | packet[at + 1]!;
}

const only = process.env.LIMPET_SIM_SEED;
const first = only === undefined ? 1 : Number(only);
const count = only === undefined ? Number(process.env.LIMPET_SIM_SEEDS ?? 300) : 1;

for (const isCutting of [false, true]) {
  const device = isCutting ? "a device that cuts segments" : "a plain device";
  test(`simulation, streams arrive whole and everything ends, over ${device}`, () => {
    for (let seed = first; seed < first + count; seed++) {
      try {
        simulate(seed, isCutting);
      } catch (error) {
        (error as Error).message += ` (replay with LIMPET_SIM_SEED=${seed})`;
        throw error;
      }
    }
  });
}

test.run();
