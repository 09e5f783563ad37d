// The packet pool: where packets lie in it, and the stack of its free slots against a model.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocatePacketPool,
  FreeSlots,
  HeldSlots,
  PacketPool,
  SLOT_HEADROOM_BYTES,
} from "../../../core/memory/packet-pool.js";

test("packet pool, gives every slot room for its largest packet, aligned to words, and no other's", () => {
  const memory = allocatePacketPool(5, 64);
  const pool = new PacketPool(memory);
  assert.is(pool.maxPacketBytes, 64 - SLOT_HEADROOM_BYTES);
  assert.is(pool.bytes.length, 5 * 64);
  for (let slot = 0; slot < 5; slot++) {
    const offset = pool.packetOffset(slot);
    assert.is(offset % 4, 0);
    assert.ok(offset + pool.maxPacketBytes <= pool.bytes.length);
    pool.bytes.fill(slot + 1, offset, offset + pool.maxPacketBytes);
  }
  for (let slot = 0; slot < 5; slot++) {
    const offset = pool.packetOffset(slot);
    const packet = pool.bytes.slice(offset, offset + pool.maxPacketBytes);
    assert.ok(packet.every((byte) => byte === slot + 1));
    assert.ok(pool.bytes.slice(offset - SLOT_HEADROOM_BYTES, offset).every((byte) => byte === 0));
  }
});

test("packet pool, gives every large slot the room of 32, behind the slots, and no other's", () => {
  const memory = allocatePacketPool(3, 64, 4);
  const pool = new PacketPool(memory);
  const free = new FreeSlots(memory);
  assert.equal([pool.largeSlotCount, pool.maxLargePacketBytes], [4, 32 * 64 - SLOT_HEADROOM_BYTES]);
  const large = [free.acquireLarge(), free.acquireLarge(), free.acquireLarge(), free.acquireLarge()];
  const all = [free.acquire(), free.acquire(), free.acquire(), ...large];
  assert.equal([free.acquire(), free.acquireLarge()], [-1, -1]);
  for (const [i, slot] of all.entries()) {
    const bytes = large.includes(slot) ? pool.maxLargePacketBytes : pool.maxPacketBytes;
    const offset = pool.packetOffset(slot);
    assert.is(offset % 4, 0);
    assert.ok(offset + bytes <= pool.bytes.length);
    assert.ok(pool.bytes.subarray(offset - SLOT_HEADROOM_BYTES, offset + bytes).every((byte) => byte === 0));
    pool.bytes.fill(i + 1, offset - SLOT_HEADROOM_BYTES, offset + bytes);
  }
  assert.ok(pool.bytes.every((byte) => byte !== 0));
  for (const slot of all) free.release(slot);
  assert.equal([free.count, free.largeCount], [3, 4]);
  assert.equal([free.acquire(), free.acquireLarge()], [all[2], large[3]]);
});

test("held slots, large ones among them, come back from their holder, and all of them when it is gone", () => {
  const memory = allocatePacketPool(2, 64, 2);
  const free = new FreeSlots(memory);
  const held = new HeldSlots(memory, free);
  const slots = [free.acquire(), free.acquireLarge(), free.acquireLarge()];
  for (const slot of slots) held.hand(slot, 1);
  held.giveBack(slots[1]!, 2);
  held.giveBack(slots[1]!, 1);
  held.giveBack(slots[1]!, 1);
  assert.equal([free.count, free.largeCount], [1, 1]);
  held.giveBackAll(1);
  assert.equal([free.count, free.largeCount], [2, 2]);
});

test("held slots, of large ones give a worker its share and no more, until it gives one back or is gone", () => {
  const memory = allocatePacketPool(2, 64, 8);
  const free = new FreeSlots(memory);
  const held = new HeldSlots(memory, free);
  const small = free.acquire();
  const slots = [free.acquireLarge(), free.acquireLarge(), free.acquireLarge()];
  const third = slots[2]!;
  for (const slot of slots.slice(0, 2)) {
    assert.ok(held.mayHand(slot, 1));
    held.hand(slot, 1);
  }
  assert.equal([held.mayHand(third, 1), held.mayHand(small, 1), held.mayHand(third, 2)], [false, true, true]);
  held.giveBack(slots[0]!, 2);
  assert.is(held.mayHand(third, 1), false);
  held.giveBack(slots[0]!, 1);
  assert.is(held.mayHand(third, 1), true);
  held.hand(third, 1);
  assert.is(held.mayHand(free.acquireLarge(), 1), false);
  held.giveBackAll(1);
  assert.is(held.mayHand(free.acquireLarge(), 1), true);
});

test("packet pool, through all its views and in every thread's own, is the same memory", () => {
  const memory = allocatePacketPool(2, 2048);
  const one = new PacketPool(memory);
  const other = new PacketPool(memory);
  const offset = one.packetOffset(1);
  one.bytes.set([1, 2, 3, 4], offset);
  assert.is(other.words[offset / 4], new Int32Array(Uint8Array.of(1, 2, 3, 4).buffer)[0]);
  assert.is(other.halves[offset / 2 + 1], new Uint16Array(Uint8Array.of(3, 4).buffer)[0]);
});

test("packet pool, with slots whose size is no power of two, is refused", () => {
  for (const slotBytes of [0, 1500, -2048, 2048.5]) {
    assert.throws(
      () => allocatePacketPool(1, slotBytes),
      (error: Error) => error instanceof RangeError && /bytes in a packet slot/.test(error.message),
    );
  }
});

test("free slots, when all are in use, have none; the last one back is the next one out", () => {
  const free = new FreeSlots({ slotCount: 3, largeSlotCount: 0 });
  const taken = [free.acquire(), free.acquire(), free.acquire()];
  assert.equal([...taken].sort(), [0, 1, 2]);
  assert.equal([free.acquire(), free.count], [-1, 0]);
  free.release(taken[1]!);
  free.release(taken[0]!);
  assert.equal([free.acquire(), free.acquire(), free.acquire()], [taken[0], taken[1], -1]);
});

test("free slots, of none, have none", () => {
  assert.is(new FreeSlots({ slotCount: 0, largeSlotCount: 0 }).acquire(), -1);
});

test("free slots, with any sequence of uses, never hand out a slot twice and never lose one", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(8), { maxLength: 200 }), (steps) => {
      const free = new FreeSlots({ slotCount: 6, largeSlotCount: 0 });
      const held: number[] = [];
      for (const step of steps) {
        if (step < 5) {
          const slot = free.acquire();
          if (slot < 0) assert.is(held.length, 6);
          else {
            assert.not(held.includes(slot));
            assert.ok(slot < 6);
            held.push(slot);
          }
        } else if (held.length > 0) {
          free.release(held.splice(step % held.length, 1)[0]!);
        }
        assert.is(free.count + held.length, 6);
      }
    }),
  );
});

test.run();
