// The access log: one line of JSON for each request, written by each worker to the same file. Lines are appended whole, and
// gathered for a moment, so that a request costs no system call; what a crash loses of them was no promise. What always holds: a
// log that cannot be written, on a full disk, say, costs lines and never a request.

import { type Logger, pino } from "pino";
import type { Responder } from "./http/answering.js";
import type { HttpRequest } from "./http/request.js";
import { HttpResponse } from "./http/response.js";

/** Most bytes written at once: PIPE_BUF, the most that a pipe takes whole, since other workers may write to it, too. */
const MAX_WRITE_BYTES = 4096;
/** Bytes gathered before they are written, and how long they may wait, in ms. */
const GATHERED_BYTES = 3072;
const FLUSH_INTERVAL_MS = 1000;
/** Bytes kept while they cannot be written; lines beyond are lost. */
const MAX_WAITING_BYTES = 1024 * 1024;

type Destination = ReturnType<typeof pino.destination>;

export class AccessLog {
  readonly #destination: Destination;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #isFailing = false;
  #isClosed = false;

  private constructor(destination: Destination, worker: number, onFault: (error: Error) => void) {
    this.#destination = destination;
    this.#log = pino({ base: { worker }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
    destination.on("error", (error: Error) => {
      if (!this.#isFailing) onFault(error);
      this.#isFailing = true;
    });
    destination.on("write", () => {
      this.#isFailing = false;
    });
    this.#timer = setInterval(() => destination.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /**
   * `file`: its path, or "-" for standard output. `onFault` is told when writing begins to fail, and why. Throws if the file cannot be
   * opened.
   */
  static open(file: string, worker: number, onFault: (error: Error) => void = () => {}): AccessLog {
    const destination = pino.destination({
      dest: file === "-" ? 1 : file,
      append: true,
      minLength: GATHERED_BYTES,
      maxWrite: MAX_WRITE_BYTES,
      maxLength: MAX_WAITING_BYTES,
      sync: true,
    });
    return new AccessLog(destination, worker, onFault);
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

  /** Writes what has been gathered. What is answered from now on is not logged. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    // Not `flushSync`: on a full disk it would try for ever.
    this.#destination.end();
    if (this.#isFailing) this.#destination.destroy();
  }

  #write(request: HttpRequest, { status, body }: HttpResponse, startMs: number): void {
    if (this.#isClosed) return;
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
