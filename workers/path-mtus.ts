// What a worker has learned of the paths to its peers: the largest packet that each takes, where the network has said that it
// is smaller than the link's (RFC 1191, RFC 8201). Forgotten after ten minutes, since routes change (RFC 8201 section 4), and
// bounded: an address has one place, and whoever comes later takes it. Allocates nothing. Knows no protocol.

/** Addresses that have a place: in a farm with more of them under way, some have to be told again. */
const PLACES = 256;
const PLACE_BITS = 8;
const AGE_MS = 10 * 60_000;

//   0 IP version, 0: free · 1 … 4 address, an IPv4 address is the first and the others are 0 · 5 MTU · 6 when, in ms, 32 bits
const PLACE_WORDS = 7;
const MTU = 5;
const LEARNED_AT = 6;

/** What is not known: more than any packet has. */
export const UNKNOWN_MTU = 0x1_0000;

export class PathMtus {
  readonly #words = new Int32Array(PLACES * PLACE_WORDS);

  /** The largest packet that the path to the address takes, in bytes, or UNKNOWN_MTU. `nowMs` is a whole number. */
  lookup(ipVersion: number, a0: number, a1: number, a2: number, a3: number, nowMs: number): number {
    const words = this.#words;
    const at = placeOf(a0, a1, a2, a3);
    if (words[at] !== ipVersion || words[at + 1] !== a0 || words[at + 2] !== a1) return UNKNOWN_MTU;
    if (words[at + 3] !== a2 || words[at + 4] !== a3) return UNKNOWN_MTU;
    return (nowMs - words[at + LEARNED_AT]!) >>> 0 < AGE_MS ? words[at + MTU]! : UNKNOWN_MTU;
  }

  /** The path to the address takes packets of `mtuBytes` and none that are larger; what is smaller and known stays. */
  remember(
    ipVersion: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    mtuBytes: number,
    nowMs: number,
  ): void {
    if (this.lookup(ipVersion, a0, a1, a2, a3, nowMs) < mtuBytes) return;
    const words = this.#words;
    const at = placeOf(a0, a1, a2, a3);
    words[at] = ipVersion;
    words[at + 1] = a0;
    words[at + 2] = a1;
    words[at + 3] = a2;
    words[at + 4] = a3;
    words[at + MTU] = mtuBytes;
    words[at + LEARNED_AT] = nowMs;
  }
}

/** Where the address's words begin. Who makes two addresses share a place gains nothing but that one of them is told again. */
function placeOf(a0: number, a1: number, a2: number, a3: number): number {
  const mixed = Math.imul(a0 ^ Math.imul(a1 ^ Math.imul(a2 ^ Math.imul(a3, 5), 5), 5), 0x9e3779b1);
  return (mixed >>> (32 - PLACE_BITS)) * PLACE_WORDS;
}
