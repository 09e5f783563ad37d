// The session of a request whose body is streamed: it is not the request's for as long as that lasts, which the client decides,
// but is visited, for a moment each time. What always holds: nobody waits for a session because an upload is slow; what a visit
// has changed is committed when it ends, as a request's is; all visits of a request are of one session.

import type { RequestSession } from "../session/session.js";
import { SECOND_VISIT, SessionError, VISIT_NOT_AWAITED } from "../session/session-error.js";
import type { Sessions } from "../session/sessions.js";
import type { Session } from "./app.js";

/** What a visit did to the session and its cookie; see RequestSession. */
export type Visited = Pick<RequestSession, "entry" | "cookieNews" | "clientId">;

export class SessionVisits {
  readonly #sessions: Sessions;
  /** The ID that the client has, or will have been given. */
  #id: string | undefined;
  #outcome: Visited | undefined;
  #isVisiting = false;
  #hasEnded = false;

  /** `id` is the cookie's text, which may be anything. */
  constructor(sessions: Sessions, id: string | undefined) {
    this.#sessions = sessions;
    this.#id = id;
  }

  /** What the response has to tell of it all; undefined if there was no visit. */
  get outcome(): Visited | undefined {
    return this.#outcome;
  }

  /** See `Context.withSession`. */
  readonly visit = <Result>(work: (session: Session) => Result | Promise<Result>): Promise<Result> => {
    const result = this.#visit(work);
    // A handler that does not wait for it is answered for with 500 (see `assertNotVisiting`); a rejection that nobody hears of
    // then must not end the worker beside.
    result.catch(() => {});
    return result;
  };

  /** Throws a SessionError if a visit has not ended: its outcome would be lost. */
  assertNotVisiting(): void {
    if (this.#isVisiting) throw new SessionError("session_in_use", VISIT_NOT_AWAITED);
  }

  /** No visit begins after the response. */
  end(): void {
    this.#hasEnded = true;
  }

  async #visit<Result>(work: (session: Session) => Result | Promise<Result>): Promise<Result> {
    if (this.#hasEnded) throw new SessionError("session_ended", "the response has been given");
    if (this.#isVisiting) throw new SessionError("session_in_use", SECOND_VISIT);
    this.#isVisiting = true;
    try {
      const { session, turn } = await this.#sessions.enter(this.#id);
      try {
        return await this.#use(session, work);
      } finally {
        this.#sessions.turns.end(turn);
      }
    } finally {
      this.#isVisiting = false;
    }
  }

  async #use<Result>(
    session: RequestSession,
    work: (session: Session) => Result | Promise<Result>,
  ): Promise<Result> {
    try {
      const result = await work(session);
      await session.finish();
      this.#note(session);
      return result;
    } catch (error) {
      session.abandon();
      // What was committed before it failed stays.
      if (session.commits > 0) this.#note(session);
      throw error;
    }
  }

  /** A later visit that has no news leaves those of an earlier one standing. */
  #note(session: RequestSession): void {
    const { entry, cookieNews } = session;
    const before = this.#outcome;
    this.#outcome = {
      entry,
      cookieNews: cookieNews === "none" && before !== undefined ? before.cookieNews : cookieNews,
      clientId: before === undefined ? session.clientId : before.clientId,
    };
    this.#id = cookieNews === "expire" ? undefined : entry.id;
  }
}
