// The secrets that sign session IDs, in shared memory: a rotation reaches all workers at one moment. Were each told by a message,
// one would sign with the new secret before another can verify it, and a client between the two would lose its session.
// It must not know where secrets come from or what is signed. What always holds: whoever sees a revision sees its keys whole.
// writer: main, at the start and when it reloads · readers: workers, which look at the revision before each use
//
//   word 0     revision; its lowest bit names the list that is current, the other one is free to be written
//   word 16    list 0: the number of keys · 16 words on: MAX_SECRETS keys of 16 words, the signing one first
//   word 160   list 1: the same
//
// Every access is atomic, because keys written for one revision must not be seen by a reader of the one before the last; and
// cheap, because lists are written and read a few times a day.

/** Secrets that may be in use at once: each costs a failing ID an HMAC. */
export const MAX_SECRETS = 8;

/** A key of HMAC-SHA-256 as long as the hash's block; a shorter one is the same key with zeros behind (RFC 2104 section 2). */
export const SIGNING_KEY_BYTES = 64;

const REVISION = 0;
const KEY_WORDS = SIGNING_KEY_BYTES / 4;
const LISTS = 16;
const KEYS = 16;
const LIST_WORDS = KEYS + MAX_SECRETS * KEY_WORDS;

export function allocateSigningSecrets(): SharedArrayBuffer {
  return new SharedArrayBuffer((LISTS + 2 * LIST_WORDS) * 4);
}

export class SigningSecrets {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** Another number for each list that was published; 0: none was. */
  get revision(): number {
    return Atomics.load(this.#words, REVISION);
  }

  /** Replaces the list, for main alone. Throws a RangeError for anything but 1 … `MAX_SECRETS` keys of `SIGNING_KEY_BYTES`. */
  publish(keys: readonly Uint8Array[]): void {
    if (keys.length < 1 || keys.length > MAX_SECRETS) {
      throw new RangeError(`there must be 1 to ${MAX_SECRETS} signing keys, not ${keys.length}`);
    }
    if (keys.some((key) => key.length !== SIGNING_KEY_BYTES)) {
      throw new RangeError(`a signing key must have ${SIGNING_KEY_BYTES} bytes`);
    }
    const revision = this.revision + 1;
    const list = listOf(revision);
    keys.forEach((key, index) => {
      const words = new Int32Array(Uint8Array.from(key).buffer);
      for (let word = 0; word < KEY_WORDS; word++) {
        Atomics.store(this.#words, list + KEYS + index * KEY_WORDS + word, words[word]!);
      }
    });
    Atomics.store(this.#words, list, keys.length);
    Atomics.store(this.#words, REVISION, revision);
  }

  /** A copy of the current keys, the signing one first; empty before the first `publish`. */
  read(): Uint8Array[] {
    for (;;) {
      const { revision } = this;
      const keys = this.#readList(listOf(revision));
      // Changed twice meanwhile: the list may have been written anew while it was read. Main does so seconds apart.
      if (this.revision === revision) return keys;
    }
  }

  #readList(list: number): Uint8Array[] {
    const count = Atomics.load(this.#words, list);
    return Array.from({ length: count }, (_, index) => {
      const words = new Int32Array(KEY_WORDS);
      for (let word = 0; word < KEY_WORDS; word++) {
        words[word] = Atomics.load(this.#words, list + KEYS + index * KEY_WORDS + word);
      }
      return new Uint8Array(words.buffer);
    });
  }
}

function listOf(revision: number): number {
  return LISTS + (revision & 1) * LIST_WORDS;
}
