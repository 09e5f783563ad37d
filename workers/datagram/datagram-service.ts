// The datagram service: one request in one datagram, one answer in one datagram, both MessagePack arrays. It knows no
// IP and no UDP (datagram-server.ts does), and no app. What always holds: nothing that arrives throws; an answer
// never goes where no request came from; an answer is never answered, so that two services cannot be made to talk to
// each other for ever by a forged source.
//
//   request    [id, path]  or  [id, path, body]
//     id       0 … 2^32-1, the client's own: answers carry it, in whatever order they come
//     path     a string of up to 1024 bytes: what is asked for
//     body     any plain value: nil, booleans, numbers, strings, binary, arrays, maps with strings as keys; none and
//              nil are the same. No extension types, no more than 32 levels.
//   answer     [id, status, body]
//     status   as in HTTP: 200, or what the responder says
//     body     the responder's value; of an error, a code:
//              400 "malformed" · 500 "failed" · 500 "too_large" (the answer, for one datagram) · 503 "busy"
//
// A datagram may be lost, doubled or overtaken on its way; a client that hears nothing asks again, under the same id.
// A request whose id cannot be read gets no answer.

import { Packr } from "msgpackr";
import { copyBytes } from "../../core/memory/copy-bytes.js";
import { readUtf8 } from "../http/latin1.js";
import { isPlainMessagePack, isString, readSize } from "./message-pack-check.js";

/** Where a datagram came from: a value of its own, not changed after it was given. */
export interface DatagramPeer {
  /** The IP address as text, made when asked for. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** Longest payload that reaches the peer in one datagram. */
  readonly maxAnswerBytes: number;
}

export interface IncomingDatagram {
  readonly id: number;
  readonly path: string;
  /** Undefined if there is none. */
  readonly body: unknown;
  readonly source: DatagramPeer;
}

/** An answer with a status of its own; any other value is an answer with status 200. */
export class DatagramAnswer {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown) {
    this.status = status;
    this.body = body;
  }
}

/** Answers a request. What it throws is answered with 500 "failed". */
export type DatagramResponder = (request: IncomingDatagram) => unknown;

/** Sends a payload to a peer. `bytes` are only lent. */
export type DatagramSend<Peer> = (peer: Peer, bytes: Uint8Array) => void;

export class DatagramCounters {
  /** Requests given to the responder. */
  requests = 0;
  /** Answers sent, errors among them. */
  answers = 0;
  /** Requests that were not as they must be. */
  malformed = 0;
  /** Datagrams that were no requests, or whose id could not be read; not answered. */
  ignored = 0;
  /** Answers that would not have fitted into one datagram. */
  tooLarge = 0;
  /** Requests for which the responder threw, or gave what MessagePack cannot carry. */
  failures = 0;
  /** Requests refused because too many were in progress. */
  busy = 0;
}

const MAX_PATH_BYTES = 1024;
/** Requests in progress, beyond which others are answered 503. */
const DEFAULT_MAX_IN_FLIGHT = 4096;
/** What a datagram can hold at most. */
const MAX_DATAGRAM_BYTES = 65_535;

export class DatagramService<Peer extends DatagramPeer = DatagramPeer> {
  readonly counters = new DatagramCounters();
  /** Requests given to the responder and not answered yet. */
  inFlight = 0;
  readonly #respond: DatagramResponder;
  readonly #send: DatagramSend<Peer>;
  readonly #maxInFlight: number;
  /** Bodies are decoded from here: packets lie in memory that others write to. */
  readonly #scratch = Buffer.alloc(MAX_DATAGRAM_BYTES);
  readonly #packr = new Packr({
    useRecords: false,
    mapsAsObjects: true,
    variableMapSize: true,
    copyBuffers: true,
    // Integers beyond 2^53 lose their last digits: better than an app that meets a BigInt once a year.
    int64AsType: "number",
  });

  constructor(
    respond: DatagramResponder,
    send: DatagramSend<Peer>,
    maxInFlight: number = DEFAULT_MAX_IN_FLIGHT,
  ) {
    this.#respond = respond;
    this.#send = send;
    this.#maxInFlight = maxInFlight;
  }

  /** A datagram's payload: `bytes[start … end)`, valid only during the call. */
  received(bytes: Uint8Array, start: number, end: number, source: Peer): void {
    const idBytes = start < end ? idBytesOf(bytes, start, end) : 0;
    if (idBytes === 0) {
      this.counters.ignored++;
      return;
    }
    const id = readId(bytes, start + 1, idBytes);
    const pathStart = start + 1 + idBytes;
    // A number in the path's place: an answer, ours or another's.
    if (pathStart >= end || isNumber(bytes[pathStart]!)) {
      this.counters.ignored++;
      return;
    }
    const request = this.#parse(bytes, start, pathStart, end, id, source);
    if (request === null) {
      this.counters.malformed++;
      this.#answer(source, id, 400, "malformed");
    } else if (this.inFlight >= this.#maxInFlight) {
      this.counters.busy++;
      this.#answer(source, id, 503, "busy");
    } else {
      this.#dispatch(request, source);
    }
  }

  #parse(
    bytes: Uint8Array,
    start: number,
    pathStart: number,
    end: number,
    id: number,
    source: Peer,
  ): IncomingDatagram | null {
    const first = bytes[pathStart]!;
    if (!isString(first) || !isPlainMessagePack(bytes, start, end)) return null;
    const sizeBytes = first < 0xc0 ? 0 : 1 << (first - 0xd9);
    const pathBytes = sizeBytes === 0 ? first & 0x1f : readSize(bytes, pathStart + 1, sizeBytes);
    if (pathBytes > MAX_PATH_BYTES) return null;
    const textStart = pathStart + 1 + sizeBytes;
    const textEnd = textStart + pathBytes;
    const path = readUtf8(bytes, textStart, textEnd);
    if (textEnd === end) return { id, path, body: undefined, source };
    const body = this.#unpack(bytes, textEnd, end);
    return { id, path, body: body ?? undefined, source };
  }

  #unpack(bytes: Uint8Array, start: number, end: number): unknown {
    copyBytes(bytes, start, end, this.#scratch, 0);
    return this.#packr.unpack(this.#scratch.subarray(0, end - start));
  }

  #dispatch(request: IncomingDatagram, source: Peer): void {
    this.counters.requests++;
    this.inFlight++;
    let value: unknown;
    try {
      value = this.#respond(request);
    } catch {
      this.#fail(source, request.id);
      return;
    }
    if (!isThenable(value)) {
      this.#finish(source, request.id, value);
      return;
    }
    Promise.resolve(value).then(
      (late) => this.#finish(source, request.id, late),
      () => this.#fail(source, request.id),
    );
  }

  #finish(source: Peer, id: number, value: unknown): void {
    this.inFlight--;
    if (value instanceof DatagramAnswer) this.#answer(source, id, value.status, value.body);
    else this.#answer(source, id, 200, value);
  }

  #fail(source: Peer, id: number): void {
    this.inFlight--;
    this.counters.failures++;
    this.#answer(source, id, 500, "failed");
  }

  #answer(source: Peer, id: number, status: number, body: unknown): void {
    let answer = this.#pack([id, status, body ?? null]);
    if (answer === null) {
      this.counters.failures++;
      answer = this.#pack([id, 500, "failed"])!;
    } else if (answer.length > source.maxAnswerBytes) {
      this.counters.tooLarge++;
      answer = this.#pack([id, 500, "too_large"])!;
    }
    this.counters.answers++;
    this.#send(source, answer);
  }

  /** Null for what MessagePack cannot carry: cycles, integers beyond 64 bits. */
  #pack(answer: readonly [number, number, unknown]): Uint8Array | null {
    try {
      return this.#packr.pack(answer);
    } catch {
      return null;
    }
  }
}

/**
 * Bytes of the id at the beginning of an array of two or three; 0 if this is none, or its id is not a number in
 * range.
 */
function idBytesOf(bytes: Uint8Array, start: number, end: number): number {
  const array = bytes[start]!;
  if ((array !== 0x92 && array !== 0x93) || start + 1 >= end) return 0;
  const first = bytes[start + 1]!;
  if (first < 0x80) return 1;
  // uint 8, 16, 32 are CC, CD, CE.
  if (first < 0xcc || first > 0xce) return 0;
  const idBytes = 1 + (1 << (first - 0xcc));
  return start + 1 + idBytes > end ? 0 : idBytes;
}

function readId(bytes: Uint8Array, at: number, idBytes: number): number {
  return idBytes === 1 ? bytes[at]! : readSize(bytes, at + 1, idBytes - 1);
}

function isNumber(first: number): boolean {
  return first < 0x80 || first >= 0xe0 || (first >= 0xca && first <= 0xd3);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}
