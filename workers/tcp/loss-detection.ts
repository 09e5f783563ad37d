// When is something lost? With SACK by time (RACK, RFC 8985): lost is what was sent before something else that has arrived, and
// long enough ago to have arrived itself. That finds lost retransmissions, and the tail of a flight with the help of a probe
// (TLP, section 7 there), without the retransmission timer. Without SACK by three duplicate ACKs (RFC 5681 section 3.2).
// It marks what is lost (transmissions.ts) and knows nothing of windows; what follows from a loss is loss-recovery's part.

import { after, afterOrAt, before, beforeOrAt, difference } from "../../core/wire/sequence.js";
import { NEVER, outstandingBytes, RECOVERY_FAST, RECOVERY_NONE, type TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { sampleRoundTrip } from "./round-trip.js";

export const DUPLICATE_ACKS_THRESHOLD = 3;

/** Kinds of a loss probe that was sent and not yet judged. */
export const PROBE_NONE = 0;
export const PROBE_NEW_DATA = 1;
export const PROBE_AGAIN = 2;

/** Our clock ticks in milliseconds: times less than that apart cannot be told from equal ones. */
const TICK_MS = 1;
/** Widest reordering window, in quarters of the shortest round trip, and for how many recoveries it stays wide. */
const MAX_REORDER_QUARTERS = 64;
const REORDER_RECOVERIES = 16;
/** A probe waits this long at least: peers and links of a local device do not answer to the millisecond. */
const MIN_PROBE_MS = 10;

/** Data sent and not acknowledged that is thought to be in the network still (RFC 6675's pipe). */
export function bytesInFlight(connection: TcpConnection): number {
  return outstandingBytes(connection) - connection.sackedBytes - connection.lostBytes;
}

/** Takes in what the segment in hand acknowledges, and the round trip that it measures. Returns whether SACK has told anything new. */
export function takeAcknowledgment(context: TcpContext, connection: TcpConnection): boolean {
  const { transmissions, segment, nowMs } = context;
  const { acknowledgment } = segment;
  const hasEcho = connection.timestamps === 1 && segment.hasTimestamps === 1;
  const echoMs = difference(segment.timestampEcho, context.timestampOffset);
  transmissions.beginAcknowledgment(
    connection.highestDelivered,
    // RFC 8985 section 6.2, step 2: what was sent again later than this may be acknowledged for its first transmission.
    hasEcho ? echoMs + 1 : difference(nowMs, connection.minRoundTripMs) + 1,
  );
  transmissions.acknowledge(connection, acknowledgment);
  const hasNewSack = connection.sack === 1 && takeSackBlocks(context, connection);
  connection.highestDelivered = transmissions.highest;
  if (transmissions.isReordered === 1) connection.hasReordering = 1;
  // Karn: of what was sent twice only a timestamp tells which one is acknowledged (RFC 6298 section 3).
  if (transmissions.hasOldest === 1 && transmissions.hasResent === 0) {
    sampleRoundTrip(context.limits, connection, difference(nowMs, transmissions.oldestMs));
  } else if (hasEcho && after(acknowledgment, connection.sndUna) && !hasDuplicateReport(context)) {
    // The ACK of a duplicate echoes what came before it: it would be the time since the ACK that was lost.
    sampleRoundTrip(context.limits, connection, difference(nowMs, echoMs));
  }
  if (transmissions.hasNewest === 1) noteNewest(context, connection);
  return hasNewSack;
}

function takeSackBlocks(context: TcpContext, connection: TcpConnection): boolean {
  const { transmissions, segment } = context;
  let isNew = false;
  for (let block = 0; block < segment.sackCount; block++) {
    const start = segment.sackEdges[2 * block]!;
    const end = segment.sackEdges[2 * block + 1]!;
    // What is acknowledged already is a D-SACK (RFC 2883), what was never sent is nonsense.
    if (!before(start, end) || before(start, segment.acknowledgment) || after(end, connection.sndNxt))
      continue;
    if (transmissions.sack(connection, start, end)) isNew = true;
  }
  return isNew;
}

/** RFC 8985 section 6.2, steps 1 and 2: the newest transmission that has arrived, and how long it took. */
function noteNewest(context: TcpContext, connection: TcpConnection): void {
  const { transmissions, nowMs } = context;
  const { newestMs, newestEnd } = transmissions;
  const roundTripMs = difference(nowMs, newestMs);
  if (transmissions.newestIsResent === 0 && roundTripMs < connection.minRoundTripMs) {
    connection.minRoundTripMs = roundTripMs;
  }
  const isNewer =
    newestMs === connection.newestMs
      ? after(newestEnd, connection.newestEnd)
      : after(newestMs, connection.newestMs);
  if (!isNewer) return;
  connection.newestMs = newestMs;
  connection.newestEnd = newestEnd;
  connection.newestRoundTripMs = roundTripMs;
}

/** Nothing is outstanding: all that is to come is newer. Times wrap after 24 days, which a connection may be idle for. */
export function forgetNewest(context: TcpContext, connection: TcpConnection): void {
  connection.newestMs = context.nowMs | 0;
  connection.newestEnd = connection.sndUna;
}

/** Marks what must be lost by now, and sets the timer for what may be soon (RFC 8985 section 6.2, step 5). */
export function detectLoss(context: TcpContext, connection: TcpConnection): void {
  connection.reorderAtMs = NEVER;
  if (connection.sndUna === connection.sndNxt) return;
  const { nowMs } = context;
  const waitMs = connection.newestRoundTripMs + reorderWindowMs(connection);
  const { newestMs, newestEnd } = connection;
  const leftMs = context.transmissions.loseBefore(connection, newestMs, newestEnd, waitMs, nowMs);
  if (leftMs > 0) connection.reorderAtMs = nowMs + leftMs;
}

/** How much later than others a segment may arrive without being lost (step 4). */
function reorderWindowMs(connection: TcpConnection): number {
  if (connection.hasReordering === 0) {
    const isCertain =
      connection.duplicateAcks >= DUPLICATE_ACKS_THRESHOLD ||
      connection.sackedBytes > (DUPLICATE_ACKS_THRESHOLD - 1) * connection.mss;
    if (connection.recovery !== RECOVERY_NONE || isCertain) return 0;
  }
  const widthMs = (connection.reorderQuarters * connection.minRoundTripMs) >> 2;
  return Math.max(TICK_MS, Math.min(widthMs, connection.srtt8 >> 3));
}

/** A D-SACK: we sent again what was only late. The window widens, once a round trip (step 4). */
export function widenReorderWindow(connection: TcpConnection): void {
  connection.reorderRecoveries = REORDER_RECOVERIES;
  if (before(connection.sndUna, connection.widenedUpTo)) return;
  connection.widenedUpTo = connection.sndNxt;
  if (connection.reorderQuarters < MAX_REORDER_QUARTERS) connection.reorderQuarters++;
}

/** After so many recoveries without a D-SACK the window is as narrow as in the beginning. */
export function narrowReorderWindow(connection: TcpConnection): void {
  if (connection.reorderRecoveries > 0 && --connection.reorderRecoveries === 0)
    connection.reorderQuarters = 1;
}

/** Without SACK a duplicate ACK says that some segment has left the network, if not which (RFC 5681 section 3.2). */
export function countDuplicateAck(connection: TcpConnection): void {
  // Counted as far as it matters: a peer can send any number of them.
  if (connection.duplicateAcks < DUPLICATE_ACKS_THRESHOLD) connection.duplicateAcks++;
  if (connection.sack === 1) return;
  const most = Math.max(0, outstandingBytes(connection) - Math.max(connection.mss, connection.lostBytes));
  connection.sackedBytes = Math.min(connection.sackedBytes + connection.mss, most);
}

/**
 * When a loss probe is to be sent, if what is outstanding stays unanswered: the end of a flight (RFC 8985 section 7.2), or in fast
 * recovery what would else wait for the retransmission timer (the rescue retransmission of RFC 6675 section 4, NextSeg (4)).
 */
export function armLossProbe(context: TcpContext, connection: TcpConnection): void {
  const { recovery } = connection;
  const isInOrder = recovery === RECOVERY_NONE && connection.sackedBytes === 0 && connection.lostBytes === 0;
  const isQuiet =
    connection.sack === 1 &&
    (isInOrder || recovery === RECOVERY_FAST) &&
    connection.probeKind === PROBE_NONE &&
    connection.probes === 0 &&
    // What is outstanding is not all reported.
    outstandingBytes(connection) > connection.sackedBytes;
  if (!isQuiet) {
    connection.lossProbeAtMs = NEVER;
    return;
  }
  if (connection.lossProbeAtMs !== NEVER) return;
  let waitMs =
    connection.srtt8 < 0 ? context.limits.rtoInitialMs : Math.max(connection.srtt8 >> 2, MIN_PROBE_MS);
  // A single segment's acknowledgment may be delayed, but not one that fills a hole.
  const isSingle = outstandingBytes(connection) <= connection.mss;
  if (isSingle && recovery === RECOVERY_NONE) waitMs += connection.ackDelayMs;
  connection.lossProbeAtMs = Math.min(context.nowMs + waitMs, connection.retransmitAtMs);
}

/**
 * Whether the duplicate that the segment in hand reports is our loss probe: nothing was lost, the peer only takes its time (RFC
 * 8985 section 7.4.2, case 2).
 */
export function isProbeDuplicate(context: TcpContext, connection: TcpConnection): boolean {
  if (connection.probeKind !== PROBE_AGAIN || before(context.segment.acknowledgment, connection.probeEnd))
    return false;
  connection.probeKind = PROBE_NONE;
  connection.ackDelayMs = Math.min(2 * connection.ackDelayMs, context.limits.rtoMinMs);
  return true;
}

/** Whether the segment in hand shows that the loss probe has repaired a loss that nothing else tells of (case 3 there). */
export function isProbeRepair(context: TcpContext, connection: TcpConnection): boolean {
  const { acknowledgment } = context.segment;
  const { probeKind, probeEnd } = connection;
  if (probeKind === PROBE_NONE || before(acknowledgment, probeEnd)) return false;
  // As long as no more than the probe is acknowledged its duplicate may still be reported.
  if (probeKind === PROBE_AGAIN && acknowledgment === probeEnd) return false;
  connection.probeKind = PROBE_NONE;
  return probeKind === PROBE_AGAIN;
}

/** Whether the first SACK block of the segment in hand reports a duplicate (RFC 2883 section 4). */
export function hasDuplicateReport(context: TcpContext): boolean {
  const { segment } = context;
  if (segment.sackCount === 0) return false;
  const start = segment.sackEdges[0]!;
  const end = segment.sackEdges[1]!;
  if (!before(start, end)) return false;
  if (beforeOrAt(end, segment.acknowledgment)) return true;
  return (
    segment.sackCount > 1 && afterOrAt(start, segment.sackEdges[2]!) && beforeOrAt(end, segment.sackEdges[3]!)
  );
}
