// The body of one request on its way from the connection to whoever takes it: gathered whole, as a stream, or thrown away. What
// always holds: nothing is decoded that nobody has asked for, so that the rest stays with the transport, whose window then
// holds the client back; a stream has at most one piece under way. Knows neither connections nor answers.

import { BodyBuffer } from "./body-buffer.js";
import type { BodyDecoder } from "./body-decoder.js";

/** A stream's pieces are at most so long: more waits in the transport. */
export const MAX_PIECE_BYTES = 64 * 1024;

/** Why there is no more of a body. */
export type RequestBodyErrorCode =
  /** It is longer than it may be. */
  | "body_too_large"
  /** It is not framed as HTTP says. */
  | "body_malformed"
  /** It does not arrive, or too slowly. */
  | "body_timeout"
  /** The client has gone, or ended its side, before the body's end. */
  | "body_incomplete"
  /** The response has been given: what was not read until then is thrown away. */
  | "body_discarded"
  /** `request.body` has been taken: it has what there is. */
  | "body_taken";

/** The body of a request cannot be had. In most cases the client has its answer already, and the app's is not sent. */
export class RequestBodyError extends Error {
  override readonly name = "RequestBodyError";
  readonly code: RequestBodyErrorCode;
  /** What a request is answered with whose app does not catch it. */
  readonly status: 400 | 408 | 413 | 500;

  constructor(code: RequestBodyErrorCode) {
    const [status, message] = REASONS[code];
    super(message);
    this.code = code;
    this.status = status;
  }
}

const REASONS: Readonly<Record<RequestBodyErrorCode, readonly [400 | 408 | 413 | 500, string]>> = {
  body_too_large: [413, "the request's body is too large"],
  body_malformed: [400, "the request's body is malformed"],
  body_timeout: [408, "the request's body does not arrive"],
  body_incomplete: [400, "the client ended before its request's body did"],
  body_discarded: [500, "the response has been given: the rest of its request's body was thrown away"],
  body_taken: [500, "the request's body has been taken as a stream"],
};

/** Pieces that are read before the stream's reader wants them. */
const NOTHING_AHEAD = { highWaterMark: 0 };

const UNTAKEN = 0;
const GATHERING = 1;
const STREAMING = 2;
const DISCARDING = 3;

export class IncomingBody {
  readonly #decoder: BodyDecoder;
  readonly #maxGatheredBytes: number;
  readonly #wanted: () => void;
  #mode: 0 | 1 | 2 | 3 = UNTAKEN;
  #error: RequestBodyError | null = null;
  /** What has been gathered, and all of it once there is no more to come. */
  #buffer: BodyBuffer | null = null;
  #bytes: Uint8Array | null = null;
  #gathered: Promise<Uint8Array> | null = null;
  #settle: { resolve(bytes: Uint8Array): void; reject(error: Error): void } | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  #controller: ReadableByteStreamController | null = null;
  /** The stream's reader waits for a piece. */
  #isPulled = false;

  /**
   * `maxGatheredBytes` is the most that is gathered for someone who wants it whole. `wanted` is called whenever somebody begins to
   * want more: data that is kept, and what arrives from then on, is then to be given to `receive`.
   */
  constructor(decoder: BodyDecoder, maxGatheredBytes: number, wanted: () => void) {
    this.#decoder = decoder;
    this.#maxGatheredBytes = maxGatheredBytes;
    this.#wanted = wanted;
  }

  // For the server.

  /** Somebody waits for more. */
  get isWanted(): boolean {
    return this.#error === null && (this.#mode === STREAMING ? this.#isPulled : this.#mode !== UNTAKEN);
  }

  get isComplete(): boolean {
    return this.#decoder.isComplete;
  }

  /**
   * The status to refuse the request with; 0 while its body is right, as far as somebody wants it. What a stream's reader has got
   * before the fault counts as had, so that it does not matter how the bytes arrived.
   */
  get status(): number {
    return this.#mode === STREAMING && !this.#isPulled ? 0 : this.#decoder.status;
  }

  /** Content so far, in bytes. */
  get contentBytes(): number {
    return this.#decoder.contentBytes;
  }

  /** Content that is certainly still to come, in bytes. */
  get remainingBytes(): number {
    return this.#decoder.remainingBytes;
  }

  /** The memory that it takes, in bytes. */
  get heldBytes(): number {
    return this.#buffer === null ? 0 : this.#buffer.capacity;
  }

  /** See BodyDecoder. */
  get trailers(): string {
    return this.#decoder.trailers;
  }

  /** Takes what is wanted of `bytes[start … end)`; returns how far it came. */
  receive(bytes: Uint8Array, start: number, end: number): number {
    if (!this.isWanted) return start;
    if (this.#mode === STREAMING) return this.#receivePiece(bytes, start, end);
    const at = this.#decoder.decode(bytes, start, end, this.#buffer);
    if (this.#mode === GATHERING && this.#decoder.isComplete) this.#gatheredAll();
    return at;
  }

  /** Begins to gather: somebody will want the whole. Wants nothing more where that is known to be too large. */
  startGathering(): void {
    this.#mode = GATHERING;
    this.#decoder.limit(this.#maxGatheredBytes);
    this.#buffer = new BodyBuffer(Math.min(this.#maxGatheredBytes, this.#mostBytes()));
  }

  /** Nobody will have the rest. */
  discard(): void {
    this.#interrupt(new RequestBodyError("body_discarded"));
    this.#buffer = null;
    this.#mode = DISCARDING;
  }

  /** There will be no more. */
  fail(code: RequestBodyErrorCode): void {
    if (this.#error !== null) return;
    this.#error = new RequestBodyError(code);
    this.#interrupt(this.#error);
    this.#buffer = null;
  }

  // For the app, through its request.

  /**
   * The whole body. Rejects with a RequestBodyError; the promise may be let go of without anyone's looking at it.
   */
  gather(): Promise<Uint8Array> {
    this.#gathered ??= this.#gather();
    return this.#gathered;
  }

  /** The body in pieces, each of which is its reader's own: as it arrives, or of what is being gathered. */
  get stream(): ReadableStream<Uint8Array> {
    this.#stream ??= this.#mode === UNTAKEN ? this.#streamAsItArrives() : this.#streamOfGathered();
    return this.#stream;
  }

  #gather(): Promise<Uint8Array> {
    if (this.#bytes !== null) return Promise.resolve(this.#bytes);
    if (this.#mode === STREAMING) return rejected(new RequestBodyError("body_taken"));
    if (this.#error !== null) return rejected(this.#error);
    if (this.#mode === DISCARDING) return rejected(new RequestBodyError("body_discarded"));
    const gathered = new Promise<Uint8Array>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    gathered.catch(() => {});
    this.startGathering();
    this.#wanted();
    return gathered;
  }

  /** Content-Length's word, or no bound. */
  #mostBytes(): number {
    const { remainingBytes } = this.#decoder;
    return remainingBytes > 0 ? remainingBytes : Number.POSITIVE_INFINITY;
  }

  #gatheredAll(): void {
    this.#bytes = this.#buffer!.take();
    this.#settle?.resolve(this.#bytes);
    this.#settle = null;
  }

  #receivePiece(bytes: Uint8Array, start: number, end: number): number {
    const piece = new BodyBuffer(Math.min(end - start, MAX_PIECE_BYTES));
    const at = this.#decoder.decode(bytes, start, end, piece);
    if (piece.length > 0) {
      this.#isPulled = false;
      this.#controller!.enqueue(piece.take());
    }
    if (this.#decoder.isComplete) this.#endStream();
    return at;
  }

  #endStream(): void {
    const controller = this.#controller!;
    this.#isPulled = false;
    controller.close();
    // A reader that has brought its own buffer must be given it back.
    controller.byobRequest?.respond(0);
  }

  /** Whoever waits for the body hears why there will be no more. */
  #interrupt(error: RequestBodyError): void {
    this.#settle?.reject(error);
    this.#settle = null;
    if (this.#mode !== STREAMING || this.#decoder.isComplete) return;
    this.#isPulled = false;
    this.#controller!.error(error);
  }

  #streamAsItArrives(): ReadableStream<Uint8Array> {
    this.#mode = STREAMING;
    const start = (controller: ReadableByteStreamController) => {
      this.#controller = controller;
      if (this.#error !== null) controller.error(this.#error);
      else if (this.#decoder.isComplete) controller.close();
    };
    const pull = () => {
      this.#isPulled = true;
      this.#wanted();
    };
    const cancel = () => {
      this.#isPulled = false;
    };
    return new ReadableStream({ type: "bytes", start, pull, cancel }, NOTHING_AHEAD);
  }

  #streamOfGathered(): ReadableStream<Uint8Array> {
    let at = 0;
    const pull = async (controller: ReadableByteStreamController) => {
      const bytes = await this.gather();
      // A copy: the stream's reader may do with it what it likes.
      const piece = new Uint8Array(bytes.subarray(at, at + MAX_PIECE_BYTES));
      at += piece.length;
      if (piece.length > 0) controller.enqueue(piece);
      if (at < bytes.length) return;
      controller.close();
      controller.byobRequest?.respond(0);
    };
    return new ReadableStream({ type: "bytes", pull }, NOTHING_AHEAD);
  }
}

function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
