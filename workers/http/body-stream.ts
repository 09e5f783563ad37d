// Sends a response's body from a ReadableStream while it is made, no faster than the client takes it: chunked
// (RFC 9112 section 7.1), or as it is where the connection's end is the body's end. Chunks may be sent without being
// copied, so the stream's maker must not change them afterwards.

import type { StreamConnection } from "../stream.js";

/** Chunks up to this size are copied, framing included, into one piece. */
const COPIED_CHUNK_BYTES = 4 * 1024;

const LINE_END = Buffer.from("\r\n", "latin1");
const LAST_CHUNK = Buffer.from("0\r\n\r\n", "latin1");

/** How a stream ended: all sent, given up because the connection is gone, or failed at its source. */
export type StreamEnd = "sent" | "cancelled" | "failed";

export class BodyStream {
  readonly #connection: StreamConnection;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #isChunked: boolean;
  #isCancelled = false;
  #wakeWriter: (() => void) | null = null;

  /** Throws a TypeError if the stream is being read already. */
  constructor(connection: StreamConnection, stream: ReadableStream<Uint8Array>, isChunked: boolean) {
    this.#connection = connection;
    this.#reader = stream.getReader();
    this.#isChunked = isChunked;
  }

  /** Sends until the stream's end; never rejects. */
  async run(): Promise<StreamEnd> {
    try {
      while (true) {
        const { done, value } = await this.#reader.read();
        if (this.#isCancelled) return "cancelled";
        if (done) break;
        if (!(value instanceof Uint8Array)) {
          this.#cancelReader("the body's chunks must be Uint8Arrays");
          return "failed";
        }
        if (value.length > 0) this.#send(value);
        if (this.#connection.isAboveHighWater) {
          await new Promise<void>((resolve) => {
            this.#wakeWriter = resolve;
          });
        }
      }
    } catch {
      return this.#isCancelled ? "cancelled" : "failed";
    }
    if (this.#isChunked) this.#connection.send(LAST_CHUNK);
    return "sent";
  }

  /** The client has taken what was queued. */
  drained(): void {
    this.#wakeWriter?.();
    this.#wakeWriter = null;
  }

  /** The client is gone: the stream's source is told, and nothing more is sent. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#cancelReader("the client has closed the connection");
    this.drained();
  }

  #cancelReader(reason: string): void {
    // The source's own failure to stop is not ours, and its last word.
    this.#reader.cancel(new Error(reason)).catch(() => {});
  }

  #send(chunk: Uint8Array): void {
    if (!this.#isChunked) {
      this.#connection.send(chunk.length > COPIED_CHUNK_BYTES ? chunk : Buffer.from(chunk));
      return;
    }
    const sizeLine = `${chunk.length.toString(16)}\r\n`;
    if (chunk.length > COPIED_CHUNK_BYTES) {
      this.#connection.send(Buffer.from(sizeLine, "latin1"));
      this.#connection.send(chunk);
      this.#connection.send(LINE_END);
      return;
    }
    const framed = Buffer.allocUnsafe(sizeLine.length + chunk.length + LINE_END.length);
    framed.write(sizeLine, 0, "latin1");
    framed.set(chunk, sizeLine.length);
    framed.set(LINE_END, sizeLine.length + chunk.length);
    this.#connection.send(framed);
  }
}
