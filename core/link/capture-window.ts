// A file read from its beginning to its end through a window of fixed size: captures of any length take the same
// memory, and a pipe is as good as a file. Reading is synchronous: a window of 1 MiB comes from the page cache in
// about 0.2 ms, for some thousand packets. Knows nothing of what the bytes mean.

import { closeSync, openSync, readSync } from "node:fs";

/** Bytes in the window: the most that can be looked at at once. */
export const WINDOW_BYTES = 1 << 20;

export class CaptureWindow {
  readonly bytes = new Uint8Array(WINDOW_BYTES);
  readonly data = new DataView(this.bytes.buffer);
  /** Index in `bytes` of the next byte of the file that has not been consumed. */
  start = 0;
  #end = 0;
  #fileDescriptor: number;

  /** Throws what `fs.openSync` throws. */
  constructor(path: string) {
    this.#fileDescriptor = openSync(path, "r");
  }

  /**
   * Makes `count` bytes (at most WINDOW_BYTES) from `start` on readable, which may move `start`. Returns false if the
   * file ends before; what there is of it is readable then: see `available`.
   */
  fill(count: number): boolean {
    if (this.#end - this.start >= count) return true;
    if (this.start + count > WINDOW_BYTES) {
      this.bytes.copyWithin(0, this.start, this.#end);
      this.#end -= this.start;
      this.start = 0;
    }
    while (this.#end - this.start < count) {
      if (this.#fileDescriptor < 0) return false;
      const read = readSync(this.#fileDescriptor, this.bytes, this.#end, WINDOW_BYTES - this.#end, null);
      if (read === 0) return false;
      this.#end += read;
    }
    return true;
  }

  /** Passes over `count` bytes, of any number. Returns false if the file ends before. */
  skip(count: number): boolean {
    let left = count;
    while (left > 0) {
      const step = Math.min(left, WINDOW_BYTES);
      if (!this.fill(step)) return false;
      this.start += step;
      left -= step;
    }
    return true;
  }

  /** Bytes that are readable from `start` on. */
  get available(): number {
    return this.#end - this.start;
  }

  close(): void {
    if (this.#fileDescriptor < 0) return;
    closeSync(this.#fileDescriptor);
    this.#fileDescriptor = -1;
  }
}
