// The session directory: session key -> current version, in shared memory, so that a worker can tell at the cost of a
// few loads whether the state it has cached is up to date. It is a cache of the database's knowledge: what is not in
// it costs a query, what is in it is true.
// writer: the storage thread, alone: after a change is durable and before it is answered, and after each query.
// readers: all workers. It must not know what a session holds or where the keys come from.
//
// Buckets of 8 entries; a key can only be in the bucket that its first word names. An entry is half a cache line:
//
//   word 0      1      2      3      4      5         6        7
//        | sequence | key (128 bits)      | version | lock   | unused |
//
//   sequence  0: never used · odd: being given to another key · even: in use. Changes only when the key does.
//   key       all 128 bits of it, so that a match is never another session's (short of a collision of the hash itself).
//   version   0: the database has no such session · -1: not known · else its version.
//   lock      0. Reserved: workers will change it by compare-and-swap, and a locked entry must then not be replaced.

import { assertPowerOfTwo } from "./layout.js";

/** `versionOf` of a key that is not in the directory: ask the database. */
export const VERSION_UNKNOWN = -1;

/** Highest version that the directory can hold; a session with a higher one is asked for in the database. */
export const MAX_DIRECTORY_VERSION = 0x7fff_ffff;

const ENTRY_WORDS = 8;
const SEQUENCE = 0;
const KEY = 1;
const VERSION = 5;

/** Entries that a key can be in. */
const BUCKET_ENTRIES = 8;
const BUCKET_WORDS = BUCKET_ENTRIES * ENTRY_WORDS;

/** Tries before an entry that keeps changing under the reader counts as "not in the directory". */
const READ_ATTEMPTS = 4;

/** What `#read` says of an entry that is not, or no longer, the key's. */
const OTHER_KEY = -2;

/** The directory's shared memory and shape; can be sent to another thread. */
export interface SessionDirectoryMemory {
  readonly buffer: SharedArrayBuffer;
  /** Sessions that fit, a power of two, at least 8. 32 bytes each. */
  readonly entryCount: number;
}

export function allocateSessionDirectory(entryCount: number): SessionDirectoryMemory {
  assertPowerOfTwo(entryCount, "entries of the session directory");
  if (entryCount < BUCKET_ENTRIES) {
    throw new RangeError(
      `the session directory must have at least ${BUCKET_ENTRIES} entries, not ${entryCount}`,
    );
  }
  return { buffer: new SharedArrayBuffer(entryCount * ENTRY_WORDS * 4), entryCount };
}

/** The four words of a session key of 32 hexadecimal digits. Do it once a cache entry, not once a request. */
export function parseSessionKey(hex: string): Int32Array {
  const words = new Int32Array(4);
  for (let word = 0; word < 4; word++) words[word] = Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16);
  return words;
}

/** Where a key's bucket begins. The key is a hash already: its first word is as good as a hash of it. */
function bucketOf(key: Int32Array, entryCount: number): number {
  return (key[0]! & (entryCount / BUCKET_ENTRIES - 1)) * BUCKET_WORDS;
}

/** The reading end, one a worker. */
export class SessionDirectory {
  readonly #words: Int32Array;
  readonly #entryCount: number;

  constructor(memory: SessionDirectoryMemory) {
    this.#words = new Int32Array(memory.buffer);
    this.#entryCount = memory.entryCount;
  }

  /**
   * The current version of the session whose key has these words (`parseSessionKey`): 0 if the database has none,
   * `VERSION_UNKNOWN` if the directory does not know. Allocates nothing.
   */
  versionOf(key: Int32Array): number {
    const words = this.#words;
    const start = bucketOf(key, this.#entryCount);
    for (let entry = start; entry < start + BUCKET_WORDS; entry += ENTRY_WORDS) {
      const firstWord = Atomics.load(words, entry + KEY);
      if (firstWord === key[0]) {
        const version = this.#read(entry, key);
        if (version !== OTHER_KEY) return version;
      } else if (firstWord === 0 && Atomics.load(words, entry + SEQUENCE) === 0) {
        // Entries are first used in order, and never become unused again.
        return VERSION_UNKNOWN;
      }
    }
    return VERSION_UNKNOWN;
  }

  /**
   * The race: the writer gives the entry to another session between our reading its key and its version, and we pair
   * our session with the other's version. The writer makes the sequence odd, changes key and version, and makes it
   * even again; all are atomic, hence in one order that all threads agree on. So if the sequence was the same even
   * number before and after, key and version are of one tenure of the entry. (The version alone may have changed
   * meanwhile: then either value was the session's, at some moment since we were called.)
   */
  #read(entry: number, key: Int32Array): number {
    const words = this.#words;
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      const sequence = Atomics.load(words, entry + SEQUENCE);
      if ((sequence & 1) !== 0) continue;
      for (let word = 0; word < 4; word++) {
        if (Atomics.load(words, entry + KEY + word) !== key[word]) return OTHER_KEY;
      }
      const version = Atomics.load(words, entry + VERSION);
      if (Atomics.load(words, entry + SEQUENCE) === sequence) return version;
    }
    return VERSION_UNKNOWN;
  }
}

/** The writing end. Only one may exist for a directory, in the thread that owns the database. */
export class SessionDirectoryWriter {
  readonly #words: Int32Array;
  readonly #entryCount: number;
  /** Number of the entry that is replaced next, a bucket each: first in, first out. */
  readonly #nextVictims: Uint8Array;

  /** Forgets all that the memory held: an earlier writer may have died between a commit and its word here. */
  constructor(memory: SessionDirectoryMemory) {
    this.#words = new Int32Array(memory.buffer);
    this.#entryCount = memory.entryCount;
    this.#nextVictims = new Uint8Array(memory.entryCount / BUCKET_ENTRIES);
    this.forgetAll();
  }

  /** Forgets every session. */
  forgetAll(): void {
    for (let entry = 0; entry < this.#words.length; entry += ENTRY_WORDS) {
      Atomics.store(this.#words, entry + VERSION, VERSION_UNKNOWN);
    }
  }

  /** Notes that the session has this version; 0 if the database has none. May replace another session's entry. */
  set(key: Int32Array, version: number): void {
    const held = version > MAX_DIRECTORY_VERSION ? VERSION_UNKNOWN : version;
    const entry = this.#find(key);
    if (entry !== -1) Atomics.store(this.#words, entry + VERSION, held);
    else if (held !== VERSION_UNKNOWN)
      this.#place(this.#entryFor(bucketOf(key, this.#entryCount)), key, held);
  }

  /** Forgets the session: who asks is sent to the database. */
  remove(key: Int32Array): void {
    const entry = this.#find(key);
    if (entry !== -1) Atomics.store(this.#words, entry + VERSION, VERSION_UNKNOWN);
  }

  #find(key: Int32Array): number {
    const words = this.#words;
    const start = bucketOf(key, this.#entryCount);
    for (let entry = start; entry < start + BUCKET_WORDS; entry += ENTRY_WORDS) {
      // Plain loads: nobody else writes these words.
      if (words[entry + SEQUENCE] === 0) return -1;
      if (
        words[entry + KEY] === key[0] &&
        words[entry + KEY + 1] === key[1] &&
        words[entry + KEY + 2] === key[2] &&
        words[entry + KEY + 3] === key[3]
      ) {
        return entry;
      }
    }
    return -1;
  }

  /** The entry of a bucket to give to a new key: one never used, one whose version is not known, or the next in turn. */
  #entryFor(start: number): number {
    for (let entry = start; entry < start + BUCKET_WORDS; entry += ENTRY_WORDS) {
      if (this.#words[entry + SEQUENCE] === 0 || this.#words[entry + VERSION] === VERSION_UNKNOWN)
        return entry;
    }
    const bucket = start / BUCKET_WORDS;
    const victim = this.#nextVictims[bucket]!;
    this.#nextVictims[bucket] = (victim + 1) % BUCKET_ENTRIES;
    return start + victim * ENTRY_WORDS;
  }

  /** Gives an entry to a key; see `SessionDirectory.#read` for the race that the order of these stores closes. */
  #place(entry: number, key: Int32Array, version: number): void {
    const words = this.#words;
    const sequence = words[entry + SEQUENCE]!;
    Atomics.store(words, entry + SEQUENCE, sequence + 1);
    for (let word = 0; word < 4; word++) Atomics.store(words, entry + KEY + word, key[word]!);
    Atomics.store(words, entry + VERSION, version);
    // After 2^31 replacements the sequence goes round; 0 means "never used" and is left out.
    Atomics.store(words, entry + SEQUENCE, (sequence + 2) | 0 || 2);
  }
}
