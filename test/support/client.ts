// A small HTTP client for integration tests: one request, any source address, everything of the answer.

import { type Agent, type IncomingHttpHeaders, request } from "node:http";
import { Readable } from "node:stream";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  json<T = Record<string, unknown>>(): T;
}

export interface AskOptions {
  readonly method?: string;
  readonly localAddress?: string;
  readonly cookie?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
  readonly agent?: Agent;
  /** Default: ten seconds. */
  readonly timeoutMs?: number;
}

/** Asks for `url`; without an agent on a connection of its own. Rejects after `timeoutMs`. */
export function ask(url: string | URL, options: AskOptions = {}): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.cookie !== undefined) headers.cookie = options.cookie;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: options.method ?? (options.body === undefined ? "GET" : "POST"),
        headers,
        agent: options.agent ?? false,
        signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const body = Buffer.concat(chunks);
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body,
            json: () => JSON.parse(body.toString("utf8")),
          });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

/** The name and value of an answer's session cookie, as a client sends them back. */
export function cookieOf(answer: Answer): string | undefined {
  return answer.headers["set-cookie"]?.[0]?.split(";")[0];
}

/** An upload that was begun. */
export interface Upload {
  /** Bytes that its connection has taken so far. */
  readonly sentBytes: number;
  readonly answer: Promise<string>;
}

/** Sends `count` zeros to `url`, as fast as they are taken, and does not wait for it. */
export function upload(url: string | URL, count: number, localAddress: string): Upload {
  const headers = { "content-length": String(count) };
  const outgoing = request(url, { method: "PUT", localAddress, agent: false, headers });
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      let text = "";
      incoming.on("data", (piece: Buffer) => {
        text += piece.toString("latin1");
      });
      incoming.on("end", () => resolve(text));
    });
  });
  const piece = new Uint8Array(16 * 1024);
  let sentBytes = 0;
  const pieces = function* () {
    for (; sentBytes < count; sentBytes += piece.length) yield piece.subarray(0, count - sentBytes);
  };
  Readable.from(pieces()).pipe(outgoing);
  return {
    answer,
    get sentBytes() {
      return sentBytes;
    },
  };
}
