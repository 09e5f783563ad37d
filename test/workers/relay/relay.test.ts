// The worker's end of relayed connections: a stream's contract towards its user, events and windows towards main, which
// the test plays at the other end of a real transmit ring.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_END,
  EVENT_OPEN,
  EVENT_RESET,
  RELAY_CREDIT_BYTES,
  RELAY_WINDOW_BYTES,
} from "../../../core/memory/descriptor.js";
import {
  allocateTransmitRing,
  TransmitConsumer,
  TransmitProducer,
} from "../../../core/memory/transmit-ring.js";
import { Relay } from "../../../workers/relay/relay.js";
import type { CloseReason, StreamConnection, StreamUser } from "../../../workers/stream.js";
import { peerBlock } from "../../support/fake-relay-link.js";

const LINK = 3;
const KIB = 1024;

/** Takes everything, unless told otherwise, and notes what it is called with. */
class NotingUser implements StreamUser {
  readonly calls: string[] = [];
  readonly connections: StreamConnection[] = [];
  readonly taken: Buffer[] = [];
  /** Bytes that it consumes of what it is given. */
  appetite = Number.POSITIVE_INFINITY;
  onDrained: (connection: StreamConnection) => void = () => {};
  onClosed: (connection: StreamConnection) => void = () => {};
  onReceived: (connection: StreamConnection) => void = () => {};

  opened(connection: StreamConnection): void {
    this.connections.push(connection);
    this.calls.push(`opened ${connection.sourceAddress} ${connection.sourcePort}`);
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const consumed = Math.min(this.appetite, end - start);
    this.taken.push(Buffer.from(bytes.slice(start, start + consumed)));
    this.calls.push(`received ${end - start}`);
    this.onReceived(connection);
    return consumed;
  }

  peerClosed(): void {
    this.calls.push("peerClosed");
  }

  drained(connection: StreamConnection): void {
    this.calls.push("drained");
    this.onDrained(connection);
  }

  closed(connection: StreamConnection, reason: CloseReason): void {
    this.calls.push(`closed ${reason}`);
    this.onClosed(connection);
  }

  get text(): string {
    return Buffer.concat(this.taken).toString("latin1");
  }
}

interface Sent {
  readonly event: number;
  readonly connection: number;
  readonly value: number;
  readonly bytes: Buffer;
}

class RelayFixture {
  readonly user = new NotingUser();
  readonly relay: Relay;
  readonly consumer: TransmitConsumer;
  readonly producer: TransmitProducer;
  outputsDue = 0;

  constructor(capacityWords = 65_536) {
    const memory = allocateTransmitRing(capacityWords);
    this.producer = new TransmitProducer(memory);
    this.consumer = new TransmitConsumer(memory);
    this.relay = new Relay({
      link: LINK,
      transmit: this.producer,
      user: this.user,
      outputDue: () => this.outputsDue++,
    });
  }

  /** Opens connection `number`, and gives what the user got. */
  open(number: number): StreamConnection {
    this.event(EVENT_OPEN, number, peerBlock("198.19.0.9", 4321));
    return this.user.connections.at(-1)!;
  }

  /** An event of main's; the bytes are in shared memory, not at its beginning, and wiped afterwards. */
  event(event: number, number: number, bytes: Uint8Array | string = "", value = 0): void {
    const payload = Buffer.from(bytes);
    const slot = new Uint8Array(new SharedArrayBuffer(payload.length + 32)).fill(0x21);
    slot.set(payload, 16);
    this.relay.eventArrives(event, number, slot, 16, payload.length === 0 ? value : payload.length);
    slot.fill(0);
  }

  /** The end of a turn, and all that main then finds. */
  flush(): Sent[] {
    this.relay.flush();
    this.producer.publish();
    return this.take();
  }

  take(): Sent[] {
    const sent: Sent[] = [];
    const { consumer } = this;
    while (consumer.next()) {
      assert.is(consumer.link, LINK);
      const { event, connection, value, bytes, offset, length } = consumer;
      sent.push({ event, connection, value, bytes: Buffer.from(bytes.slice(offset, offset + length)) });
    }
    return sent;
  }
}

function summary(sent: readonly Sent[]): [number, number][] {
  return sent.map(({ event, bytes, value }) => [event, event === EVENT_DATA ? bytes.length : value]);
}

function bytesOf(sent: readonly Sent[]): Buffer {
  return Buffer.concat(sent.map(({ bytes }) => bytes));
}

test("connection, opened, has its source; data, ends and the end reach the user in their order", () => {
  const main = new RelayFixture();
  main.open(5);
  main.event(EVENT_DATA, 5, "ab");
  main.event(EVENT_DATA, 5, "c");
  main.event(EVENT_END, 5);
  assert.is(main.relay.connectionCount, 1);
  main.event(EVENT_RESET, 5);
  main.event(EVENT_DATA, 5, "late");
  main.event(EVENT_RESET, 5, "", 1);
  assert.equal(main.user.calls, [
    "opened 198.19.0.9 4321",
    "received 2",
    "received 1",
    "peerClosed",
    "closed closed",
  ]);
  assert.is(main.user.text, "abc");
  assert.is(main.relay.connectionCount, 0);
  assert.equal(main.flush(), []);
});

test("client's reset, is told as one", () => {
  const main = new RelayFixture();
  main.open(5);
  main.event(EVENT_RESET, 5, "", 1);
  assert.is(main.user.calls.at(-1), "closed reset");
});

test("sent bytes, leave at the end of the turn only, in order, and their end behind them", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  connection.send(Buffer.from("one "));
  connection.send(Buffer.from("-two-"), 1, 4);
  connection.send(Buffer.from("nothing"), 3, 3);
  connection.close();
  connection.close();
  connection.send(Buffer.from("too late"));
  assert.is(main.outputsDue, 1);
  assert.equal(main.take(), []);
  const sent = main.flush();
  assert.equal(summary(sent), [
    [EVENT_DATA, 7],
    [EVENT_END, 0],
  ]);
  assert.is(bytesOf(sent).toString(), "one two");
  assert.equal(main.flush(), []);
  assert.equal(main.user.calls.slice(1), [], "closed when main says so");
  main.event(EVENT_RESET, 5);
  assert.is(main.user.calls.at(-1), "closed closed");
});

test("window, is never exceeded, and goes on with credit to the last byte and the end", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  const total = 3 * RELAY_WINDOW_BYTES + 17;
  connection.send(Buffer.alloc(total, 7));
  connection.close();
  let sent = 0;
  let credited = 0;
  let ends = 0;
  for (let round = 0; round < 100 && ends === 0; round++) {
    let some = main.flush();
    while (some.length > 0) {
      sent += bytesOf(some).length;
      ends += some.filter(({ event }) => event === EVENT_END).length;
      main.consumer.release();
      some = main.flush();
    }
    assert.ok(sent - credited <= RELAY_WINDOW_BYTES);
    assert.is(connection.queuedBytes, total - credited, "closed: until the kernel has it");
    const due = Math.min(RELAY_CREDIT_BYTES, sent - credited);
    main.event(EVENT_CREDIT, 5, "", due);
    credited += due;
  }
  assert.equal([sent, ends], [total, 1]);
  main.event(EVENT_CREDIT, 5, "", total - credited);
  assert.is(connection.queuedBytes, 0);
});

test("drained, is called once the queue has fallen below the mark, after it was above the other, and no more", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  const drained = () => main.user.calls.filter((call) => call === "drained").length;
  connection.send(Buffer.alloc(250 * KIB));
  const flushAll = () => {
    while (main.flush().length > 0) main.consumer.release();
  };
  flushAll();
  assert.is(drained(), 0, "never above");
  main.event(EVENT_CREDIT, 5, "", 250 * KIB);
  connection.send(Buffer.alloc(600 * KIB));
  flushAll();
  assert.is(connection.queuedBytes, 344 * KIB);
  assert.is(drained(), 0);
  main.event(EVENT_CREDIT, 5, "", 256 * KIB);
  flushAll();
  assert.is(connection.queuedBytes, 88 * KIB);
  assert.is(drained(), 0, "not below the low mark");
  main.event(EVENT_CREDIT, 5, "", 64 * KIB);
  flushAll();
  assert.is(drained(), 1);
  main.event(EVENT_CREDIT, 5, "", 64 * KIB);
  flushAll();
  assert.is(drained(), 1);
});

test("user, that sends, closes or aborts others in drained and closed, has all of it done in the same turn", () => {
  const main = new RelayFixture();
  const first = main.open(1);
  const second = main.open(2);
  const third = main.open(3);
  main.user.onDrained = () => {
    main.user.onDrained = () => {};
    second.send(Buffer.from("for the second"));
    third.abort();
    first.send(Buffer.from("more"));
  };
  main.user.onClosed = (connection) => {
    if (connection === third) second.close();
  };
  first.send(Buffer.alloc(330 * KIB));
  while (main.flush().length > 0) main.consumer.release();
  main.event(EVENT_CREDIT, 1, "", 256 * KIB);
  const sent = main.flush();
  assert.equal(
    sent.map(({ event, connection, bytes }) => [event, connection, bytes.length]),
    [
      [EVENT_DATA, 1, 64 * KIB - 16],
      [EVENT_DATA, 1, 10 * KIB + 16],
      [EVENT_DATA, 2, 14],
      [EVENT_RESET, 3, 0],
      // Marked again, behind the others, while it was under way.
      [EVENT_DATA, 1, 4],
      [EVENT_END, 2, 0],
    ],
  );
  assert.equal(main.flush(), []);
});

test("consumed bytes, are credited in large pieces, and never one that was not consumed", () => {
  const main = new RelayFixture();
  main.open(5);
  let given = 0;
  let credited = 0;
  const piece = Buffer.alloc(1999);
  while (given < 4 * RELAY_WINDOW_BYTES) {
    assert.ok(given - credited < RELAY_WINDOW_BYTES, "a sender would never have to stop");
    main.event(EVENT_DATA, 5, piece);
    given += piece.length;
    for (const { event, value } of main.flush()) {
      assert.is(event, EVENT_CREDIT);
      assert.ok(value >= RELAY_CREDIT_BYTES);
      credited += value;
    }
    main.consumer.release();
    assert.ok(credited <= given);
  }
  assert.ok(given - credited < RELAY_CREDIT_BYTES);
});

test("data, that the user leaves, is kept and given again with what comes after, and on resume", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  main.user.appetite = 2;
  main.event(EVENT_DATA, 5, "abcdef");
  main.event(EVENT_DATA, 5, "gh");
  assert.equal(main.user.calls.slice(1), ["received 6", "received 6"]);
  main.user.appetite = 0;
  connection.resume();
  main.user.appetite = 100;
  connection.resume();
  connection.resume();
  assert.equal(main.user.calls.slice(3), ["received 4", "received 4"]);
  main.event(EVENT_DATA, 5, "i");
  assert.is(main.user.text, "abcdefghi");
});

test("data, that the user takes nothing of, is no more than the window, gets no credit, and does when it is taken", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  main.user.appetite = 0;
  for (let given = 0; given < RELAY_WINDOW_BYTES; given += 2048)
    main.event(EVENT_DATA, 5, Buffer.alloc(2048));
  assert.equal(main.flush(), []);
  main.user.appetite = RELAY_WINDOW_BYTES;
  connection.resume();
  assert.equal(summary(main.flush()), [[EVENT_CREDIT, RELAY_WINDOW_BYTES]]);
});

test("resume, from within received, does nothing", () => {
  const main = new RelayFixture();
  main.open(5);
  main.user.appetite = 1;
  main.user.onReceived = (connection) => connection.resume();
  main.event(EVENT_DATA, 5, "abc");
  main.event(EVENT_DATA, 5, "d");
  assert.equal(main.user.calls.slice(1), ["received 3", "received 3"]);
});

test("abort, throws away what is queued, sends a reset and nothing after it, and is closed exactly once", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  connection.send(Buffer.alloc(100));
  connection.abort();
  connection.abort();
  connection.send(Buffer.alloc(100));
  connection.close();
  connection.resume();
  // On their way when the user aborted.
  main.event(EVENT_DATA, 5, "data");
  main.event(EVENT_END, 5);
  main.event(EVENT_CREDIT, 5, "", 1);
  assert.equal(main.user.calls.slice(1), []);
  assert.equal(summary(main.flush()), [[EVENT_RESET, 0]]);
  main.event(EVENT_DATA, 5, "data");
  main.event(EVENT_RESET, 5);
  assert.equal(main.user.calls.slice(1), ["closed aborted"]);
  assert.equal(main.flush(), []);
  assert.is(main.relay.connectionCount, 0);
});

test("abort, overtaken by the client's reset, tells nothing of a connection that is gone", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  connection.abort();
  main.event(EVENT_RESET, 5, "", 1);
  assert.equal(main.user.calls.slice(1), ["closed reset"]);
  assert.equal(main.flush(), []);
});

test("abort, from within received, keeps nothing and gives nothing again", () => {
  const main = new RelayFixture();
  main.open(5);
  main.user.appetite = 1;
  main.user.onReceived = (connection) => connection.abort();
  main.event(EVENT_DATA, 5, "abc");
  main.event(EVENT_DATA, 5, "def");
  assert.equal(main.user.calls.slice(1), ["received 3"]);
  assert.equal(summary(main.flush()), [[EVENT_RESET, 0]]);
});

test("ring, that is full, takes the rest later, in order, and main is asked to say when", () => {
  const main = new RelayFixture(256);
  const connection = main.open(5);
  const other = main.open(6);
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7) & 255));
  connection.send(bytes);
  connection.close();
  other.send(Buffer.from("behind"));
  const sent: Sent[] = [];
  let rounds = 0;
  for (let isAsked = true; isAsked; rounds++) {
    const some = main.flush();
    assert.ok(bytesOf(some).length <= 1024);
    sent.push(...some);
    isAsked = main.consumer.release();
  }
  const first = sent.filter(({ connection }) => connection === 5);
  assert.ok(bytesOf(first).equals(bytes));
  assert.is(first.at(-1)!.event, EVENT_END);
  assert.is(bytesOf(sent.filter(({ connection }) => connection === 6)).toString(), "behind");
  assert.ok(rounds >= 5, `${rounds} rounds`);
  assert.equal(main.flush(), []);
});

test("ring, that is full when a credit, an end or a reset is due, takes each once there is room", () => {
  const main = new RelayFixture(64);
  const aborting = main.open(1);
  const closing = main.open(2);
  main.open(3);
  while (main.producer.reserve(LINK, EVENT_CREDIT, 99, 0, 0) >= 0);
  main.producer.publish();
  aborting.abort();
  closing.close();
  main.event(EVENT_DATA, 3, Buffer.alloc(RELAY_CREDIT_BYTES));
  main.relay.flush();
  main.relay.flush();
  assert.equal(main.user.calls.slice(3), ["received 65536"], "not closed before main can know of it");
  assert.ok(main.take().every(({ connection }) => connection === 99));
  assert.ok(main.consumer.release());
  assert.equal(
    main.flush().map(({ event, connection, value }) => [event, connection, value]),
    [
      [EVENT_RESET, 1, 0],
      [EVENT_END, 2, 0],
      [EVENT_CREDIT, 3, RELAY_CREDIT_BYTES],
    ],
  );
});

test("outputDue, is called once a turn, at the first thing that is due", () => {
  const main = new RelayFixture();
  const first = main.open(1);
  const second = main.open(2);
  first.send(Buffer.from("a"));
  second.send(Buffer.from("b"));
  first.close();
  assert.is(main.outputsDue, 1);
  main.flush();
  second.close();
  assert.is(main.outputsDue, 2);
});

test("abortAll, ends every connection and tells every user, with room in the ring or without", () => {
  const main = new RelayFixture(64);
  for (let number = 1; number <= 40; number++) main.open(number);
  main.relay.abortAll();
  main.producer.publish();
  assert.is(main.relay.connectionCount, 0);
  assert.is(main.user.calls.filter((call) => call === "closed aborted").length, 40);
  assert.is(main.take().length, 16, "as many as fit; of the others main hears when the worker is gone");
});

test("user, that queues without end, has its connection aborted", () => {
  const main = new RelayFixture();
  const connection = main.open(5);
  const piece = Buffer.alloc(16 * KIB * KIB);
  // Kept by reference: the same bytes again and again.
  for (let n = 0; n < 17; n++) connection.send(piece);
  assert.equal(summary(main.flush()), [[EVENT_RESET, 0]]);
  assert.is(main.user.calls.at(-1), "closed aborted");
});

test.run();
