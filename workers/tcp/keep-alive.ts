// TCP's own keep-alive (RFC 9293 section 3.8.4): asks peers of whom nothing was heard for long whether they are still there, and
// gives up those who are not. No connection has a timer for it. A sweep looks at some of all connections each time, in turn, so
// that even a hundred thousand do not hold up a worker, and a question may come that much later.

import { add } from "../../core/wire/sequence.js";
import { ESTABLISHED, sendEnd, type TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { emitSegment } from "./emit.js";
import { giveUp } from "./lifetime.js";

/** Sweeps until every connection was looked at. */
export const SWEEPS_PER_ROUND = 16;

/** Looks at the next part of the connections, if there is to be keep-alive at all. */
export function sweepConnections(context: TcpContext): void {
  const { connections, limits } = context;
  if (limits.keepAliveIdleMs === 0) return;
  for (let left = Math.ceil(connections.rowCount / SWEEPS_PER_ROUND); left > 0; left--) {
    context.sweepRow = context.sweepRow + 1 < connections.rowCount ? context.sweepRow + 1 : 0;
    const connection = connections.at(context.sweepRow);
    if (connection !== null && connection.state >= ESTABLISHED) keepAlive(context, connection);
  }
}

function keepAlive(context: TcpContext, connection: TcpConnection): void {
  const { limits, counters, nowMs } = context;
  const silentMs = nowMs - connection.heardAtMs;
  if (silentMs < limits.keepAliveIdleMs + connection.keepAliveProbes * limits.keepAliveIntervalMs) return;
  // What is on its way, or is kept back by a closed window, has timers of its own that ask the same.
  if (connection.sndUna !== sendEnd(connection) || connection.sndUna !== connection.sndNxt) return;
  if (connection.keepAliveProbes >= limits.keepAliveProbes) {
    giveUp(context, connection);
    return;
  }
  connection.keepAliveProbes++;
  counters.keepAliveProbes++;
  // A number that was acknowledged: a peer that is there must answer it.
  emitSegment(context, connection, add(connection.sndNxt, -1), 0, 0);
}
