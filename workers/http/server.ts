// The HTTP/1.1 server of a worker (RFC 9110, RFC 9112) on any stream transport. It knows nothing of TCP, sessions or
// apps: bytes come in, requests go to a responder, responses go out. What always holds: a connection has one request
// in progress, and nothing behind it is consumed, so that the transport's window holds the client back; what a client
// sends is refused at its first wrong byte, however the bytes were split; no method throws.

import type { CloseReason, StreamConnection, StreamUser } from "../stream.js";
import { Answering, type Responder } from "./answering.js";
import { BodyIntake, type BodyPlanner } from "./body-intake.js";
import { CR, LF } from "./characters.js";
import { Connections } from "./connections.js";
import type { WallClock } from "./emitter.js";
import { CLOSING, Exchange, HEAD, IDLE, UNTIMED } from "./exchange.js";
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

const GATHERED: BodyPlanner = () => ({});

export class HttpServer implements StreamUser {
  readonly counters: HttpCounters;
  readonly #options: HttpOptions;
  readonly #connections: Connections;
  readonly #answering: Answering;
  readonly #bodies: BodyIntake;
  readonly #scanLimits: ScanLimits;
  readonly #lineEnds: LineEnds;
  readonly #head = new RequestHead();

  /**
   * `wallClock` is for the Date field only; timeouts go by what `sweep` is told. `plan` is asked about each request that has a
   * body; without it all bodies are gathered.
   */
  constructor(options: Partial<HttpOptions>, respond: Responder, wallClock: WallClock, plan = GATHERED) {
    this.#options = { ...HTTP_DEFAULTS, ...options };
    this.#connections = new Connections(this.#options);
    this.#answering = new Answering(respond, wallClock, this.#connections);
    this.counters = this.#answering.counters;
    const { maxHeadBytes, maxTargetBytes, maxFields, maxBodyBytes } = this.#options;
    this.#bodies = new BodyIntake(maxBodyBytes, plan, this.#answering, this.#connections);
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
    return this.#connections.count;
  }

  /** Memory that gathered bodies take, in bytes. */
  get heldBytes(): number {
    return this.#connections.heldBytes;
  }

  opened(connection: StreamConnection): void {
    const exchange = new Exchange(connection);
    connection.user = exchange;
    this.#connections.place(exchange);
    this.counters.connections++;
    this.#makeRoom();
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const exchange = connection.user as Exchange;
    exchange.hasKept = false;
    exchange.isReceiving = true;
    let at = start;
    while (at < end) {
      const { phase, body } = exchange;
      const before = at;
      if (phase <= HEAD) at = this.#receiveHead(exchange, bytes, at, end);
      else if (phase === CLOSING) at = end;
      else if (body !== null) at = this.#bodies.receive(exchange, body, bytes, at, end);
      if (at === before && exchange.phase === phase) break;
    }
    exchange.isReceiving = false;
    this.#bodies.starve(exchange);
    this.#connections.place(exchange);
    if (exchange.phase !== IDLE) this.#makeRoom();
    // Displaced meanwhile: what has come is thrown away. Said only now, so that nobody asks for it from within.
    if (exchange.phase === CLOSING) at = end;
    exchange.hasKept = at < end;
    return at - start;
  }

  peerClosed(connection: StreamConnection): void {
    const exchange = connection.user as Exchange;
    exchange.peerHasClosed = true;
    this.#bodies.starve(exchange);
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
    this.#connections.remove(exchange);
    exchange.stream?.cancel();
    // What has arrived of a body is of no use to anyone now.
    exchange.request = null;
    exchange.body?.fail("body_incomplete");
    exchange.body = null;
  }

  /** Ends what has taken too long. To be called about once a second; a timeout is late by up to the time between. */
  sweep(nowMs: number): void {
    this.#connections.forEach((exchange) => {
      const { stepSinceMs } = exchange;
      const expiry = expiryOf(exchange, this.#options, this.isDraining, nowMs);
      if (expiry !== null) this.#expire(exchange, expiry);
      else if (exchange.stepSinceMs > stepSinceMs) this.#connections.renew(exchange);
    });
    this.#makeRoom();
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
      if (exchange.connection.isAboveHighWater) {
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
    if (length < 0) return this.#refuse(exchange, -length, false, end);
    const head = this.#head;
    head.isHead = false;
    const status = parseHead(bytes, start, this.#lineEnds, this.#options.maxTargetBytes, head);
    if (status !== 0) return this.#refuse(exchange, status, head.isHead, end);
    // Without the empty line: the last field's line end is the string's.
    const request = new HttpRequest(exchange.connection, readLatin1(bytes, start, start + length - 2), head);
    return this.#begin(exchange, request, head) ? start + length : end;
  }

  #skipEmptyLine(exchange: Exchange, bytes: Uint8Array, start: number, end: number): number {
    if (start + 1 === end) return start;
    const isEmptyLine = bytes[start + 1] === LF;
    const isTooMany = isEmptyLine && ++exchange.emptyLines > MAX_EMPTY_LINES;
    return isEmptyLine && !isTooMany ? start + 2 : this.#refuse(exchange, 400, false, end);
  }

  /** Returns `end`: all that comes after is thrown away. */
  #refuse(exchange: Exchange, status: number, toHead: boolean, end: number): number {
    this.#answering.refuse(exchange, status as RefusalStatus, toHead);
    return end;
  }

  /** Decides how the request goes on after its head. False if it was refused. */
  #begin(exchange: Exchange, request: HttpRequest, head: RequestHead): boolean {
    exchange.emptyLines = 0;
    exchange.isHead = head.isHead;
    exchange.minorVersion = head.minorVersion;
    exchange.keepAlive = head.keepAlive;
    if (head.isChunked || head.contentLength > 0) return this.#bodies.begin(exchange, request, head);
    this.#answering.dispatch(exchange, request);
    return true;
  }

  #expire(exchange: Exchange, expiry: Expiry): void {
    if (expiry === "head") {
      this.#answering.refuse(exchange, 408, false);
    } else if (expiry === "body") {
      this.#bodies.giveUp(exchange, 408);
    } else if (expiry === "close") {
      this.counters.idleTimeouts++;
      this.#answering.close(exchange);
    } else {
      this.counters.abortTimeouts++;
      this.#answering.abort(exchange);
    }
  }

  /** Ends connections until all is within bounds. */
  #makeRoom(): void {
    let exchange = this.#connections.surplus();
    while (exchange !== null) {
      this.counters.displaced++;
      if (exchange.phase === CLOSING) this.#answering.abort(exchange);
      else if (exchange.phase === IDLE) this.#answering.close(exchange);
      else this.#expire(exchange, exchange.phase === HEAD ? "head" : "body");
      exchange = this.#connections.surplus();
    }
  }
}
