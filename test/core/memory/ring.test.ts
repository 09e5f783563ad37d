// The ring of records: by its two ends in one thread, and by two real threads, of which one sleeps and the other wakes it.
// Sleeps have no end of their own: a wake-up that is lost stops the test for good, and the test command kills it then.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocateRing, RingConsumer, RingProducer, wakeConsumer } from "../../../core/memory/ring.js";

/** The words in which a consumer says how far it has come, and that it sleeps. */
const TAIL = 16;
const ASLEEP = 32;

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

test("ring, of which several records were read, takes as many again after one release", () => {
  const memory = allocateRing(8, 3);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  for (let i = 0; i < 8; i++) push(producer, i);
  producer.publish();
  for (let i = 0; i < 5; i++) assert.is(pop(consumer), i);
  consumer.release();
  assert.ok(producer.hasRoom(5));
  assert.not(producer.hasRoom(6));
  assert.not(producer.hasRoom(9), "more than it holds never fit");
  assert.equal(
    Array.from({ length: 6 }, (_, i) => push(producer, 10 + i)),
    [true, true, true, true, true, false],
  );
  producer.publish();
  assert.equal(
    Array.from({ length: 9 }, () => pop(consumer)),
    [5, 6, 7, 10, 11, 12, 13, 14, undefined],
  );
});

test("ring, whose ends are made when it is in use, goes on where it was", () => {
  const memory = allocateRing(4, 1);
  const producer = new RingProducer(memory);
  for (let i = 0; i < 3; i++) push(producer, i);
  producer.publish();
  const first = new RingConsumer(memory);
  assert.is(pop(first), 0);
  first.release();
  const second = new RingConsumer(memory);
  assert.is(pop(second), 1);
  const other = new RingProducer(memory);
  assert.ok(push(other, 3));
  assert.ok(push(other, 4));
  assert.not(push(other, 5));
});

test("ring, with any sequence of pushes and pops, is a bounded queue", () => {
  const step = fc.constantFrom("push", "publish", "pop", "release");
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = allocateRing(4, 2);
      const producer = new RingProducer(memory);
      const consumer = new RingConsumer(memory);
      let [pushed, published, popped, released] = [0, 0, 0, 0];
      for (const one of steps) {
        if (one === "push") {
          assert.is(producer.hasRoom(1), pushed - released < 4);
          if (push(producer, pushed)) pushed++;
          else assert.is(pushed - released, 4);
        }
        if (one === "publish") {
          producer.publish();
          published = pushed;
        }
        if (one === "pop") assert.is(pop(consumer), popped < published ? popped++ : undefined);
        if (one === "release") {
          consumer.release();
          released = popped;
        }
        assert.ok(pushed - released <= 4);
      }
    }),
  );
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
  let isAwake = false;
  const woken = consumer.sleep(60_000).then(() => {
    isAwake = true;
  });
  push(producer, 1);
  producer.publish();
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
  assert.not(isAwake, "published, but not woken");
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
    if (workerData.blocking) consumer.sleepBlocking(Infinity);
    else await consumer.sleep(Infinity);
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
      if (i % 500 === 0 && i < count) {
        producer.publish();
        producer.wake();
        // All taken first: a consumer that finds a record while it lies down gets up again.
        while (Atomics.load(producer.words, TAIL) !== i || Atomics.load(producer.words, ASLEEP) === 0)
          await new Promise(setImmediate);
      }
    }
    producer.publish();
    producer.wake();
    const [{ wrong, sleeps }] = (await result) as [{ wrong: number; sleeps: number }];
    assert.is(wrong, 0);
    // It was seen to lie down after every 500 records but the last.
    assert.ok(sleeps >= count / 500 - 1, `the consumer has slept ${sleeps} times`);
  });
}

test("consumer, called before it lies down, does not sleep, and then does", async () => {
  const memory = allocateRing(4, 1);
  const producer = new RingProducer(memory);
  const consumer = new RingConsumer(memory);
  for (const call of [() => wakeConsumer(memory), () => producer.rouse()]) {
    call();
    call();
    assert.not(consumer.prepareToSleep());
    assert.ok(consumer.prepareToSleep());
    call();
    // The word is not the one that was waited for: back at once, without a time limit.
    consumer.sleepBlocking(Number.POSITIVE_INFINITY);
    assert.ok(consumer.prepareToSleep(), "it was awake, and has looked");
    consumer.awake();
  }
});

/** A thread that notes how often it was called, by a word that is not in the ring, asleep whenever it has not changed. */
const CALLED = `
const { parentPort, workerData } = require("node:worker_threads");
import(workerData.ringUrl).then(({ RingConsumer }) => {
  const consumer = new RingConsumer(workerData.memory);
  const word = new Int32Array(workerData.word);
  let sleeps = 0;
  for (let seen = 0; seen < workerData.count; ) {
    const now = Atomics.load(word, 0);
    if (now !== seen) {
      seen = now;
      // Back to who calls, which calls again at once: while we are on our way to sleep.
      Atomics.store(word, 1, seen);
      continue;
    }
    if (!consumer.prepareToSleep()) continue;
    sleeps++;
    consumer.sleepBlocking(Infinity);
  }
  parentPort.postMessage(sleeps);
});
`;

test("two threads, one calling the other for what is not in the ring, lose no call", async () => {
  const count = 30_000;
  const memory = allocateRing(4, 1);
  const word = new SharedArrayBuffer(8);
  const words = new Int32Array(word);
  const ringUrl = new URL("../../../core/memory/ring.js", import.meta.url).href;
  const thread = new Worker(CALLED, { eval: true, workerData: { memory, word, ringUrl, count } });
  const result = once(thread, "message");
  for (let n = 1; n <= count; n++) {
    Atomics.store(words, 0, n);
    wakeConsumer(memory);
    for (let spins = 1; Atomics.load(words, 1) !== n; spins++) {
      if (spins % 1_000_000 === 0) await new Promise(setImmediate);
    }
    // A little later each time, so that the call comes at every point of its way.
    for (let spin = n % 400; spin > 0; spin--) Atomics.load(words, 1);
    if (n % 1000 === 0) await new Promise(setImmediate);
  }
  const [sleeps] = await result;
  assert.ok(sleeps > 100, `the consumer has slept ${sleeps} times`);
});

test.run();
