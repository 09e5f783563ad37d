// The receiving half of requests' bodies: begins them as their rules say, gives them what arrives, and gives them up when they
// are too large, malformed, late or cut off. Knows what is wanted and how much has come, not what is done with it.

import { type Answering, MAX_DISCARDED_BYTES } from "./answering.js";
import { type BodyDecoder, LengthBody } from "./body-decoder.js";
import { ChunkedBody } from "./chunked-body.js";
import type { Connections } from "./connections.js";
import { BODY, DISCARDING, type Exchange, RESPONDING, UNTIMED } from "./exchange.js";
import type { RefusalStatus } from "./http-counters.js";
import { IncomingBody, type RequestBodyErrorCode } from "./incoming-body.js";
import type { BodyRules } from "./options.js";
import { HttpRequest } from "./request.js";
import type { RequestHead } from "./request-head.js";
import { HttpResponse } from "./response.js";

/**
 * Says how the body of a request is taken, before any of it is; or has the answer already. By contract it does not throw, and
 * its numbers are numbers.
 */
export type BodyPlanner = (request: HttpRequest) => BodyRules | HttpResponse;

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

export class BodyIntake {
  readonly #maxBodyBytes: number;
  readonly #plan: BodyPlanner;
  readonly #answering: Answering;
  readonly #connections: Connections;

  constructor(maxBodyBytes: number, plan: BodyPlanner, answering: Answering, connections: Connections) {
    this.#maxBodyBytes = maxBodyBytes;
    this.#plan = plan;
    this.#answering = answering;
    this.#connections = connections;
  }

  /** Goes on with a request whose head announces a body. False if it was refused. */
  begin(exchange: Exchange, request: HttpRequest, head: RequestHead): boolean {
    const plan = this.#plan(request);
    const isAnswered = plan instanceof HttpResponse;
    const { maxBytes = this.#maxBodyBytes, streams = false } = isAnswered ? {} : plan;
    if (head.contentLength > maxBytes && !isAnswered) {
      this.#answering.refuse(exchange, 413, head.isHead);
      return false;
    }
    const decoder: BodyDecoder = head.isChunked
      ? new ChunkedBody(maxBytes)
      : new LengthBody(head.contentLength);
    const maxGatheredBytes = streams ? Math.min(maxBytes, this.#maxBodyBytes) : maxBytes;
    const body = new IncomingBody(decoder, maxGatheredBytes, () => this.#wanted(exchange));
    HttpRequest.setBody(request, body, streams);
    exchange.body = body;
    exchange.expectsContinue = head.expectsContinue;
    exchange.stepSinceMs = UNTIMED;
    if (isAnswered) {
      this.#answering.answerInstead(exchange, plan);
    } else if (streams) {
      this.#answering.dispatch(exchange, request);
    } else {
      exchange.request = request;
      exchange.phase = BODY;
      body.startGathering();
      this.#wanted(exchange);
    }
    return true;
  }

  /** Takes what is wanted of `bytes[start … end)`; returns how far it came. */
  receive(exchange: Exchange, body: IncomingBody, bytes: Uint8Array, start: number, end: number): number {
    const isDiscarding = exchange.phase === DISCARDING;
    const stop = isDiscarding ? Math.min(end, start + MAX_DISCARDED_BYTES - exchange.discardedBytes) : end;
    const at = body.receive(bytes, start, stop);
    if (body.heldBytes !== exchange.heldBytes) this.#connections.hold(exchange, body.heldBytes);
    if (body.status !== 0) this.giveUp(exchange, body.status as RefusalStatus);
    else if (body.isComplete) this.#complete(exchange);
    if (isDiscarding) {
      exchange.discardedBytes += at - start;
      if (exchange.body === body && exchange.discardedBytes === MAX_DISCARDED_BYTES)
        this.#answering.close(exchange);
    }
    return at;
  }

  /** To be called when there is nothing more to give: where the peer has ended its side, nothing more will come. */
  starve(exchange: Exchange): void {
    if (exchange.phase !== RESPONDING || !exchange.peerHasClosed || !exchange.body?.isWanted) return;
    this.#answering.counters.incompleteRequests++;
    this.#lose(exchange, "body_incomplete");
  }

  /** The body of the request in progress will not be had: the client is told so, if it has not been told anything yet. */
  giveUp(exchange: Exchange, status: RefusalStatus): void {
    this.#lose(exchange, LOSSES[status] ?? "body_malformed");
    if (exchange.phase === DISCARDING) this.#answering.close(exchange);
    else if (exchange.stream === null) this.#answering.refuse(exchange, status, exchange.isHead);
  }

  /** Whoever has the body hears of it; the connection ends with the answer. */
  #lose(exchange: Exchange, code: RequestBodyErrorCode): void {
    exchange.body?.fail(code);
    exchange.body = null;
    exchange.keepAlive = false;
    this.#connections.place(exchange);
  }

  #complete(exchange: Exchange): void {
    exchange.body = null;
    const { phase, request } = exchange;
    if (phase === BODY) {
      exchange.request = null;
      this.#answering.dispatch(exchange, request!);
    } else if (phase === DISCARDING) {
      this.#answering.becomeIdle(exchange);
    }
  }

  /** Somebody waits for the body of this exchange from now on. */
  #wanted(exchange: Exchange): void {
    const { body, connection } = exchange;
    if (body === null || exchange.isGone) return;
    if (body.status !== 0) {
      this.giveUp(exchange, body.status as RefusalStatus);
      return;
    }
    if (exchange.expectsContinue) {
      exchange.expectsContinue = false;
      // Also where some of the body is there already, so that the answer does not depend on how the bytes were split.
      if (exchange.stream === null) connection.send(CONTINUE);
    }
    if (exchange.isReceiving) return;
    if (exchange.hasKept) connection.resume();
    this.starve(exchange);
  }
}

const LOSSES: Readonly<Partial<Record<RefusalStatus, RequestBodyErrorCode>>> = {
  408: "body_timeout",
  413: "body_too_large",
};
