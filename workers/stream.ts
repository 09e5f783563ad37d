// What a stream transport and its user see of each other (RFC 9293 section 3.9.1). TCP is such a transport, in a worker;
// HTTP is such a user. Neither imports the other: they meet here, and a test can stand in for either.

/** Why a connection ended. "unreachable": it timed out, after the network had said that the peer cannot be reached. */
export type CloseReason = "closed" | "reset" | "timeout" | "unreachable" | "aborted";

/** A connection as its user sees it. Nothing leaves before the end of the worker's turn. */
export interface StreamConnection {
  /** The user's own state of this connection, set in `opened`. */
  user: unknown;
  /** The peer's IP address as text, made when asked for. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** Bytes given to `send` that the peer has not acknowledged. */
  readonly queuedBytes: number;
  /** More waits to be sent than there should: true from when that passes the high-water mark until `drained` is called. */
  readonly isAboveHighWater: boolean;

  /** Queues `bytes[start … end)` without copying: the caller must never change them again. Ignored once closed. */
  send(bytes: Uint8Array, start?: number, end?: number): void;
  /** Gives the kept data to `received` again, at once if there is any: the user has room now. Not from within `received`. */
  resume(): void;
  /**
   * No more will be sent: FIN after everything queued (a RST instead where data was left unread, RFC 2525 section 2.17). What still
   * comes is given to `received`; what is left of it is lost when the peer has closed, too.
   */
  close(): void;
  /** Ends the connection at once with a RST. */
  abort(): void;
}

/** The user of a stream transport. None of these may throw. */
export interface StreamUser {
  /** The connection is established. */
  opened(connection: StreamConnection): void;

  /**
   * In-order data: `bytes[start … end)`, valid only during the call. Returns how many bytes were consumed; the rest is
   * kept by the transport (its receive window shrinks by that much) and given again from its first byte, together
   * with what has come after it, when more arrives or when the user calls `resume`.
   */
  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number;

  /** The peer has ended its side, and all data before that was given to `received`. It may still be sent to. */
  peerClosed(connection: StreamConnection): void;

  /** What waits to be sent has fallen below the low-water mark after it was above the high-water mark (tcp/limits.ts). */
  drained(connection: StreamConnection): void;

  /** The connection is no more; called exactly once for each one opened, also after the user's own `abort`. */
  closed(connection: StreamConnection, reason: CloseReason): void;
}
