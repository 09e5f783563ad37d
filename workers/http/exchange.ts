// The state of one HTTP connection: which part of which request is expected next. It has no behaviour of its own; the
// server moves it from phase to phase:
//
//   IDLE -> HEAD -> [ BODY | CHUNKS ] -> RESPONDING -> IDLE …            one request at a time, answered in order
//     any but RESPONDING -> (refused, timed out)  -> CLOSING             whatever comes now is thrown away
//     RESPONDING -> (last answer of the connection) -> CLOSING

import type { StreamConnection } from "../stream.js";
import type { BodyBuffer } from "./body-buffer.js";
import type { BodyStream } from "./body-stream.js";
import type { ChunkedBody } from "./chunked-body.js";
import type { ScanProgress } from "./head-scan.js";
import type { HttpRequest } from "./request.js";

export const IDLE = 0;
export const HEAD = 1;
export const BODY = 2;
export const CHUNKS = 3;
export const RESPONDING = 4;
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
  request: HttpRequest | null = null;
  isHead = false;
  minorVersion = 1;
  keepAlive = true;
  /** Length that Content-Length announces, in bytes. */
  contentLength = 0;
  body: BodyBuffer | null = null;
  chunks: ChunkedBody | null = null;
  stream: BodyStream | null = null;

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
  /** When the body began. */
  bodySinceMs = UNTIMED;
  queuedBytes = 0;

  constructor(connection: StreamConnection) {
    this.connection = connection;
  }
}
