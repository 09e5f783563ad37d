// A small HTTP client for integration tests: one request, any source address, everything of the answer.

import { type Agent, type IncomingHttpHeaders, request } from "node:http";

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
