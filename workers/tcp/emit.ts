// Sends one segment of a connection, or one of none. Decides nothing: what goes, and when, is output's part.
// Every segment of a connection carries its newest acknowledgment and window, and so settles any ACK that was due.

import { add, after, before, difference } from "../../core/wire/sequence.js";
import {
  ACK,
  emitMssOption,
  emitSackOption,
  emitSackPermittedOption,
  emitTimestampsOption,
  emitWindowScaleOption,
  RST,
  SYN,
  TIMESTAMPS_OPTION_BYTES,
} from "../../core/wire/tcp.js";
import { ACK_NONE, NEVER, receiveWindow, type TcpConnection, unreadBytes } from "./connection.js";
import type { TcpContext } from "./context.js";
import type { FourTuple } from "./four-tuple.js";

/** How soon output is tried again after the link had no room. */
export const EGRESS_RETRY_MS = 2;

/** Largest segment data that the link itself takes: its MTU less headers without options (RFC 9293 section 3.7.1). */
export function linkMss(context: TcpContext, tuple: FourTuple): number {
  const writer = context.writers[tuple.link]!;
  return writer.egress.mtuBytes - writer.headerBytes(tuple);
}

/**
 * RCV.WND as it is to be offered now. The right edge never moves back, and moves on by no less than a segment or half
 * the buffer (RFC 9293 section 3.8.6.2.2).
 */
export function windowToOffer(context: TcpContext, connection: TcpConnection): number {
  const { receiveBufferBytes } = context.limits;
  const openable = Math.min(receiveBufferBytes - unreadBytes(connection), 0xffff << connection.rcvWindShift);
  const window = receiveWindow(connection);
  return openable - window >= Math.min(receiveBufferBytes >>> 1, connection.mss) ? openable : window;
}

/**
 * SEG.WND to send. With a scaled window the field can tell the edge only to some bytes; we go on accepting data up to
 * the furthest edge that was ever told (RFC 7323 section 2.4).
 */
function advertiseWindow(context: TcpContext, connection: TcpConnection): number {
  const window = windowToOffer(context, connection);
  const field = Math.min(window >>> connection.rcvWindShift, 0xffff);
  const edge = add(connection.rcvNxt, field << connection.rcvWindShift);
  if (after(edge, connection.rcvAdv)) connection.rcvAdv = edge;
  return field;
}

/** Bytes of options in each data segment. */
export function dataOptionsBytes(connection: TcpConnection): number {
  return connection.timestamps === 1 ? TIMESTAMPS_OPTION_BYTES : 0;
}

/** Bytes of all headers before the data of a segment, options included. */
export function dataHeaderBytes(context: TcpContext, connection: TcpConnection): number {
  const { tuple } = connection;
  return context.writers[tuple.link]!.headerBytes(tuple) + dataOptionsBytes(connection);
}

/**
 * Sends `length` bytes of the queue from `sequence` on, or none, with `flags` beside ACK. More than one MSS is for
 * the device to cut. False if the link had no room: then output is tried again soon.
 */
export function emitSegment(
  context: TcpContext,
  connection: TcpConnection,
  sequence: number,
  length: number,
  flags: number,
): boolean {
  const { tuple } = connection;
  const writer = context.writers[tuple.link]!;
  let at = writer.optionsAt(tuple);
  const optionsAt = at;
  if (connection.timestamps === 1) {
    at = emitTimestampsOption(writer.bytes, at, context.timestamp, connection.tsRecent);
  }
  // SACK goes with segments without data only, which every out-of-order arrival is answered with at once: room for it
  // in data segments would cost them their full size.
  if (length > 0) connection.queue!.copy(difference(sequence, connection.sndUna), length, writer.bytes, at);
  else if (connection.sack === 1) at = emitSackBlocks(context, connection, writer.bytes, at);
  const taken = writer.transmitSegment(
    tuple,
    sequence,
    connection.rcvNxt,
    ACK | flags,
    advertiseWindow(context, connection),
    at - optionsAt,
    length,
    length > connection.mss ? connection.mss : 0,
  );
  if (!taken) {
    context.counters.egressFull++;
    connection.outputAtMs = context.nowMs + EGRESS_RETRY_MS;
    return false;
  }
  context.counters.segmentsSent++;
  connection.ack = ACK_NONE;
  connection.outputAtMs = NEVER;
  connection.lastAckSent = connection.rcvNxt;
  return true;
}

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
export function emitAck(context: TcpContext, connection: TcpConnection): boolean {
  return emitSegment(context, connection, connection.sndNxt, 0, 0);
}

/**
 * A challenge ACK (RFC 5961), or any answer to a segment that may itself be one: limited, or two stacks go on for
 * ever.
 */
export function emitChallengeAck(context: TcpContext, connection: TcpConnection): void {
  const { challengedAtMs } = connection;
  if (challengedAtMs !== NEVER && context.nowMs - challengedAtMs < context.limits.challengeAckMs) {
    context.counters.challengeAcksLimited++;
    return;
  }
  connection.challengedAtMs = context.nowMs;
  context.counters.challengeAcks++;
  emitAck(context, connection);
}

/** RFC 2018 section 4 and RFC 2883 section 4: duplicate data first, then the ranges, those changed last first. */
function emitSackBlocks(
  context: TcpContext,
  connection: TcpConnection,
  bytes: Uint8Array,
  at: number,
): number {
  const { receive } = connection;
  const ranges = receive === null ? 0 : receive.rangeStarts.length;
  const hasDuplicate = connection.dsackStart !== connection.dsackEnd;
  if (ranges === 0 && !hasDuplicate) return at;
  const edges = context.sackEdges;
  const most = connection.timestamps === 1 ? 3 : 4;
  let blocks = 0;
  if (hasDuplicate) {
    edges[0] = connection.dsackStart;
    edges[1] = connection.dsackEnd;
    connection.dsackEnd = connection.dsackStart;
    blocks = 1;
  }
  for (let range = 0; range < ranges && blocks < most; range++, blocks++) {
    edges[2 * blocks] = connection.rcvNxt + (receive!.rangeStarts[range]! - receive!.end);
    edges[2 * blocks + 1] = connection.rcvNxt + (receive!.rangeEnds[range]! - receive!.end);
  }
  return emitSackOption(bytes, at, edges, blocks);
}

/**
 * <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> to `tuple`, with our MSS and those of window scale, SACK and timestamps that are 1. False
 * if the link had no room.
 */
export function emitSynAck(
  context: TcpContext,
  tuple: FourTuple,
  iss: number,
  rcvNxt: number,
  windowScale: number,
  sack: number,
  timestamps: number,
  timestamp: number,
  tsRecent: number,
): boolean {
  const writer = context.writers[tuple.link]!;
  const optionsAt = writer.optionsAt(tuple);
  let at = emitMssOption(writer.bytes, optionsAt, linkMss(context, tuple));
  if (windowScale === 1) at = emitWindowScaleOption(writer.bytes, at, context.windowShift);
  if (sack === 1) at = emitSackPermittedOption(writer.bytes, at);
  if (timestamps === 1) at = emitTimestampsOption(writer.bytes, at, timestamp, tsRecent);
  const taken = writer.transmitSegment(
    tuple,
    iss,
    rcvNxt,
    SYN | ACK,
    firstWindow(context),
    at - optionsAt,
    0,
    0,
  );
  if (taken) context.counters.segmentsSent++;
  else context.counters.egressFull++;
  return taken;
}

/** The receive window that a SYN-ACK offers: it is never scaled (RFC 7323 section 2.2). */
export function firstWindow(context: TcpContext): number {
  return Math.min(context.limits.receiveBufferBytes, 0xffff);
}

/** A segment without options or data that belongs to no connection. */
export function emitBare(
  context: TcpContext,
  tuple: FourTuple,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
): void {
  const writer = context.writers[tuple.link]!;
  if (!writer.transmitSegment(tuple, sequence, acknowledgment, flags, window, 0, 0, 0)) {
    context.counters.egressFull++;
    return;
  }
  context.counters.segmentsSent++;
  if ((flags & RST) !== 0) context.counters.resetsSent++;
}

/** Remembers [start … end) as data that came twice, for the next ACK to report (RFC 2883 section 4). */
export function noteDuplicate(connection: TcpConnection, start: number, end: number): void {
  if (connection.sack === 0 || !before(start, end)) return;
  connection.dsackStart = start;
  connection.dsackEnd = end;
}
