// One accepted connection of the socket link: what has come from the client and is not in a slot yet, and what is to be
// told to its worker. What always holds: at most MAX_INBOX_BYTES, in MAX_INBOX_PIECES, and two reads of the kernel's wait
// here, and at most RELAY_WINDOW_BYTES that the client has not taken: whoever sends faster than the other side takes is
// stopped.

import type { Socket } from "node:net";
import { copyBytes } from "../memory/copy-bytes.js";
import { RELAY_CREDIT_BYTES } from "../memory/descriptor.js";
import type { WriteBuffers } from "./write-buffers.js";

/** Bytes that wait here, beyond which the socket is not read. */
const MAX_INBOX_BYTES = 64 * 1024;
/** The same in reads: one of a single byte costs some hundred. */
const MAX_INBOX_PIECES = 64;

/** What the link is told by its connections. */
export interface ConnectionObserver {
  /** There is an event to be received. */
  changed(connection: SocketConnection): void;
}

export class SocketConnection {
  readonly number: number;
  readonly socket: Socket;
  /** The link has it in its queue. */
  isQueued = false;
  /** EVENT_OPEN was received, and waits for `accept` or `postpone`. */
  isOffered = false;
  isAccepted = false;
  /** Bytes that the worker has room for. */
  credit = 0;
  /** The client has ended its side; and that was received. */
  hasEnded = false;
  hasToldEnd = false;
  /** The socket is closed. */
  isGone = false;
  wasReset = false;
  readonly #observer: ConnectionObserver;
  readonly #inbox: Buffer[] = [];
  /** Bytes of the first piece that are in slots already. */
  #taken = 0;
  #inboxBytes = 0;
  #isPaused = false;
  /** Bytes given to the socket, and those of them that the worker knows to be written. */
  #givenBytes = 0;
  #toldBytes = 0;
  /** What the kernel has not taken at once, and how many bytes are given when it has. */
  #borrowed: Buffer | undefined;
  #borrowedUntil = 0;
  readonly #buffers: WriteBuffers;
  readonly #written = (): void => {
    this.#giveBack();
    if (this.creditDue > 0) this.#observer.changed(this);
  };

  constructor(number: number, socket: Socket, observer: ConnectionObserver, buffers: WriteBuffers) {
    this.number = number;
    this.socket = socket;
    this.#observer = observer;
    this.#buffers = buffers;
    socket.on("data", (piece: Buffer) => this.#arrived(piece));
    socket.on("end", () => {
      this.hasEnded = true;
      observer.changed(this);
    });
    socket.on("error", () => {
      this.wasReset = true;
    });
    socket.on("close", () => {
      this.isGone = true;
      // What a client has sent before it ended, after us, is still its worker's. Of what was cut off nothing is.
      if (this.wasReset || !this.hasEnded) this.#dropInbox();
      observer.changed(this);
    });
  }

  /** Bytes that `take` has now. */
  get sendable(): number {
    return Math.min(this.credit, this.#inboxBytes);
  }

  /** True if the client's end is the next to be received. */
  get isEndDue(): boolean {
    return this.hasEnded && !this.hasToldEnd && !this.wasReset && this.#inboxBytes === 0;
  }

  /** The socket is closed, and nothing is left to tell of it but that. */
  get isOver(): boolean {
    return this.isGone && this.#inboxBytes === 0;
  }

  /** Bytes written that the worker is to be told of; 0 while they are few, and those after which it sends no more. */
  get creditDue(): number {
    const { writableLength, writableEnded } = this.socket;
    const bytes = this.#givenBytes - writableLength - this.#toldBytes;
    return bytes >= RELAY_CREDIT_BYTES || (writableEnded && writableLength === 0) ? bytes : 0;
  }

  /** Whether anything of it can be received. */
  get hasEvent(): boolean {
    if (!this.isAccepted) return this.isGone || !this.isOffered;
    return this.isOver || this.sendable > 0 || this.isEndDue || this.creditDue > 0;
  }

  tellCredit(bytes: number): void {
    this.#toldBytes += bytes;
  }

  /** Copies up to `most` bytes to `target[at …]`, as far as the worker has room. Returns how many. */
  take(target: Uint8Array, at: number, most: number): number {
    const wanted = Math.min(most, this.sendable);
    let copied = 0;
    while (copied < wanted) {
      const piece = this.#inbox[0]!;
      const count = Math.min(wanted - copied, piece.length - this.#taken);
      copyBytes(piece, this.#taken, this.#taken + count, target, at + copied);
      copied += count;
      this.#taken += count;
      if (this.#taken === piece.length) {
        this.#inbox.shift();
        this.#taken = 0;
      }
    }
    this.credit -= copied;
    this.#inboxBytes -= copied;
    if (this.#isPaused && !this.#isInboxFull) {
      this.#isPaused = false;
      this.socket.resume();
    }
    return copied;
  }

  /** Gives a copy of the bytes to the socket. The worker never has more on their way than the window. */
  write(bytes: Uint8Array, offset: number, length: number): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    this.#giveBack();
    this.#givenBytes += length;
    // Behind others it would wait, and keep a buffer that many others could use meanwhile.
    const borrowed = this.socket.writableLength === 0 ? this.#buffers.borrow(length) : undefined;
    if (borrowed !== undefined) {
      this.#borrowed = borrowed;
      this.#borrowedUntil = this.#givenBytes;
    }
    const buffer = borrowed?.subarray(0, length) ?? Buffer.allocUnsafe(length);
    copyBytes(bytes, offset, offset + length, buffer, 0);
    this.socket.write(buffer, this.#written);
    this.#giveBack();
  }

  /** The kernel has taken what is in the borrowed buffer: mostly it has when `write` returns. */
  #giveBack(): void {
    if (this.#borrowed === undefined) return;
    if (this.#givenBytes - this.socket.writableLength < this.#borrowedUntil) return;
    this.#buffers.giveBack(this.#borrowed);
    this.#borrowed = undefined;
  }

  /** No more will be written. */
  end(): void {
    this.socket.end();
  }

  /** Ends the connection at once; what the client has sent is of no use to anyone any more. */
  reset(): void {
    this.wasReset = true;
    this.#dropInbox();
    // Once the kernel has everything, our end included, it is left to bring that to a slow client. A reset would take back
    // what it has not brought yet.
    if (this.socket.writableFinished) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  get #isInboxFull(): boolean {
    return this.#inboxBytes >= MAX_INBOX_BYTES || this.#inbox.length >= MAX_INBOX_PIECES;
  }

  #dropInbox(): void {
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#taken = 0;
  }

  #arrived(piece: Buffer): void {
    if (this.wasReset) return;
    this.#inbox.push(piece);
    this.#inboxBytes += piece.length;
    if (this.#isInboxFull && !this.#isPaused) {
      this.#isPaused = true;
      this.socket.pause();
    }
    this.#observer.changed(this);
  }
}
