// The HTTP/1.1 server of a worker (RFC 9110, RFC 9112) on any stream transport. It knows nothing of TCP, sessions or
// apps: bytes come in, requests go to a responder, responses go out. What always holds: a connection has one request
// in progress, and nothing behind it is consumed, so that the transport's window holds the client back; what a client
// sends is refused at its first wrong byte, however the bytes were split; no method throws.
//
// Bodies are gathered whole before the responder is called: `#begin` is where a streaming body would go another way.

import type { CloseReason, StreamConnection, StreamUser } from "../stream.js";
import { Answering, type Responder } from "./answering.js";
import { BodyBuffer } from "./body-buffer.js";
import { HIGH_WATER_BYTES } from "./body-stream.js";
import { CR, LF } from "./characters.js";
import { ChunkedBody } from "./chunked-body.js";
import type { WallClock } from "./emitter.js";
import { BODY, CHUNKS, CLOSING, Exchange, HEAD, IDLE, UNTIMED } from "./exchange.js";
import { LineEnds, type ScanLimits, scanHead } from "./head-scan.js";
import type { HttpCounters, RefusalStatus } from "./http-counters.js";
import { readLatin1 } from "./latin1.js";
import { HTTP_DEFAULTS, type HttpOptions } from "./options.js";
import { HttpRequest } from "./request.js";
import { parseHead, RequestHead } from "./request-head.js";
import { type Expiry, expiryOf } from "./timeouts.js";

export type { Responder } from "./answering.js";

/** Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for one). */
const MAX_EMPTY_LINES = 4;
/** Bytes of a request line beside its target: a method of up to 32 characters, two spaces and the version. */
const REQUEST_LINE_EXTRA_BYTES = 32 + 2 + 8;

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

export class HttpServer implements StreamUser {
  readonly counters: HttpCounters;
  readonly #options: HttpOptions;
  readonly #answering: Answering;
  readonly #scanLimits: ScanLimits;
  readonly #lineEnds: LineEnds;
  readonly #head = new RequestHead();
  readonly #exchanges = new Set<Exchange>();

  /** `wallClock` is for the Date field only; timeouts go by what `sweep` is told. */
  constructor(options: Partial<HttpOptions>, respond: Responder, wallClock: WallClock) {
    this.#options = { ...HTTP_DEFAULTS, ...options };
    this.#answering = new Answering(respond, wallClock);
    this.counters = this.#answering.counters;
    const { maxHeadBytes, maxTargetBytes, maxFields } = this.#options;
    this.#scanLimits = {
      firstLineBytes: Math.min(maxHeadBytes, maxTargetBytes + REQUEST_LINE_EXTRA_BYTES),
      firstLineStatus: 414,
      totalBytes: maxHeadBytes,
      lines: maxFields + 1,
    };
    this.#lineEnds = new LineEnds(this.#scanLimits.lines);
  }

  /** Requests given to the responder whose responses have not been wholly given to the transport. */
  get inFlight(): number {
    return this.#answering.inFlight;
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#exchanges.size;
  }

  opened(connection: StreamConnection): void {
    const exchange = new Exchange(connection);
    connection.user = exchange;
    this.#exchanges.add(exchange);
    this.counters.connections++;
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const exchange = connection.user as Exchange;
    exchange.hasKept = false;
    let at = start;
    while (at < end) {
      const phase = exchange.phase;
      const before = at;
      if (phase <= HEAD) at = this.#receiveHead(exchange, bytes, at, end);
      else if (phase === BODY) at = this.#receiveBody(exchange, exchange.body!, bytes, at, end);
      else if (phase === CHUNKS) at = this.#receiveChunks(exchange, exchange.chunks!, bytes, at, end);
      else if (phase === CLOSING) at = end;
      if (at === before && exchange.phase === phase) break;
    }
    exchange.hasKept = at < end;
    return at - start;
  }

  peerClosed(connection: StreamConnection): void {
    const exchange = connection.user as Exchange;
    exchange.peerHasClosed = true;
    this.#answering.closeIfDone(exchange);
  }

  drained(connection: StreamConnection): void {
    const exchange = connection.user as Exchange;
    exchange.stream?.drained();
    if (!exchange.isStalled) return;
    exchange.isStalled = false;
    this.#answering.resume(exchange);
  }

  closed(connection: StreamConnection, _reason: CloseReason): void {
    const exchange = connection.user as Exchange;
    exchange.isGone = true;
    this.#exchanges.delete(exchange);
    exchange.stream?.cancel();
    // What has arrived of a body is of no use to anyone now.
    exchange.body = null;
    exchange.chunks = null;
  }

  /** Ends what has taken too long. To be called about once a second; a timeout is late by up to the time between. */
  sweep(nowMs: number): void {
    for (const exchange of this.#exchanges) {
      const expiry = expiryOf(exchange, this.#options, this.isDraining, nowMs);
      if (expiry !== null) this.#expire(exchange, expiry);
    }
  }

  /**
   * From now on each answer is the last of its connection. Connections on which no request has come for a while are closed
   * by the sweep; on others one may be on its way.
   */
  drain(): void {
    this.#answering.isDraining = true;
  }

  get isDraining(): boolean {
    return this.#answering.isDraining;
  }

  #receiveHead(exchange: Exchange, bytes: Uint8Array, start: number, end: number): number {
    if (exchange.scanned === 0) {
      if (exchange.connection.queuedBytes > HIGH_WATER_BYTES) {
        exchange.isStalled = true;
        return start;
      }
      if (bytes[start] === CR) return this.#skipEmptyLine(exchange, bytes, start, end);
    }
    if (exchange.phase === IDLE) {
      exchange.phase = HEAD;
      exchange.sinceMs = UNTIMED;
    }
    const length = scanHead(bytes, start, end, this.#scanLimits, exchange, this.#lineEnds);
    if (length === 0) return start;
    if (length < 0) return this.#answering.refuse(exchange, -length as RefusalStatus, false, end);
    const head = this.#head;
    head.isHead = false;
    const status = parseHead(bytes, start, this.#lineEnds, this.#options.maxTargetBytes, head);
    if (status !== 0) return this.#answering.refuse(exchange, status as RefusalStatus, head.isHead, end);
    // Without the empty line: the last field's line end is the string's.
    const request = new HttpRequest(exchange.connection, readLatin1(bytes, start, start + length - 2), head);
    return this.#begin(exchange, request, head) ? start + length : end;
  }

  #skipEmptyLine(exchange: Exchange, bytes: Uint8Array, start: number, end: number): number {
    if (start + 1 === end) return start;
    const isEmptyLine = bytes[start + 1] === LF;
    if (!isEmptyLine || ++exchange.emptyLines > MAX_EMPTY_LINES) {
      return this.#answering.refuse(exchange, 400, false, end);
    }
    return start + 2;
  }

  /** Decides how the request goes on after its head. False if it was refused. */
  #begin(exchange: Exchange, request: HttpRequest, head: RequestHead): boolean {
    exchange.emptyLines = 0;
    exchange.isHead = head.isHead;
    exchange.minorVersion = head.minorVersion;
    exchange.keepAlive = head.keepAlive;
    if (!head.isChunked && head.contentLength <= 0) {
      this.#answering.dispatch(exchange, request);
      return true;
    }
    const { maxBodyBytes } = this.#options;
    if (head.contentLength > maxBodyBytes) {
      this.#answering.refuse(exchange, 413, head.isHead, 0);
      return false;
    }
    exchange.request = request;
    exchange.sinceMs = UNTIMED;
    exchange.bodySinceMs = UNTIMED;
    if (head.isChunked) {
      exchange.chunks = new ChunkedBody(maxBodyBytes);
      exchange.phase = CHUNKS;
    } else {
      exchange.contentLength = head.contentLength;
      exchange.body = new BodyBuffer(head.contentLength);
      exchange.phase = BODY;
    }
    // Also where some of the body is there already, so that the answer does not depend on how the bytes were split.
    if (head.expectsContinue) exchange.connection.send(CONTINUE);
    return true;
  }

  #receiveBody(exchange: Exchange, body: BodyBuffer, bytes: Uint8Array, start: number, end: number): number {
    const stop = Math.min(end, start + exchange.contentLength - body.length);
    body.append(bytes, start, stop);
    exchange.sinceMs = UNTIMED;
    if (body.length === exchange.contentLength) this.#complete(exchange, body);
    return stop;
  }

  #receiveChunks(
    exchange: Exchange,
    chunks: ChunkedBody,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const at = chunks.decode(bytes, start, end);
    if (chunks.status !== 0) {
      return this.#answering.refuse(exchange, chunks.status as RefusalStatus, exchange.isHead, end);
    }
    if (at > start) exchange.sinceMs = UNTIMED;
    if (chunks.isComplete) this.#complete(exchange, chunks.content);
    return at;
  }

  #complete(exchange: Exchange, body: BodyBuffer): void {
    const request = exchange.request!;
    HttpRequest.setBody(request, body.take());
    exchange.request = null;
    exchange.body = null;
    exchange.chunks = null;
    this.#answering.dispatch(exchange, request);
  }

  #expire(exchange: Exchange, expiry: Expiry): void {
    if (expiry === "refuse") {
      this.#answering.refuse(exchange, 408, exchange.isHead, 0);
    } else if (expiry === "close") {
      this.counters.idleTimeouts++;
      this.#answering.close(exchange);
    } else {
      this.counters.abortTimeouts++;
      exchange.phase = CLOSING;
      exchange.connection.abort();
    }
  }
}
