// Segments that belong to no connection: for LISTEN (RFC 9293 section 3.10.7.2), for CLOSED (3.10.7.1), and for a
// connection in TIME-WAIT (3.10.7.4), whose place a newer SYN may take (RFC 6191).

import { add, after } from "../../core/wire/sequence.js";
import { ACK, FIN, RST, SYN } from "../../core/wire/tcp.js";
import { TcpConnection } from "./connection.js";
import type { TcpContext } from "./context.js";
import { dataOptionsBytes, emitBare, linkMss } from "./emit.js";
import { copyTuple, FourTuple, localPort, sumAddresses } from "./four-tuple.js";
import { terminate } from "./lifetime.js";
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
    segmentForTimeWait(context, row);
    return;
  }
  sumAddresses(bytes, packetOffset, arriving);
  if (!context.listenPorts.has(localPort(arriving))) {
    context.counters.notListening++;
    segmentForClosed(context);
  } else {
    segmentForListen(context);
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
  if (context.flow >= 0) context.flowEnded(context.flow, context.generation);
}

function segmentForListen(context: TcpContext): void {
  const { segment, counters } = context;
  if ((segment.flags & SYN) === 0 || (segment.flags & (ACK | RST)) !== 0) {
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
  const { limits, counters, halfOpen } = context;
  if (context.connections.count >= limits.maxConnections) {
    counters.connectionsFull++;
    forgetFlow(context);
    return;
  }
  if (halfOpen.size >= limits.maxHalfOpen) {
    counters.halfOpenEvicted++;
    for (const oldest of halfOpen) {
      terminate(context, oldest, "aborted");
      break;
    }
  }
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
  initialize(context, connection, iss);
  context.connections.insert(connection);
  halfOpen.add(connection);
  context.owner.mark(connection);
}

/** "Set RCV.NXT to SEG.SEQ+1, IRS is set to SEG.SEQ", and the options that both sides have. */
function initialize(context: TcpContext, connection: TcpConnection, iss: number): void {
  const { segment, limits, nowMs } = context;
  const { tuple } = connection;
  connection.iss = iss;
  connection.sndUna = iss;
  connection.sndNxt = add(iss, 1);
  connection.recover = iss;
  connection.irs = segment.sequence;
  connection.rcvNxt = add(segment.sequence, 1);
  connection.lastAckSent = connection.rcvNxt;
  connection.rcvAdv = add(connection.rcvNxt, Math.min(limits.receiveBufferBytes, 0xffff));
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
  const offered = segment.mss > 0 ? segment.mss : tuple.ipVersion === 4 ? DEFAULT_MSS_IPV4 : DEFAULT_MSS_IPV6;
  // Eff.snd.MSS (RFC 9293 section 3.7.1): the peer's MSS counts no options, ours must fit in as well.
  connection.mss =
    Math.min(Math.max(offered, SMALLEST_MSS), linkMss(context, tuple)) - dataOptionsBytes(connection);
  connection.rtoMs = limits.rtoInitialMs;
  connection.ackDelayMs = limits.peerAckDelayMs;
  connection.lastSentMs = nowMs;
  connection.isProbeDue = 1;
}

/**
 * 3.10.7.4 as far as it concerns TIME-WAIT, where nothing but a FIN sent again, or a new connection's SYN, is of
 * interest.
 */
function segmentForTimeWait(context: TcpContext, row: number): void {
  const { segment, arriving, timeWait } = context;
  arriving.addressSum = timeWait.addressSum(row);
  const sndNxt = timeWait.get(row, TIME_WAIT_SND_NXT);
  const rcvNxt = timeWait.get(row, TIME_WAIT_RCV_NXT);
  if ((segment.flags & (SYN | ACK | FIN)) === SYN && isNewIncarnation(context, row)) {
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
