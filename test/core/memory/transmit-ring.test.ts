// The transmit ring: by its two ends in one thread, and with a real worker thread that wakes main for its packets.
// Waits have no end of their own: a wake-up that is lost stops the test for good, and the test command kills it then.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateRing, RingProducer } from "../../../core/memory/ring.js";
import {
  allocateTransmitRing,
  TransmitConsumer,
  TransmitProducer,
  type TransmitRingMemory,
} from "../../../core/memory/transmit-ring.js";
import { kept } from "../../support/kept.js";

interface Ring {
  readonly memory: TransmitRingMemory;
  readonly producer: TransmitProducer;
  readonly consumer: TransmitConsumer;
}

function createRing(capacityWords: number): Ring {
  const memory = allocateTransmitRing(capacityWords);
  return { memory, producer: new TransmitProducer(memory), consumer: new TransmitConsumer(memory) };
}

/** The packet that `next` has found. */
function found({ bytes, offset, length }: TransmitConsumer): Uint8Array {
  return bytes.slice(offset, offset + length);
}

test("transmit ring, carries packets of every length with their link, over its end too", () => {
  const { producer, consumer } = createRing(256);
  for (let round = 0; round < 500; round++) {
    const length = (round * 37) % 500;
    const packet = Uint8Array.from({ length }, (_, i) => (i + round) & 255);
    assert.ok(producer.push(round & 3, packet, 0, length), `round ${round}`);
    assert.not(consumer.next(), "not published yet");
    producer.publish();
    assert.ok(consumer.next());
    assert.is(consumer.link, round & 3);
    assert.equal(found(consumer), packet);
    assert.not(consumer.next());
    consumer.release();
  }
});

test("transmit ring, takes the part of the buffer that is named and nothing beside it", () => {
  const { producer, consumer } = createRing(64);
  const buffer = Uint8Array.from({ length: 64 }, (_, i) => i);
  producer.push(0, buffer, 16, 21);
  producer.publish();
  assert.ok(consumer.next());
  assert.equal(found(consumer), buffer.slice(16, 37));
});

test("transmit ring, empty, takes a packet of half its size wherever its indices are", () => {
  for (let at = 0; at < 64; at++) {
    const memory = allocateTransmitRing(64);
    const words = new Int32Array(memory.buffer);
    words[0] = at;
    words[16] = at;
    const producer = new TransmitProducer(memory);
    const consumer = new TransmitConsumer(memory);
    // Half of 64 words, 4 of them the record's header.
    const packet = Uint8Array.from({ length: 28 * 4 }, (_, i) => i + at);
    assert.ok(producer.push(1, packet, 0, packet.length), `at word ${at}`);
    producer.publish();
    assert.ok(consumer.next());
    assert.equal(found(consumer), packet);
    consumer.release();
  }
});

test("transmit ring, when it is full, refuses without a trace, until main has released", () => {
  const { producer, consumer } = createRing(256);
  const packet = Uint8Array.from({ length: 400 }, (_, i) => i & 255);
  assert.ok(producer.push(0, packet, 0, 400));
  assert.ok(producer.push(1, packet, 0, 400));
  assert.not(producer.push(2, packet, 0, 400));
  producer.publish();
  assert.ok(consumer.next());
  assert.not(producer.push(2, packet, 0, 400), "seen, but not released");
  consumer.release();
  assert.ok(producer.push(2, packet, 0, 400));
  producer.publish();
  assert.ok(consumer.next());
  assert.equal([consumer.link, found(consumer)], [1, packet]);
  assert.ok(consumer.next());
  assert.equal([consumer.link, found(consumer)], [2, packet]);
  assert.not(consumer.next());
});

test("transmit ring, exactly full, holds what was put in", () => {
  const { producer, consumer } = createRing(64);
  const packet = new Uint8Array(12 * 4).fill(7);
  for (let n = 0; n < 4; n++) assert.ok(producer.push(n, packet, 0, packet.length));
  assert.not(producer.push(4, packet, 0, 0), "not even an empty one");
  producer.publish();
  for (let n = 0; n < 4; n++) {
    assert.ok(consumer.next());
    assert.is(consumer.link, n);
  }
  assert.not(consumer.next());
});

test("transmit ring, after its indices have gone round 2^31, goes on", () => {
  const memory = allocateTransmitRing(64);
  const words = new Int32Array(memory.buffer);
  words[0] = 0x7fff_ffe0;
  words[16] = 0x7fff_ffe0;
  const producer = new TransmitProducer(memory);
  const consumer = new TransmitConsumer(memory);
  for (let n = 0; n < 50; n++) {
    const packet = new Uint8Array(40).fill(n);
    assert.ok(producer.push(n, packet, 0, 40));
    producer.publish();
    assert.ok(consumer.next());
    assert.equal(found(consumer), packet);
    consumer.release();
  }
  assert.ok(words[0]! < 0);
});

test("transmit ring, of a size that is no power of two, is refused", () => {
  for (const words of [0, 100, 2 ** 31]) assert.throws(() => allocateTransmitRing(words), RangeError);
});

test("wait, wakes for a packet that comes, for one that is there, and when it is cancelled", async () => {
  await kept(async () => {
    const { producer, consumer } = createRing(256);
    const woken = new Promise<void>((resolve) => consumer.wait(resolve));
    producer.push(0, new Uint8Array(20), 0, 20);
    producer.publish();
    await woken;
    await new Promise<void>((resolve) => consumer.wait(resolve));
    assert.ok(consumer.next());
    consumer.release();
    const cancelled = new Promise<void>((resolve) => consumer.wait(resolve));
    consumer.cancelWait();
    await cancelled;
  });
});

test("wait, while one is pending, adds none", async () => {
  await kept(async () => {
    const { producer, consumer } = createRing(256);
    let wakes = 0;
    const woken = new Promise<void>((resolve) =>
      consumer.wait(() => {
        wakes++;
        resolve();
      }),
    );
    consumer.wait(() => wakes++);
    producer.push(0, new Uint8Array(20), 0, 20);
    producer.publish();
    await woken;
    // What would still be waiting is woken by this.
    consumer.cancelWait();
    for (let i = 0; i < 3; i++) await new Promise(setImmediate);
    assert.is(wakes, 1);
  });
});

/**
 * A thread that sends packets 0 … count-1, each with its number and filled with it. After bursts of changing length it
 * lets main run dry, so that its next packet comes just when main lies down.
 */
const PRODUCER = `
const { parentPort, workerData } = require("node:worker_threads");
import(workerData.ringUrl).then(({ TransmitProducer }) => {
  const producer = new TransmitProducer(workerData.memory);
  const words = new Int32Array(workerData.memory.buffer);
  const buffer = new Uint8Array(256);
  const view = new DataView(buffer.buffer);
  let refusals = 0;
  for (let n = 0; n < workerData.count; ) {
    const length = 4 + (n * 31) % 200;
    buffer.fill(n & 255);
    view.setUint32(16, n);
    if (!producer.push(n & 7, buffer, 16, length)) {
      refusals++;
      producer.publish();
      continue;
    }
    n++;
    if (n % ((n % 13) + 1) === 0) producer.publish();
    if (n % ((n % 101) + 30) === 0) {
      producer.publish();
      while (Atomics.load(words, 16) !== Atomics.load(words, 0));
    }
  }
  producer.publish();
  parentPort.postMessage(refusals);
});
`;

test("two threads, main sleeping whenever there is no packet, lose no packet and no wake-up", async () => {
  await kept(async () => {
    const count = 60_000;
    const { memory, consumer } = createRing(1024);
    const ringUrl = new URL("../../../core/memory/transmit-ring.js", import.meta.url).href;
    const thread = new Worker(PRODUCER, { eval: true, workerData: { memory, ringUrl, count } });
    const ended = once(thread, "exit");
    let expected = 0;
    let sleeps = 0;
    let wrong = 0;
    while (expected < count) {
      while (consumer.next()) {
        const { bytes, offset, length, link } = consumer;
        const n = new DataView(bytes.buffer).getUint32(offset);
        const last = length > 4 ? bytes[offset + length - 1] : n & 255;
        if (n !== expected || link !== (n & 7) || length !== 4 + ((n * 31) % 200) || last !== (n & 255))
          wrong++;
        expected++;
      }
      consumer.release();
      if (expected === count) break;
      sleeps++;
      await new Promise<void>((resolve) => consumer.wait(resolve));
    }
    await ended;
    assert.equal([wrong, expected, consumer.next()], [0, count, false]);
    assert.ok(sleeps > 100, `main has slept ${sleeps} times`);
  });
});

test("reserve, keeps a record's four numbers, and its payload where it said, down to none at all", () => {
  const { producer, consumer } = createRing(64);
  const at = producer.reserve(255, 6, -2_000_000_000, 0x7fff_ffff, 5);
  producer.bytes.set([1, 2, 3, 4, 5], at);
  assert.ok(producer.reserve(0, 0, 0, -1, 0) > 0);
  producer.publish();
  assert.ok(consumer.next());
  const { link, event, connection, value } = consumer;
  assert.equal([link, event, connection, value], [255, 6, -2_000_000_000, 0x7fff_ffff]);
  assert.equal(found(consumer), Uint8Array.of(1, 2, 3, 4, 5));
  assert.ok(consumer.next());
  assert.equal([consumer.link, consumer.event, consumer.value, consumer.length], [0, 0, -1, 0]);
  assert.not(consumer.next());
});

test("payloadBytes, of so many parts, is what so many records of fill the ring, and an empty one has room for", () => {
  for (const parts of [2, 3, 4, 8]) {
    for (let at = 0; at < 128; at++) {
      const memory = allocateTransmitRing(128);
      const words = new Int32Array(memory.buffer);
      words[0] = at;
      words[16] = at;
      const producer = new TransmitProducer(memory);
      const length = producer.payloadBytes(parts);
      assert.ok(producer.reserve(0, 1, 0, 0, length) > 0, `${parts} parts, at word ${at}`);
      if (at > 0) continue;
      for (let n = 1; n < parts; n++) assert.ok(producer.reserve(0, 1, 0, 0, length) > 0);
      assert.is(producer.reserve(0, 1, 0, 0, length), -1);
    }
  }
});

test("awaitRoom, where main has made none since, has main told once, at the next release and no other", () => {
  const { producer, consumer } = createRing(64);
  while (producer.reserve(0, 1, 0, 0, 0) >= 0);
  producer.publish();
  assert.ok(consumer.next());
  assert.not(consumer.release(), "nobody waits");
  while (producer.reserve(0, 1, 0, 0, 0) >= 0);
  assert.ok(producer.awaitRoom());
  assert.ok(producer.awaitRoom());
  assert.ok(consumer.next());
  assert.ok(consumer.release());
  assert.not(consumer.release());
});

test("awaitRoom, where main has made some since the ring was full, says that there is", () => {
  const { producer, consumer } = createRing(64);
  while (producer.reserve(0, 1, 0, 0, 0) >= 0);
  producer.publish();
  assert.ok(consumer.next());
  consumer.release();
  assert.not(producer.awaitRoom());
  assert.ok(producer.reserve(0, 1, 0, 0, 0) > 0);
  assert.is(producer.reserve(0, 1, 0, 0, 0), -1);
  assert.ok(producer.awaitRoom(), "and then again not");
});

test("wait, with a record there each time, lets the event loop go round each time", async () => {
  const { producer, consumer } = createRing(64);
  producer.reserve(0, 1, 0, 0, 0);
  producer.publish();
  let wakes = 0;
  let wakesAtRound = -1;
  await new Promise<void>((resolve) => {
    const again = () => {
      wakes++;
      if (wakes === 100) resolve();
      else consumer.wait(again);
    };
    consumer.wait(again);
    consumer.wait(again);
    setImmediate(() => {
      wakesAtRound = wakes;
    });
  });
  assert.ok(wakesAtRound <= 1, `the loop came to others after ${wakesAtRound} wake-ups`);
});

/**
 * A thread that fills the ring as fast as it can, and sleeps without a time limit whenever there is no room, as a worker
 * does: on its descriptor ring.
 */
const STARVING = `
const { parentPort, workerData } = require("node:worker_threads");
Promise.all([import(workerData.transmitUrl), import(workerData.ringUrl)]).then(([transmit, ring]) => {
  const producer = new transmit.TransmitProducer(workerData.memory);
  const descriptors = new ring.RingConsumer(workerData.descriptors);
  let sleeps = 0;
  for (let n = 0; n < workerData.count; ) {
    const length = (n * 31) % 200;
    let at = producer.reserve(1, 2, n, 0, length);
    if (at < 0 && !producer.awaitRoom()) at = producer.reserve(1, 2, n, 0, length);
    if (at >= 0) {
      producer.bytes.fill(n & 255, at, at + length);
      n++;
      if (n % 7 === 0) producer.publish();
      continue;
    }
    producer.publish();
    if (!descriptors.prepareToSleep()) continue;
    sleeps++;
    descriptors.sleepBlocking(Infinity);
  }
  producer.publish();
  parentPort.postMessage(sleeps);
});
`;

test("two threads, the worker sleeping whenever the ring is full, lose no record and no wake-up", async () => {
  await kept(async () => {
    const count = 60_000;
    const { memory, consumer } = createRing(256);
    const descriptors = allocateRing(4, 8);
    const toWorker = new RingProducer(descriptors);
    const transmitUrl = new URL("../../../core/memory/transmit-ring.js", import.meta.url).href;
    const ringUrl = new URL("../../../core/memory/ring.js", import.meta.url).href;
    const workerData = { memory, descriptors, transmitUrl, ringUrl, count };
    const thread = new Worker(STARVING, { eval: true, workerData });
    const ended = once(thread, "message");
    let expected = 0;
    let wrong = 0;
    while (expected < count) {
      // Sometimes a few records at a time, so that the ring is full when room is made; sometimes until it is dry.
      for (let few = (expected % 5) * 3; few !== 1 && consumer.next(); few--) {
        const { bytes, offset, length, connection } = consumer;
        const isWhole =
          length === (expected * 31) % 200 &&
          (length === 0 || bytes[offset + length - 1] === (expected & 255));
        if (connection !== expected || !isWhole) wrong++;
        expected++;
      }
      if (consumer.release()) toWorker.rouse();
      if (expected < count) await new Promise<void>((resolve) => consumer.wait(resolve));
    }
    const [sleeps] = await ended;
    await thread.terminate();
    assert.equal([wrong, expected], [0, count]);
    assert.ok(sleeps > 100, `the worker has slept ${sleeps} times`);
  });
});

test.run();
