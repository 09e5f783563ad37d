// The index of connections, rows in lists, the hash of 4-tuples, and initial sequence numbers.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FourTuple } from "../../../workers/tcp/four-tuple.js";
import { HashIndex } from "../../../workers/tcp/hash-index.js";
import { InitialSequence } from "../../../workers/tcp/initial-sequence.js";
import { NO_ROW, type RowList, Rows } from "../../../workers/tcp/rows.js";
import { TupleHash } from "../../../workers/tcp/tuple-hash.js";
import { halfSipHash } from "../../support/half-sip-hash.js";

test("hash index, any inserts and removals with few hashes, finds what a map would", () => {
  const step = fc.record({ hash: fc.integer({ min: -3, max: 3 }), row: fc.integer({ min: 0, max: 30 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const index = new HashIndex(4);
      const model = new Map<number, number>();
      for (const { hash, row } of steps) {
        const known = model.get(row);
        if (known === undefined) {
          index.insert(hash, row);
          model.set(row, hash);
        } else {
          index.remove(known, row);
          model.delete(row);
        }
        assert.is(index.count, model.size);
        for (let wanted = -4; wanted <= 3; wanted++) {
          const found: number[] = [];
          for (let at = index.first(wanted); at >= 0; at = index.next(at, wanted)) found.push(index.row(at));
          const expected = [...model].filter(([, hash]) => hash === wanted).map(([row]) => row);
          assert.equal(found.sort(), expected.sort());
        }
      }
    }),
  );
});

test("rows, anything inserted, moved and removed in two lists, are those of two arrays", () => {
  const step = fc.record({
    action: fc.constantFrom("insert", "insert", "moveToEnd", "remove"),
    of: fc.integer({ min: 0, max: 1 }),
    place: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
      const rows = new Rows(2);
      const lists: RowList[] = [0, 1].map(() => ({ firstRow: NO_ROW, lastRow: NO_ROW, rowCount: 0 }));
      /** What is in each list: its rows, and what was written in them. */
      const models: [row: number, value: number][][] = [[], []];
      for (const [value, { action, of, place }] of steps.entries()) {
        const list = lists[of]!;
        const model = models[of]!;
        if (action === "insert") {
          const at = place % (model.length + 1);
          const row = rows.insertAfter(list, at === 0 ? NO_ROW : model[at - 1]![0]);
          rows.set(row, 0, value);
          rows.set(row, 1, -value);
          model.splice(at, 0, [row, value]);
        } else if (model.length > 0) {
          const [entry] = model.splice(place % model.length, 1);
          if (action === "remove") {
            rows.remove(list, entry![0]);
          } else {
            rows.moveToEnd(list, entry![0]);
            model.push(entry!);
          }
        }
        assert.is(list.rowCount, model.length);
        assert.is(rows.inUse, models[0]!.length + models[1]!.length);
      }
      for (const [of, model] of models.entries()) {
        const { firstRow, lastRow } = lists[of]!;
        const forward: [number, number][] = [];
        for (let row = firstRow; row !== NO_ROW; row = rows.next(row)) forward.push([row, rows.get(row, 0)]);
        assert.equal(forward, model);
        assert.ok(model.every(([row, value]) => rows.get(row, 1) === -value));
        const backward: number[] = [];
        for (let row = lastRow; row !== NO_ROW; row = rows.previous(row)) backward.push(row);
        assert.equal(
          backward.reverse(),
          model.map(([row]) => row),
        );
      }
    }),
  );
});

test("hash of a tuple and two words, is HalfSipHash-2-4 of all of them", () => {
  const word = fc.integer();
  const words = fc.tuple(word, word, word, word, word, word, word, word, word);
  fc.assert(
    fc.property(word, word, words, word, word, fc.boolean(), (k0, k1, of, word0, word1, isIpv6) => {
      const tuple = new FourTuple();
      const [ports, remote0, local0, remote1, remote2, remote3, local1, local2, local3] = of;
      Object.assign(tuple, { ports, remote0, local0, ipVersion: isIpv6 ? 6 : 4 });
      if (isIpv6) Object.assign(tuple, { remote1, remote2, remote3, local1, local2, local3 });
      const hashed = [...of.slice(0, isIpv6 ? 9 : 3), word0, word1];
      const message = new DataView(new ArrayBuffer(4 * hashed.length));
      for (const [index, value] of hashed.entries()) message.setInt32(4 * index, value, true);
      const expected = halfSipHash(k0, k1, new Uint8Array(message.buffer), 2, 4);
      assert.is(new TupleHash(k0, k1).of(tuple, word0, word1), expected);
    }),
  );
});

test("initial sequence, of one tuple, moves by 250 a millisecond, also over days", () => {
  const sequence = new InitialSequence(new TupleHash(1, 2));
  const tuple = new FourTuple();
  const first = sequence.next(tuple, 0);
  assert.is((sequence.next(tuple, 1) - first) | 0, 250);
  assert.is((sequence.next(tuple, 4_000_000_000) - sequence.next(tuple, 3_999_999_999)) | 0, 250);
});

test("initial sequence, another secret or any other word of the tuple, is another", () => {
  const seen = new Set<number>();
  const tuple = new FourTuple();
  seen.add(new InitialSequence(new TupleHash(1, 2)).next(tuple, 0));
  seen.add(new InitialSequence(new TupleHash(1, 3)).next(tuple, 0));
  seen.add(new InitialSequence(new TupleHash(2, 2)).next(tuple, 0));
  const sequence = new InitialSequence(new TupleHash(1, 2));
  tuple.ipVersion = 6;
  seen.add(sequence.next(tuple, 0));
  const words = [
    "ports",
    "remote0",
    "remote1",
    "remote2",
    "remote3",
    "local0",
    "local1",
    "local2",
    "local3",
  ] as const;
  for (const word of words) {
    tuple[word] = 1;
    seen.add(sequence.next(tuple, 0));
  }
  assert.is(seen.size, 4 + words.length);
});

test.run();
