// The access log: one line of JSON for each request, written by each worker to the same file. Lines are appended whole, and
// gathered for a moment, so that a request costs no system call; what a crash loses of them was no promise.

import { type DestinationStream, type Logger, pino } from "pino";
import type { Responder } from "./http/answering.js";
import type { HttpRequest } from "./http/request.js";
import { HttpResponse } from "./http/response.js";

/** Bytes gathered before they are written, and how long they may wait, in ms. */
const GATHERED_BYTES = 16 * 1024;
const FLUSH_INTERVAL_MS = 1000;

interface Flushing extends DestinationStream {
  flush(): void;
  flushSync(): void;
  end(): void;
}

export class AccessLog {
  readonly #destination: Flushing;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;

  private constructor(destination: Flushing, worker: number) {
    this.#destination = destination;
    this.#log = pino({ base: { worker }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
    this.#timer = setInterval(() => destination.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /** `file`: its path, or "-" for standard output. Throws if it cannot be opened. */
  static open(file: string, worker: number): AccessLog {
    const dest = file === "-" ? 1 : file;
    return new AccessLog(
      pino.destination({ dest, append: true, minLength: GATHERED_BYTES, sync: true }),
      worker,
    );
  }

  /** The same responder; what it answers is logged. */
  around(respond: Responder): Responder {
    return (request) => {
      const startMs = performance.now();
      const answer = respond(request);
      if (answer instanceof HttpResponse) {
        this.#write(request, answer, startMs);
        return answer;
      }
      return answer.then((response) => {
        this.#write(request, response, startMs);
        return response;
      });
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#destination.flushSync();
    this.#destination.end();
  }

  #write(request: HttpRequest, { status, body }: HttpResponse, startMs: number): void {
    const { method, url, sourceAddress, sourcePort } = request;
    this.#log.info({
      source: sourceAddress,
      port: sourcePort,
      method,
      url,
      status,
      bytes: body === null || body instanceof ReadableStream ? undefined : Buffer.byteLength(body),
      ms: Math.round((performance.now() - startMs) * 1000) / 1000,
    });
  }
}
