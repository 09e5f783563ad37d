// What an HTTP server counts: plain numbers of one thread, each only ever raised.

/** Statuses that the server itself answers with; all others are the app's. */
export type RefusalStatus = 400 | 408 | 413 | 414 | 417 | 431 | 501 | 505;

export class HttpCounters {
  /** Requests taken: complete, or but for a body that is streamed, or that the planner has answered without. */
  requests = 0;
  /** Responses by class, the server's own among them: `responses[2]` counts the 2xx. Interim ones are not counted. */
  readonly responses = [0, 0, 0, 0, 0, 0];
  /** Requests that the server itself has refused, by status. */
  readonly refusals: Record<RefusalStatus, number> = {
    400: 0,
    408: 0,
    413: 0,
    414: 0,
    417: 0,
    431: 0,
    501: 0,
    505: 0,
  };
  /** Requests that the peer began and did not finish before it ended its side. */
  incompleteRequests = 0;
  /** Times that the responder, against its contract, threw, rejected or gave no response; each answered with 500. */
  responderFailures = 0;
  /** Streamed bodies whose source failed; their connections were aborted. */
  streamFailures = 0;
  /** Connections closed because no request came. */
  idleTimeouts = 0;
  /** Connections aborted because the peer took nothing of what was queued, or did not close its side. */
  abortTimeouts = 0;
  /** Connections ended because there were too many of their kind. */
  displaced = 0;
  /** Connections opened. */
  connections = 0;
}
