// What the app's handler is given beside the request. Knows how to show things, and nothing of how they are done.

import type { HttpRequest } from "../http/request.js";
import { SessionError } from "../session/session-error.js";
import type { Context, Session, Source } from "./app.js";

/** The context of a request with a session. */
export class RequestContext implements Context {
  readonly session: Session;
  readonly worker: number;
  readonly call: Context["call"];
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, session: Session, worker: number, call: Context["call"]) {
    this.#request = request;
    this.session = session;
    this.worker = worker;
    this.call = call;
  }

  get source(): Source {
    return sourceOf(this.#request);
  }
}

/** The context of a request without a session: the app has called it sessionless, or no session cookie comes with its path. */
export class SessionlessContext implements Context {
  readonly session: Session = NO_SESSION;
  readonly worker: number;
  readonly call: Context["call"];
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, worker: number, call: Context["call"]) {
    this.#request = request;
    this.worker = worker;
    this.call = call;
  }

  get source(): Source {
    return sourceOf(this.#request);
  }
}

/**
 * What stands for the session of a request that has none. It may be taken out of the context, as handlers do that begin
 * with `({ session, worker })`; whoever uses it gets a `SessionError`.
 */
const NO_SESSION = new Proxy({} as Session, { get: refuseSession, set: refuseSession });

function refuseSession(): never {
  throw new SessionError(
    "sessionless",
    "this request has no session: sessionless() or the cookie's path says so",
  );
}

function sourceOf(request: HttpRequest): Source {
  return { address: request.sourceAddress, port: request.sourcePort };
}
