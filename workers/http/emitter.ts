// Turns responses into bytes on a connection. A small response is written, head and body together, into a slab that
// many responses share one after the other, and leaves as one range of it; a large body leaves without being copied.
// What always holds: a byte that was given to a connection is never written again. Knows nothing of requests'
// parsing.
//
// The first part of a head is the same for most responses of a status and content type, and kept as bytes:
//   HTTP/1.1 200 OK CRLF · Date: <29 bytes> CRLF · Content-Type: … CRLF · Content-Length:
//                              renewed in place once a second              left out where there is none

import type { StreamConnection } from "../stream.js";
import { writeLatin1, writeUtf8 } from "./latin1.js";
import type { HttpResponse } from "./response.js";
import { isWithoutContent, reasonPhrase } from "./status.js";

/** Wall-clock time in milliseconds since the epoch; may be as coarse as a worker's turn. */
export type WallClock = () => number;

/** What the Connection field says. */
export const CONNECTION_UNSAID = 0;
export const CONNECTION_CLOSE = 1;
export const CONNECTION_KEEP_ALIVE = 2;
export type ConnectionNote = 0 | 1 | 2;

const SLAB_BYTES = 64 * 1024;
/** Responses up to this size go into the slab. Larger ones would waste its rest, and pin it longer. */
const MAX_SLAB_RESPONSE_BYTES = 8 * 1024;
/** Strings up to this length are written by a loop: the call of a native costs more. */
const LOOP_CHARACTERS = 32;
/** Heads kept; beyond it all are dropped, since an app may make content types up. */
const MAX_TEMPLATES = 256;
/** Bytes of a head beyond its template and the other fields: digits, the Connection field, line ends; rounded up. */
const HEAD_TAIL_BYTES = 64;

const CONTENT_LENGTH = "Content-Length: ";
const CONNECTION_LINES = ["", "Connection: close\r\n", "Connection: keep-alive\r\n"] as const;
const CHUNKED_LINE = "Transfer-Encoding: chunked\r\n";

interface Template {
  readonly bytes: Uint8Array;
  readonly dateStart: number;
  /** The second that its Date is of. */
  second: number;
}

export class Emitter {
  readonly #wallClock: WallClock;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  /** By status, then by content type, "" for none. */
  #templates: (Map<string, Template> | undefined)[] = [];
  #templateCount = 0;
  #second = -1;
  #date: Uint8Array = new Uint8Array(0);

  constructor(wallClock: WallClock) {
    this.#wallClock = wallClock;
  }

  /** Sends a response whose body is no stream; to HEAD, without its body but with its length. */
  emit(connection: StreamConnection, response: HttpResponse, toHead: boolean, note: ConnectionNote): void {
    const body = response.body as string | Uint8Array | null;
    if (isWithoutContent(response.status) || (body === null && toHead)) {
      this.#emitHead(connection, response, "", note);
    } else if (body === null) {
      this.#emitContent(connection, response, "", 0, toHead, note);
    } else if (typeof body === "string") {
      this.#emitContent(connection, response, body, utf8Length(body), toHead, note);
    } else if (body.length <= MAX_SLAB_RESPONSE_BYTES) {
      this.#emitContent(connection, response, body, body.length, toHead, note);
    } else {
      this.#emitContent(connection, response, body, body.length, true, note);
      if (!toHead) connection.send(body);
    }
  }

  /** Sends the head of a response whose body follows as a stream; `isChunked` false: it ends with the connection. */
  emitStreamHead(
    connection: StreamConnection,
    response: HttpResponse,
    isChunked: boolean,
    note: ConnectionNote,
  ): void {
    this.#emitHead(connection, response, isChunked ? CHUNKED_LINE : "", note);
  }

  /** A head with a Content-Length, and the body too unless `headOnly`. */
  #emitContent(
    connection: StreamConnection,
    response: HttpResponse,
    body: string | Uint8Array,
    bodyBytes: number,
    headOnly: boolean,
    note: ConnectionNote,
  ): void {
    const template = this.#template(response.status, response.headers.contentType ?? "");
    const lines = response.headers.emitOthers() + CONNECTION_LINES[note];
    const room = template.bytes.length + lines.length + HEAD_TAIL_BYTES + (headOnly ? 0 : bodyBytes);
    const start = this.#reserve(room);
    const bytes = start < 0 ? Buffer.allocUnsafeSlow(room) : this.#slab;
    let at = Math.max(start, 0);
    bytes.set(template.bytes, at);
    at = emitDecimal(bytes, at + template.bytes.length, bodyBytes);
    at = emitLineEnd(bytes, at);
    if (lines !== "") at += writeLatin1(bytes, at, lines);
    at = emitLineEnd(bytes, at);
    if (!headOnly) at = emitBody(bytes, at, body, bodyBytes);
    this.#send(connection, bytes, start, at);
  }

  /** A head without Content-Length, `extraLine` in its place. */
  #emitHead(
    connection: StreamConnection,
    response: HttpResponse,
    extraLine: string,
    note: ConnectionNote,
  ): void {
    const template = this.#template(response.status, response.headers.contentType ?? "");
    const lines = response.headers.emitOthers() + CONNECTION_LINES[note] + extraLine;
    const room = template.bytes.length + lines.length + HEAD_TAIL_BYTES;
    const start = this.#reserve(room);
    const bytes = start < 0 ? Buffer.allocUnsafeSlow(room) : this.#slab;
    let at = Math.max(start, 0);
    bytes.set(template.bytes, at);
    at += template.bytes.length - CONTENT_LENGTH.length;
    if (lines !== "") at += writeLatin1(bytes, at, lines);
    at = emitLineEnd(bytes, at);
    this.#send(connection, bytes, start, at);
  }

  /** Where in the slab `room` bytes can be written; -1 for more than belong there. */
  #reserve(room: number): number {
    if (room > MAX_SLAB_RESPONSE_BYTES) return -1;
    if (this.#used + room > SLAB_BYTES) {
      // The old one lives on in the connections' queues until its last byte is acknowledged.
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    return this.#used;
  }

  #send(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): void {
    if (start >= 0) this.#used = end;
    connection.send(bytes, Math.max(start, 0), end);
  }

  #template(status: number, contentType: string): Template {
    const second = Math.floor(this.#wallClock() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = Buffer.from(new Date(second * 1000).toUTCString(), "latin1");
    }
    const template = this.#templates[status]?.get(contentType) ?? this.#makeTemplate(status, contentType);
    if (template.second !== second) {
      template.bytes.set(this.#date, template.dateStart);
      template.second = second;
    }
    return template;
  }

  #makeTemplate(status: number, contentType: string): Template {
    if (this.#templateCount === MAX_TEMPLATES) {
      this.#templates = [];
      this.#templateCount = 0;
    }
    const beforeDate = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nDate: `;
    const typeLine = contentType === "" ? "" : `Content-Type: ${contentType}\r\n`;
    const text = `${beforeDate}${"-".repeat(this.#date.length)}\r\n${typeLine}${CONTENT_LENGTH}`;
    const template = { bytes: Buffer.from(text, "latin1"), dateStart: beforeDate.length, second: -1 };
    let ofStatus = this.#templates[status];
    if (ofStatus === undefined) {
      ofStatus = new Map();
      this.#templates[status] = ofStatus;
    }
    ofStatus.set(contentType, template);
    this.#templateCount++;
    return template;
  }
}

function utf8Length(text: string): number {
  if (text.length <= LOOP_CHARACTERS) {
    let at = 0;
    while (at < text.length && text.charCodeAt(at) < 0x80) at++;
    if (at === text.length) return at;
  }
  return Buffer.byteLength(text, "utf8");
}

function emitBody(bytes: Uint8Array, offset: number, body: string | Uint8Array, bodyBytes: number): number {
  if (typeof body !== "string") {
    bytes.set(body, offset);
  } else if (body.length !== bodyBytes) {
    writeUtf8(bytes, offset, body);
  } else if (body.length > LOOP_CHARACTERS) {
    writeLatin1(bytes, offset, body);
  } else {
    for (let index = 0; index < body.length; index++) bytes[offset + index] = body.charCodeAt(index);
  }
  return offset + bodyBytes;
}

/** Writes a non-negative integer's decimal digits; returns the offset after them. */
function emitDecimal(bytes: Uint8Array, offset: number, value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    bytes[at] = 0x30 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
  return offset + digits;
}

function emitLineEnd(bytes: Uint8Array, offset: number): number {
  bytes[offset] = 0x0d;
  bytes[offset + 1] = 0x0a;
  return offset + 2;
}
