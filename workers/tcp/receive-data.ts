// The seventh and eighth steps of SEGMENT-ARRIVES (RFC 9293 section 3.10.7.4): segment text and FIN. In-order data
// goes to the user straight from the packet; only what the user leaves, or what comes out of order, is copied.

import { add, after, before, difference } from "../../core/wire/sequence.js";
import { FIN } from "../../core/wire/tcp.js";
import {
  ACK_DELAYED,
  ACK_NOW,
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  receiveWindow,
  type TcpConnection,
} from "./connection.js";
import type { TcpContext } from "./context.js";
import { emitAck, linkMss, noteDuplicate } from "./emit.js";
import { enterTimeWait } from "./lifetime.js";
import { ReceiveBuffer } from "./receive-buffer.js";

/** Text and FIN of the segment in hand, some of which lies in the window. */
export function segmentTextArrived(context: TcpContext, connection: TcpConnection, bytes: Uint8Array): void {
  const { segment } = context;
  const { state } = connection;
  // After the peer's FIN there can be no text: "this should not occur … ignore the segment text".
  if (state !== ESTABLISHED && state !== FIN_WAIT_1 && state !== FIN_WAIT_2) return;
  const dataLength = segment.dataEnd - segment.dataStart;
  if ((segment.flags & FIN) !== 0 && connection.hasRcvFin === 0) {
    connection.hasRcvFin = 1;
    connection.rcvFin = add(segment.sequence, dataLength);
  }
  if (dataLength > 0) {
    textArrived(context, connection, bytes);
    if (connection.state === CLOSED) return;
  }
  if (connection.hasRcvFin === 0) return;
  if (connection.rcvFin === connection.rcvNxt) finArrived(context, connection);
  else if (dataLength === 0) emitAck(context, connection);
}

function textArrived(context: TcpContext, connection: TcpConnection, bytes: Uint8Array): void {
  const { segment } = context;
  let start = segment.dataStart;
  let end = segment.dataEnd;
  const distance = difference(segment.sequence, connection.rcvNxt);
  if (end - start > connection.largestSegment) {
    // A device that has not cut what it received hands many segments over as one.
    connection.largestSegment = Math.min(end - start, linkMss(context, connection.tuple));
  }

  // What is before the window was received before, what is beyond was not asked for.
  if (distance < 0) {
    noteDuplicate(connection, segment.sequence, connection.rcvNxt);
    connection.ack = ACK_NOW;
    start -= distance;
  }
  const window = receiveWindow(connection);
  const reach = Math.max(distance, 0) + end - start;
  if (reach > window) {
    end -= reach - window;
    // Its FIN lies beyond the window then; it will come again.
    if (connection.hasRcvFin === 1 && after(connection.rcvFin, connection.rcvAdv)) connection.hasRcvFin = 0;
  }
  if (end <= start) return;
  if (distance > 0) keepOutOfOrder(context, connection, bytes, distance, start, end);
  else takeInOrder(context, connection, bytes, start, end);
}

/** RFC 5681 section 4.2: answered at once, each one, because the peer counts the answers. */
function keepOutOfOrder(
  context: TcpContext,
  connection: TcpConnection,
  bytes: Uint8Array,
  distance: number,
  start: number,
  end: number,
): void {
  context.counters.outOfOrderSegments++;
  if (connection.receive === null) connection.receive = new ReceiveBuffer();
  if (connection.receive.holds(distance, end - start)) {
    const sequence = add(connection.rcvNxt, distance);
    noteDuplicate(connection, sequence, add(sequence, end - start));
    context.counters.duplicateSegments++;
  } else if (!connection.receive.insert(distance, bytes, start, end)) {
    context.counters.outOfOrderDropped++;
  }
  emitAck(context, connection);
}

function takeInOrder(
  context: TcpContext,
  connection: TcpConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (connection.receive === null) {
    connection.rcvNxt = add(connection.rcvNxt, end - start);
    scheduleAck(connection);
    deliver(context, connection, bytes, start, end);
    return;
  }
  const hadHole = connection.receive.rangeStarts.length > 0;
  connection.rcvNxt = add(connection.rcvNxt, connection.receive.append(bytes, start, end));
  // RFC 5681 section 4.2: at once too when a hole is filled, in whole or in part.
  if (hadHole) connection.ack = ACK_NOW;
  else scheduleAck(connection);
  deliverKept(context, connection);
}

/**
 * Every second full segment is acknowledged at the end of the turn, less than that after a delay (RFC 9293 section
 * 3.8.6.3).
 */
function scheduleAck(connection: TcpConnection): void {
  if (difference(connection.rcvNxt, connection.lastAckSent) >= 2 * connection.largestSegment)
    connection.ack = ACK_NOW;
  else if (connection.ack !== ACK_NOW) connection.ack = ACK_DELAYED;
}

/** Gives data to the user straight from the packet, and keeps what it leaves. */
function deliver(
  context: TcpContext,
  connection: TcpConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  connection.isDelivering = 1;
  const consumed = context.user.received(connection, bytes, start, end);
  connection.isDelivering = 0;
  if (consumed >= end - start || connection.state === CLOSED) return;
  connection.receive = new ReceiveBuffer();
  connection.receive.append(bytes, start + consumed, end);
}

/** Gives everything that is kept in order to the user, in one piece. */
export function deliverKept(context: TcpContext, connection: TcpConnection): void {
  const { receive } = connection;
  if (receive === null || receive.unreadBytes === 0) return;
  connection.isDelivering = 1;
  const consumed = context.user.received(connection, receive.bytes, receive.start, receive.end);
  connection.isDelivering = 0;
  if (consumed === 0 || connection.state === CLOSED) return;
  receive.consume(Math.min(consumed, receive.unreadBytes));
  connection.hasRead = 1;
  if (receive.isEmpty) connection.receive = null;
}

/** Eighth: the FIN, with everything before it received. */
function finArrived(context: TcpContext, connection: TcpConnection): void {
  connection.rcvNxt = add(connection.rcvNxt, 1);
  if (before(connection.rcvAdv, connection.rcvNxt)) connection.rcvAdv = connection.rcvNxt;
  connection.ack = ACK_NOW;
  if (connection.state === ESTABLISHED) {
    connection.state = CLOSE_WAIT;
    context.user.peerClosed(connection);
  } else if (connection.state === FIN_WAIT_1) {
    // Had our FIN been acknowledged, the fifth step would have made it FIN-WAIT-2.
    connection.state = CLOSING;
    context.user.peerClosed(connection);
  } else {
    context.user.peerClosed(connection);
    if (connection.state === CLOSED) return;
    emitAck(context, connection);
    enterTimeWait(context, connection);
  }
}
