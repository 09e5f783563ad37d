// How a session can fail, as the app sees it: part of the public entry "limpet/app". Knows nothing of how sessions are kept.

/** How the app used the session in a way that it cannot be used. */
export type SessionErrorCode =
  /** The response has left; a change would be lost without a word. */
  | "session_ended"
  /** A `commitWith` of this request has not been answered yet. */
  | "commit_in_progress"
  /** The request's body is streamed: its session can be had through `withSession` only. */
  | "body_streamed"
  /** A `withSession` of this request has not ended yet. */
  | "session_in_use"
  /** The request is one of those that the app calls sessionless, or its path is none that the session cookie is for. */
  | "sessionless";

/** What is wrong where the code is "session_in_use". */
export const SECOND_VISIT = "withSession was called within or beside another withSession";
export const VISIT_NOT_AWAITED = "the handler ended without waiting for its withSession";

export class SessionError extends Error {
  override readonly name = "SessionError";
  readonly code: SessionErrorCode;

  constructor(code: SessionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type SessionStateErrorCode =
  /** The state holds what cannot be kept, or is nested too deeply (a cycle is). */
  | "state_not_encodable"
  /** The state is larger than the farm's limit. */
  | "state_too_large"
  /** What the database holds is not a state. */
  | "state_corrupt";

/** The state cannot be kept, or cannot be read. The session stays as it was. */
export class SessionStateError extends Error {
  override readonly name = "SessionStateError";
  readonly code: SessionStateErrorCode;
  /**
   * What an app that does not catch it is answered for with: 413 (Content Too Large, RFC 9110 section 15.5.14) where the client
   * has put in more than there is room for, 500 otherwise: an error of the app or the database.
   */
  readonly status: 413 | 500;

  constructor(code: SessionStateErrorCode, message: string) {
    super(message);
    this.code = code;
    this.status = code === "state_too_large" ? 413 : 500;
  }
}
