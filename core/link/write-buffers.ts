// Buffers that bytes lie in while a socket is given them: mostly the kernel takes them at once, and the buffer is free again
// before `write` returns. Without any, each write of an answer made one that the garbage collector had to find.

/** Longer ones than this are worth a buffer from here; Node cuts shorter ones from slabs of its own. */
const MIN_BYTES = 4096;
/** What is free beyond this is left to the garbage collector, in buffers. */
const MAX_FREE = 16;

export class WriteBuffers {
  readonly #bytesEach: number;
  readonly #free: Buffer[] = [];

  /** None holds more than `bytesEach`. */
  constructor(bytesEach: number) {
    this.#bytesEach = bytesEach;
  }

  /** A buffer for `length` bytes, to be given back once; undefined if so many are better off in one of their own. */
  borrow(length: number): Buffer | undefined {
    if (length < MIN_BYTES || length > this.#bytesEach) return undefined;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytesEach);
  }

  giveBack(buffer: Buffer): void {
    if (this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}
