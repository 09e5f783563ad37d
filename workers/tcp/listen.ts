// Segments that belong to no connection: for LISTEN (RFC 9293 section 3.10.7.2), for CLOSED (3.10.7.1), and for a
// connection in TIME-WAIT (3.10.7.4), whose place a newer SYN may take (RFC 6191). A SYN that may not make a connection
// yet is answered by a SYN cookie; the ACK of one makes it (RFC 4987).

import { add, after } from "../../core/wire/sequence.js";
import { ACK, FIN, RST, SYN } from "../../core/wire/tcp.js";
import { NEVER, TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { dataOptionsBytes, emitBare, emitSynAck, firstWindow } from "./emit.js";
import { copyTuple, FourTuple, localPort, sumAddresses } from "./four-tuple.js";
import { pathMss } from "./path-mtu.js";
import { segmentArrives } from "./segment-arrives.js";
import { FORGED, NOT_EXPECTED, sackPermittedIn, timestampWithOptions, windowScaleIn } from "./syn-cookie.js";
import {
  TIME_WAIT_RCV_NXT,
  TIME_WAIT_SND_NXT,
  TIME_WAIT_TIMESTAMPS,
  TIME_WAIT_TS_RECENT,
} from "./time-wait.js";

/** What counts for a peer that names no MSS (RFC 9293 section 3.7.1). */
const DEFAULT_MSS_IPV4 = 536;
const DEFAULT_MSS_IPV6 = 1220;
/** A smaller MSS would make every byte cost a packet; Linux's and others' floor. */
const SMALLEST_MSS = 48;
/** How far after the old connection's last sequence number the new one begins: beyond any window not scaled. */
const REUSE_DISTANCE = 0x1_0001;

/** The segment in hand, from the packet at `packetOffset`, found no connection. */
export function segmentWithoutConnection(context: TcpContext, bytes: Uint8Array, packetOffset: number): void {
  const { arriving, timeWait } = context;
  const row = timeWait.find(arriving, context.hash);
  if (row >= 0) {
    segmentForTimeWait(context, row, bytes);
    return;
  }
  sumAddresses(bytes, packetOffset, arriving);
  if (!context.listenPorts.has(localPort(arriving))) {
    context.counters.notListening++;
    segmentForClosed(context);
  } else {
    segmentForListen(context, bytes);
  }
}

/** "An incoming segment containing a RST is discarded. Any other is answered with a RST", in one of two forms. */
function segmentForClosed(context: TcpContext): void {
  const { segment, arriving } = context;
  forgetFlow(context);
  if ((segment.flags & RST) !== 0) return;
  if ((segment.flags & ACK) !== 0) emitBare(context, arriving, segment.acknowledgment, 0, RST, 0);
  else emitBare(context, arriving, 0, add(segment.sequence, segment.length), RST | ACK, 0);
}

/** The director made a flow of this segment, but no connection came of it. */
function forgetFlow(context: TcpContext): void {
  if (context.flow >= 0) context.flowEnded(context.flow, context.generation, false);
}

function segmentForListen(context: TcpContext, bytes: Uint8Array): void {
  const { segment, counters } = context;
  if ((segment.flags & SYN) === 0 || (segment.flags & (ACK | RST)) !== 0) {
    const mss = proveCookie(context);
    if (mss > 0) {
      openByCookie(context, mss, bytes);
      return;
    }
    if (mss === FORGED) counters.synCookiesRejected++;
    // First RST, second ACK, and fourth what should not come: answered just as in CLOSED, but in silence without an
    // ACK.
    counters.noConnection++;
    if ((segment.flags & (ACK | RST)) === 0) forgetFlow(context);
    else segmentForClosed(context);
    return;
  }
  if ((segment.flags & FIN) !== 0) {
    counters.badSyns++;
    forgetFlow(context);
    return;
  }
  openPassively(context, context.initialSequence.next(context.arriving, context.nowMs));
}

/** Third, SYN: a connection in SYN-RECEIVED. Text that the SYN carries is left to be sent again. */
function openPassively(context: TcpContext, iss: number): void {
  if (isFull(context)) return;
  // A SYN without a flow: the director has too many half-open ones.
  if (context.flow < 0 || context.halfOpenCount >= context.limits.maxHalfOpen) {
    answerByCookie(context);
    return;
  }
  const connection = createConnection(context, iss, context.segment.sequence);
  connection.isProbeDue = 1;
  context.owner.mark(connection);
}

/** True if there may be no further connection, and the flow has ended. */
function isFull(context: TcpContext): boolean {
  if (context.connections.count < context.limits.maxConnections) return false;
  context.counters.connectionsFull++;
  forgetFlow(context);
  return true;
}

/**
 * The SYN-ACK that asks whether the source is who it says it is; nothing is kept here. A flow that the director has made of the SYN
 * stays until its time is over: its end, told now, could overtake an ACK that is already under way in it.
 */
function answerByCookie(context: TcpContext): void {
  const { segment, arriving, nowMs, counters } = context;
  const iss = context.cookies.make(arriving, segment.sequence, offeredMss(context), nowMs);
  const { hasTimestamps, windowScale, sackPermitted } = segment;
  const taken = emitSynAck(
    context,
    arriving,
    iss,
    add(segment.sequence, 1),
    windowScale < 0 ? 0 : hasTimestamps,
    hasTimestamps & sackPermitted,
    hasTimestamps,
    timestampWithOptions(context.timestamp, windowScale, sackPermitted),
    segment.timestampValue,
  );
  if (taken) counters.synCookiesSent++;
}

/** The MSS of the cookie that the segment acknowledges; FORGED or NOT_EXPECTED if it acknowledges none. */
function proveCookie({ segment, arriving, cookies, nowMs }: TcpContext): number {
  if ((segment.flags & (SYN | ACK | RST)) !== ACK) return NOT_EXPECTED;
  return cookies.prove(arriving, add(segment.sequence, -1), add(segment.acknowledgment, -1), nowMs);
}

/**
 * The connection that the segment in hand, which proves a cookie with this MSS, would have found if its SYN had been kept; and then
 * the segment is one for it. A client that has left its timestamps out has the options lost, too.
 */
function openByCookie(context: TcpContext, mss: number, bytes: Uint8Array): void {
  const { segment, counters } = context;
  if (isFull(context)) return;
  counters.synCookiesAccepted++;
  const { hasTimestamps, timestampEcho } = segment;
  segment.mss = mss;
  segment.windowScale = hasTimestamps === 1 ? windowScaleIn(timestampEcho) : -1;
  segment.sackPermitted = hasTimestamps === 1 ? sackPermittedIn(timestampEcho) : 0;
  const iss = add(segment.acknowledgment, -1);
  const connection = createConnection(context, iss, add(segment.sequence, -1));
  // Nobody knows when the SYN-ACK went.
  connection.lastSentMs = NEVER;
  segmentArrives(context, connection, bytes);
}

function createConnection(context: TcpContext, iss: number, irs: number): TcpConnection {
  const tuple = new FourTuple();
  copyTuple(context.arriving, tuple);
  const connection = new TcpConnection(
    context.owner,
    tuple,
    context.hash,
    context.flow,
    context.generation,
    context.createCongestionControl(),
  );
  initialize(context, connection, iss, irs);
  context.connections.insert(connection);
  context.halfOpenCount++;
  return connection;
}

/** The MSS of the peer's SYN, or what counts for it. */
function offeredMss({ segment, arriving }: TcpContext): number {
  const offered =
    segment.mss > 0 ? segment.mss : arriving.ipVersion === 4 ? DEFAULT_MSS_IPV4 : DEFAULT_MSS_IPV6;
  return Math.max(offered, SMALLEST_MSS);
}

/** "Set RCV.NXT to SEG.SEQ+1, IRS is set to SEG.SEQ", and the options that both sides have. */
function initialize(context: TcpContext, connection: TcpConnection, iss: number, irs: number): void {
  const { segment, limits, nowMs } = context;
  const { tuple } = connection;
  connection.iss = iss;
  connection.sndUna = iss;
  connection.sndNxt = add(iss, 1);
  connection.recover = iss;
  connection.irs = irs;
  connection.rcvNxt = add(irs, 1);
  connection.lastAckSent = connection.rcvNxt;
  connection.rcvAdv = add(connection.rcvNxt, firstWindow(context));
  if (segment.windowScale >= 0) {
    connection.windowScale = 1;
    connection.sndWindShift = segment.windowScale;
    connection.rcvWindShift = context.windowShift;
  }
  if (segment.hasTimestamps === 1) {
    connection.timestamps = 1;
    connection.tsRecent = segment.timestampValue;
    connection.tsRecentMs = nowMs;
  }
  connection.sack = segment.sackPermitted;
  // Eff.snd.MSS (RFC 9293 section 3.7.1): the peer's MSS counts no options, ours must fit in as well.
  connection.mss = Math.min(offeredMss(context), pathMss(context, tuple)) - dataOptionsBytes(connection);
  connection.rtoMs = limits.rtoInitialMs;
  connection.ackDelayMs = limits.peerAckDelayMs;
  connection.lastSentMs = nowMs;
}

/**
 * 3.10.7.4 as far as it concerns TIME-WAIT, where nothing but a FIN sent again, or a new connection's SYN, is of
 * interest; or its ACK, if another stack has answered the SYN by a cookie.
 */
function segmentForTimeWait(context: TcpContext, row: number, bytes: Uint8Array): void {
  const { segment, arriving, timeWait } = context;
  arriving.addressSum = timeWait.addressSum(row);
  const sndNxt = timeWait.get(row, TIME_WAIT_SND_NXT);
  const rcvNxt = timeWait.get(row, TIME_WAIT_RCV_NXT);
  const isNew = isNewIncarnation(context, row);
  const mss = isNew ? proveCookie(context) : NOT_EXPECTED;
  if (mss > 0) {
    context.counters.timeWaitReused++;
    timeWait.remove(row);
    openByCookie(context, mss, bytes);
    return;
  }
  if (isNew && (segment.flags & (SYN | ACK | FIN)) === SYN) {
    context.counters.timeWaitReused++;
    timeWait.remove(row);
    // RFC 9293 section 3.6.1: the new ISS is larger than the old connection's last sequence number.
    const iss = context.initialSequence.next(arriving, context.nowMs);
    const past = add(sndNxt, REUSE_DISTANCE);
    openPassively(context, after(iss, past) ? iss : past);
    return;
  }
  forgetFlow(context);
  // RFC 1337: a RST must not end it, or old segments may meet a new connection.
  if ((segment.flags & RST) !== 0) return;
  // A FIN sent again: our ACK was lost. Anything else without data or SYN may be an answer to this very ACK.
  if (segment.length === 0) return;
  if ((segment.flags & FIN) !== 0) timeWait.restart(row, context.nowMs);
  emitBare(context, arriving, sndNxt, rcvNxt, ACK, 0xffff);
}

/**
 * RFC 6191 section 2, RFC 9293 section 3.6.1: newer by its timestamp or, without one or at the same tick, by its
 * number.
 */
function isNewIncarnation(context: TcpContext, row: number): boolean {
  const { segment, timeWait } = context;
  if (segment.hasTimestamps === 1 && timeWait.get(row, TIME_WAIT_TIMESTAMPS) === 1) {
    const tsRecent = timeWait.get(row, TIME_WAIT_TS_RECENT);
    if (after(segment.timestampValue, tsRecent)) return true;
    if (segment.timestampValue !== tsRecent) return false;
  }
  return after(segment.sequence, timeWait.get(row, TIME_WAIT_RCV_NXT));
}
