// A stream transport without a network: a test plays the peer of one connection. It keeps what its user does not
// consume and gives it again, as StreamConnection says, and fails loudly where the user breaks the contract. Nothing
// happens by itself: data arrives with `deliver`, and what was sent stays queued until `acknowledge`.

import type { CloseReason, StreamConnection, StreamUser } from "../../workers/stream.js";

const HIGH_WATER_BYTES = 256 * 1024;
const LOW_WATER_BYTES = 64 * 1024;

export class FakeStream implements StreamConnection {
  user: unknown = undefined;
  readonly sourceAddress = "192.0.2.7";
  readonly sourcePort = 40_007;
  queuedBytes = 0;
  /** Everything sent so far. */
  readonly sent: Buffer[] = [];
  isClosed = false;
  isAborted = false;
  readonly #user: StreamUser;
  /** Received and not consumed. */
  #kept: Buffer = Buffer.alloc(0);
  #peerClosed = false;
  #peerClosedTold = false;
  #isGone = false;
  #isReceiving = false;
  isAboveHighWater = false;
  readonly #acknowledgesAtOnce: boolean;

  constructor(user: StreamUser, acknowledgesAtOnce = true) {
    this.#user = user;
    this.#acknowledgesAtOnce = acknowledgesAtOnce;
    user.opened(this);
  }

  /** Data from the peer. Its bytes are wiped once the call is over: they are valid only during it. */
  deliver(data: Uint8Array | string): void {
    if (this.#isGone) return;
    if (data.length === 0) return;
    this.#kept = Buffer.concat([this.#kept, typeof data === "string" ? Buffer.from(data, "latin1") : data]);
    this.#offer();
  }

  /** The peer ends its side. */
  deliverEnd(): void {
    this.#peerClosed = true;
    if (!this.#isGone && !this.#peerClosedTold) {
      this.#peerClosedTold = true;
      this.#user.peerClosed(this);
    }
  }

  /** The peer acknowledges so many bytes more; all that are queued if not said. */
  acknowledge(bytes = this.queuedBytes): void {
    this.queuedBytes -= Math.min(bytes, this.queuedBytes);
    if (this.isAboveHighWater && this.queuedBytes < LOW_WATER_BYTES) {
      this.isAboveHighWater = false;
      if (!this.#isGone) this.#user.drained(this);
    }
  }

  /** The connection is over. */
  end(reason: CloseReason): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#user.closed(this, reason);
  }

  /** Everything sent so far, in Latin-1. */
  get output(): string {
    return Buffer.concat(this.sent).toString("latin1");
  }

  get keptBytes(): number {
    return this.#kept.length;
  }

  send(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (this.isClosed || this.#isGone) return;
    if (start < 0 || end > bytes.length || start > end) throw new Error("sent outside of the bytes given");
    this.sent.push(Buffer.from(bytes.subarray(start, end)));
    if (this.#acknowledgesAtOnce) return;
    this.queuedBytes += end - start;
    if (this.queuedBytes > HIGH_WATER_BYTES) this.isAboveHighWater = true;
  }

  resume(): void {
    if (this.#isReceiving) throw new Error("resumed from within received");
    if (this.#kept.length > 0 && !this.#isGone) this.#offer();
  }

  close(): void {
    this.isClosed = true;
    if (this.#peerClosed) this.end("closed");
  }

  abort(): void {
    this.isAborted = true;
    this.isClosed = true;
    this.end("aborted");
  }

  #offer(): void {
    // Shared memory, and not at its beginning, as a packet slot is.
    const before = 5;
    const slot = new Uint8Array(new SharedArrayBuffer(this.#kept.length + 2 * before)).fill(0x21);
    slot.set(this.#kept, before);
    this.#isReceiving = true;
    const consumed = this.#user.received(this, slot, before, before + this.#kept.length);
    this.#isReceiving = false;
    slot.fill(0x00);
    if (!(consumed >= 0 && consumed <= this.#kept.length)) throw new Error(`${consumed} bytes consumed`);
    this.#kept = this.#kept.subarray(consumed);
  }
}
