// The state of one HTTP connection: which part of which request is expected next. It has no behaviour of its own; the
// server moves it from phase to phase:
//
//   IDLE -> HEAD -> [ BODY ] -> RESPONDING -> [ DISCARDING ] -> IDLE …   one request at a time, answered in order
//     any -> (refused, given up, timed out, displaced) -> CLOSING        whatever comes now is thrown away
//     RESPONDING -> (last answer of the connection) -> CLOSING
//
// BODY gathers before the app is called. A body that is streamed arrives while the phase is RESPONDING, and what its app has
// left unread while it is DISCARDING: `body` is not null as long as the client owes us some of one.

import type { StreamConnection } from "../stream.js";
import type { BodyStream } from "./body-stream.js";
import type { ExchangeList } from "./connections.js";
import type { ScanProgress } from "./head-scan.js";
import type { IncomingBody } from "./incoming-body.js";
import type { HttpRequest } from "./request.js";

export const IDLE = 0;
export const HEAD = 1;
export const BODY = 2;
export const RESPONDING = 3;
export const DISCARDING = 4;
export const CLOSING = 5;
export type Phase = 0 | 1 | 2 | 3 | 4 | 5;

/** Time that has yet to be read from the next sweep's clock. */
export const UNTIMED = -1;

export class Exchange implements ScanProgress {
  readonly connection: StreamConnection;
  phase: Phase = IDLE;
  // Progress in the head that is arriving.
  scanned = 0;
  lines = 0;
  /** Empty lines before the head that is arriving. */
  emptyLines = 0;

  // Of the request in progress.
  /** Waits for its body to be gathered. */
  request: HttpRequest | null = null;
  isHead = false;
  minorVersion = 1;
  keepAlive = true;
  /** The client waits for a 100 before it sends the body. */
  expectsContinue = false;
  body: IncomingBody | null = null;
  /** Bytes of the body that were thrown away behind the answer. */
  discardedBytes = 0;
  /** What of the memory for gathered bodies it takes, in bytes; see Connections. */
  heldBytes = 0;
  /** The answer's body, while it is being sent. */
  stream: BodyStream | null = null;

  /** Bytes are being given to us at this moment: they must not be asked for. */
  isReceiving = false;
  /** The transport keeps data that we could not consume, and gives it again when we resume. */
  hasKept = false;
  /** The next request waits until the client has taken enough of the answers before it. */
  isStalled = false;
  /** Requests answered. */
  answers = 0;
  peerHasClosed = false;
  /** The connection is no more. */
  isGone = false;

  // For the sweep. UNTIMED since the last sweep if something has happened after it.
  sinceMs = UNTIMED;
  queuedBytes = 0;
  /** When the step of the body began that is awaited, and how much there was of it then. */
  stepSinceMs = UNTIMED;
  stepStartBytes = 0;

  // Its place among the connections (connections.ts).
  list: ExchangeList | null = null;
  previous: Exchange | null = null;
  next: Exchange | null = null;

  constructor(connection: StreamConnection) {
    this.connection = connection;
  }
}
