// The answering half of the HTTP server: gives requests to the responder, its responses to the transport, and ends connections.
// What always holds: answers leave in the order of the requests, since there is one at a time; a responder that breaks its
// contract costs a 500 and a count; a response whose connection is gone, or whose request was refused meanwhile, is dropped.

import { BodyStream } from "./body-stream.js";
import type { Connections } from "./connections.js";
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UNSAID,
  type ConnectionNote,
  Emitter,
  type WallClock,
} from "./emitter.js";
import { CLOSING, DISCARDING, type Exchange, IDLE, RESPONDING, UNTIMED } from "./exchange.js";
import { HttpCounters, type RefusalStatus } from "./http-counters.js";
import type { HttpRequest } from "./request.js";
import { HttpResponse } from "./response.js";
import { isWithoutContent, reasonPhrase } from "./status.js";

/** Answers a request. By contract it neither throws nor rejects; if it does, the answer is a 500. */
export type Responder = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** What is read behind an answer, in bytes, to keep the connection; a client with more to send gets it closed instead. */
export const MAX_DISCARDED_BYTES = 256 * 1024;

export class Answering {
  readonly counters = new HttpCounters();
  inFlight = 0;
  /** Each answer is the last of its connection. */
  isDraining = false;
  readonly #respond: Responder;
  readonly #emitter: Emitter;
  readonly #connections: Connections;

  constructor(respond: Responder, wallClock: WallClock, connections: Connections) {
    this.#respond = respond;
    this.#emitter = new Emitter(wallClock);
    this.#connections = connections;
  }

  /** Gives a request to the responder, and its response, now or later, to the transport. */
  dispatch(exchange: Exchange, request: HttpRequest): void {
    this.#begin(exchange);
    let answer: HttpResponse | Promise<HttpResponse>;
    try {
      answer = this.#respond(request);
    } catch {
      answer = this.#responderFailure();
    }
    if (answer instanceof HttpResponse) {
      this.#answer(exchange, answer);
      return;
    }
    Promise.resolve(answer).then(
      (response) => this.#answerLater(exchange, response),
      () => this.#answerLater(exchange, this.#responderFailure()),
    );
  }

  /** Answers a request that the responder is not to see. */
  answerInstead(exchange: Exchange, response: HttpResponse): void {
    this.#begin(exchange);
    this.#answer(exchange, response);
  }

  #begin(exchange: Exchange): void {
    exchange.phase = RESPONDING;
    this.counters.requests++;
    this.inFlight++;
  }

  #responderFailure(): HttpResponse {
    this.counters.responderFailures++;
    return plainResponse(500);
  }

  #answerLater(exchange: Exchange, response: HttpResponse): void {
    this.#answer(exchange, response instanceof HttpResponse ? response : this.#responderFailure());
    this.resume(exchange);
  }

  #answer(exchange: Exchange, response: HttpResponse): void {
    if (response.body instanceof ReadableStream) {
      this.#answerStream(exchange, response, response.body);
      return;
    }
    this.inFlight--;
    if (!isAwaited(exchange)) return;
    if (response.headers.closes || this.isDraining || isBodyInTheWay(exchange)) exchange.keepAlive = false;
    this.counters.responses[Math.floor(response.status / 100)]!++;
    this.#emitter.emit(exchange.connection, response, exchange.isHead, connectionNote(exchange));
    this.#finish(exchange);
  }

  #answerStream(exchange: Exchange, response: HttpResponse, body: ReadableStream<Uint8Array>): void {
    const { connection } = exchange;
    // HTTP/1.0 knows no chunks: there the connection's end is the body's (RFC 9112 section 6.3).
    const isChunked = exchange.minorVersion === 1;
    let stream: BodyStream;
    try {
      stream = new BodyStream(connection, body, isChunked);
    } catch {
      this.#answer(exchange, this.#responderFailure());
      return;
    }
    if (!isAwaited(exchange) || exchange.isHead || isWithoutContent(response.status)) {
      stream.cancel();
      this.#answer(exchange, new HttpResponse(null, response));
      return;
    }
    // Who is still waiting for a 100 cannot be sent it any more.
    const isLast = !isChunked || response.headers.closes || this.isDraining || exchange.expectsContinue;
    if (isLast) exchange.keepAlive = false;
    this.counters.responses[Math.floor(response.status / 100)]!++;
    this.#emitter.emitStreamHead(connection, response, isChunked, connectionNote(exchange));
    exchange.stream = stream;
    void this.#runStream(exchange, stream);
  }

  async #runStream(exchange: Exchange, stream: BodyStream): Promise<void> {
    const end = await stream.run();
    exchange.stream = null;
    this.inFlight--;
    if (end === "failed") this.counters.streamFailures++;
    if (exchange.isGone) return;
    if (end !== "sent") {
      // The client must not take what it has for the whole (RFC 9112 section 8).
      this.abort(exchange);
      return;
    }
    this.#finish(exchange);
    this.resume(exchange);
  }

  /** The answer has been given to the transport. */
  #finish(exchange: Exchange): void {
    exchange.answers++;
    this.#connections.hold(exchange, 0);
    if (!exchange.keepAlive || isBodyInTheWay(exchange)) {
      this.close(exchange);
    } else if (exchange.body === null) {
      this.becomeIdle(exchange);
    } else {
      exchange.body.discard();
      exchange.phase = DISCARDING;
      exchange.discardedBytes = 0;
      exchange.sinceMs = UNTIMED;
      exchange.stepSinceMs = UNTIMED;
    }
  }

  /** The request is over, and the next one may begin. */
  becomeIdle(exchange: Exchange): void {
    exchange.phase = IDLE;
    exchange.sinceMs = UNTIMED;
  }

  /** Goes on with what the transport has kept for us. Not from within `received`. */
  resume(exchange: Exchange): void {
    if (exchange.isGone) return;
    if (exchange.hasKept) exchange.connection.resume();
    this.closeIfDone(exchange);
    this.#connections.place(exchange);
  }

  /** Once the peer has closed its side, nothing but an answer that is due, or a stalled one, keeps ours open. */
  closeIfDone(exchange: Exchange): void {
    if (!exchange.peerHasClosed || exchange.isGone || exchange.isStalled) return;
    const { phase } = exchange;
    if (phase === RESPONDING || phase === CLOSING) return;
    if (phase !== IDLE) this.counters.incompleteRequests++;
    this.close(exchange);
  }

  /** Answers the server's own refusal and closes. */
  refuse(exchange: Exchange, status: RefusalStatus, toHead: boolean): void {
    this.counters.refusals[status]++;
    this.counters.responses[Math.floor(status / 100)]!++;
    this.#emitter.emit(exchange.connection, plainResponse(status), toHead, CONNECTION_CLOSE);
    this.close(exchange);
  }

  /** Closes our side; what the peer still sends is consumed, so that no RST overtakes the answer. */
  close(exchange: Exchange): void {
    exchange.phase = CLOSING;
    exchange.sinceMs = UNTIMED;
    exchange.request = null;
    exchange.body?.discard();
    exchange.body = null;
    this.#connections.hold(exchange, 0);
    this.#connections.place(exchange);
    if (exchange.hasKept) exchange.connection.resume();
    exchange.connection.close();
  }

  /** Ends the connection at once. It is no more from here on, whenever the transport says so. */
  abort(exchange: Exchange): void {
    exchange.phase = CLOSING;
    exchange.isGone = true;
    this.#connections.remove(exchange);
    exchange.connection.abort();
  }
}

/** Whether the client still waits for the responder's answer. */
function isAwaited(exchange: Exchange): boolean {
  return !exchange.isGone && exchange.phase === RESPONDING;
}

/** Whether what is left of the request's body is too much to be read, or may never come, so that no other can follow. */
function isBodyInTheWay({ body, expectsContinue }: Exchange): boolean {
  return body !== null && (expectsContinue || body.remainingBytes > MAX_DISCARDED_BYTES);
}

function connectionNote(exchange: Exchange): ConnectionNote {
  if (!exchange.keepAlive) return CONNECTION_CLOSE;
  return exchange.minorVersion === 0 ? CONNECTION_KEEP_ALIVE : CONNECTION_UNSAID;
}

function plainResponse(status: number): HttpResponse {
  return HttpResponse.text(`${status} ${reasonPhrase(status)}\n`, { status });
}
