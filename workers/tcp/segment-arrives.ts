// SEGMENT-ARRIVES for a connection (RFC 9293 section 3.10.7.4): the checks in the RFC's order, a function each, with
// the additions of RFC 7323 (timestamps, before the first) and RFC 5961 (RST, SYN and ACK from a blind attacker).
// Whatever comes of it leaves at the end of the turn, but for what must be an answer of its own.

import { NO_FLOW } from "../../core/memory/descriptor.js";
import { add, after, before, beforeOrAt, difference } from "../../core/wire/sequence.js";
import { ACK, FIN, RST, SYN } from "../../core/wire/tcp.js";
import { initialWindow } from "./congestion-control.js";
import {
  ACK_NOW,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  NEVER,
  receiveWindow,
  SYN_RECEIVED,
  type TcpConnection,
} from "./connection.js";
import type { TcpContext } from "./context.js";
import { emitBare, emitChallengeAck, noteDuplicate } from "./emit.js";
import { enterTimeWait, terminate } from "./lifetime.js";
import { forgetNewest } from "./loss-detection.js";
import { acknowledgmentArrived, loseOutstanding } from "./loss-recovery.js";
import { segmentTextArrived } from "./receive-data.js";
import { sampleRoundTrip } from "./round-trip.js";

/** A time stamp older than this may have wrapped and proves nothing (RFC 7323 section 5.5). */
const TS_RECENT_MAX_AGE_MS = 24 * 24 * 3600 * 1000;
/** RFC 6298 section 5.7: the timeout to begin with after a SYN-ACK was lost and no round trip was measured. */
const RTO_AFTER_LOST_SYN_MS = 3000;

/**
 * The segment in `context.segment`, whose data are in `bytes`, has arrived for `connection`. Returns false if the
 * connection was in SYN-RECEIVED and gave way: then the segment is to be looked at again as one for LISTEN.
 */
export function segmentArrives(context: TcpContext, connection: TcpConnection, bytes: Uint8Array): boolean {
  const { segment } = context;
  // Everything below may change what is due or when; the end of the turn looks after that.
  context.owner.mark(connection);
  connection.heardAtMs = context.nowMs;
  connection.keepAliveProbes = 0;
  const hasTimestamps = connection.timestamps === 1 && segment.hasTimestamps === 1;
  if (hasTimestamps && isOldTimestamp(context, connection)) return true;
  if (!checkSequence(context, connection)) return true;
  if (hasTimestamps) noteTimestamp(context, connection);
  if ((segment.flags & RST) !== 0) {
    resetArrived(context, connection);
    return true;
  }
  // Third, security: no one has it.
  if ((segment.flags & SYN) !== 0) return synArrived(context, connection);
  if ((segment.flags & ACK) === 0) {
    context.counters.missingAcks++;
    return true;
  }
  if (!checkAck(context, connection)) return true;
  // Sixth, URG: urgent data are data like any other (RFC 6093).
  if (segment.dataEnd > segment.dataStart || (segment.flags & FIN) !== 0) {
    segmentTextArrived(context, connection, bytes);
  }
  return true;
}

/** PAWS (RFC 7323 section 5.3 R1): a segment older than one that was accepted. A RST is never judged so. */
function isOldTimestamp(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  if ((segment.flags & RST) !== 0 || !before(segment.timestampValue, connection.tsRecent)) return false;
  if (context.nowMs - connection.tsRecentMs >= TS_RECENT_MAX_AGE_MS) return false;
  context.counters.oldTimestamps++;
  answerUnacceptable(context, connection);
  return true;
}

/** TS.Recent is taken from the segment that the next ACK answers (RFC 7323 section 4.3). */
function noteTimestamp(context: TcpContext, connection: TcpConnection): void {
  const { segment } = context;
  if ((segment.flags & RST) !== 0 || after(segment.sequence, connection.lastAckSent)) return;
  connection.tsRecent = segment.timestampValue;
  connection.tsRecentMs = context.nowMs;
}

/** First: does any of the segment lie in the receive window? */
function checkSequence(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  const window = receiveWindow(connection);
  const distance = difference(segment.sequence, connection.rcvNxt);
  const { length } = segment;
  // Of the four cases of table 6. A segment without length may also stand at the window's right edge, where the
  // sequence number of a peer that has filled the window is: its ACKs are needed.
  if (length === 0 ? distance >= 0 && distance <= window : distance < window && distance + length > 0)
    return true;

  if ((segment.flags & RST) !== 0) {
    context.counters.outOfWindow++;
    return false;
  }
  if (
    connection.state === SYN_RECEIVED &&
    (segment.flags & SYN) !== 0 &&
    segment.sequence === connection.irs
  ) {
    // The SYN again: our SYN-ACK was lost. A bare ACK, as the text has it, would not help a peer in SYN-SENT.
    connection.isProbeDue = 1;
    context.counters.synAckRetransmissions++;
    return false;
  }
  // "If the RCV.WND is zero … special allowance should be made to accept valid ACKs."
  if (
    window === 0 &&
    distance === 0 &&
    (segment.flags & (ACK | SYN)) === ACK &&
    connection.state !== SYN_RECEIVED
  ) {
    connection.ack = ACK_NOW;
    checkAck(context, connection);
    return false;
  }
  context.counters.outOfWindow++;
  answerUnacceptable(context, connection);
  return false;
}

/** An ACK for a segment that is not acceptable: at once for data, limited for what may be such an answer itself. */
function answerUnacceptable(context: TcpContext, connection: TcpConnection): void {
  const { segment } = context;
  const dataLength = segment.dataEnd - segment.dataStart;
  if (segment.length === 0 || (segment.flags & SYN) !== 0) {
    emitChallengeAck(context, connection);
    return;
  }
  connection.ack = ACK_NOW;
  if (dataLength > 0 && beforeOrAt(add(segment.sequence, dataLength), connection.rcvNxt)) {
    context.counters.duplicateSegments++;
    noteDuplicate(connection, segment.sequence, add(segment.sequence, dataLength));
  }
}

/** Second: only an exact RST is believed, another in the window is asked about (RFC 5961 section 3.2). */
function resetArrived(context: TcpContext, connection: TcpConnection): void {
  if (context.segment.sequence !== connection.rcvNxt) {
    if (connection.state !== SYN_RECEIVED) emitChallengeAck(context, connection);
    return;
  }
  context.counters.resetsReceived++;
  terminate(context, connection, "reset");
}

/** Fourth: a SYN in the window. See `segmentArrives` for what is returned. */
function synArrived(context: TcpContext, connection: TcpConnection): boolean {
  if (connection.state === SYN_RECEIVED) {
    // "If the connection was initiated with a passive OPEN, then return this connection to the LISTEN state."
    // Its flow goes on in the connection that this SYN begins.
    connection.flow = NO_FLOW;
    terminate(context, connection, "reset");
    return false;
  }
  // RFC 5961 section 4.2: if the peer did restart, it answers our ACK with an exact RST.
  emitChallengeAck(context, connection);
  return true;
}

/** Fifth: the acknowledgment. False if the segment is done with. */
function checkAck(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  if (connection.state === SYN_RECEIVED && !establish(context, connection)) return false;

  const ack = segment.acknowledgment;
  const acked = difference(ack, connection.sndUna);
  // RFC 5961 section 5.2: neither of what was never sent nor older than a window.
  if (after(ack, connection.sndNxt) || acked < -connection.maxSndWnd) {
    context.counters.badAcks++;
    emitChallengeAck(context, connection);
    return false;
  }
  if (acked < 0) return true;
  const isDuplicate = acked === 0 && isDuplicateAck(context, connection);
  acknowledgmentArrived(context, connection, acked, isDuplicate);
  if (acked > 0) dequeueAcknowledged(connection, acked);
  updateSendWindow(context, connection, acked);
  return isOpenAfterAck(context, connection);
}

/** SYN-RECEIVED: the handshake's third segment. False if it acknowledges anything else. */
function establish(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  if (segment.acknowledgment !== connection.sndNxt) {
    context.counters.badAcks++;
    emitBare(context, connection.tuple, segment.acknowledgment, 0, RST, 0);
    return false;
  }
  context.halfOpenCount--;
  connection.state = ESTABLISHED;
  connection.sndUna = connection.sndNxt;
  connection.sndWnd = segment.window << connection.sndWindShift;
  connection.maxSndWnd = connection.sndWnd;
  connection.sndWl1 = segment.sequence;
  connection.sndWl2 = segment.acknowledgment;
  connection.retransmitAtMs = NEVER;
  connection.isProbeDue = 0;
  connection.highestDelivered = connection.sndUna;
  connection.widenedUpTo = connection.sndUna;
  forgetNewest(context, connection);
  // RFC 5681 section 3.1: one segment after a lost SYN-ACK.
  const wasLost = connection.unanswered > 0;
  connection.congestion.begin(wasLost ? connection.mss : initialWindow(connection.mss));
  connection.unanswered = 0;
  if (wasLost) {
    connection.rtoMs = RTO_AFTER_LOST_SYN_MS;
  } else if (connection.lastSentMs !== NEVER) {
    connection.minRoundTripMs = context.nowMs - connection.lastSentMs;
    sampleRoundTrip(context.limits, connection, connection.minRoundTripMs);
  }
  connection.lastSentMs = context.nowMs;
  connection.isOpen = 1;
  context.counters.connectionsOpened++;
  context.user.opened(connection);
  return connection.state !== CLOSED;
}

/** SND.UNA < SEG.ACK =< SND.NXT: "any segments on the retransmission queue that are thereby entirely acknowledged are removed". */
function dequeueAcknowledged(connection: TcpConnection, acked: number): void {
  const { queue } = connection;
  // The FIN takes a sequence number and no place in the queue.
  if (queue !== null) queue.dequeue(Math.min(acked, queue.length));
}

/** RFC 5681 section 2: (a) data outstanding, (b) no data, (c) no SYN or FIN, (d) nothing new, (e) the same window. */
function isDuplicateAck(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  return (
    connection.sndUna !== connection.sndNxt &&
    // The answers to probes look the same and mean nothing of the kind.
    connection.probes === 0 &&
    segment.length === 0 &&
    segment.window << connection.sndWindShift === connection.sndWnd
  );
}

/**
 * "If SND.UNA =< SEG.ACK =< SND.NXT, the send window should be updated", by the newest segment only. One that acknowledges new data is
 * the newest, though it may carry old data itself: its window begins where SND.UNA is now, and the one before would reach too far.
 */
function updateSendWindow(context: TcpContext, connection: TcpConnection, acked: number): void {
  const { segment } = context;
  const { sndWl1, sndWl2 } = connection;
  const isOld = before(segment.sequence, sndWl1);
  if (acked === 0 && (isOld || (segment.sequence === sndWl1 && after(sndWl2, segment.acknowledgment)))) {
    return;
  }
  const window = segment.window << connection.sndWindShift;
  if (!isOld) connection.sndWl1 = segment.sequence;
  connection.sndWl2 = segment.acknowledgment;
  // A peer that answers probes is alive, whatever it lets us send (RFC 9293 section 3.8.6.1).
  if (window === 0) connection.unanswered = 0;
  if (window > connection.sndWnd && (connection.probes > 0 || connection.sndUna === connection.sndNxt)) {
    // Opened: what the probes carried may not have been taken, and the wait for the next probe is over.
    connection.probes = 0;
    loseOutstanding(context, connection, false);
    connection.retransmitAtMs = NEVER;
  }
  // A small window that is open is not a closed one: waiting for it to grow does not make the next wait longer.
  if (window > 0) connection.probes = 0;
  connection.sndWnd = window;
  if (window > connection.maxSndWnd) connection.maxSndWnd = window;
}

/** What our FIN's acknowledgment does to the state. False if the segment is done with. */
function isOpenAfterAck(context: TcpContext, connection: TcpConnection): boolean {
  if (connection.finSent === 0 || connection.sndUna !== connection.sndNxt) return connection.state !== CLOSED;
  switch (connection.state) {
    case FIN_WAIT_1:
      connection.state = FIN_WAIT_2;
      break;
    case CLOSING:
      enterTimeWait(context, connection);
      return false;
    case LAST_ACK:
      terminate(context, connection, "closed");
      return false;
    case CLOSED:
      return false;
  }
  if (connection.state === FIN_WAIT_2) connection.lingerAtMs = context.nowMs + context.limits.finWait2Ms;
  return true;
}
