// Between HTTP and the app: gives each request its session, calls the app, and lets the response go once what the app has
// changed is durable. Knows no bytes of HTTP and no SQL. What always holds: `respond` neither throws nor rejects; nothing
// of an error's text reaches a client; no response tells of a change that is not committed; and a request whose session
// is cached and current, whose handler is synchronous and changes nothing, is answered without a promise.

import { RequestBodyError } from "../http/incoming-body.js";
import type { BodyRules } from "../http/options.js";
import type { HttpRequest } from "../http/request.js";
import { HttpResponse } from "../http/response.js";
import { reasonPhrase } from "../http/status.js";
import type { RequestSession, SessionIdentity } from "../session/session.js";
import { SessionCookie, type SessionCookieOptions } from "../session/session-cookie.js";
import { SessionStateError } from "../session/session-error.js";
import { type Turn, TurnError } from "../session/session-turns.js";
import type { EnteredSession, Sessions } from "../session/sessions.js";
import { type Storage, StorageError } from "../session/storage.js";
import type { App, Context } from "./app.js";
import {
  DetachedContext,
  NO_SESSION,
  NO_SESSION_WHILE_STREAMED,
  RequestContext,
  visitNoSession,
} from "./context.js";
import { SessionVisits, type Visited } from "./session-visits.js";

/** A request that the app has failed to answer, for the log. */
export interface AppFault {
  /** Names the fault to the client and in the log: the worker's number and a count, "2-17". */
  readonly fault: string;
  readonly worker: number;
  readonly method: string;
  readonly url: string;
  readonly error: unknown;
}

export interface ApplicationOptions {
  readonly app: App;
  readonly sessions: Sessions;
  readonly storage: Storage;
  /** Number of the worker. */
  readonly worker: number;
  readonly cookie?: SessionCookieOptions;
  /** Told of each 500. */
  readonly logFault: (fault: AppFault) => void;
}

const NO_RULES: BodyRules = {};

const ALIVE = new HttpResponse(null, { status: 204 });

/** Seconds after which a client may try again what the storage could not do. */
const RETRY_AFTER_S = "1";

export class Application {
  /** Runs a procedure of the app outside of any session. */
  readonly call: Context["call"];
  readonly #app: App;
  readonly #sessions: Sessions;
  readonly #worker: number;
  readonly #cookie: SessionCookie;
  readonly #logFault: (fault: AppFault) => void;
  #faults = 0;

  constructor(options: ApplicationOptions) {
    const { storage } = options;
    this.#app = options.app;
    this.#sessions = options.sessions;
    this.#worker = options.worker;
    this.#cookie = new SessionCookie(options.cookie);
    this.#logFault = options.logFault;
    this.call = <Result>(procedure: string, args?: unknown) =>
      storage.call(procedure, args) as Promise<Result>;
  }

  /** Answers a request. */
  readonly respond = (request: HttpRequest): HttpResponse | Promise<HttpResponse> => {
    // It asks about the server as a whole, which every request to it may (RFC 9110 section 9.3.7), and is no app's business.
    if (request.path === "*") return ALIVE;
    const id = request.cookie(this.#cookie.name) ?? undefined;
    try {
      const isCovered = this.#cookie.covers(request.path);
      if (!isCovered || this.#app.sessionless?.(request)) return this.#respondSessionless(request);
    } catch (error) {
      return this.#fault(request, error);
    }
    if (request.isStreamed) return this.#respondStreamed(request, id);
    const session = this.#sessions.begin(id);
    // `begin` has a session at once for everything but an ID of ours.
    if (session === undefined) return this.#respondInTurn(request, id!);
    const { id: turnId } = session;
    const answer = this.#serve(request, session, false);
    if (answer instanceof HttpResponse) {
      this.#sessions.unlock(session);
      return answer;
    }
    // Nobody else can have begun with this session meanwhile: all of this has been one call.
    return this.#endTurnAfter(answer, this.#sessions.turns.take(turnId, session.stripe));
  };

  /** How the body of a request is taken, or the answer to one that the app has no right answer to that for. */
  readonly planBody = (request: HttpRequest): BodyRules | HttpResponse => {
    try {
      return checkedRules(this.#app.body?.(request));
    } catch (error) {
      return this.#fault(request, error);
    }
  };

  async #endTurnAfter(answer: Promise<HttpResponse>, turn: Turn): Promise<HttpResponse> {
    try {
      return await answer;
    } finally {
      this.#sessions.turns.end(turn);
    }
  }

  /** For a session that is in use, not cached or not current. */
  async #respondInTurn(request: HttpRequest, id: string): Promise<HttpResponse> {
    let entered: EnteredSession;
    try {
      entered = await this.#sessions.openInTurn(id);
    } catch (error) {
      return this.#failure(request, error);
    }
    const { session, turn } = entered;
    return this.#endTurnAfter(Promise.resolve(this.#serve(request, session, false)), turn);
  }

  /** Calls the app with a body that is still to come, during which the session is nobody's. Never rejects. */
  async #respondStreamed(request: HttpRequest, id: string | undefined): Promise<HttpResponse> {
    const visits = new SessionVisits(this.#sessions, id);
    const session = NO_SESSION_WHILE_STREAMED;
    const context = new DetachedContext(request, this.#worker, this.call, session, visits.visit);
    let response: HttpResponse;
    try {
      response = await toHttpResponse(await this.#app.fetch(request, context));
      visits.assertNotVisiting();
    } catch (error) {
      response = this.#failure(request, error);
    }
    visits.end();
    return visits.outcome === undefined ? response : this.#release(response, visits.outcome);
  }

  /** Calls the app with the session, whose turn is the caller's. Neither throws nor rejects. */
  #serve(
    request: HttpRequest,
    session: RequestSession,
    isRetry: boolean,
  ): HttpResponse | Promise<HttpResponse> {
    try {
      const context = new RequestContext(request, session, this.#worker, this.call);
      const answer: unknown = this.#app.fetch(request, context);
      if (!(answer instanceof HttpResponse)) return this.#settle(request, session, answer, isRetry);
      const commit = session.finish();
      if (commit === undefined) return this.#release(answer, session);
      return this.#settle(request, session, answer, isRetry, commit);
    } catch (error) {
      return this.#sessionFailure(request, session, error, isRetry);
    }
  }

  /** Waits for the handler, for the body where it is a `Response`, and for the commit. */
  async #settle(
    request: HttpRequest,
    session: RequestSession,
    answer: unknown,
    isRetry: boolean,
    commit?: Promise<unknown>,
  ): Promise<HttpResponse> {
    try {
      const response = await toHttpResponse(await answer);
      await (commit ?? session.finish());
      return this.#release(response, session);
    } catch (error) {
      return this.#sessionFailure(request, session, error, isRetry);
    }
  }

  #respondSessionless(request: HttpRequest): HttpResponse | Promise<HttpResponse> {
    const context = new DetachedContext(request, this.#worker, this.call, NO_SESSION, visitNoSession);
    const answer: unknown = this.#app.fetch(request, context);
    if (answer instanceof HttpResponse) return answer;
    return this.#settleSessionless(request, answer);
  }

  async #settleSessionless(request: HttpRequest, answer: unknown): Promise<HttpResponse> {
    try {
      return await toHttpResponse(await answer);
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  /** The response as it leaves: with the cookie, if there is news for it; and the session renewed, if it is time. */
  #release(response: HttpResponse, { cookieNews, entry, clientId }: Visited): HttpResponse {
    if (cookieNews === "expire") return withCookie(response, this.#cookie.expired());
    let isRenewed = cookieNews === "set";
    const turn = !isRenewed && this.#sessions.isTouchDue(entry) ? this.#sessions.join(entry) : undefined;
    if (turn !== undefined) {
      isRenewed = true;
      void this.#sessions.touch(entry).then(() => this.#sessions.turns.end(turn));
    }
    const { hasMaxAge, isRolling } = this.#cookie;
    const isKnown = entry.id === clientId;
    // A client that has been given another ID during an upload must not get the old one back.
    const isRolled = isRolling && this.#sessions.mayBeCurrent(entry);
    const isNews = isKnown ? isRolled || (isRenewed && hasMaxAge) : isRenewed;
    return isNews ? withCookie(response, this.#cookie.setting(entry.id)) : response;
  }

  /** Answers for a handler or a commit that has failed; what was committed before that stays, and its cookie is told. */
  #sessionFailure(
    request: HttpRequest,
    session: RequestSession,
    error: unknown,
    isRetry: boolean,
  ): HttpResponse | Promise<HttpResponse> {
    session.abandon();
    const { clientId, commits, entry } = session;
    const isConflict = error instanceof StorageError && error.code === "conflict";
    if (isConflict && clientId !== undefined && commits === 0 && !isRetry && isSafe(request)) {
      // Nothing was committed, so that the session still has the client's ID.
      return this.#retry(request, entry);
    }
    const response = this.#failure(request, error);
    return commits === 0 ? response : this.#release(response, session);
  }

  /** Somebody else has changed the session since it was read; a safe method is asked again, of the new state. */
  async #retry(request: HttpRequest, identity: SessionIdentity): Promise<HttpResponse> {
    try {
      return await this.#serve(request, await this.#sessions.open(identity), true);
    } catch (error) {
      return this.#failure(request, error);
    }
  }

  #failure(request: HttpRequest, error: unknown): HttpResponse {
    if (error instanceof TurnError) return busy("The session is in use by other requests.");
    if (error instanceof StorageError) {
      if (error.code === "conflict") return conflict();
      if (error.code === "unavailable") return busy("The database does not answer.");
    }
    if (error instanceof SessionStateError && error.status === 413) return tooLarge();
    if (error instanceof RequestBodyError && error.status !== 500) return withoutBody(error);
    return this.#fault(request, error);
  }

  #fault(request: HttpRequest, error: unknown): HttpResponse {
    const name = `${this.#worker}-${++this.#faults}`;
    const { method, url } = request;
    this.#logFault({ fault: name, worker: this.#worker, method, url, error });
    return plain(500, `Internal Server Error\nThe server's log has the cause under ${name}.\n`);
  }
}

/** Rejects with a TypeError that says what the handler has returned instead of a response. */
async function toHttpResponse(answer: unknown): Promise<HttpResponse> {
  if (answer instanceof HttpResponse) return answer;
  if (answer instanceof Response) return HttpResponse.from(answer);
  const what =
    answer === null ? "null" : typeof answer === "object" ? answer.constructor?.name : typeof answer;
  throw new TypeError(
    `the app's fetch returned ${what ?? "an object"}, neither an HttpResponse of this limpet nor a Response`,
  );
}

/** Safe methods ask for nothing to be done (RFC 9110 section 9.2.1). */
function isSafe(request: HttpRequest): boolean {
  return request.method === "GET" || request.method === "HEAD";
}

function busy(reason: string): HttpResponse {
  return plain(503, `Service Unavailable\n${reason} Try again.\n`, { "retry-after": RETRY_AFTER_S });
}

function conflict(): HttpResponse {
  return plain(409, "Conflict\nThe session was changed by another request at the same time. Try again.\n");
}

/** The client has put in more than a session has room for. No fault of the app's, so not logged as one. */
function tooLarge(): HttpResponse {
  return plain(413, "Content Too Large\nThe session has no room for this. Nothing was changed.\n");
}

/** The client's fault, and mostly it has been told so already. */
function withoutBody({ status, message }: RequestBodyError): HttpResponse {
  return plain(status, `${reasonPhrase(status)}\n${message}\n`);
}

/** The app need not be checked by a compiler. */
function checkedRules(rules: BodyRules | undefined): BodyRules {
  if (rules === undefined) return NO_RULES;
  const { maxBytes, streams } = rules;
  if (maxBytes === undefined) return { streams: streams === true };
  const isFine =
    typeof maxBytes === "number" && maxBytes >= 0 && (streams === true || Number.isFinite(maxBytes));
  if (!isFine) throw new TypeError(`the app's body() gave ${maxBytes} as maxBytes`);
  return { maxBytes, streams: streams === true };
}

function plain(status: number, body: string, headers: Record<string, string> = {}): HttpResponse {
  return HttpResponse.text(body, { status, headers: { "cache-control": "no-store", ...headers } });
}

/** A response that says this too. A copy, because an app may give the same response to everyone. */
function withCookie(response: HttpResponse, setCookie: string): HttpResponse {
  return response.withAppendedHeader("set-cookie", setCookie);
}
