// How connections end: by both sides' close, by a RST from either, by giving up, or into TIME-WAIT. Every path takes
// the connection out of the table, stops its timer, tells the director that the flow is free and the user, once, why.

import type { CloseReason } from "../stream.js";
import {
  CLOSE_WAIT,
  CLOSED,
  FIN_WAIT_1,
  LAST_ACK,
  NEVER,
  SYN_RECEIVED,
  type TcpConnection,
} from "./connection.js";
import type { TcpContext } from "./context.js";

/** The connection enters CLOSED: its control block is deleted (RFC 9293 section 3.3.2). */
export function terminate(context: TcpContext, connection: TcpConnection, reason: CloseReason): void {
  release(context, connection, reason);
}

/** The peer has not answered for too long (R2, RFC 9293 section 3.8.3). */
export function giveUp(context: TcpContext, connection: TcpConnection): void {
  context.counters.timeouts++;
  terminate(context, connection, connection.isUnreachable === 1 ? "unreachable" : "timeout");
}

/** The connection enters TIME-WAIT: its user and the director are done with it. */
export function enterTimeWait(context: TcpContext, connection: TcpConnection): void {
  if (context.timeWait.add(connection, context.nowMs)) context.counters.timeWaitEvicted++;
  release(context, connection, "closed");
}

function release(context: TcpContext, connection: TcpConnection, reason: CloseReason): void {
  detach(context, connection);
  if (connection.flow >= 0) {
    context.flowEnded(connection.flow, connection.generation, connection.isOpen === 1);
  }
  if (connection.isOpen === 0) return;
  connection.isOpen = 0;
  context.counters.connectionsClosed++;
  context.user.closed(connection, reason);
}

/** Out of table and timers: no segment and no time reaches the connection any more. */
function detach(context: TcpContext, connection: TcpConnection): void {
  if (connection.state === SYN_RECEIVED) context.halfOpenCount--;
  connection.state = CLOSED;
  context.connections.remove(connection);
  context.wheel.cancel(connection);
  connection.retransmitAtMs = NEVER;
  connection.outputAtMs = NEVER;
  connection.lingerAtMs = NEVER;
  connection.queue = null;
  connection.receive = null;
  connection.lossProbeAtMs = NEVER;
  connection.reorderAtMs = NEVER;
  context.transmissions.clear(connection);
}

/**
 * CLOSE call (RFC 9293 section 3.10.4): the FIN goes after everything queued. What is to be sent instead of it, where
 * data is left unread, is decided when its turn comes (output).
 */
export function closeByUser(context: TcpContext, connection: TcpConnection): void {
  connection.finQueued = 1;
  connection.state = connection.state === CLOSE_WAIT ? LAST_ACK : FIN_WAIT_1;
  context.owner.mark(connection);
}

/** ABORT call (RFC 9293 section 3.10.5): the RST goes, and the user is told, at the end of the turn. */
export function abortByUser(context: TcpContext, connection: TcpConnection): void {
  detach(context, connection);
  connection.isResetDue = 1;
  context.owner.mark(connection);
}
