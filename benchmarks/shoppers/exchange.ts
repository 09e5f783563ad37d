// One request and its answer over a client's connection of its own, which stays open in between. Every exchange ends, and what it
// ended as is a value: nothing here rejects. Used by the shoppers and by the crash test.

import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { isIP } from "node:net";

/** Where a client comes from and goes to. */
export interface Route {
  readonly url: URL;
  /** Undefined: whichever address the system takes. */
  readonly localAddress?: string | undefined;
}

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: () => string;
}

/**
 * "unsent": no connection came about. "broken": there was one, and it has ended without a whole answer. "stale": the same of one that
 * had served before, and without any answer; it may have been closed before it was asked (RFC 9112 section 9.3.1). "late": too late.
 */
export type Failure = "unsent" | "broken" | "stale" | "late";
export type Reply = Answer | Failure;

/** Finds out that the other end of a silent connection is no more. */
const KEEP_ALIVE_PROBE_MS = 1000;

/** The host without the brackets that an IPv6 address has in a URL. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

/** The first cookie that an answer sets, without its attributes. */
export function cookieIn(headers: IncomingHttpHeaders): string | undefined {
  return headers["set-cookie"]?.[0]?.split(";", 1)[0];
}

/** A client's way to a server: at most one connection at a time, made when it is needed. */
export class ClientConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #route: Route;
  readonly #timeoutMs: number;

  constructor(route: Route, timeoutMs: number) {
    this.#route = route;
    this.#timeoutMs = timeoutMs;
  }

  /** Ends the connection, and what is under way on it as "broken". */
  close(): void {
    this.#agent.destroy();
  }

  exchange({ method, path, headers, body }: Question): Promise<Reply> {
    return new Promise((resolve) => {
      const { url, localAddress } = this.#route;
      const options = {
        host: hostOf(url),
        port: url.port,
        path,
        method,
        headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
        agent: this.#agent,
        localAddress,
        // Of the address's own kind, should the host be a name.
        family: localAddress === undefined ? undefined : isIP(localAddress),
      };
      const outgoing = request(options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", () => resolve("broken"));
        incoming.on("end", () => {
          if (!incoming.complete) return resolve("broken");
          const { statusCode: status = 0, headers: answered } = incoming;
          resolve({ status, headers: answered, text: () => Buffer.concat(chunks).toString() });
        });
        incoming.on("close", () => resolve("broken"));
      });
      const timer = setTimeout(() => {
        resolve("late");
        outgoing.destroy();
      }, this.#timeoutMs);
      outgoing.on("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS));
      outgoing.on("error", (error: NodeJS.ErrnoException) => {
        if (error.syscall === "connect" || error.syscall === "bind") resolve("unsent");
        else resolve(outgoing.reusedSocket ? "stale" : "broken");
      });
      outgoing.on("close", () => clearTimeout(timer));
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
