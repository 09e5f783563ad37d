// Gathers the body of one request. It grows by doubling, so that the copying stays linear, and never beyond what has
// been announced or allowed: an announcement alone takes no memory worth mentioning.

const FIRST_BYTES = 16 * 1024;

export class BodyBuffer {
  #bytes: Buffer;
  #length = 0;
  readonly #maxBytes: number;

  /** `maxBytes` is the announced length, or the limit where none is announced; the caller keeps to it. */
  constructor(maxBytes: number, firstBytes = FIRST_BYTES) {
    this.#maxBytes = maxBytes;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(maxBytes, firstBytes));
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a copy of `bytes[start … end)`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
  }

  /** The bytes gathered; the buffer is not to be used any more. */
  take(): Uint8Array {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length);
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, Math.max(length, 2 * this.#bytes.length)));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
