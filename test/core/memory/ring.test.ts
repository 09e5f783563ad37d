// The rings: by their two ends in one thread, and by two real threads that sleep and wake each other.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateRing, RingConsumer, RingProducer, wakeConsumer } from "../../../core/memory/ring.js";
import {
  allocateTransmitRing,
  TransmitConsumer,
  TransmitProducer,
} from "../../../core/memory/transmit-ring.js";

function push(producer: RingProducer, value: number): boolean {
  const at = producer.reserve();
  if (at < 0) return false;
  producer.words[at] = value;
  producer.commit();
  return true;
}

function pop(consumer: RingConsumer): number | undefined {
  const at = consumer.peek();
  if (at < 0) return undefined;
  const value = consumer.words[at]!;
  consumer.advance();
  return value;
}

test("ring, before publish, shows the consumer nothing; after it, records in order", () => {
  const memory = allocateRing(8, 2);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  push(producer, 1);
  push(producer, 2);
  assert.is(pop(consumer), undefined);
  producer.publish();
  assert.equal([pop(consumer), pop(consumer), pop(consumer)], [1, 2, undefined]);
});

test("ring, when it is full, refuses, until the consumer has released", () => {
  const memory = allocateRing(4, 1);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  for (let i = 0; i < 4; i++) assert.ok(push(producer, i));
  assert.not(push(producer, 4));
  assert.not(producer.hasRoom(1));
  producer.publish();
  assert.is(pop(consumer), 0);
  assert.not(push(producer, 4), "read, but not released");
  consumer.release();
  assert.ok(producer.hasRoom(1));
  assert.not(producer.hasRoom(2));
  assert.ok(push(producer, 4));
});

test("ring, after its indices have gone round 2^31, goes on", () => {
  const memory = allocateRing(4, 1);
  const words = new Int32Array(memory.buffer);
  words[0] = 0x7fff_fffe;
  words[16] = 0x7fff_fffe;
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  for (let i = 0; i < 50; i++) {
    assert.ok(push(producer, i));
    producer.publish();
    assert.is(pop(consumer), i);
    consumer.release();
  }
});

test("ring, of a size that is no power of two, is refused", () => {
  for (const capacity of [0, 3, 12, 1.5, 2 ** 31]) assert.throws(() => allocateRing(capacity, 1), RangeError);
});

test("consumer, about to sleep with a record there, does not", () => {
  const memory = allocateRing(4, 1);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  assert.ok(consumer.prepareToSleep());
  consumer.awake();
  push(producer, 1);
  producer.publish();
  assert.not(consumer.prepareToSleep());
});

test("consumer, asleep in the event loop, is woken by the producer and by anyone", async () => {
  const memory = allocateRing(4, 1);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  // Atomics.waitAsync does not keep the event loop alive.
  const alive = setInterval(() => {}, 1000);
  assert.ok(consumer.prepareToSleep());
  const woken = consumer.sleep(60_000);
  push(producer, 1);
  producer.publish();
  producer.wake();
  await woken;
  pop(consumer);
  assert.ok(consumer.prepareToSleep());
  const again = consumer.sleep(60_000);
  wakeConsumer(memory);
  await again;
  clearInterval(alive);
});

/** A thread that takes numbers 0 … count-1 from a ring, asleep whenever there is none, and checks their order. */
const CONSUMER = `
const { parentPort, workerData } = require("node:worker_threads");
import(workerData.ringUrl).then(async ({ RingConsumer }) => {
  const consumer = new RingConsumer(workerData.memory);
  const keepAlive = setInterval(() => {}, 1000);
  let expected = 0, sleeps = 0, wrong = 0;
  while (expected < workerData.count) {
    const at = consumer.peek();
    if (at >= 0) {
      if (consumer.words[at] !== expected || consumer.words[at + 1] !== ~expected) wrong++;
      expected++;
      consumer.advance();
      if (expected % 7 === 0) consumer.release();
      continue;
    }
    consumer.release();
    if (!consumer.prepareToSleep()) continue;
    sleeps++;
    if (workerData.blocking) consumer.sleepBlocking(60_000);
    else await consumer.sleep(60_000);
  }
  consumer.release();
  clearInterval(keepAlive);
  parentPort.postMessage({ wrong, sleeps });
});
`;

for (const [blocking, count] of [
  [true, 200_000],
  [false, 50_000],
] as const) {
  test(`two threads, the consumer sleeping ${blocking ? "blocked" : "in its event loop"}, lose no record and no wake-up`, async () => {
    const memory = allocateRing(64, 2);
    const ringUrl = new URL("../../../core/memory/ring.js", import.meta.url).href;
    const thread = new Worker(CONSUMER, { eval: true, workerData: { memory, ringUrl, count, blocking } });
    const result = once(thread, "message");
    const producer = new RingProducer(memory);
    for (let i = 0; i < count; ) {
      const at = producer.reserve();
      if (at < 0) {
        producer.publish();
        producer.wake();
        await new Promise(setImmediate);
        continue;
      }
      producer.words[at] = i;
      producer.words[at + 1] = ~i;
      producer.commit();
      i++;
      // Bursts of changing length, so that the consumer runs dry at every point of a burst.
      if (i % ((i % 13) + 1) === 0) {
        producer.publish();
        producer.wake();
      }
    }
    producer.publish();
    producer.wake();
    const [{ wrong, sleeps }] = (await result) as [{ wrong: number; sleeps: number }];
    assert.is(wrong, 0);
    assert.ok(sleeps > 0, "the consumer has slept");
  });
}

test("transmit ring, carries packets of every length, over its end too, and refuses what does not fit", () => {
  const memory = allocateTransmitRing(256);
  const producer = new TransmitProducer(memory);
  const consumer = new TransmitConsumer(memory);
  for (let round = 0; round < 500; round++) {
    const length = (round * 37) % 500;
    const packet = Uint8Array.from({ length }, (_, i) => (i + round) & 255);
    assert.ok(producer.push(round & 3, packet, 0, length), `round ${round}`);
    assert.not(consumer.next(), "not published yet");
    producer.publish();
    assert.ok(consumer.next());
    assert.is(consumer.link, round & 3);
    assert.equal(consumer.bytes.slice(consumer.offset, consumer.offset + consumer.length), packet);
    assert.not(consumer.next());
    consumer.release();
  }
  const packet = new Uint8Array(400);
  let taken = 0;
  while (producer.push(0, packet, 0, packet.length)) taken++;
  assert.is(taken, 2);
  producer.publish();
  assert.ok(consumer.next());
  consumer.release();
  assert.ok(producer.push(0, packet, 0, 40));
});

test("transmit ring, wakes main for a packet, also for one that was there before the wait", async () => {
  const memory = allocateTransmitRing(256);
  const producer = new TransmitProducer(memory);
  const consumer = new TransmitConsumer(memory);
  const alive = setInterval(() => {}, 1000);
  const woken = new Promise<void>((resolve) => consumer.wait(resolve));
  producer.push(0, new Uint8Array(20), 0, 20);
  producer.publish();
  await woken;
  await new Promise<void>((resolve) => consumer.wait(resolve));
  assert.ok(consumer.next());
  clearInterval(alive);
});

test.run();
