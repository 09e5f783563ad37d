// The transmit half of links that only the main thread can write to: a worker's packets travel through its transmit
// ring, complete with their checksums.

import type { TransmitProducer } from "../memory/transmit-ring.js";
import type { Egress } from "./egress.js";

const HEADROOM_BYTES = 16;

export class RingEgress implements Egress {
  readonly mtuBytes: number;
  readonly maxPacketBytes: number;
  readonly checksumOffload = false;
  readonly buffer: Uint8Array;
  readonly start = HEADROOM_BYTES;
  drops = 0;
  readonly #ring: TransmitProducer;
  readonly #link: number;

  constructor(ring: TransmitProducer, link: number, mtuBytes: number) {
    this.#ring = ring;
    this.#link = link;
    this.mtuBytes = mtuBytes;
    this.maxPacketBytes = mtuBytes;
    this.buffer = new Uint8Array(HEADROOM_BYTES + mtuBytes);
  }

  transmit(length: number): boolean {
    if (this.#ring.push(this.#link, this.buffer, HEADROOM_BYTES, length)) return true;
    this.drops++;
    return false;
  }
}
