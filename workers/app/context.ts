// What the app's handler is given beside the request. Knows how to show things, and nothing of how they are done.

import type { HttpRequest } from "../http/request.js";
import type { RequestSession } from "../session/session.js";
import { SessionError, type SessionErrorCode } from "../session/session-error.js";
import type { Context, Session, Source } from "./app.js";

/** The context of a request with a session, which is the request's own all the time. */
export class RequestContext implements Context {
  readonly session: RequestSession;
  readonly worker: number;
  readonly call: Context["call"];
  readonly #request: HttpRequest;

  constructor(request: HttpRequest, session: RequestSession, worker: number, call: Context["call"]) {
    this.#request = request;
    this.session = session;
    this.worker = worker;
    this.call = call;
  }

  get source(): Source {
    return sourceOf(this.#request);
  }

  /** Made when asked for, so that it needs no `this`. */
  get withSession(): Context["withSession"] {
    const { session } = this;
    return (work) => session.visit(work);
  }
}

/** The context of a request that does not have its session all the time: what it has of one is what is given here. */
export class DetachedContext implements Context {
  readonly session: Session;
  readonly worker: number;
  readonly call: Context["call"];
  readonly withSession: Context["withSession"];
  readonly #request: HttpRequest;

  constructor(
    request: HttpRequest,
    worker: number,
    call: Context["call"],
    session: Session,
    withSession: Context["withSession"],
  ) {
    this.#request = request;
    this.session = session;
    this.worker = worker;
    this.call = call;
    this.withSession = withSession;
  }

  get source(): Source {
    return sourceOf(this.#request);
  }
}

/**
 * What stands for a session that cannot be had like this. It may be taken out of the context, as handlers do that begin with
 * `({ session, worker })`; whoever uses it gets a `SessionError`.
 */
function noSession(code: SessionErrorCode, message: string): Session {
  const refuse = () => {
    throw new SessionError(code, message);
  };
  return new Proxy({} as Session, { get: refuse, set: refuse });
}

/** Of a request that the app has called sessionless, or that no session cookie comes with because of its path. */
export const NO_SESSION = noSession(
  "sessionless",
  "this request has no session: sessionless() or the cookie's path says so",
);

/** Rejects as the session itself throws. */
export async function visitNoSession<Result>(): Promise<Result> {
  return NO_SESSION.state as Result;
}

/** Of a request whose body is streamed: its session is visited, never held (session-visits.ts). */
export const NO_SESSION_WHILE_STREAMED = noSession(
  "body_streamed",
  "the body of this request is streamed: use withSession()",
);

function sourceOf(request: HttpRequest): Source {
  return { address: request.sourceAddress, port: request.sourcePort };
}
