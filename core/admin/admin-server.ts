// The admin interface over HTTP, on a loopback port or a unix socket: listens, reads requests within its limits, lets
// admission.ts refuse and routes.ts answer. Runs on the main thread beside the director, so that nothing here may take long.
// What always holds: every answer that is no page, metric or word for probes is JSON, errors are `{"error": "one sentence"}`.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { FlowFilterError } from "../flow/flow-filter.js";
import { formatEndpoint, isLoopback } from "../options/endpoint.js";
import type { Endpoint, UnixSocket } from "../options/farm-options.js";
import { OptionError } from "../options.js";
import { type Access, refusalOf } from "./admission.js";
import type { FarmControl } from "./farm-control.js";
import { listenAt } from "./listen-at.js";
import { Metrics } from "./metrics.js";
import { type Answer, checkQuery, json, matchPath, messageOf, ROUTES, type Route } from "./routes.js";

const MAX_CONNECTIONS = 64;
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_BODY_BYTES = 4 * 1024;
const HEAD_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
/** How often node looks for connections over these two times. */
const TIMEOUT_CHECK_MS = 1000;
const KEEP_ALIVE_TIMEOUT_MS = 5000;
/** A client that takes nothing of its answer. */
const SOCKET_TIMEOUT_MS = 30_000;
/** What requests that are being answered get when the interface closes. */
const CLOSE_TIMEOUT_MS = 1000;

/** On every answer; the page has a policy of its own. */
const COMMON_HEADERS = {
  // By which the limpet command knows that it speaks to a farm: others like port 9090 too.
  Server: "limpet",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
};

/** A request that cannot be answered as it was meant. */
class RequestError extends Error {
  readonly answer: Answer;

  constructor(status: number, error: string, headers: Record<string, string> = {}) {
    super(error);
    this.answer = json(status, { error }, headers);
  }
}

export class AdminServer {
  readonly #farm: FarmControl;
  readonly #where: Endpoint | UnixSocket;
  readonly #access: Access;
  readonly #onWarning: (message: string) => void;
  readonly #server: Server;
  #metrics: Metrics | undefined;
  #closed: Promise<void> | undefined;

  /**
   * `token`: what requests must show, if anything; `onWarning` is told what fails within. Opens nothing yet. Throws
   * `OptionError` if others could reach it without a token.
   */
  constructor(
    farm: FarmControl,
    where: Endpoint | UnixSocket,
    token: string | undefined,
    onWarning: (message: string) => void,
  ) {
    if (token === undefined && "host" in where && !isLoopback(where.host)) {
      throw new OptionError(`admin at ${formatEndpoint(where)}, which others can reach, needs a token`);
    }
    this.#farm = farm;
    this.#where = where;
    this.#access = { token, isUnixSocket: "path" in where };
    this.#onWarning = onWarning;
    this.#server = createServer({
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.timeout = SOCKET_TIMEOUT_MS;
    this.#server.on("request", (request, response) => void this.#serve(request, response));
  }

  /** Listens. Rejects with an `AdminListenError`. */
  start(): Promise<void> {
    return listenAt(this.#server, this.#where);
  }

  /** Where it listens, as `limpet --admin` takes it. Valid once it has started. */
  get url(): string {
    if ("path" in this.#where) return formatEndpoint(this.#where);
    const { port } = this.#server.address() as AddressInfo;
    return `http://${formatEndpoint({ host: this.#where.host, port })}`;
  }

  /** Ends idle connections at once and the others after their answer, or a second. Resolves when all are gone. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_TIMEOUT_MS);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      answer = this.#errorAnswer(error);
    }
    const { status, type, text, headers } = answer;
    // Of a request that was not read to its end, the rest is not worth waiting for.
    if (!request.complete || this.#closed !== undefined) response.setHeader("Connection", "close");
    request.socket.setTimeout(SOCKET_TIMEOUT_MS);
    response.writeHead(status, {
      ...COMMON_HEADERS,
      "Content-Type": type,
      "Content-Length": Buffer.byteLength(text),
      ...headers,
    });
    response.end(text);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const [path = "", queryText = ""] = (request.url ?? "").split(/\?(.*)/s);
    const refusal = refusalOf(request, path, this.#access);
    if (refusal !== undefined) throw new RequestError(refusal.status, refusal.error, refusal.headers);
    const { route, part } = findRoute(request.method ?? "", path);
    const query = new URLSearchParams(queryText);
    checkQuery(route, query);
    const body = route.method === "POST" ? await readJson(request) : undefined;
    // A change takes as long as it takes.
    if (route.method === "POST") request.socket.setTimeout(0);
    const [farm, onWarning] = [this.#farm, this.#onWarning];
    // Made when first asked for: its histograms of the event loop and of garbage collection cost a little all the time.
    const metrics = () => {
      this.#metrics ??= new Metrics(farm);
      return this.#metrics;
    };
    return route.answer({ farm, metrics, part, query, body, onWarning });
  }

  #errorAnswer(error: unknown): Answer {
    if (error instanceof RequestError) return error.answer;
    if (error instanceof OptionError || error instanceof FlowFilterError) {
      return json(400, { error: error.message });
    }
    // Errors that are meant for people have a code; others are limpet's own mistakes, and their place is in the log.
    const isKnown = error instanceof Error && "code" in error;
    if (!isKnown) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.#onWarning(`the admin interface could not answer: ${stack ?? messageOf(error)}`);
    }
    return json(500, { error: messageOf(error) });
  }
}

/** Throws a `RequestError` that lists what there is. */
function findRoute(method: string, path: string): { route: Route; part: string } {
  const here = ROUTES.flatMap((route) => {
    const part = matchPath(route, path);
    return part === undefined ? [] : [{ route, part }];
  });
  if (here.length === 0) {
    const all = ROUTES.map((route) => `${route.method} ${route.path}`).join(", ");
    throw new RequestError(404, `there is no ${JSON.stringify(path.slice(0, 60))} here, but ${all}`);
  }
  // RFC 9110 section 9.3.2: HEAD is GET without the content, which node leaves out.
  const found = here.find(({ route }) => route.method === (method === "HEAD" ? "GET" : method));
  if (found !== undefined) return found;
  const allowed = here.flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]));
  const list = allowed.join(", ");
  throw new RequestError(405, `${here[0]!.route.path} takes ${list}, not ${method}`, { Allow: list });
}

/** The body's value; undefined if there is no content. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new RequestError(413, `a body has at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new RequestError(400, "the body is no JSON");
  }
}
