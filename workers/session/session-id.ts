// A session's ID, as its cookie carries it, and the key that the database knows it by. Knows no cookies and no storage.
//
//   <random, 18 bytes>.<MAC, 18 bytes>      each as 24 characters of base64url; 49 characters in all
//
// What always holds: an ID that verifies was issued by this farm, since only the farm has the secret; the database
// holds a hash of the random part alone, so that who reads the database cannot take over a session, and a new secret
// does not orphan the stored ones.

import {
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from "node:crypto";
import { parseSessionKey } from "../../core/memory/session-directory.js";

/** 144 bits: above the 128 that cannot be guessed, and a multiple of 3, which base64 needs no padding for. */
const RANDOM_BYTES = 18;
/** HMAC-SHA-256 cut to 144 bits (RFC 2104 section 5 allows half and more). */
const MAC_BYTES = 18;
const RANDOM_CHARACTERS = 24;
const MAC_CHARACTERS = 24;
const ID_CHARACTERS = RANDOM_CHARACTERS + 1 + MAC_CHARACTERS;
const DOT = 0x2e;

/** Asking the system for random bytes costs more than the bytes, so they are drawn for many IDs at once. */
const POOL_BYTES = RANDOM_BYTES * 256;

/** Hexadecimal digits of SHA-256 that make a key: 128 bits. */
const KEY_CHARACTERS = 32;

export const MIN_SECRET_BYTES = 32;

/** Makes and verifies the IDs of one farm. All workers of a farm are given the same secret. */
export class SessionIds {
  readonly #secret: KeyObject;
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #poolAt = POOL_BYTES;
  readonly #givenMac = Buffer.alloc(MAC_CHARACTERS);
  readonly #rightMac = Buffer.alloc(MAC_CHARACTERS);

  /** Throws a RangeError for a secret below `MIN_SECRET_BYTES`. */
  constructor(secret: Uint8Array) {
    if (secret.length < MIN_SECRET_BYTES) {
      throw new RangeError(
        `the session secret must have at least ${MIN_SECRET_BYTES} bytes, not ${secret.length}`,
      );
    }
    this.#secret = createSecretKey(secret);
  }

  create(): string {
    if (this.#poolAt === POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#poolAt = 0;
    }
    const random = this.#pool.toString("base64url", this.#poolAt, this.#poolAt + RANDOM_BYTES);
    // Used bytes are wiped: they are some user's session by now.
    this.#pool.fill(0, this.#poolAt, this.#poolAt + RANDOM_BYTES);
    this.#poolAt += RANDOM_BYTES;
    return `${random}.${this.#macOf(random)}`;
  }

  /** True if this farm has issued `id`. Takes the same time whichever character of the MAC is wrong. */
  verify(id: string): boolean {
    if (id.length !== ID_CHARACTERS || id.charCodeAt(RANDOM_CHARACTERS) !== DOT) return false;
    this.#rightMac.write(this.#macOf(id.slice(0, RANDOM_CHARACTERS)));
    // As UTF-8, where no other character passes for one of base64url's, as it could in Latin-1 (U+0142 for "B").
    this.#givenMac.fill(0).write(id.slice(RANDOM_CHARACTERS + 1));
    return timingSafeEqual(this.#rightMac, this.#givenMac);
  }

  #macOf(random: string): string {
    return createHmac("sha256", this.#secret).update(random).digest().toString("base64url", 0, MAC_BYTES);
  }
}

/** What a session is called outside of its cookie. */
export interface SessionKey {
  /** For the database: 32 hexadecimal digits. */
  readonly text: string;
  /** For the session directory: the same 16 bytes as four words, big-endian. */
  readonly words: Int32Array;
}

/** The key of a session, from its ID. Fast and unsalted is enough: what is hashed has 144 random bits. */
export function sessionKeyOf(id: string): SessionKey {
  const text = hash("sha256", id.slice(0, RANDOM_CHARACTERS), "hex").slice(0, KEY_CHARACTERS);
  return { text, words: parseSessionKey(text) };
}
