// A group of changes against a plain model that makes them one after another on a map.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ChangeGroup, type CurrentRecord, keysOf } from "../../storage/change-group.js";
import type { Change } from "../../storage/session-store.js";

interface ModelRecord {
  readonly version: number;
  readonly createdAtMs: number;
  readonly state: number;
}

const NOW_MS = 5_000;
/** What MessagePack makes of an empty map. */
const EMPTY_MAP = 0x80;

/** Makes a change on the model, or says that it conflicts. */
function applyToModel(model: Map<string, ModelRecord>, change: Change): number | "conflict" {
  const source = change.replacesKey ?? change.key;
  const record = model.get(source);
  if ((record?.version ?? 0) !== change.baseVersion) return "conflict";
  if (change.replacesKey !== null && model.has(change.key)) return "conflict";
  const version = change.baseVersion + 1;
  if (change.replacesKey === null) model.delete(source);
  else model.set(source, { version, createdAtMs: NOW_MS, state: EMPTY_MAP });
  if (change.state === null) {
    model.delete(change.key);
    return 0;
  }
  model.set(change.key, { version, createdAtMs: record?.createdAtMs ?? NOW_MS, state: change.state[0]! });
  return version;
}

const keys = ["a", "b", "c", "d"];
const anyChange: fc.Arbitrary<Change> = fc
  .record({
    key: fc.constantFrom(...keys),
    baseVersion: fc.nat(3),
    state: fc.option(
      fc.nat(255).map((byte) => Uint8Array.of(byte)),
      { freq: 4 },
    ),
    replacesKey: fc.option(fc.constantFrom(...keys), { freq: 2 }),
  })
  .filter((change) => change.replacesKey !== change.key)
  .map((change) => ({ ...change, expiresAtMs: NOW_MS + 1, procedure: null }));
const anyCurrent = fc.dictionary(fc.constantFrom(...keys), fc.integer({ min: 1, max: 3 }));

test("a group, writes what its changes do one after another, for any changes", () => {
  fc.assert(
    fc.property(anyCurrent, fc.array(anyChange, { maxLength: 12 }), (versions, changes) => {
      const model = new Map<string, ModelRecord>();
      const current = new Map<string, CurrentRecord>();
      for (const [key, version] of Object.entries(versions)) {
        model.set(key, { version, createdAtMs: version, state: -1 });
        current.set(key, { version, createdAtMs: version });
      }
      const stored = new Map(model);
      const group = new ChangeGroup(current, NOW_MS);
      for (const change of changes) {
        const expected = applyToModel(model, change);
        assert.is(group.accepts(change) ? group.apply(change) : "conflict", expected);
      }
      for (const key of group.deletions()) stored.delete(key);
      const upserts = group.upserts();
      for (const { key, version, createdAtMs, state } of upserts) {
        stored.set(key, { version, createdAtMs, state: state[0]! });
      }
      assert.equal([...stored].sort(), [...model].sort());
      const written = [...group.deletions(), ...upserts.map((upsert) => upsert.key)];
      assert.is(new Set(written).size, written.length, "each record is written once");
    }),
    { numRuns: 3_000 },
  );
});

test("keysOf, has each key once, replaced ones too", () => {
  const change: Change = {
    key: "a",
    baseVersion: 1,
    state: null,
    expiresAtMs: 0,
    replacesKey: "b",
    procedure: null,
  };
  assert.equal(keysOf([change, { ...change, key: "c", replacesKey: null }, change]), ["a", "b", "c"]);
});

test.run();
