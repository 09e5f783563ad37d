// The send buffer of one connection (RFC 9293 section 3.8): what the user has given to be sent and the peer has not
// acknowledged, in chunks that are kept by reference and never copied but into a packet. It knows positions, not
// sequence numbers: position 0 is the oldest byte not acknowledged.

import { copyBytes } from "../../core/memory/copy-bytes.js";

interface Chunk {
  bytes: Uint8Array | null;
  start: number;
  readonly end: number;
  next: Chunk | null;
}

export class SendQueue {
  /** Bytes in the queue. */
  length = 0;
  #head: Chunk | null = null;
  #tail: Chunk | null = null;
  /** Where the last copy ended: the next one mostly goes on from there, and a long queue is not walked again. */
  #cursor: Chunk | null = null;
  /** Position of the first byte of the cursor's chunk. */
  #cursorPosition = 0;

  enqueue(bytes: Uint8Array, start: number, end: number): void {
    const chunk: Chunk = { bytes, start, end, next: null };
    if (this.#tail === null) this.#head = chunk;
    else this.#tail.next = chunk;
    this.#tail = chunk;
    this.length += end - start;
  }

  /** Forgets the first `count` bytes, at most `length`. */
  dequeue(count: number): void {
    let left = count;
    let chunk = this.#head;
    while (left > 0 && chunk !== null) {
      const size = chunk.end - chunk.start;
      if (size > left) {
        chunk.start += left;
        break;
      }
      left -= size;
      if (this.#cursor === chunk) this.#cursor = null;
      chunk.bytes = null;
      chunk = chunk.next;
    }
    this.#head = chunk;
    if (chunk === null) this.#tail = null;
    this.length -= count;
    this.#cursorPosition -= count;
    // The cursor's chunk has lost its first bytes itself.
    if (this.#cursor === chunk) this.#cursorPosition = 0;
  }

  /** Copies `length` bytes from `position` on to `target` at `at`; they must be there. */
  copy(position: number, length: number, target: Uint8Array, at: number): void {
    let chunk = this.#head;
    let chunkPosition = 0;
    if (this.#cursor !== null && position >= this.#cursorPosition) {
      chunk = this.#cursor;
      chunkPosition = this.#cursorPosition;
    }
    let copied = 0;
    while (chunk !== null) {
      const size = chunk.end - chunk.start;
      const skipped = position + copied - chunkPosition;
      if (skipped < size) {
        const count = Math.min(size - skipped, length - copied);
        copyBytes(chunk.bytes!, chunk.start + skipped, chunk.start + skipped + count, target, at + copied);
        copied += count;
        if (copied === length) break;
      }
      chunkPosition += size;
      chunk = chunk.next;
    }
    this.#cursor = chunk;
    this.#cursorPosition = chunkPosition;
  }
}
