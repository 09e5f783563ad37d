// The rows of what was sent, against a model that marks every byte.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NO_ROW } from "../../../workers/tcp/rows.js";
import { MAX_ROWS, type TransmissionList, Transmissions } from "../../../workers/tcp/transmissions.js";

/** Close to where signed numbers wrap. */
const BASE = 0x7fff_ff00 | 0;

function emptyList(): TransmissionList {
  return { firstRow: NO_ROW, lastRow: NO_ROW, rowCount: 0, sackedBytes: 0, lostBytes: 0 };
}

interface Byte {
  sentMs: number;
  isSacked: boolean;
  isLost: boolean;
  isResent: boolean;
}

/** The same operations, byte by byte. */
class Model {
  readonly bytes: Byte[] = [];
  una = 0;
  nowMs = 0;

  send(count: number): void {
    for (let n = 0; n < count; n++)
      this.bytes.push({ sentMs: this.nowMs, isSacked: false, isLost: false, isResent: false });
  }

  get outstanding(): Byte[] {
    return this.bytes.slice(this.una);
  }

  get firstLost(): number {
    return this.bytes.findIndex(({ isLost }, position) => position >= this.una && isLost);
  }

  loseBefore(newestMs: number, newestEnd: number, waitMs: number): number {
    let next = 0;
    for (const [index, byte] of this.outstanding.entries()) {
      if (byte.isSacked || byte.isLost) continue;
      const isBefore = byte.isResent
        ? byte.sentMs < newestMs
        : byte.sentMs < newestMs || (byte.sentMs === newestMs && this.una + index < newestEnd);
      if (!isBefore) continue;
      const leftMs = byte.sentMs + waitMs - this.nowMs;
      if (leftMs <= 0) byte.isLost = true;
      else if (next === 0 || leftMs < next) next = leftMs;
    }
    return next;
  }
}

test("transmissions, anything sent, reported, lost, sent again and acknowledged, are those of a model", () => {
  const step = fc.record({
    action: fc.constantFrom("send", "send", "sack", "sack", "acknowledge", "loseBefore", "resend", "loseAll"),
    from: fc.integer({ min: 0, max: 400 }),
    length: fc.integer({ min: 1, max: 60 }),
    waitMs: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const transmissions = new Transmissions();
      const list = emptyList();
      const model = new Model();
      const at = (position: number) => (BASE + position) | 0;
      let newest: [number, number] = [-1, 0];
      for (const { action, from, length, waitMs } of steps) {
        model.nowMs += waitMs;
        const nxt = model.bytes.length;
        const start = Math.min(model.una + from, nxt);
        const end = Math.min(start + length, nxt);
        transmissions.beginAcknowledgment(at(0), model.nowMs + 1);
        if (action === "send") {
          transmissions.sent(list, at(nxt), at(nxt + length), model.nowMs);
          model.send(length);
        } else if (action === "sack" && end > start) {
          const isNew = model.bytes.slice(start, end).some(({ isSacked }) => !isSacked);
          assert.is(transmissions.sack(list, at(start), at(end)), isNew);
          for (const byte of model.bytes.slice(start, end)) {
            byte.isSacked = true;
            byte.isLost = false;
          }
        } else if (action === "acknowledge") {
          transmissions.acknowledge(list, at(start));
          model.una = start;
        } else if (action === "loseBefore") {
          const left = transmissions.loseBefore(list, newest[0], at(newest[1]), waitMs, model.nowMs);
          assert.is(left, model.loseBefore(newest[0], newest[1], waitMs));
        } else if (action === "resend") {
          const row = transmissions.firstLost(list);
          if (row === NO_ROW) continue;
          const first = (transmissions.start(row) - BASE) | 0;
          const last = Math.min(first + length, (transmissions.end(row) - BASE) | 0);
          transmissions.resent(list, at(first), at(last), model.nowMs);
          for (const byte of model.bytes.slice(first, last)) {
            assert.ok(byte.isLost);
            Object.assign(byte, { isLost: false, isResent: true, sentMs: model.nowMs });
          }
        } else if (action === "loseAll") {
          transmissions.loseAll(list, false);
          for (const byte of model.outstanding) byte.isLost = !byte.isSacked;
        }
        if (transmissions.hasNewest === 1) {
          newest = [transmissions.newestMs, (transmissions.newestEnd - BASE) | 0];
        }
        const { outstanding } = model;
        assert.is(list.sackedBytes, outstanding.filter(({ isSacked }) => isSacked).length);
        assert.is(list.lostBytes, outstanding.filter(({ isLost }) => isLost).length);
        const lost = transmissions.firstLost(list);
        assert.is(lost === NO_ROW ? -1 : (transmissions.start(lost) - BASE) | 0, model.firstLost);
        assert.is(list.firstRow === NO_ROW, outstanding.length === 0);
        assert.is(transmissions.isReneged(list), outstanding[0]?.isSacked === true);
        assert.is(transmissions.inUse, list.rowCount);
      }
      transmissions.clear(list);
      assert.is(transmissions.inUse, 0);
    }),
  );
});

test("transmissions, sent in one millisecond, are one row", () => {
  const transmissions = new Transmissions();
  const list = emptyList();
  for (let index = 0; index < 100; index++) transmissions.sent(list, 10 * index, 10 * index + 10, 5);
  assert.is(list.rowCount, 1);
  transmissions.sent(list, 1000, 1010, 6);
  assert.is(list.rowCount, 2);
});

test("transmissions, odd reports of a peer without end, make no more rows than there may be", () => {
  const transmissions = new Transmissions();
  const list = emptyList();
  for (let ms = 0; ms < 2 * MAX_ROWS; ms++) transmissions.sent(list, 100 * ms, 100 * ms + 100, ms);
  assert.is(list.rowCount, MAX_ROWS);
  transmissions.acknowledge(list, 100 * (MAX_ROWS - 50));
  for (let byte = 0; byte < 20_000; byte += 2) {
    const start = 100 * MAX_ROWS + byte;
    transmissions.sack(list, start, start + 1);
  }
  assert.is(list.rowCount, MAX_ROWS);
  transmissions.acknowledge(list, 200 * MAX_ROWS);
  assert.is(transmissions.inUse, 0);
});

test("transmissions, of which nothing was lost after all, are in flight again", () => {
  const transmissions = new Transmissions();
  const list = emptyList();
  transmissions.sent(list, 0, 100, 1);
  transmissions.sent(list, 100, 200, 2);
  transmissions.loseAll(list, false);
  transmissions.resent(list, 0, 50, 3);
  assert.is(list.lostBytes, 150);
  transmissions.forgive(list);
  assert.is(list.lostBytes, 0);
  assert.is(transmissions.firstLost(list), NO_ROW);
});

test("transmissions, acknowledged, tell which of them was sent last and when the oldest was", () => {
  const transmissions = new Transmissions();
  const list = emptyList();
  for (let ms = 1; ms <= 4; ms++) transmissions.sent(list, 10 * ms, 10 * ms + 10, ms);
  transmissions.beginAcknowledgment(10, 100);
  transmissions.sack(list, 30, 40);
  assert.equal([transmissions.newestMs, transmissions.newestEnd, transmissions.highest], [3, 40, 40]);
  assert.is(transmissions.hasOldest, 0, "a report measures no round trip");
  transmissions.loseFirst(list, 5);
  transmissions.resent(list, 10, 15, 9);
  // The second half of the first row, and the second row, came later than the third.
  transmissions.beginAcknowledgment(40, 100);
  transmissions.acknowledge(list, 40);
  assert.is(transmissions.hasResent, 1);
  assert.is(transmissions.isReordered, 1);
  assert.equal([transmissions.newestMs, transmissions.newestEnd], [9, 15]);
});

test("transmissions, that one acknowledgment reports from the highest to the lowest, did not change their order", () => {
  const transmissions = new Transmissions();
  const list = emptyList();
  transmissions.sent(list, 0, 100, 1);
  transmissions.beginAcknowledgment(0, 100);
  transmissions.sack(list, 80, 90);
  transmissions.sack(list, 40, 50);
  assert.is(transmissions.isReordered, 0);
  transmissions.beginAcknowledgment(90, 100);
  transmissions.sack(list, 60, 70);
  assert.is(transmissions.isReordered, 1);
});

test("transmissions, sent again so lately that the first ones may be acknowledged, are not the newest", () => {
  const transmissions = new Transmissions();
  const list = emptyList();
  transmissions.sent(list, 0, 10, 1);
  transmissions.loseFirst(list, 10);
  transmissions.resent(list, 0, 10, 9);
  transmissions.beginAcknowledgment(0, 9);
  transmissions.acknowledge(list, 10);
  assert.is(transmissions.hasNewest, 0);
});

test.run();
