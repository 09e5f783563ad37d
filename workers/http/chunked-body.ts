// Decodes a chunked request body (RFC 9112 section 7.1) as it arrives. Extensions are checked and dropped, trailers checked and
// kept, both within bounds. Data is consumed as it comes; a size line, and the trailer section, only whole, so the transport
// keeps what there is of them. As with heads, only positions decide, never how bytes were split.

import type { BodyBuffer } from "./body-buffer.js";
import type { BodyDecoder } from "./body-decoder.js";
import { CR, HTAB, hexDigit, LF, SP, skipSpace, TOKEN } from "./characters.js";
import { LineEnds, type ScanLimits, type ScanProgress, scanHead } from "./head-scan.js";
import { readLatin1 } from "./latin1.js";
import { isTrailerSection } from "./request-head.js";

/** A chunk's size line with its extensions and line end, in bytes; beyond it 400. */
const MAX_SIZE_LINE_BYTES = 256;
/** Extensions over all chunks of one body, in bytes; beyond it 400. */
const MAX_EXTENSION_BYTES = 16 * 1024;

const TRAILER_LIMITS: ScanLimits = {
  firstLineBytes: 8 * 1024,
  firstLineStatus: 431,
  totalBytes: 8 * 1024,
  lines: 64,
};

const AT_SIZE = 0;
const IN_DATA = 1;
const AFTER_DATA = 2;
const IN_TRAILERS = 3;
const DONE = 4;

const lineEnds = new LineEnds(TRAILER_LIMITS.lines);

export class ChunkedBody implements BodyDecoder, ScanProgress {
  // Progress in the trailer section.
  scanned = 0;
  lines = 0;
  status = 0;
  contentBytes = 0;
  /** Of the chunk's data, still to come. */
  remainingBytes = 0;
  trailers = "";
  #maxBytes: number;
  #state = AT_SIZE;
  #extensionBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isComplete(): boolean {
    return this.#state === DONE;
  }

  limit(maxBytes: number): void {
    this.#maxBytes = Math.min(this.#maxBytes, maxBytes);
    if (this.contentBytes + this.remainingBytes > this.#maxBytes) this.status = 413;
  }

  decode(bytes: Uint8Array, start: number, end: number, into: BodyBuffer | null): number {
    let at = start;
    while (at < end && this.status === 0 && this.#state !== DONE) {
      const before = at;
      if (this.#state === IN_DATA) at = this.#takeData(bytes, at, end, into);
      else if (this.#state === AT_SIZE) at = this.#takeSizeLine(bytes, at, end);
      else if (this.#state === AFTER_DATA) at = this.#takeDataEnd(bytes, at, end);
      else at = this.#takeTrailers(bytes, at, end);
      if (at === before) break;
    }
    return at;
  }

  #takeData(bytes: Uint8Array, start: number, end: number, into: BodyBuffer | null): number {
    const count = Math.min(end - start, this.remainingBytes, into?.room ?? Number.POSITIVE_INFINITY);
    into?.append(bytes, start, start + count);
    this.contentBytes += count;
    this.remainingBytes -= count;
    if (this.remainingBytes === 0) this.#state = AFTER_DATA;
    return start + count;
  }

  /** chunk-size [ chunk-ext ] CRLF */
  #takeSizeLine(bytes: Uint8Array, start: number, end: number): number {
    const limit = start + MAX_SIZE_LINE_BYTES;
    const stop = Math.min(end, limit);
    let at = start;
    let size = 0;
    for (; at < stop; at++) {
      const digit = hexDigit(bytes[at]!);
      if (digit < 0) break;
      size = size * 16 + digit;
      if (this.contentBytes + size > this.#maxBytes) return this.#refuse(413, at);
    }
    if (at < stop && at === start) return this.#refuse(400, at);
    const extensionsStart = at;
    at = scanExtensions(bytes, at, stop);
    if (at < 0) return this.#refuse(400, start);
    if (at + 1 >= stop) return stop === limit ? this.#refuse(400, start) : start;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.#refuse(400, start);
    this.#extensionBytes += at - extensionsStart;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) return this.#refuse(400, start);
    this.remainingBytes = size;
    this.#state = size === 0 ? IN_TRAILERS : IN_DATA;
    return at + 2;
  }

  #takeDataEnd(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] !== CR) return this.#refuse(400, start);
    if (start + 1 === end) return start;
    if (bytes[start + 1] !== LF) return this.#refuse(400, start);
    this.#state = AT_SIZE;
    return start + 2;
  }

  #takeTrailers(bytes: Uint8Array, start: number, end: number): number {
    const length = scanHead(bytes, start, end, TRAILER_LIMITS, this, lineEnds);
    if (length < 0) return this.#refuse(-length, start);
    if (length === 0) return start;
    if (!isTrailerSection(bytes, start, lineEnds)) return this.#refuse(400, start);
    this.trailers = readLatin1(bytes, start, start + length - 2);
    this.#state = DONE;
    return start + length;
  }

  #refuse(status: number, at: number): number {
    this.status = status;
    return at;
  }
}

/**
 * chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) (RFC 9112 section 7.1.1).
 * Returns the index of the first byte after them, `end` if they may go on beyond it, or -1 if they are wrong.
 */
function scanExtensions(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (true) {
    const semicolon = skipSpace(bytes, at, end);
    if (semicolon === end) return end;
    // Space that no extension follows is no part of any.
    if (bytes[semicolon] !== 0x3b) return semicolon === at ? at : -1;
    at = skipToken(bytes, skipSpace(bytes, semicolon + 1, end), end);
    if (at < 0 || at === end) return at;
    const equals = skipSpace(bytes, at, end);
    if (equals === end) return end;
    if (bytes[equals] !== 0x3d) continue;
    const value = skipSpace(bytes, equals + 1, end);
    if (value === end) return end;
    at = bytes[value] === 0x22 ? skipQuoted(bytes, value, end) : skipToken(bytes, value, end);
    if (at < 0 || at === end) return at;
  }
}

/** The end of the token at `start`; `end` if it may go on, -1 if there is none. */
function skipToken(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && TOKEN[bytes[at]!] === 1) at++;
  return at === start && at < end ? -1 : at;
}

/** The end of the quoted string (RFC 9110 section 5.6.4) at `start`; `end` if it may go on, -1 if it is wrong. */
function skipQuoted(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === 0x22) return at + 1;
    if ((byte < SP && byte !== HTAB) || byte === 0x7f) return -1;
    if (byte !== 0x5c) continue;
    // A backslash makes the next character, whichever visible one or space it is, a plain one.
    at++;
    if (at < end && ((bytes[at]! < SP && bytes[at] !== HTAB) || bytes[at] === 0x7f)) return -1;
  }
  return end;
}
