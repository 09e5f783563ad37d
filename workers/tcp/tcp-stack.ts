// A worker's TCP: RFC 9293, the side that listens. One turn of a worker is `turn(now)`, `segmentArrives` for each
// packet, `expire()`, whatever the user does, and `flush()`, which sends. It reads no clock, draws no random number,
// and knows neither where packets come from nor what the streams carry.

import { ICMP_HEADER_BYTES } from "../../core/wire/icmp-error.js";
import { parseTcpSegment } from "../../core/wire/tcp.js";
import {
  ACK_DELAYED,
  ACK_NOW,
  type ConnectionOwner,
  FIN_WAIT_2,
  NEVER,
  SYN_RECEIVED,
  type TcpConnection,
} from "./connection.js";
import { TcpContext, type TcpStackOptions } from "./context.js";
import { readTuple, turnTuple } from "./four-tuple.js";
import { icmpErrorArrived } from "./icmp-error-arrives.js";
import { sweepConnections } from "./keep-alive.js";
import { abortByUser, closeByUser, giveUp, terminate } from "./lifetime.js";
import { segmentWithoutConnection } from "./listen.js";
import { lookForLoss, retransmissionTimeout } from "./loss-recovery.js";
import { output } from "./output.js";
import { suspectBlackHole } from "./path-mtu.js";
import { deliverKept } from "./receive-data.js";
import { backOff } from "./round-trip.js";
import { segmentArrives } from "./segment-arrives.js";
import type { TcpCounters } from "./tcp-counters.js";
import type { Timed } from "./timer-wheel.js";
import { isAboveHighWater } from "./water-marks.js";

export class TcpStack implements ConnectionOwner {
  readonly #context: TcpContext;
  /** Connections that the end of the turn has to look after; the array is never shortened. */
  readonly #marked: (TcpConnection | null)[] = [];
  #markedCount = 0;
  readonly #outputDue: () => void;

  constructor(options: TcpStackOptions) {
    this.#context = new TcpContext(options, this, (timed) => this.#timerFired(timed));
    this.#outputDue = options.outputDue ?? (() => {});
  }

  get counters(): TcpCounters {
    return this.#context.counters;
  }

  /** Connections, those in SYN-RECEIVED included and those in TIME-WAIT not. */
  get connectionCount(): number {
    return this.#context.connections.count;
  }

  get timeWaitCount(): number {
    return this.#context.timeWait.count;
  }

  /** Timers that run; 0 when every connection is idle. */
  get timerCount(): number {
    return this.#context.wheel.count;
  }

  /** Ranges of data that were sent and not acknowledged; 0 when every connection is idle. */
  get transmissionCount(): number {
    return this.#context.transmissions.inUse;
  }

  /** Sets the time of everything that follows, in milliseconds (fractions are dropped). It never goes back. */
  turn(nowMs: number): void {
    const { nowMs: before } = this.#context;
    this.#context.nowMs = Math.max(before, Math.floor(nowMs));
  }

  /**
   * A TCP packet has arrived whose headers, lengths and checksum were validated: `packetLength` bytes of `bytes` from
   * `packetOffset`, its TCP header at `l4Offset`, both multiples of 4. `words` views the same memory as 32-bit words.
   * `link` is the number of the link, `flow`, `generation` and `hash` are the director's; `flow` is -1 without one.
   * Nothing of `bytes` is kept. Never throws.
   */
  segmentArrives(
    bytes: Uint8Array,
    words: Int32Array,
    packetOffset: number,
    packetLength: number,
    ipVersion: number,
    l4Offset: number,
    link: number,
    flow: number,
    generation: number,
    hash: number,
  ): void {
    const context = this.#context;
    const { arriving, segment, counters } = context;
    counters.segmentsReceived++;
    parseTcpSegment(bytes, l4Offset, packetOffset + packetLength, segment);
    counters.badOptions += segment.badOptions;
    readTuple(words, packetOffset, ipVersion, l4Offset, link, arriving);
    context.hash = hash;
    context.flow = flow;
    context.generation = generation;
    const connection = context.connections.find(arriving, hash);
    if (connection !== null) {
      if (flow >= 0) {
        // The director may have made a new entry for the flow since.
        connection.flow = flow;
        connection.generation = generation;
      }
      if (segmentArrives(context, connection, bytes)) return;
    }
    segmentWithoutConnection(context, bytes, packetOffset);
  }

  /**
   * An ICMP error has arrived, at `icmpOffset` of `bytes`, about a TCP packet that we seem to have sent, whose TCP header is at
   * `innerL4Offset`; both are multiples of 4, and at least 8 bytes of it are there. `hash` is that of the flow. Never throws.
   */
  icmpErrorArrives(
    bytes: Uint8Array,
    words: Int32Array,
    icmpOffset: number,
    ipVersion: number,
    innerL4Offset: number,
    link: number,
    hash: number,
  ): void {
    const context = this.#context;
    const { arriving } = context;
    readTuple(words, icmpOffset + ICMP_HEADER_BYTES, ipVersion, innerL4Offset, link, arriving);
    turnTuple(arriving);
    const connection = context.connections.find(arriving, hash);
    if (connection === null) context.counters.icmpUnknown++;
    else icmpErrorArrived(context, connection, bytes, icmpOffset, innerL4Offset);
  }

  /** Runs the timers that are due. */
  expire(): void {
    const context = this.#context;
    context.wheel.expire(context.nowMs);
    context.timeWait.expire(context.nowMs);
  }

  /** Asks silent peers whether they are still there; to be called about once a second. */
  sweep(): void {
    sweepConnections(this.#context);
  }

  /** Sends what the turn has made due. */
  flush(): void {
    // Users may mark further connections meanwhile, in `closed`.
    for (let index = 0; index < this.#markedCount; index++) {
      const connection = this.#marked[index]!;
      this.#marked[index] = null;
      connection.isMarked = 0;
      output(this.#context, connection);
    }
    this.#markedCount = 0;
  }

  /** When `expire` has to be called next, in milliseconds; Infinity if never. */
  nextDeadlineMs(): number {
    const context = this.#context;
    return Math.min(context.wheel.nextDeadlineMs(), context.timeWait.nextDeadlineMs(context.nowMs));
  }

  /** Ends every connection with a RST, at once: the stack is shut down. */
  abortAll(): void {
    for (const connection of this.#context.connections.all()) {
      if (connection.state === SYN_RECEIVED) terminate(this.#context, connection, "aborted");
      else abortByUser(this.#context, connection);
    }
    this.flush();
  }

  mark(connection: TcpConnection): void {
    if (connection.isMarked === 1) return;
    connection.isMarked = 1;
    this.#marked[this.#markedCount++] = connection;
    if (this.#markedCount === 1) this.#outputDue();
  }

  queued(connection: TcpConnection): void {
    const { limits, counters } = this.#context;
    if (connection.queuedBytes > limits.maxQueuedBytes) {
      counters.sendQueueFull++;
      abortByUser(this.#context, connection);
      return;
    }
    if (isAboveHighWater(limits, connection)) connection.isAboveHighWater = true;
    this.mark(connection);
  }

  resume(connection: TcpConnection): void {
    deliverKept(this.#context, connection);
    this.mark(connection);
  }

  close(connection: TcpConnection): void {
    closeByUser(this.#context, connection);
  }

  abort(connection: TcpConnection): void {
    abortByUser(this.#context, connection);
  }

  #timerFired(timed: Timed): void {
    const context = this.#context;
    // The only things timed in this wheel are connections.
    const connection = timed as TcpConnection;
    this.mark(connection);
    if (isDue(connection.outputAtMs, context.nowMs)) {
      connection.outputAtMs = NEVER;
      if (connection.ack === ACK_DELAYED) connection.ack = ACK_NOW;
    }
    if (isDue(connection.lingerAtMs, context.nowMs) && connection.state === FIN_WAIT_2) {
      context.counters.timeouts++;
      terminate(context, connection, "timeout");
    }
    if (isDue(connection.reorderAtMs, context.nowMs)) lookForLoss(context, connection);
    if (isDue(connection.lossProbeAtMs, context.nowMs)) {
      connection.lossProbeAtMs = NEVER;
      connection.isLossProbeDue = 1;
    }
    // A loss probe goes first: with it the retransmission timer starts anew (RFC 8985 section 7.3).
    if (isDue(connection.retransmitAtMs, context.nowMs) && connection.isLossProbeDue === 0) {
      connection.retransmitAtMs = NEVER;
      this.#retransmissionDue(connection);
    }
  }

  #retransmissionDue(connection: TcpConnection): void {
    const context = this.#context;
    const { limits, counters } = context;
    const isHandshake = connection.state === SYN_RECEIVED;
    connection.unanswered++;
    if (connection.unanswered > (isHandshake ? limits.maxSynAckRetransmissions : limits.maxRetransmissions)) {
      giveUp(context, connection);
    } else if (isHandshake) {
      counters.synAckRetransmissions++;
      backOff(limits, connection);
      connection.isProbeDue = 1;
    } else if (connection.sndWnd === 0 || connection.sndUna === connection.sndNxt) {
      connection.probes++;
      connection.isProbeDue = 1;
    } else {
      suspectBlackHole(context, connection);
      retransmissionTimeout(context, connection);
    }
  }
}

function isDue(atMs: number, nowMs: number): boolean {
  return atMs !== NEVER && atMs <= nowMs;
}
