// One connection: the transmission control block of RFC 9293 section 3.3.1, in its words, and what the user sees of
// it. It holds state and knows no rules: those are in segment-arrives, output, loss-recovery and lifetime. Every
// number in it is an integer, sequence numbers signed (see core/wire/sequence), so that changing one allocates
// nothing; buffers exist only while they hold something, and what is known of data on its way lies in its stack's
// transmissions.

import { add, before, difference } from "../../core/wire/sequence.js";
import type { StreamConnection } from "../stream.js";
import type { CongestionControl } from "./congestion-control.js";
import { type FourTuple, remoteAddress, remotePort } from "./four-tuple.js";
import type { PathGuess } from "./path-guess.js";
import type { ReceiveBuffer } from "./receive-buffer.js";
import { NO_ROW } from "./rows.js";
import { SendQueue } from "./send-queue.js";
import type { Timed } from "./timer-wheel.js";
import type { TransmissionList } from "./transmissions.js";

// The states of RFC 9293 section 3.3.2 that a server's connection can be in. LISTEN belongs to the stack and
// TIME-WAIT to its table of records. Their order is used: from ESTABLISHED on a connection is synchronized.
export const CLOSED = 0;
export const SYN_RECEIVED = 1;
export const ESTABLISHED = 2;
export const CLOSE_WAIT = 3;
export const FIN_WAIT_1 = 4;
export const FIN_WAIT_2 = 5;
export const CLOSING = 6;
export const LAST_ACK = 7;

// What is to become of received data's acknowledgment.
export const ACK_NONE = 0;
export const ACK_DELAYED = 1;
export const ACK_NOW = 2;

// How lost data is being recovered.
export const RECOVERY_NONE = 0;
/** After duplicate ACKs or SACK (RFC 6582, RFC 6675). */
export const RECOVERY_FAST = 1;
/** After a retransmission timeout, or as the path took no segments of the size, until all that was outstanding then is acknowledged. */
export const RECOVERY_TIMEOUT = 2;

/** "Not armed" for the times below. */
export const NEVER = -1;

/** Longer than any that is measured. */
const UNKNOWN_ROUND_TRIP_MS = 60_000;

/** What a connection needs from its stack. */
export interface ConnectionOwner {
  /** The connection has something to send, or a timer to start or stop, at the end of the turn. */
  mark(connection: TcpConnection): void;
  /** The user has room again for data that is kept. */
  resume(connection: TcpConnection): void;
  /** The user has queued data. */
  queued(connection: TcpConnection): void;
  /** The user closes (RFC 9293 section 3.10.4) or aborts (3.10.5). */
  close(connection: TcpConnection): void;
  abort(connection: TcpConnection): void;
}

export class TcpConnection implements StreamConnection, Timed, TransmissionList {
  user: unknown = undefined;
  readonly owner: ConnectionOwner;
  readonly tuple: FourTuple;
  state = SYN_RECEIVED;

  // Where the director and the stack's table know it.
  readonly hash: number;
  flow: number;
  generation: number;
  /** Row in the stack's table; -1 once it is out of it. */
  row = -1;
  /** 1 while in the list of connections to flush. */
  isMarked = 0;
  /** 1 from `opened` to `closed`. */
  isOpen = 0;
  /** 1: the user has aborted, and the next output is a RST. */
  isResetDue = 0;

  // Send sequence variables.
  iss = 0;
  sndUna = 0;
  sndNxt = 0;
  sndWnd = 0;
  sndWl1 = 0;
  sndWl2 = 0;
  /** Largest window that the peer has offered. */
  maxSndWnd = 0;
  /** Shift of the windows that the peer sends, and of ours. */
  sndWindShift = 0;
  rcvWindShift = 0;
  /** Most data bytes in a segment: the peer's MSS and the path's, less our options. */
  mss = 536;
  finQueued = 0;
  finSent = 0;
  queue: SendQueue | null = null;
  /** From the queue's passing the high-water mark to its falling below the low one. */
  isAboveHighWater = false;

  // Receive sequence variables. RCV.WND is `rcvAdv - rcvNxt`: what we have offered, which never shrinks.
  irs = 0;
  rcvNxt = 0;
  /** Right edge of the receive window as the peer knows it. */
  rcvAdv = 0;
  /** RCV.NXT as last acknowledged (Last.ACK.sent, RFC 7323 section 4.3). */
  lastAckSent = 0;
  /** Largest data segment that has come, but no larger than our link's: what counts as a full one for delayed ACKs. */
  largestSegment = 0;
  ack = ACK_NONE;
  receive: ReceiveBuffer | null = null;
  /** 1: the user has read data that was kept, and the window may have room to open. */
  hasRead = 0;
  /** 1 while the user is in `received`. */
  isDelivering = 0;
  /** 1 once a FIN has come, with the sequence number `rcvFin`, which data may still be missing before. */
  hasRcvFin = 0;
  rcvFin = 0;
  /** The duplicate data that the next ACK is to report (D-SACK, RFC 2883); the two are equal without. */
  dsackStart = 0;
  dsackEnd = 0;

  // Options agreed to.
  windowScale = 0;
  timestamps = 0;
  sack = 0;
  tsRecent = 0;
  tsRecentMs = 0;

  // Retransmission (RFC 6298). Times in milliseconds, `srtt8` and `rttvar4` scaled by 8 and 4; srtt8 -1: no sample
  // yet.
  srtt8 = -1;
  rttvar4 = 0;
  rtoMs = 0;
  /** Retransmissions or probes since the peer last acknowledged anything. */
  unanswered = 0;
  /** Set once a black hole was suspected on the path. */
  pathGuess: PathGuess | null = null;
  /** 1: since then the network has said that it cannot be reached. */
  isUnreachable = 0;
  /** Probes of a closed window since it was last open: doubles their distance. */
  probes = 0;
  /** 1: the timer has fired, and the next output is to send one probe, or a SYN-ACK. */
  isProbeDue = 0;

  // What was sent and is not acknowledged (transmissions.ts): its rows, and bytes of it that the peer has reported, or that
  // are believed lost. Without SACK `sackedBytes` is what duplicate ACKs stand for.
  firstRow = NO_ROW;
  lastRow = NO_ROW;
  rowCount = 0;
  sackedBytes = 0;
  lostBytes = 0;

  // Detection of loss (RFC 8985, in its words RACK.xmit_ts, end_seq, rtt, min_RTT and fack).
  newestMs = 0;
  newestEnd = 0;
  newestRoundTripMs = 0;
  minRoundTripMs = UNKNOWN_ROUND_TRIP_MS;
  highestDelivered = 0;
  hasReordering = 0;
  /** Width of the reordering window in quarters of `minRoundTripMs`, for how many recoveries yet, and last widened when. */
  reorderQuarters = 1;
  reorderRecoveries = 0;
  widenedUpTo = 0;
  duplicateAcks = 0;
  /** The loss probe that was sent, if one was, and SND.NXT then; how long the peer may take to acknowledge one segment. */
  probeKind = 0;
  probeEnd = 0;
  ackDelayMs = 0;
  /** 1: the timer has fired, and the next output is to send a loss probe. */
  isLossProbeDue = 0;

  // Recovery (RFC 5681, RFC 6582, RFC 6675).
  recovery = RECOVERY_NONE;
  /** SND.NXT and SND.UNA when it began, when that was, and bytes sent again since that the peer has not reported twice. */
  recover = 0;
  recoveryFrom = 0;
  recoveryAtMs = 0;
  resentBytes = 0;
  /** 1: the first lost segment is to be sent again at the next output whatever is in flight. */
  isRetransmitDue = 0;
  lastSentMs = 0;
  readonly congestion: CongestionControl;

  /** When a segment last came, and how often the peer was asked since whether it is still there (RFC 9293 section 3.8.4). */
  heardAtMs = 0;
  keepAliveProbes = 0;
  /** When a challenge ACK was last sent. */
  challengedAtMs = NEVER;

  // Timers: one in the wheel for the earliest of five.
  /** Retransmission, SYN-ACK or zero-window probe. */
  retransmitAtMs = NEVER;
  /** Output is to be tried again: delayed ACK, or a full egress. */
  outputAtMs = NEVER;
  /** The end of what is outstanding is to be probed (RFC 8985 section 7). */
  lossProbeAtMs = NEVER;
  /** More may count as lost (RFC 8985 section 6.3). */
  reorderAtMs = NEVER;
  /** End of FIN-WAIT-2. */
  lingerAtMs = NEVER;
  timerAtMs = NEVER;
  timerNext: Timed | null = null;
  timerPrevious: Timed | null = null;

  constructor(
    owner: ConnectionOwner,
    tuple: FourTuple,
    hash: number,
    flow: number,
    generation: number,
    congestion: CongestionControl,
  ) {
    this.owner = owner;
    this.tuple = tuple;
    this.hash = hash;
    this.flow = flow;
    this.generation = generation;
    this.congestion = congestion;
  }

  get sourceAddress(): string {
    return remoteAddress(this.tuple);
  }

  get sourcePort(): number {
    return remotePort(this.tuple);
  }

  get queuedBytes(): number {
    return this.queue === null ? 0 : this.queue.length;
  }

  send(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    if (!this.#isUsable() || this.finQueued === 1 || end <= start) return;
    if (this.queue === null) this.queue = new SendQueue();
    this.queue.enqueue(bytes, start, end);
    this.owner.queued(this);
  }

  resume(): void {
    if (this.#isUsable() && this.isDelivering === 0) this.owner.resume(this);
  }

  close(): void {
    if (this.#isUsable() && this.finQueued === 0) this.owner.close(this);
  }

  abort(): void {
    if (this.#isUsable()) this.owner.abort(this);
  }

  /** Between `opened` and `closed`, and not aborted by the user. */
  #isUsable(): boolean {
    return this.isOpen === 1 && this.state !== CLOSED;
  }
}

/** Unread bytes kept for the user. */
export function unreadBytes(connection: TcpConnection): number {
  return connection.receive === null ? 0 : connection.receive.unreadBytes;
}

/** Sequence number after the last byte queued: where a FIN has its place. */
export function sendEnd(connection: TcpConnection): number {
  return add(connection.sndUna, connection.queuedBytes);
}

/** Sequence numbers sent and not acknowledged, the FIN's included. */
export function outstandingBytes(connection: TcpConnection): number {
  return difference(connection.sndNxt, connection.sndUna);
}

/** Bytes of [start … end), sent before, that can be sent again in one piece: without the FIN, which takes no room. */
export function resendableBytes(connection: TcpConnection, start: number, end: number): number {
  const dataEnd = connection.finSent === 1 ? add(connection.sndNxt, -1) : connection.sndNxt;
  return difference(before(end, dataEnd) ? end : dataEnd, start);
}

/** Bytes queued that were never sent. */
export function unsentBytes(connection: TcpConnection): number {
  return connection.finSent === 1 ? 0 : difference(sendEnd(connection), connection.sndNxt);
}

/** How far the peer's window reaches beyond the sequence number `from`, in bytes. */
export function sendWindowFrom(connection: TcpConnection, from: number): number {
  return difference(add(connection.sndUna, connection.sndWnd), from);
}

/** RCV.WND. */
export function receiveWindow(connection: TcpConnection): number {
  return difference(connection.rcvAdv, connection.rcvNxt);
}
