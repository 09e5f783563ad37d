// Connections that a stack holds while nothing happens: each is opened over hand-made packets, has one request answered and
// acknowledged, and stays. Nothing is kept of them here but the number of the last one.

import type { Egress } from "../../core/link/egress.js";
import {
  ACK,
  emitMssOption,
  emitSackPermittedOption,
  emitTcpHeader,
  emitTimestampsOption,
  emitWindowScaleOption,
  SYN,
} from "../../core/wire/tcp.js";
import { readWord, writeWord } from "../../core/wire/word.js";
import type { StreamUser } from "../../workers/stream.js";
import { TcpStack } from "../../workers/tcp/tcp-stack.js";

const IP_BYTES = 20;
const TCP_BYTES = 20;
const request = Buffer.from("GET / HTTP/1.1\r\nHost: limpet\r\n\r\n", "latin1");

/** Remembers of what it is given where the next byte would be. */
class LastSegment implements Egress {
  readonly mtuBytes = 1500;
  readonly maxPacketBytes = 65_535;
  readonly checksumOffload = true;
  readonly start = 0;
  readonly buffer = new Uint8Array(65_536);
  next = 0;

  transmit(length: number, l4Offset: number): boolean {
    const headerBytes = (this.buffer[l4Offset + 12]! >>> 4) << 2;
    const isSyn = (this.buffer[l4Offset + 13]! & SYN) !== 0;
    this.next = (readWord(this.buffer, l4Offset + 4) + length - l4Offset - headerBytes + (isSyn ? 1 : 0)) | 0;
    return true;
  }
}

export class IdleConnections {
  readonly stack: TcpStack;
  readonly #egress = new LastSegment();
  readonly #words = new Int32Array(512);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  #opened = 0;

  constructor(user: StreamUser) {
    this.stack = new TcpStack({
      egresses: [this.#egress],
      user,
      listenPorts: [80],
      nowMs: 0,
      secret: [1, 2, 3],
      flowEnded() {},
    });
  }

  /** Opens `count` connections more, from as many addresses and ports. */
  open(count: number): void {
    for (const last = this.#opened + count; this.#opened < last; this.#opened++) {
      this.stack.turn(this.#opened);
      this.#give(SYN, 0, 0);
      this.#give(ACK, 1, 0);
      this.#give(ACK, 1, request.length);
      this.#give(ACK, 1 + request.length, 0);
      this.stack.expire();
    }
  }

  #give(flags: number, sequence: number, dataBytes: number): void {
    const bytes = this.#bytes;
    const number = this.#opened;
    writeWord(bytes, 12, 0x0a00_0000 + number);
    bytes[IP_BYTES] = 128 + (number & 0x7f);
    bytes[IP_BYTES + 1] = number >>> 7;
    bytes[IP_BYTES + 2] = 0;
    bytes[IP_BYTES + 3] = 80;
    let at = IP_BYTES + TCP_BYTES;
    if (flags === SYN) {
      at = emitMssOption(bytes, at, 1460);
      at = emitWindowScaleOption(bytes, at, 7);
      at = emitSackPermittedOption(bytes, at);
    }
    at = emitTimestampsOption(bytes, at, number, 0);
    emitTcpHeader(bytes, IP_BYTES, sequence, this.#egress.next, at - IP_BYTES, flags, 0xffff);
    bytes.set(request.subarray(0, dataBytes), at);
    const { stack } = this;
    stack.segmentArrives(
      bytes,
      this.#words,
      0,
      at + dataBytes,
      4,
      IP_BYTES,
      0,
      number,
      1,
      Math.imul(number + 1, 0x9e37_79b1),
    );
    stack.flush();
  }
}
