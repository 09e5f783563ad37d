// The session directory: what one thread sees, what happens when a bucket is full, and that no reader on another thread
// ever gets another session's version while the writer replaces entries as fast as it can.

import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allocateSessionDirectory,
  MAX_DIRECTORY_VERSION,
  parseSessionKey,
  SessionDirectory,
  type SessionDirectoryMemory,
  SessionDirectoryWriter,
  VERSION_UNKNOWN,
} from "../../../core/memory/session-directory.js";

/** A key in bucket `bucket` (of any table with at most 2^16 buckets), told from others by `number`. */
function keyOf(bucket: number, number: number): Int32Array {
  return Int32Array.of((number << 16) | bucket, number * 3, ~number, 7);
}

const RACE_KEYS = 24;
const RACE_LOOKUPS = 300_000;
/** How long the writer may go on before a reader that never ends fails the test. */
const RACE_MAX_ROUNDS = 3_000_000;
const RACE_DONE = 0;

interface RaceData {
  readonly memory: SessionDirectoryMemory;
  /** Word 0: readers that are done. */
  readonly control: SharedArrayBuffer;
}

interface RaceResult {
  readonly wrong: number;
  readonly backwards: number;
  readonly found: number;
}

/** Versions in the race tell whose they are: version % RACE_KEYS is the key's number. They only rise. */
function readInRace({ memory, control }: RaceData): RaceResult {
  const directory = new SessionDirectory(memory);
  const keys = Array.from({ length: RACE_KEYS }, (_, number) => keyOf(0, number));
  const last = new Float64Array(RACE_KEYS);
  let wrong = 0;
  let backwards = 0;
  let found = 0;
  for (let lookup = 0; lookup < RACE_LOOKUPS; lookup++) {
    const number = lookup % RACE_KEYS;
    const version = directory.versionOf(keys[number]!);
    if (version === VERSION_UNKNOWN) continue;
    found++;
    if (version % RACE_KEYS !== number) wrong++;
    else if (version < last[number]!) backwards++;
    else last[number] = version;
  }
  Atomics.add(new Int32Array(control), RACE_DONE, 1);
  return { wrong, backwards, found };
}

if (!isMainThread) {
  parentPort!.postMessage(readInRace(workerData as RaceData));
} else {
  test("parseSessionKey, reads four big-endian words, of 32 hexadecimal digits", () => {
    assert.equal(
      [...parseSessionKey("00000001ffffffff8000000012abCDef")],
      [1, -1, -0x8000_0000, 0x12ab_cdef],
    );
  });

  test("a directory, knows nothing, when it is new", () => {
    const memory = allocateSessionDirectory(64);
    new SessionDirectoryWriter(memory);
    const directory = new SessionDirectory(memory);
    assert.is(directory.versionOf(keyOf(1, 1)), VERSION_UNKNOWN);
    // The key of unused memory is not a session's.
    assert.is(directory.versionOf(Int32Array.of(0, 0, 0, 0)), VERSION_UNKNOWN);
  });

  test("a directory, tells the last version that was set, also 0", () => {
    const memory = allocateSessionDirectory(64);
    const writer = new SessionDirectoryWriter(memory);
    const directory = new SessionDirectory(memory);
    const key = keyOf(3, 5);
    for (const version of [1, 2, MAX_DIRECTORY_VERSION, 0, 3]) {
      writer.set(key, version);
      assert.is(directory.versionOf(key), version);
    }
    writer.remove(key);
    assert.is(directory.versionOf(key), VERSION_UNKNOWN);
    writer.set(key, 4);
    assert.is(directory.versionOf(key), 4);
  });

  test("a directory, holds the all-zero key as well, once it is set", () => {
    const memory = allocateSessionDirectory(8);
    const writer = new SessionDirectoryWriter(memory);
    const zero = Int32Array.of(0, 0, 0, 0);
    writer.set(zero, 9);
    assert.is(new SessionDirectory(memory).versionOf(zero), 9);
  });

  test("a directory, tells keys apart, that differ in any one bit", () => {
    const memory = allocateSessionDirectory(8);
    const writer = new SessionDirectoryWriter(memory);
    const directory = new SessionDirectory(memory);
    const key = Int32Array.of(0x1234_5678, -5, 77, 0);
    writer.set(key, 6);
    for (let bit = 0; bit < 128; bit++) {
      const other = key.slice();
      other[bit >> 5]! ^= 1 << (bit & 31);
      assert.is(directory.versionOf(other), VERSION_UNKNOWN, `bit ${bit}`);
    }
    assert.is(directory.versionOf(key), 6);
  });

  test("a version that does not fit, makes the session unknown, and never another number", () => {
    const memory = allocateSessionDirectory(8);
    const writer = new SessionDirectoryWriter(memory);
    const directory = new SessionDirectory(memory);
    const key = keyOf(0, 1);
    writer.set(key, MAX_DIRECTORY_VERSION + 1);
    assert.is(directory.versionOf(key), VERSION_UNKNOWN);
    writer.set(key, 5);
    writer.set(key, MAX_DIRECTORY_VERSION + 1);
    assert.is(directory.versionOf(key), VERSION_UNKNOWN);
  });

  test("a full bucket, replaces the entry placed first, and leaves other buckets alone", () => {
    const memory = allocateSessionDirectory(16);
    const writer = new SessionDirectoryWriter(memory);
    const directory = new SessionDirectory(memory);
    const neighbour = keyOf(1, 100);
    writer.set(neighbour, 42);
    for (let number = 0; number < 8; number++) writer.set(keyOf(0, number), number + 1);
    for (let number = 0; number < 8; number++) assert.is(directory.versionOf(keyOf(0, number)), number + 1);
    for (let number = 8; number < 30; number++) {
      writer.set(keyOf(0, number), number + 1);
      for (let other = 0; other <= number; other++) {
        const expected = other > number - 8 ? other + 1 : VERSION_UNKNOWN;
        assert.is(directory.versionOf(keyOf(0, other)), expected, `key ${other} after ${number}`);
      }
    }
    assert.is(directory.versionOf(neighbour), 42);
  });

  test("a full bucket, gives up a removed entry first", () => {
    const memory = allocateSessionDirectory(8);
    const writer = new SessionDirectoryWriter(memory);
    const directory = new SessionDirectory(memory);
    for (let number = 0; number < 8; number++) writer.set(keyOf(0, number), 1);
    writer.remove(keyOf(0, 5));
    writer.set(keyOf(0, 8), 2);
    for (const number of [0, 1, 2, 3, 4, 6, 7]) assert.is(directory.versionOf(keyOf(0, number)), 1);
    assert.is(directory.versionOf(keyOf(0, 5)), VERSION_UNKNOWN);
    assert.is(directory.versionOf(keyOf(0, 8)), 2);
  });

  test("a new writer, forgets what the last one wrote", () => {
    const memory = allocateSessionDirectory(8);
    new SessionDirectoryWriter(memory).set(keyOf(0, 1), 3);
    new SessionDirectoryWriter(memory);
    assert.is(new SessionDirectory(memory).versionOf(keyOf(0, 1)), VERSION_UNKNOWN);
  });

  test("allocateSessionDirectory, refuses, what is no power of two or below a bucket", () => {
    for (const entryCount of [0, 4, 12, -8, 1.5, Number.NaN]) {
      assert.throws(
        () => allocateSessionDirectory(entryCount),
        (error: unknown) => error instanceof RangeError,
      );
    }
  });

  test("readers, never see another session's version nor an older one, while a writer replaces entries", async () => {
    // One bucket for three times the keys that it holds: almost every write replaces an entry.
    const memory = allocateSessionDirectory(8);
    const control = new SharedArrayBuffer(4);
    const writer = new SessionDirectoryWriter(memory);
    const data: RaceData = { memory, control };
    const readers = [0, 1].map(() => new Worker(new URL(import.meta.url), { workerData: data }));
    const results = readers.map(
      (reader) =>
        new Promise<RaceResult>((resolve, reject) => reader.once("message", resolve).once("error", reject)),
    );
    const keys = Array.from({ length: RACE_KEYS }, (_, number) => keyOf(0, number));
    const done = new Int32Array(control);
    let round = 1;
    for (; round < RACE_MAX_ROUNDS && Atomics.load(done, RACE_DONE) < readers.length; round++) {
      const number = (round * 7) % RACE_KEYS;
      writer.set(keys[number]!, round * RACE_KEYS + number);
      if (round % 5 === 0) writer.remove(keys[(round * 11) % RACE_KEYS]!);
      // Threads start only when this one lets go of the event loop.
      if (round % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const { wrong, backwards, found } of await Promise.all(results)) {
      assert.is(wrong, 0);
      assert.is(backwards, 0);
      assert.ok(found > 0, "the readers found nothing, so nothing was tested");
    }
  });

  test.run();
}
