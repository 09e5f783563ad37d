// What follows from a loss, from its detection until all that was outstanding then is acknowledged: fast recovery (RFC 6675
// with SACK, RFC 6582 without), the retransmission timeout (RFC 6298), and taking both back when nothing was lost after all
// (RFC 3522 by timestamps, RFC 3708 by D-SACK). Congestion control hears of it. Sends nothing: output does, at the turn's end.

import { after, afterOrAt, before, difference } from "../../core/wire/sequence.js";
import {
  NEVER,
  outstandingBytes,
  RECOVERY_FAST,
  RECOVERY_NONE,
  RECOVERY_TIMEOUT,
  type TcpConnection,
} from "./connection.js";
import type { TcpContext } from "./context.js";
import {
  bytesInFlight,
  countDuplicateAck,
  DUPLICATE_ACKS_THRESHOLD,
  detectLoss,
  forgetNewest,
  hasDuplicateReport,
  isProbeDuplicate,
  isProbeRepair,
  narrowReorderWindow,
  PROBE_NONE,
  takeAcknowledgment,
  widenReorderWindow,
} from "./loss-detection.js";
import { doubtGuess } from "./path-guess.js";
import { backOff } from "./round-trip.js";

/**
 * The segment in hand acknowledges `acked` bytes, 0 or more, beyond SND.UNA, which is moved on. `isDuplicate`: it has the form of a
 * duplicate ACK (RFC 5681 section 2).
 */
export function acknowledgmentArrived(
  context: TcpContext,
  connection: TcpConnection,
  acked: number,
  isDuplicate: boolean,
): void {
  const { segment } = context;
  const inFlight = bytesInFlight(connection);
  const hasNewSack = takeAcknowledgment(context, connection);
  connection.sndUna = segment.acknowledgment;
  if (acked > 0) newDataAcknowledged(context, connection, acked, inFlight);
  else if (hasNewSack || (connection.sack === 0 && isDuplicate)) countDuplicateAck(connection);
  if (connection.sack === 1) selectiveAcknowledgment(context, connection, hasNewSack);
  else if (connection.duplicateAcks === DUPLICATE_ACKS_THRESHOLD) thirdDuplicateAck(context, connection);
}

function selectiveAcknowledgment(context: TcpContext, connection: TcpConnection, hasNewSack: boolean): void {
  if (hasNewSack) connection.lossProbeAtMs = NEVER;
  if (hasDuplicateReport(context)) duplicateReported(context, connection);
  if (isProbeRepair(context, connection) && connection.recovery === RECOVERY_NONE) {
    // Most of what was outstanding then is acknowledged by now.
    connection.congestion.lost(connection.congestion.cwnd, connection.mss);
  }
  const isInOrder = connection.sackedBytes === 0 && connection.recovery === RECOVERY_NONE;
  if (hasNewSack || !isInOrder || connection.reorderAtMs !== NEVER) lookForLoss(context, connection);
}

/** RFC 5681 section 3.2, without SACK. */
function thirdDuplicateAck(context: TcpContext, connection: TcpConnection): void {
  // RFC 6582 section 3.2: duplicates that our own earlier retransmissions caused prove no new loss.
  if (connection.recovery !== RECOVERY_NONE || !after(connection.sndUna, connection.recover)) return;
  context.transmissions.loseFirst(connection, connection.mss);
  enterFastRecovery(context, connection);
}

/** Looks for lost data, and begins to recover it. */
export function lookForLoss(context: TcpContext, connection: TcpConnection): void {
  const { lostBytes } = connection;
  detectLoss(context, connection);
  if (connection.recovery === RECOVERY_NONE && connection.lostBytes > lostBytes)
    enterFastRecovery(context, connection);
}

function newDataAcknowledged(
  context: TcpContext,
  connection: TcpConnection,
  acked: number,
  inFlight: number,
): void {
  connection.duplicateAcks = 0;
  connection.unanswered = 0;
  connection.isUnreachable = 0;
  if (connection.pathGuess !== null) doubtGuess(context, connection, acked);
  // RFC 6298 section 5.2, 5.3: stopped here, started anew at the end of the turn if anything is outstanding.
  connection.retransmitAtMs = NEVER;
  connection.lossProbeAtMs = NEVER;
  const { recovery, recover } = connection;
  if (recovery === RECOVERY_FAST) connection.probeKind = PROBE_NONE;
  if (recovery !== RECOVERY_NONE && isFirstTransmission(context, connection)) {
    takeBack(context, connection);
  } else if (recovery !== RECOVERY_NONE && afterOrAt(connection.sndUna, connection.recover)) {
    leaveRecovery(connection);
  }
  if (connection.sack === 0) forgetDuplicateAcks(context, connection, acked);
  // What is acknowledged in fast recovery does not open the window, but for what was sent under the new one.
  const counted = recovery === RECOVERY_FAST ? difference(connection.sndUna, recover) : acked;
  if (counted <= 0) return;
  connection.congestion.acknowledged(
    counted,
    inFlight,
    connection.mss,
    context.nowMs,
    connection.newestRoundTripMs,
    // RFC 3465 section 2.1: an ACK may tell of data sent long before.
    recovery === RECOVERY_TIMEOUT,
  );
}

/** Without SACK: what duplicate ACKs have told of is acknowledged, and in recovery the next hole begins at SND.UNA (RFC 6582). */
function forgetDuplicateAcks(context: TcpContext, connection: TcpConnection, acked: number): void {
  if (connection.recovery !== RECOVERY_FAST) {
    connection.sackedBytes = 0;
    return;
  }
  const { mss } = connection;
  connection.sackedBytes = Math.max(0, connection.sackedBytes - Math.max(0, acked - mss));
  context.transmissions.loseFirst(connection, mss);
  connection.isRetransmitDue = 1;
}

function enterFastRecovery(context: TcpContext, connection: TcpConnection): void {
  context.counters.fastRetransmits++;
  connection.congestion.lost(outstandingBytes(connection), connection.mss);
  beginRecovery(context, connection, RECOVERY_FAST);
  // RFC 6675 section 5, 4.3: the first one goes whatever the pipe says.
  connection.isRetransmitDue = 1;
}

function beginRecovery(context: TcpContext, connection: TcpConnection, recovery: number): void {
  connection.recovery = recovery;
  connection.recover = connection.sndNxt;
  connection.recoveryFrom = connection.sndUna;
  connection.recoveryAtMs = context.nowMs;
  connection.resentBytes = 0;
  connection.lossProbeAtMs = NEVER;
  connection.probeKind = PROBE_NONE;
  connection.isRetransmitDue = 0;
}

/** RFC 6582 section 3.2, 3, "full acknowledgment"; RFC 6675 section 5, A. */
function leaveRecovery(connection: TcpConnection): void {
  connection.recovery = RECOVERY_NONE;
  connection.isRetransmitDue = 0;
  narrowReorderWindow(connection);
}

/** RFC 6298 section 5.4 to 5.6, RFC 5681 section 3.1: everything outstanding is sent again, in slow start. */
export function retransmissionTimeout(context: TcpContext, connection: TcpConnection): void {
  context.counters.retransmissionTimeouts++;
  backOff(context.limits, connection);
  const isRecovering = connection.recovery !== RECOVERY_NONE;
  connection.congestion.timedOut(
    outstandingBytes(connection),
    connection.mss,
    connection.unanswered === 1,
    isRecovering,
  );
  // What was reported is believed (RFC 6675 section 5.1), unless the peer has thrown it away since (RFC 2018 section 8).
  loseOutstanding(context, connection, connection.sack === 1 && context.transmissions.isReneged(connection));
  beginRecovery(context, connection, RECOVERY_TIMEOUT);
}

/** Everything outstanding that the peer is not known to have is lost; with `isForgetful` what it has reported, too. */
export function loseOutstanding(context: TcpContext, connection: TcpConnection, isForgetful: boolean): void {
  connection.duplicateAcks = 0;
  connection.reorderAtMs = NEVER;
  connection.lossProbeAtMs = NEVER;
  if (connection.sack === 0) connection.sackedBytes = 0;
  context.transmissions.loseAll(connection, isForgetful);
}

/**
 * RFC 3522: the first ACK after the first retransmission echoes a time before it, so what it acknowledges is what was sent first.
 */
function isFirstTransmission(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  if (connection.timestamps === 0 || segment.hasTimestamps === 0 || connection.resentBytes === 0)
    return false;
  return before(difference(segment.timestampEcho, context.timestampOffset), connection.recoveryAtMs);
}

/** The peer has something twice. If that is all that was sent again, nothing was lost (RFC 3708). */
function duplicateReported(context: TcpContext, connection: TcpConnection): void {
  context.counters.duplicatesReported++;
  if (isProbeDuplicate(context, connection)) return;
  widenReorderWindow(connection);
  const { sackEdges } = context.segment;
  const start = sackEdges[0]!;
  const end = sackEdges[1]!;
  if (connection.resentBytes === 0) return;
  if (before(start, connection.recoveryFrom) || after(end, connection.recover)) return;
  connection.resentBytes = Math.max(0, connection.resentBytes - difference(end, start));
  if (connection.resentBytes === 0) takeBack(context, connection);
}

/** Nothing was lost after all: as if it had not been thought so (RFC 4015). */
function takeBack(context: TcpContext, connection: TcpConnection): void {
  context.counters.needlessRecoveries++;
  context.transmissions.forgive(connection);
  connection.resentBytes = 0;
  leaveRecovery(connection);
  connection.congestion.undo();
}

/**
 * Everything outstanding that the peer is not known to have is to be sent again, though nothing was lost to congestion: no recovery
 * begins, one that is under way ends, and the acknowledgment of what did arrive takes nothing back.
 */
export function resendOutstanding(context: TcpContext, connection: TcpConnection): void {
  if (connection.recovery !== RECOVERY_NONE) leaveRecovery(connection);
  connection.resentBytes = 0;
  // What the peer will have twice proves no loss (RFC 6582 section 3.2).
  connection.recover = connection.sndNxt;
  loseOutstanding(context, connection, false);
}

/** RFC 5681 section 4.1: a window that has not been used for a timeout's length is old knowledge. */
export function restartAfterIdle(context: TcpContext, connection: TcpConnection): void {
  if (connection.sndNxt !== connection.sndUna) return;
  if (context.nowMs - connection.lastSentMs <= connection.rtoMs) return;
  connection.congestion.idled(connection.mss);
  forgetNewest(context, connection);
}
