// What a worker's HTTP and app are to TCP, played for simulations: takes uploads of known length, sometimes reluctantly, sends each
// its download (after the upload, or at once) and closes. It checks that no byte arrives that was not sent.

import * as assert from "uvu/assert";
import type { CloseReason, StreamConnection, StreamUser } from "../../workers/stream.js";
import type { Random } from "./sim-network.js";
import { pattern } from "./tcp-packet.js";

export interface SimPlan {
  readonly uploadBytes: number;
  readonly downloadBytes: number;
  /** Does not wait for the upload with the download, nor with its FIN: both directions at once, half-closed by the server. */
  readonly answersAtOnce: boolean;
}

interface Upload {
  readonly bytes: Uint8Array;
  count: number;
}

export class SimUser implements StreamUser {
  readonly uploads = new Map<StreamConnection, Upload>();
  /** How connections have ended, by the client's port. */
  readonly reasons = new Map<number, CloseReason>();
  /** Connections whose kept data are to be given again. */
  readonly reluctant = new Set<StreamConnection>();
  /** Ports whose client has closed. */
  readonly peerClosedPorts = new Set<number>();
  readonly #random: Random;
  readonly #plans: ReadonlyMap<number, SimPlan>;
  readonly #reluctance: number;

  /** `plans` by the client's port; `reluctance`: the chance that not all of what is offered is taken. */
  constructor(random: Random, plans: ReadonlyMap<number, SimPlan>, reluctance: number) {
    this.#random = random;
    this.#plans = plans;
    this.#reluctance = reluctance;
  }

  opened(connection: StreamConnection): void {
    const { uploadBytes, answersAtOnce } = this.#plans.get(connection.sourcePort)!;
    assert.not([...this.uploads.keys()].some(({ sourcePort }) => sourcePort === connection.sourcePort));
    this.uploads.set(connection, { bytes: new Uint8Array(uploadBytes), count: 0 });
    if (answersAtOnce || uploadBytes === 0) this.#answer(connection);
  }

  received(connection: StreamConnection, bytes: Uint8Array, start: number, end: number): number {
    const upload = this.uploads.get(connection)!;
    const { answersAtOnce } = this.#plans.get(connection.sourcePort)!;
    let count = end - start;
    // Who has closed leaves nothing: it would be lost with the connection.
    if (!answersAtOnce && this.#random.chance(this.#reluctance)) {
      count = this.#random.between(0, count);
      this.reluctant.add(connection);
    }
    assert.ok(upload.count + count <= upload.bytes.length, "no more arrives than was sent");
    upload.bytes.set(bytes.slice(start, start + count), upload.count);
    upload.count += count;
    const isWhole = count > 0 && upload.count === upload.bytes.length;
    if (isWhole && !answersAtOnce) this.#answer(connection);
    return count;
  }

  #answer(connection: StreamConnection): void {
    const { downloadBytes } = this.#plans.get(connection.sourcePort)!;
    const bytes = pattern(0, downloadBytes);
    for (let from = 0; from < downloadBytes; ) {
      const to = Math.min(downloadBytes, from + this.#random.between(1, 1 + (downloadBytes >>> 1)));
      connection.send(bytes, from, to);
      from = to;
    }
    connection.close();
  }

  peerClosed(connection: StreamConnection): void {
    assert.not(this.peerClosedPorts.has(connection.sourcePort), "a connection's end is told once");
    this.peerClosedPorts.add(connection.sourcePort);
  }

  drained(): void {}

  closed(connection: StreamConnection, reason: CloseReason): void {
    assert.not(this.reasons.has(connection.sourcePort), "a connection is closed once");
    this.reluctant.delete(connection);
    this.reasons.set(connection.sourcePort, reason);
  }
}
