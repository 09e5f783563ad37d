// A session's ID, as its cookie carries it, and the key that the database knows it by. Knows no cookies and no storage.
//
//   <random, 18 bytes>.<MAC, 18 bytes>      each as 24 characters of base64url; 49 characters in all
//
// What always holds: an ID that verifies was issued by this farm, since only the farm has the secrets; the database
// holds a hash of the random part alone, so that who reads the database cannot take over a session, and a new secret
// does not orphan the stored ones. An ID that an old secret has signed goes on as it is: to sign it anew would give the session
// another name, which is the app's to do (`regenerate`), and form tokens and idempotency keys are made of it.

import {
  createHmac,
  createSecretKey,
  hash,
  type KeyObject,
  randomFillSync,
  timingSafeEqual,
} from "node:crypto";
import { parseSessionKey } from "../../core/memory/session-directory.js";
import type { SigningSecrets } from "../../core/memory/signing-secrets.js";

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

/** Makes and verifies the IDs of one farm. All workers of a farm share its secrets, and are never behind with them. */
export class SessionIds {
  readonly #secrets: SigningSecrets;
  /** The secrets of `#revision`: the first one signs, each verifies. */
  #keys: readonly KeyObject[] = [];
  #revision = 0;
  readonly #pool = Buffer.alloc(POOL_BYTES);
  #poolAt = POOL_BYTES;
  readonly #givenMac = Buffer.alloc(MAC_CHARACTERS);
  readonly #rightMac = Buffer.alloc(MAC_CHARACTERS);

  constructor(secrets: SigningSecrets) {
    this.#secrets = secrets;
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
    const [signing] = this.#currentKeys();
    return `${random}.${macOf(random, signing!)}`;
  }

  /**
   * True if this farm has issued `id`. Takes the same time whichever character of the MAC is wrong, and whichever secret has
   * signed it: all are tried, always.
   */
  verify(id: string): boolean {
    if (id.length !== ID_CHARACTERS || id.charCodeAt(RANDOM_CHARACTERS) !== DOT) return false;
    const random = id.slice(0, RANDOM_CHARACTERS);
    // As UTF-8, where no other character passes for one of base64url's, as it could in Latin-1 (U+0142 for "B").
    this.#givenMac.fill(0).write(id.slice(RANDOM_CHARACTERS + 1));
    let matches = 0;
    for (const key of this.#currentKeys()) {
      this.#rightMac.write(macOf(random, key));
      matches |= Number(timingSafeEqual(this.#rightMac, this.#givenMac));
    }
    return matches !== 0;
  }

  /** Asked anew each time: another worker may have signed with a secret that was published a moment ago. */
  #currentKeys(): readonly KeyObject[] {
    const { revision } = this.#secrets;
    if (revision !== this.#revision) {
      // Read after the revision, so at least as new: at worst it is read once more.
      this.#keys = this.#secrets.read().map((key) => createSecretKey(key));
      this.#revision = revision;
    }
    return this.#keys;
  }
}

function macOf(random: string, key: KeyObject): string {
  return createHmac("sha256", key).update(random).digest().toString("base64url", 0, MAC_BYTES);
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
