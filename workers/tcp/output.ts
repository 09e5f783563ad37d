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
  RECOVERY_FAST,
  receiveWindow,
  SYN_RECEIVED,
  sendEnd,
  type TcpConnection,
  unreadBytes,
} from "./connection.js";
import type { TcpContext } from "./context.js";
import {
  dataOptionsBytes,
  EGRESS_RETRY_MS,
  emitAck,
  emitBare,
  emitSegment,
  emitSynAck,
  windowToOffer,
} from "./emit.js";
import { abortByUser, terminate } from "./lifetime.js";
import {
  allowedInFlight,
  bytesInFlight,
  nextLost,
  resendableBytes,
  restartAfterIdle,
} from "./loss-recovery.js";

/** Sends what the connection has to send. */
export function output(context: TcpContext, connection: TcpConnection): void {
  if (connection.state === SYN_RECEIVED) {
    outputSynAck(context, connection);
  } else if (connection.state !== CLOSED) {
    outputData(context, connection);
    outputAck(context, connection);
    if (isCloseWithUnreadData(connection)) abortByUser(context, connection);
    else armRetransmission(context, connection);
  }
  if (connection.state === CLOSED) outputReset(context, connection);
  else armTimer(context, connection);
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
  if (connection.isRetransmitDue === 1 && !retransmitFirst(context, connection)) return;
  if (connection.resendNxt !== connection.sndNxt && !resendAfterTimeout(context, connection)) return;
  if (connection.recovery === RECOVERY_FAST && connection.sack === 1 && !resendLost(context, connection))
    return;
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
  connection.timedAtMs = NEVER;
  connection.lastSentMs = context.nowMs;
  if (isFin) connection.finSent = 1;
  const next = add(sndUna, length + (isFin ? 1 : 0));
  if (before(connection.sndNxt, next)) connection.sndNxt = next;
  connection.resendNxt = connection.sndNxt;
}

/** The segment at SND.UNA (RFC 5681 section 3.2, 3): whatever the windows say, because it was sent before. */
function retransmitFirst(context: TcpContext, connection: TcpConnection): boolean {
  const { sndUna } = connection;
  connection.isRetransmitDue = 0;
  if (sndUna === connection.sndNxt) return true;
  const length = Math.min(resendableBytes(connection, sndUna), connection.mss);
  if (!resend(context, connection, sndUna, length)) {
    connection.isRetransmitDue = 1;
    return false;
  }
  connection.highRxt = add(sndUna, length);
  return true;
}

/** Sends again from `resendNxt` on, as far as the windows allow. False if they did not allow all of it. */
function resendAfterTimeout(context: TcpContext, connection: TcpConnection): boolean {
  const { scoreboard, sndUna, sndNxt } = connection;
  const burst = burstBytes(context, connection);
  for (;;) {
    if (scoreboard !== null) connection.resendNxt = scoreboard.skip(connection.resendNxt);
    const { resendNxt } = connection;
    if (!before(resendNxt, sndNxt)) {
      connection.resendNxt = sndNxt;
      return true;
    }
    const hole = resendableBytes(connection, resendNxt);
    const room = Math.min(
      difference(add(sndUna, connection.sndWnd), resendNxt),
      connection.cwnd - bytesInFlight(connection),
    );
    let length = Math.min(hole, room, burst);
    if (length < hole) {
      // Whole segments only, except where even the first is larger than the peer's window.
      if (length >= connection.mss) length -= length % connection.mss;
      else if (resendNxt !== sndUna || length <= 0) return false;
    }
    if (!resend(context, connection, resendNxt, length)) return false;
    const isFin = connection.finSent === 1 && add(resendNxt, length + 1) === sndNxt;
    connection.resendNxt = isFin ? sndNxt : add(resendNxt, length);
  }
}

/** Sends lost data again as far as the pipe allows (RFC 6675 section 5, C). False if it did not allow all of it. */
function resendLost(context: TcpContext, connection: TcpConnection): boolean {
  for (;;) {
    const from = nextLost(connection);
    if (from === connection.sndNxt) return true;
    if (connection.cwnd - bytesInFlight(connection) < connection.mss) return false;
    const length = Math.min(resendableBytes(connection, from), connection.mss);
    if (!resend(context, connection, from, length)) return false;
    connection.highRxt = add(from, Math.max(length, 1));
  }
}

/** Sends `length` bytes from `from` on again, and the FIN if they reach up to it. */
function resend(context: TcpContext, connection: TcpConnection, from: number, length: number): boolean {
  const isFin = connection.finSent === 1 && add(from, length + 1) === connection.sndNxt;
  if (!emitSegment(context, connection, from, length, isFin ? FIN | PSH : PSH)) return false;
  context.counters.retransmissions++;
  // Karn: what is acknowledged from now on may be either of two segments (RFC 6298 section 3).
  connection.timedAtMs = NEVER;
  connection.lastSentMs = context.nowMs;
  return true;
}

/** Most bytes in one packet: a whole number of segments where the device cuts them, or one. */
function burstBytes(context: TcpContext, connection: TcpConnection): number {
  const writer = context.writers[connection.tuple.link]!;
  const { egress } = writer;
  const { mss } = connection;
  if (egress.maxPacketBytes <= egress.mtuBytes) return mss;
  const most = egress.maxPacketBytes - writer.headerBytes(connection.tuple) - dataOptionsBytes(connection);
  return Math.max(mss, most - (most % mss));
}

/** New data and FIN, as far as both windows allow. */
function outputNew(context: TcpContext, connection: TcpConnection): void {
  const { sndUna, mss } = connection;
  const end = sendEnd(connection);
  // A FIN waits as long as there is unread data: the user may still read it, or it becomes a RST.
  const isClosing = connection.finQueued === 1 && unreadBytes(connection) === 0;
  if (connection.sndNxt === end && !isClosing) return;
  restartAfterIdle(context, connection);
  const burst = burstBytes(context, connection);
  for (;;) {
    const { sndNxt } = connection;
    const available = difference(end, sndNxt);
    const windowRoom = difference(add(sndUna, connection.sndWnd), sndNxt);
    let length = Math.min(
      available,
      windowRoom,
      allowedInFlight(connection) - bytesInFlight(connection),
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
    connection.sndNxt = add(sndNxt, Math.max(length, 0) + (isFin ? 1 : 0));
    connection.resendNxt = connection.sndNxt;
    if (isFin) connection.finSent = 1;
    if (connection.timedAtMs === NEVER) {
      connection.timedAtMs = context.nowMs;
      connection.timedSequence = connection.sndNxt;
    }
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
 * The wheel's timer for the earliest of the connection's three times. A timer that would have to move to a later time
 * is left: it then fires for nothing and is set anew here, which is cheaper than moving it with every segment.
 */
function armTimer(context: TcpContext, connection: TcpConnection): void {
  let atMs = connection.retransmitAtMs;
  if (connection.outputAtMs !== NEVER && (atMs === NEVER || connection.outputAtMs < atMs))
    atMs = connection.outputAtMs;
  if (connection.lingerAtMs !== NEVER && (atMs === NEVER || connection.lingerAtMs < atMs))
    atMs = connection.lingerAtMs;
  if (atMs === NEVER) context.wheel.cancel(connection);
  else if (connection.timerAtMs === NEVER || atMs < connection.timerAtMs)
    context.wheel.schedule(connection, atMs);
}
