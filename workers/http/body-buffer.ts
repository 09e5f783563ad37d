// Gathers bytes of one request's body: all of it, or the next piece of a stream. It grows by doubling, so that the copying
// stays linear, and never beyond what it may hold: an announcement alone takes no memory.

import { copyBytes } from "../../core/memory/copy-bytes.js";

const FIRST_BYTES = 4 * 1024;
const NO_BYTES = Buffer.alloc(0);

export class BodyBuffer {
  #bytes = NO_BYTES;
  #length = 0;
  readonly #maxBytes: number;

  /** `maxBytes` is the most that it will be given; the caller keeps to it. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Memory taken, in bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Bytes that it can still be given. */
  get room(): number {
    return this.#maxBytes - this.#length;
  }

  /** Appends a copy of `bytes[start … end)`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) this.#grow(length);
    copyBytes(bytes, start, end, this.#bytes, this.#length);
    this.#length = length;
  }

  /** The bytes gathered, in memory of their own; the buffer is not to be used any more. */
  take(): Uint8Array {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
  }

  #grow(length: number): void {
    const wanted = Math.max(length, 2 * this.#bytes.length, FIRST_BYTES);
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, wanted));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
