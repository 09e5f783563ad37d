// What every framing of a request's body does: take bytes as they come, and tell where the body ends. Content-Length is the
// simple one, here; chunked-body.ts is the other. Only positions decide, never how the bytes were split.

import type { BodyBuffer } from "./body-buffer.js";

export interface BodyDecoder {
  /** The status to refuse the body with; 0 while it is right. */
  readonly status: number;
  readonly isComplete: boolean;
  /** Content so far, in bytes. */
  readonly contentBytes: number;
  /** Content that is certainly still to come, in bytes. */
  readonly remainingBytes: number;
  /** The trailer section's field lines, each with its CRLF, in Latin-1; empty until the body is complete. */
  readonly trailers: string;
  /** Lowers the limit: a body of more than `maxBytes` is 413 from now on. */
  limit(maxBytes: number): void;
  /**
   * Takes what it can of `bytes[start … end)`: as much content as `into` has room for, all of it where that is null, which
   * is to say that nobody wants it. Returns how far it came.
   */
  decode(bytes: Uint8Array, start: number, end: number, into: BodyBuffer | null): number;
}

/** A body with a Content-Length (RFC 9112 section 6.2). */
export class LengthBody implements BodyDecoder {
  status = 0;
  contentBytes = 0;
  readonly trailers = "";
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  get isComplete(): boolean {
    return this.contentBytes === this.#length;
  }

  get remainingBytes(): number {
    return this.#length - this.contentBytes;
  }

  limit(maxBytes: number): void {
    if (this.#length > maxBytes) this.status = 413;
  }

  decode(bytes: Uint8Array, start: number, end: number, into: BodyBuffer | null): number {
    const count = Math.min(end - start, this.remainingBytes, into?.room ?? Number.POSITIVE_INFINITY);
    into?.append(bytes, start, start + count);
    this.contentBytes += count;
    return start + count;
  }
}
