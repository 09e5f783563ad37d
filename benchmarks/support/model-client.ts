// The client of a simulated path: takes a stream in, acknowledges as RFC 9293 and 2018 have it (every second segment, at
// once out of order, else after a delay), asks for more. It keeps no bytes, only which there are.

import {
  ACK,
  emitMssOption,
  emitSackPermittedOption,
  emitWindowScaleOption,
  SYN,
} from "../../core/wire/tcp.js";
import type { TcpStack } from "../../workers/tcp/tcp-stack.js";
import type { Downward, SimulatedPath } from "./simulated-path.js";

const WINDOW_SHIFT = 9;
const MSS = 1460;
/** Linux's shortest. */
const DELAYED_ACK_MS = 40;
const REQUEST_BYTES = 100;
const MAX_BLOCKS = 3;

export class ModelClient {
  readonly port: number;
  readonly #stack: TcpStack;
  readonly #path: SimulatedPath;
  #nowMs = 0;
  #sndNxt = 0;
  #rcvNxt = 0;
  #irs = 0;
  #isOpen = false;
  #tsRecent = 0;
  #lastAckSent = 0;
  /** What is there beyond the first hole: edges, that of the newest segment first. */
  #ranges: [number, number][] = [];
  #duplicate: [number, number] | undefined;
  #segmentsToAcknowledge = 0;
  ackAtMs = Infinity;
  /** Segments that were there already. */
  duplicates = 0;
  /** Called with the bytes received in order so far, whenever there are more. */
  onReceived: (nowMs: number, bytes: number) => void = () => {};
  onOpen: (nowMs: number) => void = () => {};

  constructor(stack: TcpStack, path: SimulatedPath, port: number) {
    this.#stack = stack;
    this.#path = path;
    this.port = port;
  }

  /** Bytes received in order. */
  get received(): number {
    return this.#isOpen ? (this.#rcvNxt - this.#irs - 1) >>> 0 : 0;
  }

  connect(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#send(SYN, 0);
    this.#sndNxt = 1;
  }

  request(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#send(ACK, REQUEST_BYTES);
    this.#sndNxt += REQUEST_BYTES;
  }

  arrive(nowMs: number, segment: Downward): void {
    this.#nowMs = nowMs;
    if ((segment.flags & SYN) !== 0) {
      this.#irs = segment.sequence;
      this.#rcvNxt = (segment.sequence + 1) | 0;
      this.#tsRecent = segment.timestamp;
      this.#isOpen = true;
      this.#send(ACK, 0);
      this.onOpen(nowMs);
      return;
    }
    if (((segment.sequence - this.#lastAckSent) | 0) <= 0) this.#tsRecent = segment.timestamp;
    if (segment.length > 0) this.#data(segment.sequence, (segment.sequence + segment.length) | 0);
  }

  acknowledge(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#send(ACK, 0);
  }

  #data(start: number, end: number): void {
    const hadHole = this.#ranges.length > 0;
    if (((end - this.#rcvNxt) | 0) <= 0) {
      this.duplicates++;
      this.#duplicate = [start, end];
      this.#send(ACK, 0);
      return;
    }
    if (((start - this.#rcvNxt) | 0) > 0) {
      this.#keep(start, end);
      this.#send(ACK, 0);
      return;
    }
    this.#rcvNxt = end;
    this.#ranges = this.#ranges.filter(([from, to]) => {
      if (((from - this.#rcvNxt) | 0) > 0) return true;
      if (((to - this.#rcvNxt) | 0) > 0) this.#rcvNxt = to;
      return false;
    });
    this.#segmentsToAcknowledge++;
    if (hadHole || this.#segmentsToAcknowledge >= 2) this.#send(ACK, 0);
    else if (this.ackAtMs === Infinity) this.ackAtMs = this.#nowMs + DELAYED_ACK_MS;
    this.onReceived(this.#nowMs, this.received);
  }

  #keep(start: number, end: number): void {
    let from = start;
    let to = end;
    if (this.#ranges.some(([a, b]) => ((start - a) | 0) >= 0 && ((b - end) | 0) >= 0)) {
      this.duplicates++;
      this.#duplicate = [start, end];
    }
    this.#ranges = this.#ranges.filter(([a, b]) => {
      if (((a - to) | 0) > 0 || ((from - b) | 0) > 0) return true;
      if (((from - a) | 0) > 0) from = a;
      if (((b - to) | 0) > 0) to = b;
      return false;
    });
    this.#ranges.unshift([from, to]);
  }

  #send(flags: number, length: number): void {
    this.ackAtMs = Infinity;
    this.#segmentsToAcknowledge = 0;
    const isSyn = flags === SYN;
    const blocks = this.#duplicate === undefined ? this.#ranges : [this.#duplicate, ...this.#ranges];
    this.#duplicate = undefined;
    this.#lastAckSent = this.#rcvNxt;
    this.#path.sendUp(this.#nowMs, {
      stack: this.#stack,
      port: this.port,
      flags,
      sequence: this.#sndNxt,
      acknowledgment: this.#rcvNxt,
      window: 0xffff,
      length,
      timestamp: Math.floor(this.#nowMs),
      echo: this.#tsRecent,
      sack: isSyn ? [] : blocks.slice(0, MAX_BLOCKS).flat(),
      ...(isSyn
        ? {
            writeSynOptions: (bytes, at) =>
              emitSackPermittedOption(
                bytes,
                emitWindowScaleOption(bytes, emitMssOption(bytes, at, MSS), WINDOW_SHIFT),
              ),
          }
        : {}),
    });
  }
}
