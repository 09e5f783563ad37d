// A worker's end of relayed connections: events of the main thread (core/memory/descriptor.ts) become the calls of a
// stream's user, what the user sends becomes events. Knows nothing of what the streams carry. What always holds: nothing is
// sent that the other side has no room for, nothing is lost for want of room, and a user that takes nothing is given
// no more than the window.

import {
  EVENT_CREDIT,
  EVENT_DATA,
  EVENT_END,
  EVENT_OPEN,
  EVENT_RESET,
  RELAY_CREDIT_BYTES,
  RELAY_RECORD_BYTES,
  RELAY_WINDOW_BYTES,
} from "../../core/memory/descriptor.js";
import type { TransmitProducer } from "../../core/memory/transmit-ring.js";
import { peerSourceAddress, peerSourcePort } from "../../core/wire/peer-block.js";
import type { StreamUser } from "../stream.js";
import { DEFAULT_TCP_LIMITS } from "../tcp/limits.js";
import { ReceiveBuffer } from "../tcp/receive-buffer.js";
import { RelayConnection, type RelayOwner } from "./relay-connection.js";

/** Records that a small transmit ring has room for: while one is taken out others can be put in. */
const RECORDS_A_RING = 4;
/** Users cannot tell a relayed connection from one of our own TCP. */
const { maxQueuedBytes, sendHighWaterBytes, sendLowWaterBytes } = DEFAULT_TCP_LIMITS;

export interface RelayOptions {
  /** The link's number. */
  readonly link: number;
  readonly transmit: TransmitProducer;
  readonly user: StreamUser;
  /** Called when there is something to send and `flush` may not be due: outside of the worker's turn. */
  readonly outputDue: () => void;
}

export class Relay implements RelayOwner {
  readonly #link: number;
  readonly #transmit: TransmitProducer;
  readonly #maxRecordBytes: number;
  readonly #user: StreamUser;
  readonly #outputDue: () => void;
  readonly #connections = new Map<number, RelayConnection>();
  /** Connections that the end of the turn has to look after. */
  readonly #marked: RelayConnection[] = [];

  constructor(options: RelayOptions) {
    this.#link = options.link;
    this.#transmit = options.transmit;
    this.#maxRecordBytes = Math.min(RELAY_RECORD_BYTES, options.transmit.payloadBytes(RECORDS_A_RING));
    this.#user = options.user;
    this.#outputDue = options.outputDue;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** An event, with `length` bytes at `bytes[offset]`, or `length` as its value. Nothing of `bytes` is kept. */
  eventArrives(event: number, number: number, bytes: Uint8Array, offset: number, length: number): void {
    if (event === EVENT_OPEN) {
      this.#open(number, bytes, offset);
      return;
    }
    const connection = this.#connections.get(number);
    // Of one that we have ended: the main thread did not know yet.
    if (connection === undefined) return;
    if (event === EVENT_RESET) this.#gone(connection, length === 0 ? "closed" : "reset");
    else if (!connection.isUsable) return;
    else if (event === EVENT_DATA) this.#received(connection, bytes, offset, offset + length);
    else if (event === EVENT_END) this.#user.peerClosed(connection);
    else if (event === EVENT_CREDIT) this.#credited(connection, length);
  }

  #open(number: number, bytes: Uint8Array, at: number): void {
    const address = peerSourceAddress(bytes, at);
    const connection = new RelayConnection(
      this,
      number,
      address,
      peerSourcePort(bytes, at),
      RELAY_WINDOW_BYTES,
    );
    this.#connections.set(number, connection);
    this.#user.opened(connection);
  }

  #received(connection: RelayConnection, bytes: Uint8Array, start: number, end: number): void {
    if (connection.kept !== null) {
      connection.kept.append(bytes, start, end);
      this.resume(connection);
      return;
    }
    connection.isDelivering = true;
    const consumed = this.#user.received(connection, bytes, start, end);
    connection.isDelivering = false;
    this.#consumed(connection, consumed);
    if (consumed === end - start || !connection.isUsable) return;
    connection.kept = new ReceiveBuffer();
    connection.kept.append(bytes, start + consumed, end);
  }

  resume(connection: RelayConnection): void {
    const { kept } = connection;
    if (kept === null) return;
    connection.isDelivering = true;
    const consumed = this.#user.received(connection, kept.bytes, kept.start, kept.end);
    connection.isDelivering = false;
    kept.consume(consumed);
    this.#consumed(connection, consumed);
    if (kept.isEmpty) connection.kept = null;
  }

  #consumed(connection: RelayConnection, bytes: number): void {
    connection.consumedBytes += bytes;
    if (connection.consumedBytes >= RELAY_CREDIT_BYTES) this.mark(connection);
  }

  #credited(connection: RelayConnection, bytes: number): void {
    connection.credit += bytes;
    if (connection.queue.length > 0 || connection.isClosing) this.mark(connection);
  }

  queued(connection: RelayConnection): void {
    if (connection.queue.length > maxQueuedBytes) {
      connection.abort();
      return;
    }
    if (connection.queue.length > sendHighWaterBytes) connection.isAboveHighWater = true;
    this.mark(connection);
  }

  mark(connection: RelayConnection): void {
    if (connection.isMarked) return;
    connection.isMarked = true;
    this.#marked.push(connection);
    if (this.#marked.length === 1) this.#outputDue();
  }

  /** Sends what the turn has made due. What finds no room in the ring stays marked, and main wakes us when there is some. */
  flush(): void {
    const marked = this.#marked;
    let done = 0;
    // Users may mark further connections meanwhile, in `drained` or `closed`.
    for (; done < marked.length; done++) {
      const connection = marked[done]!;
      connection.isMarked = false;
      if (this.#output(connection)) continue;
      connection.isMarked = true;
      break;
    }
    if (done > 0) marked.splice(0, done);
  }

  /** Ends every connection at once: the worker stops. Those that the ring has no room for main ends, when it forgets us. */
  abortAll(): void {
    for (const connection of this.#connections.values()) connection.abort();
    this.flush();
    for (const connection of this.#connections.values()) this.#gone(connection, "aborted");
  }

  /** Sends what there is of a connection. False if the ring has no room for it. */
  #output(connection: RelayConnection): boolean {
    if (connection.isGone) return true;
    if (connection.isAborted) {
      if (this.#reserve(EVENT_RESET, connection, 0, 0) < 0) return false;
      this.#gone(connection, "aborted");
      return true;
    }
    if (connection.consumedBytes >= RELAY_CREDIT_BYTES) {
      if (this.#reserve(EVENT_CREDIT, connection, connection.consumedBytes, 0) < 0) return false;
      connection.consumedBytes = 0;
    }
    if (!this.#sendQueued(connection)) return false;
    if (connection.isClosing && !connection.hasToldEnd && connection.queue.length === 0) {
      if (this.#reserve(EVENT_END, connection, 0, 0) < 0) return false;
      connection.hasToldEnd = true;
    }
    return true;
  }

  #sendQueued(connection: RelayConnection): boolean {
    const { queue } = connection;
    while (queue.length > 0 && connection.credit > 0) {
      const length = Math.min(queue.length, connection.credit, this.#maxRecordBytes);
      const at = this.#reserve(EVENT_DATA, connection, 0, length);
      if (at < 0) return false;
      queue.copy(0, length, this.#transmit.bytes, at);
      queue.dequeue(length);
      connection.credit -= length;
    }
    if (connection.isAboveHighWater && queue.length < sendLowWaterBytes) {
      connection.isAboveHighWater = false;
      this.#user.drained(connection);
    }
    return true;
  }

  #reserve(event: number, { number }: RelayConnection, value: number, length: number): number {
    const at = this.#transmit.reserve(this.#link, event, number, value, length);
    if (at >= 0 || this.#transmit.awaitRoom()) return at;
    return this.#transmit.reserve(this.#link, event, number, value, length);
  }

  #gone(connection: RelayConnection, reason: "closed" | "reset" | "aborted"): void {
    connection.isGone = true;
    connection.kept = null;
    this.#connections.delete(connection.number);
    this.#user.closed(connection, reason);
  }
}
