// One read from a file descriptor into two ranges of memory: what does not fit in the first goes on in the second (readv(2)).
// Made once, as the kernel reads the ranges from memory of its own; changing them and reading allocate nothing.
//
//   struct iovec   | address, 8 bytes | length, 8 bytes |   twice

import { addressOf, readv } from "./libc.js";

const RANGE_WORDS = 4;

export class ReadRanges {
  /** A buffer of its own: V8 may move what it keeps of a small array itself. */
  readonly #words = new Uint32Array(new ArrayBuffer(4 * 2 * RANGE_WORDS));
  readonly #address = addressOf(new Uint8Array(this.#words.buffer));

  /** Sets range 0 or 1: `bytes` (below 2^32) of memory from `address` on. */
  set(range: number, address: number, bytes: number): void {
    const at = range * RANGE_WORDS;
    // An address has at most 47 bits; words take their numbers modulo 2^32.
    this.#words[at] = address;
    this.#words[at + 1] = address / 2 ** 32;
    this.#words[at + 2] = bytes;
  }

  /** Reads into the first `count` ranges; the bytes read, or -1 and `errno()`. */
  read(fileDescriptor: number, count: number): number {
    return readv(fileDescriptor, this.#address, count);
  }
}
