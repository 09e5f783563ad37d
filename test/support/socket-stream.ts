// A stream transport over a loopback socket of the kernel: lets real clients speak to a StreamUser without our TCP.
// Keeps the contract of StreamConnection, with the kernel's acknowledgement taken for the peer's.

import { createServer, type Socket } from "node:net";
import type { CloseReason, StreamConnection, StreamUser } from "../../workers/stream.js";

const HIGH_WATER_BYTES = 256 * 1024;
const LOW_WATER_BYTES = 64 * 1024;

export class SocketStream implements StreamConnection {
  user: unknown = undefined;
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly #user: StreamUser;
  readonly #socket: Socket;
  #kept: Buffer = Buffer.alloc(0);
  isAboveHighWater = false;
  #reason: CloseReason = "closed";

  constructor(user: StreamUser, socket: Socket) {
    this.#user = user;
    this.#socket = socket;
    this.sourceAddress = socket.remoteAddress ?? "";
    this.sourcePort = socket.remotePort ?? 0;
    user.opened(this);
    socket.on("data", (data) => {
      this.#kept = Buffer.concat([this.#kept, data]);
      this.resume();
    });
    socket.on("end", () => user.peerClosed(this));
    socket.on("error", () => {
      this.#reason = "reset";
    });
    socket.on("close", () => user.closed(this, this.#reason));
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  send(bytes: Uint8Array, start = 0, end = bytes.length): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    this.#socket.write(bytes.subarray(start, end), () => this.#written());
    if (this.queuedBytes > HIGH_WATER_BYTES) this.isAboveHighWater = true;
  }

  resume(): void {
    if (this.#kept.length === 0) return;
    const consumed = this.#user.received(this, this.#kept, 0, this.#kept.length);
    this.#kept = this.#kept.subarray(consumed);
  }

  close(): void {
    this.#socket.end();
  }

  abort(): void {
    this.#reason = "aborted";
    this.#socket.resetAndDestroy();
  }

  #written(): void {
    if (!this.isAboveHighWater || this.queuedBytes >= LOW_WATER_BYTES || this.#socket.destroyed) return;
    this.isAboveHighWater = false;
    this.#user.drained(this);
  }
}

/** Serves `user` on a port of the loopback interface until `close`. */
export async function listen(user: StreamUser): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => new SocketStream(user, socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
