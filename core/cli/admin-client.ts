// The commands' way to a running farm: requests to its admin interface, over TCP or a unix socket, and what can go wrong with
// them in one sentence each. One connection a request; node:http, because fetch does not speak through unix sockets.

import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { parseEndpoint, parseUnixSocket } from "../options/endpoint.js";
import { OptionError } from "../options.js";

export const DEFAULT_ADMIN = "http://127.0.0.1:9090";

/** A question is answered at once; a change takes as long as its workers' drain, which has a deadline of its own. */
const QUESTION_TIMEOUT_MS = 10_000;
const CHANGE_TIMEOUT_MS = 15 * 60_000;
/** 10,000 entries of the flow table are about 2 MB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** No farm could be asked, or it has refused; the message is one sentence. */
export class AdminClientError extends Error {
  override readonly name = "AdminClientError";
  readonly code: "no_farm" | "no_answer" | "not_a_farm" | "token_needed" | "refused";

  constructor(code: AdminClientError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export class AdminClient {
  /** As it was given. */
  readonly address: string;
  readonly #target: RequestOptions;
  readonly #token: string | undefined;

  /**
   * `address` is "http://host:port", "unix:/path", or "host:port" as `limpet serve --admin` takes it; `token` what the farm
   * may ask for. Throws `OptionError`.
   */
  constructor(address: string, token?: string) {
    this.address = address;
    this.#target = targetOf(address);
    this.#token = token;
  }

  // All reject with an `AdminClientError`. What comes back is what core/admin/routes.ts answers; the farm is trusted in that.

  get<Answer>(path: string): Promise<Answer> {
    return this.#ask("GET", path, undefined, QUESTION_TIMEOUT_MS);
  }

  /** `body` goes as JSON. */
  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.#ask("POST", path, JSON.stringify(body), CHANGE_TIMEOUT_MS);
  }

  delete<Answer>(path: string): Promise<Answer> {
    return this.#ask("DELETE", path, undefined, QUESTION_TIMEOUT_MS);
  }

  async #ask<Answer>(
    method: string,
    path: string,
    body: string | undefined,
    timeoutMs: number,
  ): Promise<Answer> {
    const { status, server, text } = await this.#exchange(method, path, body, timeoutMs);
    const value = server === "limpet" ? parseJson(text) : undefined;
    if (value === undefined) {
      throw new AdminClientError("not_a_farm", `what answers at ${this.address} is no limpet farm`);
    }
    if (status < 400) return value as Answer;
    if (status === 401) {
      const reason =
        this.#token === undefined
          ? "needs its admin token: set LIMPET_ADMIN_TOKEN"
          : "has another admin token than the one in LIMPET_ADMIN_TOKEN";
      throw new AdminClientError("token_needed", `the farm at ${this.address} ${reason}`);
    }
    throw new AdminClientError("refused", String((value as { error?: unknown }).error));
  }

  /** One request and its whole answer. */
  #exchange(
    method: string,
    path: string,
    body: string | undefined,
    timeoutMs: number,
  ): Promise<{ status: number; server: string; text: string }> {
    const headers = {
      ...(this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }),
      ...(body === undefined
        ? {}
        : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }),
    };
    const signal = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve, reject) => {
      const failed = (error: unknown): void => reject(this.#failure(error, timeoutMs));
      const request = httpRequest({ ...this.#target, method, path, headers, signal, agent: false });
      request.once("error", failed).once("response", (response) => {
        readText(response).then(
          (text) =>
            resolve({ status: response.statusCode ?? 0, server: String(response.headers.server), text }),
          failed,
        );
      });
      request.end(body);
    });
  }

  #failure(error: unknown, timeoutMs: number): AdminClientError {
    const { name, code } = error as NodeJS.ErrnoException;
    if (name === "TimeoutError" || name === "AbortError") {
      const message = `the farm at ${this.address} has not answered within ${timeoutMs / 1000} s`;
      return new AdminClientError("no_answer", message, error);
    }
    if (code === "EACCES") {
      const message = `${this.address} is another user's: run this as that user (EACCES)`;
      return new AdminClientError("no_farm", message, error);
    }
    if (code === "ECONNRESET" || code === "EPIPE") {
      const message = `the farm at ${this.address} has closed the connection before it answered (${code})`;
      return new AdminClientError("no_answer", message, error);
    }
    if (code?.startsWith("HPE_")) {
      return new AdminClientError("not_a_farm", `what answers at ${this.address} is no limpet farm`, error);
    }
    const message = `no farm answers at ${this.address}: is limpet serve running there? (${code ?? String(error)})`;
    return new AdminClientError("no_farm", message, error);
  }
}

/** Throws `OptionError`. */
function targetOf(address: string): RequestOptions {
  const socket = parseUnixSocket(address);
  // The Host of a unix socket says nothing, but HTTP wants one.
  if (socket !== undefined) return { socketPath: socket.path, host: "localhost" };
  const endpoint = parseEndpoint(address);
  if (endpoint !== undefined) return endpoint;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isBare = url?.pathname === "/" && `${url.search}${url.hash}${url.username}${url.password}` === "";
  if (url?.protocol !== "http:" || !isBare) {
    throw new OptionError(
      `admin (--admin, LIMPET_ADMIN) takes http://host:port or unix:/path, not ${JSON.stringify(address)}`,
    );
  }
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: url.port === "" ? 80 : Number(url.port) };
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A JSON object, or undefined. */
function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
