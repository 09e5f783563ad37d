// One relayed connection as its user sees it: the kernel ends its TCP on the main thread, and bytes come and go as events.
// It holds state; relay.ts moves it.

import type { StreamConnection } from "../stream.js";
import type { ReceiveBuffer } from "../tcp/receive-buffer.js";
import { SendQueue } from "../tcp/send-queue.js";

/** What a connection needs of its relay. */
export interface RelayOwner {
  /** The connection has something to send at the end of the turn. */
  mark(connection: RelayConnection): void;
  /** The user has queued data. */
  queued(connection: RelayConnection): void;
  /** The user has room again for data that is kept. */
  resume(connection: RelayConnection): void;
}

export class RelayConnection implements StreamConnection {
  user: unknown = undefined;
  readonly number: number;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly queue = new SendQueue();
  /** Bytes that may be sent before the main thread says that it has written some. */
  credit: number;
  /** Bytes consumed that the main thread has not been told of. */
  consumedBytes = 0;
  /** What the user has left; null where it takes everything. */
  kept: ReceiveBuffer | null = null;
  isMarked = false;
  isDelivering = false;
  isAboveHighWater = false;
  /** The user has closed its side; and the main thread has been told. */
  isClosing = false;
  hasToldEnd = false;
  /** The user has aborted. */
  isAborted = false;
  /** The main thread knows no such connection any more. */
  isGone = false;
  readonly #owner: RelayOwner;
  readonly #windowBytes: number;

  constructor(
    owner: RelayOwner,
    number: number,
    sourceAddress: string,
    sourcePort: number,
    windowBytes: number,
  ) {
    this.#owner = owner;
    this.number = number;
    this.sourceAddress = sourceAddress;
    this.sourcePort = sourcePort;
    this.credit = windowBytes;
    this.#windowBytes = windowBytes;
  }

  /**
   * What the main thread does not have yet, and once the user has closed also what it has not given to the kernel: it tells
   * of all of that only at the end. An `abort` would throw it away.
   */
  get queuedBytes(): number {
    return this.queue.length + (this.isClosing ? this.#windowBytes - this.credit : 0);
  }

  send(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    if (!this.isUsable || this.isClosing || end <= start) return;
    this.queue.enqueue(bytes, start, end);
    this.#owner.queued(this);
  }

  resume(): void {
    if (this.isUsable && !this.isDelivering) this.#owner.resume(this);
  }

  close(): void {
    if (!this.isUsable || this.isClosing) return;
    this.isClosing = true;
    this.#owner.mark(this);
  }

  abort(): void {
    if (!this.isUsable) return;
    this.isAborted = true;
    this.#owner.mark(this);
  }

  /** Between `opened` and `closed`, and not aborted by the user. */
  get isUsable(): boolean {
    return !this.isGone && !this.isAborted;
  }
}
