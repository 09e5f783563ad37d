// The egress by ring: whole packets to the ring under their link's number, and drops that are counted.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { RingEgress } from "../../../core/link/ring-egress.js";
import {
  allocateTransmitRing,
  TransmitConsumer,
  TransmitProducer,
} from "../../../core/memory/transmit-ring.js";

test("ring egress, sends the packet that is in its buffer, under its link's number", () => {
  const memory = allocateTransmitRing(1024);
  const producer = new TransmitProducer(memory);
  const egress = new RingEgress(producer, 3, 1400);
  assert.equal([egress.mtuBytes, egress.maxPacketBytes, egress.checksumOffload], [1400, 1400, false]);
  assert.is(egress.start % 4, 0);
  assert.ok(egress.buffer.length >= egress.start + 1400);
  const packet = Uint8Array.from({ length: 1400 }, (_, i) => i & 255);
  egress.buffer.set(packet, egress.start);
  assert.ok(egress.transmit(1400));
  // The buffer is free for the next packet at once.
  egress.buffer.fill(7);
  assert.ok(egress.transmit(20));
  producer.publish();
  const consumer = new TransmitConsumer(memory);
  for (const expected of [packet, new Uint8Array(20).fill(7)]) {
    assert.ok(consumer.next());
    assert.is(consumer.link, 3);
    assert.equal(consumer.bytes.slice(consumer.offset, consumer.offset + consumer.length), expected);
  }
});

test("ring egress, with a full ring, drops and counts, and goes on when there is room", () => {
  const memory = allocateTransmitRing(64);
  const producer = new TransmitProducer(memory);
  const egress = new RingEgress(producer, 0, 1500);
  assert.ok(egress.transmit(200));
  assert.equal([egress.transmit(200), egress.transmit(201), egress.drops], [false, false, 2]);
  producer.publish();
  const consumer = new TransmitConsumer(memory);
  assert.ok(consumer.next());
  consumer.release();
  assert.ok(egress.transmit(40));
  assert.is(egress.drops, 2);
});

test.run();
