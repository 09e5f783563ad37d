// Congestion control and the detection of loss: slow start, congestion avoidance, fast retransmit and fast recovery
// (RFC 5681, RFC 6582 without SACK, RFC 6675 with it), the retransmission timeout (RFC 6298). It changes `cwnd`,
// `ssthresh` and what is due to be sent again; it sends nothing: output does, at the end of the turn.

import { add, after, afterOrAt, before, difference } from "../../core/wire/sequence.js";
import { RECOVERY_FAST, RECOVERY_NONE, RECOVERY_TIMEOUT, type TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { backOff } from "./round-trip.js";
import { Scoreboard } from "./scoreboard.js";

const DUPLICATE_ACKS_THRESHOLD = 3;
/** Keeps sums of windows and sequence numbers far from 2^31. */
const MAX_CWND_BYTES = 1 << 28;

/** RFC 6928 section 2. */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}

/**
 * Data sent and not acknowledged that is thought to be in the network still (RFC 6675's pipe, in recovery with SACK).
 */
export function bytesInFlight(connection: TcpConnection): number {
  const { scoreboard, sndUna, resendNxt } = connection;
  const outstanding = difference(resendNxt, sndUna);
  if (scoreboard === null || scoreboard.sackedBytes === 0) return outstanding;
  const inNetwork = outstanding - scoreboard.sackedWithin(sndUna, resendNxt);
  if (connection.recovery !== RECOVERY_FAST) return inNetwork;
  const lostEdge = scoreboard.lostEdge(sndUna, connection.mss);
  const resent = after(connection.highRxt, sndUna) ? connection.highRxt : sndUna;
  if (!before(resent, lostEdge)) return inNetwork;
  return inNetwork - (difference(lostEdge, resent) - scoreboard.sackedWithin(resent, lostEdge));
}

/** Takes in the SACK blocks of the segment in hand. Returns whether they told anything new. */
export function sackArrived(context: TcpContext, connection: TcpConnection): boolean {
  const { segment } = context;
  const { sndUna, sndNxt } = connection;
  let isNew = false;
  for (let block = 0; block < segment.sackCount; block++) {
    const start = segment.sackEdges[2 * block]!;
    const end = segment.sackEdges[2 * block + 1]!;
    // What is acknowledged already is a D-SACK (RFC 2883), what was never sent is nonsense.
    if (!before(start, end) || !after(start, sndUna) || after(end, sndNxt)) continue;
    if (connection.scoreboard === null) connection.scoreboard = new Scoreboard();
    if (connection.scoreboard.add(start, end)) isNew = true;
  }
  return isNew;
}

/** SND.UNA has moved on by `acked` bytes; `inFlight` were in flight before. */
export function newDataAcknowledged(connection: TcpConnection, acked: number, inFlight: number): void {
  connection.duplicateAcks = 0;
  if (connection.scoreboard !== null) {
    if (connection.sndUna === connection.sndNxt) connection.scoreboard = null;
    else connection.scoreboard.acknowledge(connection.sndUna);
  }
  if (connection.recovery === RECOVERY_FAST) {
    if (afterOrAt(connection.sndUna, connection.recover)) leaveFastRecovery(connection);
    else if (connection.sack === 0) partialAcknowledgment(connection, acked);
    return;
  }
  growWindow(connection, acked, inFlight);
  if (connection.recovery === RECOVERY_TIMEOUT && afterOrAt(connection.sndUna, connection.recover)) {
    connection.recovery = RECOVERY_NONE;
  }
}

function growWindow(connection: TcpConnection, acked: number, inFlight: number): void {
  // A window that is not used is not proven (RFC 7661 section 4.1).
  if (2 * inFlight < connection.cwnd || connection.cwnd >= MAX_CWND_BYTES) return;
  const { mss } = connection;
  if (connection.cwnd < connection.ssthresh) {
    // By what was acknowledged and not by one segment an ACK: one ACK tells of a whole offloaded packet (RFC 3465).
    // After a timeout one segment at most, because an ACK may then tell of data sent long before (section 2.1 there).
    connection.cwnd += connection.recovery === RECOVERY_TIMEOUT ? Math.min(acked, mss) : acked;
    return;
  }
  // One segment each time that a whole window is acknowledged (RFC 5681 section 3.1, RFC 3465 section 2.1).
  connection.ackedInAvoidance += acked;
  if (connection.ackedInAvoidance < connection.cwnd) return;
  connection.ackedInAvoidance -= connection.cwnd;
  connection.cwnd += mss;
}

/** A duplicate ACK: of RFC 5681 section 2 without SACK, one with new SACK blocks with it (RFC 6675 section 2). */
export function duplicateAckArrived(context: TcpContext, connection: TcpConnection): void {
  // Counted as far as it matters: a peer can send any number of them.
  if (connection.duplicateAcks < DUPLICATE_ACKS_THRESHOLD) connection.duplicateAcks++;
  if (connection.recovery === RECOVERY_FAST) {
    // RFC 5681 section 3.2, 4: a segment has left the network. With SACK the scoreboard knows which.
    if (connection.sack === 0 && connection.cwnd < MAX_CWND_BYTES) connection.cwnd += connection.mss;
    return;
  }
  if (connection.recovery !== RECOVERY_NONE) return;
  if (connection.sack === 1) {
    if (connection.duplicateAcks >= DUPLICATE_ACKS_THRESHOLD) enterFastRecovery(context, connection);
  } else if (
    connection.duplicateAcks === DUPLICATE_ACKS_THRESHOLD &&
    // RFC 6582 section 3.2: duplicates that our own earlier retransmissions caused prove no new loss.
    after(connection.sndUna, connection.recover)
  ) {
    enterFastRecovery(context, connection);
  }
}

/** RFC 6675 section 5: SACK may prove a loss before three ACKs have. */
export function detectLoss(context: TcpContext, connection: TcpConnection): void {
  if (connection.recovery !== RECOVERY_NONE || connection.scoreboard === null) return;
  if (connection.scoreboard.lostEdge(connection.sndUna, connection.mss) !== connection.sndUna) {
    enterFastRecovery(context, connection);
  }
}

function enterFastRecovery(context: TcpContext, connection: TcpConnection): void {
  const { mss } = connection;
  context.counters.fastRetransmits++;
  // RFC 5681 section 3.2, 2 and 3
  connection.ssthresh = Math.max(difference(connection.sndNxt, connection.sndUna) >> 1, 2 * mss);
  connection.cwnd = connection.sack === 1 ? connection.ssthresh : connection.ssthresh + 3 * mss;
  connection.ackedInAvoidance = 0;
  connection.recovery = RECOVERY_FAST;
  connection.recover = connection.sndNxt;
  connection.highRxt = connection.sndUna;
  connection.isRetransmitDue = 1;
}

/** RFC 6582 section 3.2, 3, "full acknowledgment"; RFC 6675 section 5, A. */
function leaveFastRecovery(connection: TcpConnection): void {
  const outstanding = difference(connection.sndNxt, connection.sndUna);
  connection.recovery = RECOVERY_NONE;
  connection.isRetransmitDue = 0;
  connection.cwnd =
    connection.sack === 1
      ? connection.ssthresh
      : Math.min(connection.ssthresh, Math.max(outstanding, connection.mss) + connection.mss);
}

/** RFC 6582 section 3.2, 3, "partial acknowledgment": the next hole begins at SND.UNA. */
function partialAcknowledgment(connection: TcpConnection, acked: number): void {
  const { mss } = connection;
  connection.isRetransmitDue = 1;
  connection.cwnd = Math.max(connection.cwnd - acked + (acked >= mss ? mss : 0), mss);
}

/** RFC 6298 section 5.4 to 5.6, RFC 5681 section 3.1: everything outstanding is sent again, in slow start. */
export function retransmissionTimeout(context: TcpContext, connection: TcpConnection): void {
  context.counters.retransmissionTimeouts++;
  backOff(context.limits, connection);
  // A second timeout for the same data says nothing new about the network's capacity.
  if (connection.unanswered === 1) {
    connection.ssthresh = Math.max(bytesInFlight(connection) >> 1, 2 * connection.mss);
  }
  connection.cwnd = connection.mss;
  connection.ackedInAvoidance = 0;
  resendOutstanding(connection);
  // RFC 2018 section 8: the peer may have thrown away what it had only reported.
  if (connection.scoreboard !== null) connection.scoreboard.clear();
}

/** Everything outstanding that the peer is not known to have is to be sent again, as far as the windows allow. */
export function resendOutstanding(connection: TcpConnection): void {
  connection.recovery = RECOVERY_TIMEOUT;
  connection.recover = connection.sndNxt;
  connection.duplicateAcks = 0;
  connection.isRetransmitDue = 0;
  connection.resendNxt = connection.sndUna;
}

/** RFC 5681 section 4.1: a window that has not been used for a timeout's length is old knowledge. */
export function restartAfterIdle(context: TcpContext, connection: TcpConnection): void {
  if (connection.sndNxt !== connection.sndUna) return;
  if (context.nowMs - connection.lastSentMs <= connection.rtoMs) return;
  connection.cwnd = Math.min(connection.cwnd, initialWindow(connection.mss));
}

/** How much may be in flight now: `cwnd`, and a segment for each of the first two duplicate ACKs (RFC 3042). */
export function allowedInFlight(connection: TcpConnection): number {
  if (connection.recovery !== RECOVERY_NONE || connection.sack === 1) return connection.cwnd;
  return connection.cwnd + Math.min(connection.duplicateAcks, 2) * connection.mss;
}

/** The next lost data that was not sent again yet (RFC 6675 NextSeg, rule 1), or SND.NXT if there is none. */
export function nextLost(connection: TcpConnection): number {
  const { scoreboard, sndUna, sndNxt } = connection;
  if (scoreboard === null) return sndNxt;
  const from = scoreboard.skip(after(connection.highRxt, sndUna) ? connection.highRxt : sndUna);
  return before(from, scoreboard.lostEdge(sndUna, connection.mss)) ? from : sndNxt;
}

/** Bytes that may be sent again from `from` on in one piece: up to what the peer has, and not the FIN. */
export function resendableBytes(connection: TcpConnection, from: number): number {
  const dataEnd = connection.finSent === 1 ? add(connection.sndNxt, -1) : connection.sndNxt;
  if (connection.scoreboard === null) return difference(dataEnd, from);
  return connection.scoreboard.holeBytes(from, dataEnd);
}
