// What a connection sends at the end of a turn, in this order: a probe or SYN-ACK that a timer asked for, data to be
// sent again, new data and FIN as far as both windows allow, and an ACK if nothing else has carried it (RFC 9293
// section 3.8). Then it starts or stops the connection's timer. It is the only caller of `emitSegment` with data.

import { add, before, difference } from "../../core/wire/sequence.js";
import { ACK, FIN, PSH, RST } from "../../core/wire/tcp.js";
import {
  ACK_DELAYED,
  ACK_NOW,
  CLOSED,
  NEVER,
  RECOVERY_NONE,
  receiveWindow,
  resendableBytes,
  SYN_RECEIVED,
  sendEnd,
  sendWindowFrom,
  type TcpConnection,
  unreadBytes,
  unsentBytes,
} from "./connection.js";
import type { TcpContext } from "./context.js";
import {
  dataHeaderBytes,
  EGRESS_RETRY_MS,
  emitAck,
  emitBare,
  emitSegment,
  emitSynAck,
  windowToOffer,
} from "./emit.js";
import { abortByUser, terminate } from "./lifetime.js";
import { armLossProbe, bytesInFlight, PROBE_AGAIN, PROBE_NEW_DATA } from "./loss-detection.js";
import { restartAfterIdle } from "./loss-recovery.js";
import { NO_ROW } from "./rows.js";
import { RESENT } from "./transmissions.js";
import { isBelowLowWater } from "./water-marks.js";

/** Sends what the connection has to send. */
export function output(context: TcpContext, connection: TcpConnection): void {
  if (connection.state === SYN_RECEIVED) {
    outputSynAck(context, connection);
  } else if (connection.state !== CLOSED) {
    outputData(context, connection);
    connection.congestion.sent(bytesInFlight(connection));
    outputAck(context, connection);
    tellDrained(context, connection);
    if (isCloseWithUnreadData(connection)) abortByUser(context, connection);
    else {
      armRetransmission(context, connection);
      armLossProbe(context, connection);
    }
  }
  if (connection.state === CLOSED) outputReset(context, connection);
  else armTimer(context, connection);
}

/** Whoever has waited for it may queue more, which is sent in the same turn. */
function tellDrained({ limits, user }: TcpContext, connection: TcpConnection): void {
  if (!connection.isAboveHighWater || !isBelowLowWater(limits, connection)) return;
  connection.isAboveHighWater = false;
  user.drained(connection);
}

/** The RST of a connection that its user has aborted. */
function outputReset(context: TcpContext, connection: TcpConnection): void {
  if (connection.isResetDue === 0) return;
  connection.isResetDue = 0;
  emitBare(context, connection.tuple, connection.sndNxt, connection.rcvNxt, RST | ACK, 0);
  terminate(context, connection, "aborted");
}

/**
 * All is sent and acknowledged that was queued before `close`, but data was never read: no FIN (RFC 2525 section
 * 2.17).
 */
function isCloseWithUnreadData(connection: TcpConnection): boolean {
  return (
    connection.finQueued === 1 &&
    connection.finSent === 0 &&
    connection.sndUna === sendEnd(connection) &&
    unreadBytes(connection) > 0
  );
}

function outputSynAck(context: TcpContext, connection: TcpConnection): void {
  if (connection.isProbeDue === 0) return;
  const taken = emitSynAck(
    context,
    connection.tuple,
    connection.iss,
    connection.rcvNxt,
    connection.windowScale,
    connection.sack,
    connection.timestamps,
    context.timestamp,
    connection.tsRecent,
  );
  if (taken) connection.isProbeDue = 0;
  else connection.outputAtMs = context.nowMs + EGRESS_RETRY_MS;
  if (connection.retransmitAtMs === NEVER) connection.retransmitAtMs = context.nowMs + connection.rtoMs;
}

function outputData(context: TcpContext, connection: TcpConnection): void {
  if (connection.isProbeDue === 1) {
    connection.isProbeDue = 0;
    outputProbe(context, connection);
    return;
  }
  if (connection.isLossProbeDue === 1) outputLossProbe(context, connection);
  if (!resendLost(context, connection)) return;
  if (connection.finSent === 0) outputNew(context, connection);
}

/**
 * A probe of a window that is closed, or too small to be worth a segment: at least one byte, so that the peer must
 * answer (RFC 9293 section 3.8.6.1). It is data like any other: if the peer takes it, the better.
 */
function outputProbe(context: TcpContext, connection: TcpConnection): void {
  const { sndUna } = connection;
  const end = connection.finSent === 1 ? add(connection.sndNxt, -1) : sendEnd(connection);
  const available = difference(end, sndUna);
  const length = Math.max(0, Math.min(available, Math.max(connection.sndWnd, 1), connection.mss));
  const isClosing = connection.finQueued === 1 && (connection.finSent === 1 || unreadBytes(connection) === 0);
  const isFin = isClosing && length === available;
  if (length === 0 && !isFin) return;
  if (!emitSegment(context, connection, sndUna, length, isFin ? FIN | PSH : PSH)) return;
  context.counters.zeroWindowProbes++;
  connection.lastSentMs = context.nowMs;
  if (isFin) connection.finSent = 1;
  const next = add(sndUna, length + (isFin ? 1 : 0));
  const { sndNxt } = connection;
  context.transmissions.resent(connection, sndUna, before(next, sndNxt) ? next : sndNxt, context.nowMs);
  if (!before(sndNxt, next)) return;
  // It may not be taken, and be acknowledged late for that: it measures nothing.
  context.transmissions.sent(connection, sndNxt, next, context.nowMs, RESENT);
  connection.sndNxt = next;
}

/**
 * Sends lost data again, as far as the windows allow (RFC 6675 section 5, C; RFC 5681 section 3.1). False if they did not allow
 * all of it.
 */
function resendLost(context: TcpContext, connection: TcpConnection): boolean {
  const { transmissions } = context;
  const { mss, sndUna } = connection;
  const burst = burstBytes(context, connection);
  for (;;) {
    const row = transmissions.firstLost(connection);
    if (row === NO_ROW) return true;
    const from = transmissions.start(row);
    const hole = resendableBytes(connection, from, transmissions.end(row));
    let room = connection.congestion.cwnd - bytesInFlight(connection);
    if (connection.isRetransmitDue === 1) room = Math.max(room, mss);
    let length = Math.min(hole, room, sendWindowFrom(connection, from), burst);
    if (length < hole) {
      // Whole segments only, except where even the first is larger than the peer's window.
      if (length >= mss) length -= length % mss;
      else if (from !== sndUna || length <= 0) return false;
    }
    if (!resend(context, connection, from, length)) return false;
    connection.isRetransmitDue = 0;
  }
}

/** Sends `length` bytes from `from` on again, and the FIN if they reach up to it. */
function resend(context: TcpContext, connection: TcpConnection, from: number, length: number): boolean {
  const isFin = connection.finSent === 1 && add(from, length + 1) === connection.sndNxt;
  if (!emitSegment(context, connection, from, length, isFin ? FIN | PSH : PSH)) return false;
  context.counters.retransmissions++;
  connection.lastSentMs = context.nowMs;
  const taken = length + (isFin ? 1 : 0);
  context.transmissions.resent(connection, from, add(from, taken), context.nowMs);
  if (connection.recovery !== RECOVERY_NONE) connection.resentBytes += taken;
  return true;
}

/**
 * A loss probe (RFC 8985 section 7.3), beyond what the congestion window allows: what is known to be lost, else new data, else the
 * last segment again. Its acknowledgment tells what else was lost.
 */
function outputLossProbe(context: TcpContext, connection: TcpConnection): void {
  connection.isLossProbeDue = 0;
  const { sndNxt, mss } = connection;
  const { transmissions } = context;
  // Lost data waits only in fast recovery: for the pipe, of which nothing comes out any more.
  const lost = transmissions.firstLost(connection);
  const row = lost === NO_ROW ? transmissions.lastUnreported(connection) : lost;
  if (row === NO_ROW) return;
  const unsent = unsentBytes(connection);
  const fresh = Math.min(unsent, mss, sendWindowFrom(connection, sndNxt));
  if (lost === NO_ROW && fresh > 0 && (fresh === unsent || fresh === mss)) {
    if (!emitSegment(context, connection, sndNxt, fresh, PSH)) return;
    transmissions.sent(connection, sndNxt, add(sndNxt, fresh), context.nowMs);
    connection.sndNxt = add(sndNxt, fresh);
    connection.lastSentMs = context.nowMs;
    connection.probeKind = PROBE_NEW_DATA;
  } else {
    const from = transmissions.start(row);
    const left = resendableBytes(connection, from, transmissions.end(row));
    const length = Math.min(left, mss);
    if (!resend(context, connection, lost === NO_ROW ? add(from, left - length) : from, length)) return;
    connection.probeKind = PROBE_AGAIN;
  }
  context.counters.lossProbes++;
  connection.probeEnd = connection.sndNxt;
  connection.retransmitAtMs = NEVER;
}

/** Most bytes in one packet: a whole number of segments where the device cuts them, or one. */
function burstBytes(context: TcpContext, connection: TcpConnection): number {
  const { egress } = context.writers[connection.tuple.link]!;
  const { mss } = connection;
  if (egress.maxPacketBytes <= egress.mtuBytes) return mss;
  const most = egress.maxPacketBytes - dataHeaderBytes(context, connection);
  return Math.max(mss, most - (most % mss));
}

/** New data and FIN, as far as both windows allow. */
function outputNew(context: TcpContext, connection: TcpConnection): void {
  const { mss } = connection;
  const end = sendEnd(connection);
  // A FIN waits as long as there is unread data: the user may still read it, or it becomes a RST.
  const isClosing = connection.finQueued === 1 && unreadBytes(connection) === 0;
  if (connection.sndNxt === end && !isClosing) return;
  restartAfterIdle(context, connection);
  const burst = burstBytes(context, connection);
  for (;;) {
    const { sndNxt } = connection;
    const available = difference(end, sndNxt);
    const windowRoom = sendWindowFrom(connection, sndNxt);
    let length = Math.min(
      available,
      windowRoom,
      connection.congestion.cwnd - bytesInFlight(connection),
      burst,
    );
    if (length < available) {
      // Sender's silly-window avoidance (RFC 9293 section 3.8.6.2.1): whole segments, or half of the largest window.
      if (length >= mss) length -= length % mss;
      else if (length <= 0 || length < windowRoom || 2 * length < connection.maxSndWnd) return;
    }
    const isLast = length === available;
    // A bare FIN goes into a closed window too: it is its own probe.
    const isFin = isLast && isClosing;
    if (length <= 0 && !isFin) return;
    const flags = (isLast ? PSH : 0) | (isFin ? FIN : 0);
    if (!emitSegment(context, connection, sndNxt, Math.max(length, 0), flags)) return;
    connection.lastSentMs = context.nowMs;
    connection.lossProbeAtMs = NEVER;
    connection.sndNxt = add(sndNxt, Math.max(length, 0) + (isFin ? 1 : 0));
    context.transmissions.sent(connection, sndNxt, connection.sndNxt, context.nowMs);
    if (isFin) connection.finSent = 1;
    if (isLast) return;
  }
}

/** An ACK of its own, where one is due at once and no data has carried it; the delay of one that may wait. */
function outputAck(context: TcpContext, connection: TcpConnection): void {
  if (connection.ack === ACK_NOW || isWindowUpdateDue(context, connection)) emitAck(context, connection);
  else if (connection.ack === ACK_DELAYED && connection.outputAtMs === NEVER) {
    connection.outputAtMs = context.nowMs + context.limits.delayedAckMs;
  }
}

/** The user has read kept data, and the window that the peer knows is at most half of what it could be now. */
function isWindowUpdateDue(context: TcpContext, connection: TcpConnection): boolean {
  if (connection.hasRead === 0) return false;
  connection.hasRead = 0;
  const offered = receiveWindow(connection);
  const window = windowToOffer(context, connection);
  return window > offered && window >= 2 * offered;
}

/**
 * RFC 6298 section 5.1 to 5.3: runs while anything is outstanding, and while a window that is closed keeps data back.
 */
function armRetransmission(context: TcpContext, connection: TcpConnection): void {
  const isOutstanding = connection.sndUna !== connection.sndNxt;
  const isWaiting = connection.finSent === 0 && sendEnd(connection) !== connection.sndNxt;
  if (!isOutstanding && !isWaiting) {
    connection.retransmitAtMs = NEVER;
    return;
  }
  // Started by the first segment and by an ACK of new data, which stops it first; by nothing else.
  if (connection.retransmitAtMs !== NEVER) return;
  const delayMs = connection.rtoMs * 2 ** connection.probes;
  connection.retransmitAtMs = context.nowMs + Math.min(delayMs, context.limits.rtoMaxMs);
}

/**
 * The wheel's timer for the earliest of the connection's five times. A timer that would have to move to a later time
 * is left: it then fires for nothing and is set anew here, which is cheaper than moving it with every segment.
 */
function armTimer(context: TcpContext, connection: TcpConnection): void {
  let atMs = earlier(connection.retransmitAtMs, connection.outputAtMs);
  atMs = earlier(atMs, connection.lossProbeAtMs);
  atMs = earlier(atMs, connection.reorderAtMs);
  atMs = earlier(atMs, connection.lingerAtMs);
  if (atMs === NEVER) context.wheel.cancel(connection);
  else if (connection.timerAtMs === NEVER || atMs < connection.timerAtMs)
    context.wheel.schedule(connection, atMs);
}

function earlier(atMs: number, otherMs: number): number {
  return otherMs !== NEVER && (atMs === NEVER || otherMs < atMs) ? otherMs : atMs;
}
