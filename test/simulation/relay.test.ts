// Relayed connections from end to end, without sockets and threads: fake clients, a director, rings, and workers that echo, all
// tiny, with a seed deciding whose turn it is. What comes back is what went out, whatever is full; nothing grows beyond
// its bound; and in the end every slot, flow and connection is given back.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BURST_PACKETS, type Burst, connectionIndex, type RelayLink } from "../../core/link/link.js";
import {
  DESCRIPTOR_CONNECTION,
  DESCRIPTOR_KIND,
  DESCRIPTOR_LENGTHS,
  DESCRIPTOR_SLOT,
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_END,
  EVENT_OPEN,
  EVENT_RESET,
  NO_SLOT,
  RELAY_CREDIT_BYTES,
  RELAY_WINDOW_BYTES,
  RETURN_SLOT,
} from "../../core/memory/descriptor.js";
import type { PacketPool } from "../../core/memory/packet-pool.js";
import { RingConsumer, RingProducer } from "../../core/memory/ring.js";
import { TransmitProducer } from "../../core/memory/transmit-ring.js";
import { PEER_BYTES } from "../../core/wire/peer-block.js";
import { Relay } from "../../workers/relay/relay.js";
import type { StreamConnection, StreamUser } from "../../workers/stream.js";
import { DirectorFixture, sourceAddress } from "../support/director-fixture.js";
import { peerBlock } from "../support/fake-relay-link.js";
import { Random } from "../support/sim-network.js";

const WORKERS = 2;

/** A client: sends `outgoing`, then ends; the kernel of its connection is this object. */
class Client {
  readonly number: number;
  readonly outgoing: Buffer;
  /** Bytes of it in slots. */
  sent = 0;
  isOffered = false;
  isAccepted = false;
  credit = RELAY_WINDOW_BYTES;
  hasToldEnd = false;
  /** What the worker has given, and how much of that the client has read, and been told as credit. */
  readonly pieces: Buffer[] = [];
  given = 0;
  read = 0;
  told = 0;
  hasWorkerEnded = false;
  isReset = false;
  isOver = false;
  /** Resets itself once it has sent so many bytes; Infinity: never. */
  readonly resetsAt: number;
  readonly readsOneIn: number;

  constructor(number: number, outgoing: Buffer, resetsAt: number, readsOneIn: number) {
    this.number = number;
    this.outgoing = outgoing;
    this.resetsAt = resetsAt;
    this.readsOneIn = readsOneIn;
  }
}

/** Plays all clients' kernels. */
class ClientsLink implements RelayLink {
  readonly kind = "socket";
  readonly egressPlan = { kind: "relay" } as const;
  readonly description = "simulated clients";
  readonly drops = { oversize: 0, noSlot: 0 };
  readonly #clients: readonly Client[];
  readonly #random: (below: number) => number;

  constructor(clients: readonly Client[], random: (below: number) => number) {
    this.#clients = clients;
    this.#random = random;
  }

  receive(burst: Burst): void {
    burst.count = 0;
    const first = this.#random(this.#clients.length);
    for (let n = 0; n < this.#clients.length && burst.count < BURST_PACKETS; n++) {
      this.#receiveOf(this.#clients[(first + n) % this.#clients.length]!, burst);
    }
  }

  #receiveOf(client: Client, burst: Burst): void {
    if (client.isOver) return;
    if (client.sent >= client.resetsAt) client.isReset = true;
    const hasAllEnded = client.hasToldEnd && client.hasWorkerEnded && client.read === client.given;
    if (client.isReset || hasAllEnded) {
      client.isOver = true;
      burst.addEvent(EVENT_RESET, client.number, NO_SLOT, client.isReset ? 1 : 0);
      return;
    }
    if (!client.isAccepted) {
      if (!client.isOffered) client.isOffered = this.#fill(burst, EVENT_OPEN, client, peerOf(client.number));
      return;
    }
    // Each reads at a pace of its own, some so slowly that their workers have to wait.
    if (this.#random(client.readsOneIn) === 0) client.read += this.#random(client.given - client.read + 1);
    if (client.read - client.told >= RELAY_CREDIT_BYTES) {
      burst.addEvent(EVENT_CREDIT, client.number, NO_SLOT, client.read - client.told);
      client.told = client.read;
      return;
    }
    const { outgoing, sent, credit } = client;
    const length = Math.min(outgoing.length - sent, credit, burst.pool.maxPacketBytes, 1 + this.#random(600));
    if (length > 0) {
      if (!this.#fill(burst, EVENT_DATA, client, outgoing.subarray(sent, sent + length))) return;
      client.sent += length;
      client.credit -= length;
    } else if (sent === outgoing.length && !client.hasToldEnd) {
      client.hasToldEnd = true;
      burst.addEvent(EVENT_END, client.number, NO_SLOT, 0);
    }
  }

  #fill(burst: Burst, event: number, client: Client, bytes: Uint8Array): boolean {
    const slot = burst.freeSlots.acquire();
    if (slot < 0) return false;
    burst.pool.bytes.set(bytes, burst.pool.packetOffset(slot));
    burst.addEvent(event, client.number, slot, bytes.length);
    return true;
  }

  accept(number: number): void {
    this.#find(number).isAccepted = true;
  }

  postpone(number: number): void {
    this.#find(number).isOffered = false;
  }

  deliver(
    event: number,
    number: number,
    value: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const client = this.#find(number);
    if (client.isOver || client.isReset) return;
    if (event === EVENT_DATA) {
      assert.not(client.hasWorkerEnded, "data after the end");
      client.pieces.push(Buffer.from(bytes.slice(offset, offset + length)));
      client.given += length;
      assert.ok(client.given - client.told <= RELAY_WINDOW_BYTES, "the worker keeps within the window");
    } else if (event === EVENT_END) client.hasWorkerEnded = true;
    else if (event === EVENT_RESET) client.isReset = true;
    else if (event === EVENT_CREDIT) {
      client.credit += value;
      assert.ok(client.credit <= RELAY_WINDOW_BYTES, "credit is not given twice");
    }
  }

  #find(number: number): Client {
    return this.#clients[connectionIndex(number)]!;
  }

  wait(): void {}
  stopListening(): void {}
  close(): void {}
}

function peerOf(number: number): Uint8Array {
  assert.is(PEER_BYTES, 40);
  return peerBlock(sourceAddress(number % 7), 30_000 + number);
}

/** Echoes, taking only some of what it is given, and stopping while much is queued. */
class Echo implements StreamUser {
  open = 0;
  readonly #random: (below: number) => number;
  /** Connections that have left something, or whose peer has ended. */
  readonly #stalled = new Set<StreamConnection>();

  constructor(random: (below: number) => number) {
    this.#random = random;
  }

  opened(connection: StreamConnection): void {
    this.open++;
    connection.user = { hasEnded: false, kept: 0 };
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const isFull = connection.queuedBytes > 300_000;
    const consumed = isFull ? 0 : this.#random(4) === 0 ? this.#random(end - start + 1) : end - start;
    if (consumed > 0) connection.send(bytes.slice(start, start + consumed));
    const state = connection.user as { kept: number };
    state.kept = end - start - consumed;
    if (state.kept > 0) this.#stalled.add(connection);
    return consumed;
  }

  peerClosed(connection: StreamConnection): void {
    (connection.user as { hasEnded: boolean }).hasEnded = true;
    this.#stalled.add(connection);
  }

  drained(): void {}

  closed(connection: StreamConnection): void {
    this.open--;
    this.#stalled.delete(connection);
  }

  /** Goes on with what was left. */
  goOn(): void {
    for (const connection of this.#stalled) {
      const state = connection.user as { hasEnded: boolean; kept: number };
      if (state.kept > 0) connection.resume();
      if (state.kept > 0) continue;
      this.#stalled.delete(connection);
      if (state.hasEnded) connection.close();
    }
  }
}

/** A worker's thread: its rings, a relay and the echo. */
class EchoWorker {
  readonly echo: Echo;
  readonly relay: Relay;
  readonly #pool: PacketPool;
  readonly #descriptors: RingConsumer;
  readonly #returns: RingProducer;
  readonly #transmit: TransmitProducer;

  constructor(farm: DirectorFixture, worker: number, random: (below: number) => number) {
    const rings = farm.rings[worker]!;
    this.echo = new Echo(random);
    this.#pool = farm.pool;
    this.#descriptors = new RingConsumer(rings.descriptors);
    this.#returns = new RingProducer(rings.returns);
    this.#transmit = new TransmitProducer(rings.transmit);
    const options = { link: 0, transmit: this.#transmit, user: this.echo, outputDue: () => {} };
    this.relay = new Relay(options);
  }

  turn(most: number): void {
    const ring = this.#descriptors;
    for (let taken = 0, at = ring.peek(); at >= 0 && taken < most; taken++, at = ring.peek()) {
      const slot = ring.words[at + DESCRIPTOR_SLOT]!;
      const offset = slot === NO_SLOT ? 0 : this.#pool.packetOffset(slot);
      const event = ring.words[at + DESCRIPTOR_KIND]! >>> 24;
      const connection = ring.words[at + DESCRIPTOR_CONNECTION]!;
      this.relay.eventArrives(
        event,
        connection,
        this.#pool.bytes,
        offset,
        ring.words[at + DESCRIPTOR_LENGTHS]!,
      );
      if (slot !== NO_SLOT) this.#giveBack(slot);
      ring.advance();
    }
    ring.release();
    this.echo.goOn();
    this.relay.flush();
    this.#returns.publish();
    this.#transmit.publish();
  }

  #giveBack(slot: number): void {
    const at = this.#returns.reserve();
    this.#returns.words[at] = slot;
    this.#returns.words[at + 1] = RETURN_SLOT;
    this.#returns.commit();
  }
}

interface Scenario {
  readonly seed: number;
  /** What each client sends, after which part of it it resets, if it does, and how often it reads. */
  readonly clients: readonly {
    readonly bytes: number;
    readonly resetsAfter: number | null;
    readonly readsOneIn: number;
  }[];
  readonly poolSlots: number;
  readonly ringSlots: number;
  /** Worker that is removed after so many rounds, or none. */
  readonly removal: number | null;
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer(),
  clients: fc.array(
    fc.record({
      bytes: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 400_000 })),
      resetsAfter: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 4 }),
      readsOneIn: fc.constantFrom(1, 1, 20, 2000),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  poolSlots: fc.integer({ min: 1, max: 12 }),
  ringSlots: fc.constantFrom(1, 2, 8),
  removal: fc.option(fc.integer({ min: 1, max: 300 }), { freq: 4 }),
});

function randomOf(seed: number): (below: number) => number {
  const random = new Random(seed);
  return (below) => random.between(0, below - 1);
}

function run({ seed, clients: sizes, poolSlots, ringSlots, removal }: Scenario): void {
  const random = randomOf(seed);
  const clients = sizes.map(({ bytes, resetsAfter, readsOneIn }, number) => {
    const outgoing = Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + number) & 255));
    const resetsAt = resetsAfter === null ? Number.POSITIVE_INFINITY : resetsAfter * bytes;
    return new Client(number, outgoing, resetsAt, readsOneIn);
  });
  const link = new ClientsLink(clients, random);
  const farm = new DirectorFixture({ link, poolSlots, ringSlots, workers: WORKERS });
  const workers = farm.rings.map((_, worker) => new EchoWorker(farm, worker, random));
  let removed = -1;
  const isDone = () => clients.every(({ isOver }) => isOver) && workers.every(({ echo }) => echo.open === 0);
  let rounds = 0;
  for (; !isDone(); rounds++) {
    assert.ok(rounds < 100_000, "it goes on for ever");
    if (random(3) > 0) farm.director.turn();
    for (const [worker, thread] of workers.entries()) {
      if (worker !== removed && random(2) === 0) thread.turn(1 + random(4));
    }
    if (rounds === removal) {
      removed = 0;
      farm.removeWorker(0);
      workers[0]!.relay.abortAll();
    }
  }
  for (let last = 0; last < 20; last++) {
    farm.director.turn();
    for (const [worker, thread] of workers.entries()) if (worker !== removed) thread.turn(8);
  }
  for (const { outgoing, pieces, isReset, given } of clients) {
    const back = Buffer.concat(pieces);
    assert.ok(back.equals(outgoing.subarray(0, given)), "what has come back is what went out");
    if (!isReset) assert.is(given, outgoing.length);
  }
  assert.is(farm.director.freeSlots, poolSlots);
  assert.equal([farm.table.flows, farm.flowsOf(0), farm.flowsOf(1)], [0, 0, 0]);
  assert.ok(workers.every(({ relay }) => relay.connectionCount === 0));
}

test("relay, with any clients and any turns, gives back what they sent, within its bounds, and then all that it took", () => {
  fc.assert(fc.property(scenarios, run), { numRuns: 60 });
});

test.run();
