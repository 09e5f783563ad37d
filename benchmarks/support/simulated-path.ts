// A path between a server and its clients, on virtual time: towards the clients a bottleneck with a queue that drops what
// does not fit, then a delay; back only the delay. It loses packets at random, each by itself, also those that a device would
// cut from one offloaded packet. What it must not know: why anything was sent.

import type { Egress } from "../../core/link/egress.js";
import {
  ACK,
  emitSackOption,
  emitTcpHeader,
  emitTimestampsOption,
  FIN,
  parseTcpSegment,
  SYN,
  TcpSegment,
} from "../../core/wire/tcp.js";
import type { TcpStack } from "../../workers/tcp/tcp-stack.js";
import type { Random } from "./random.js";

const IP_HEADER_BYTES = 20;
const TCP_HEADER_BYTES = 20;
const MTU_BYTES = 1500;
/** How much of the way back's delay is chance: without any, flows that share a queue fall into step, and one loses for ever. */
const JITTER = 0.02;

/** A segment on its way to a client: of its header what clients look at. Sequence numbers are absolute. */
export interface Downward {
  readonly atMs: number;
  readonly port: number;
  readonly flags: number;
  readonly sequence: number;
  readonly length: number;
  readonly timestamp: number;
}

/** A segment on its way to the server. */
interface Upward {
  readonly stack: TcpStack;
  readonly port: number;
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly window: number;
  readonly length: number;
  readonly timestamp: number;
  readonly echo: number;
  /** Left and right edges, as in the option. */
  readonly sack: readonly number[];
  /** What a SYN carries beside its timestamps. */
  readonly writeSynOptions?: (bytes: Uint8Array, at: number) => number;
}

export interface PathOptions {
  readonly roundTripMs: number;
  readonly megabitsPerSecond: number;
  readonly queueBytes: number;
  /** Probability that a packet is lost, both ways; those of the handshake and those that carry requests are not. */
  readonly loss: number;
  readonly random: Random;
}

/** First in, first out, without moving what waits. */
class Fifo<Item> {
  #items: Item[] = [];
  #head = 0;

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item {
    const item = this.#items[this.#head++]!;
    if (this.#head > 1024 && 2 * this.#head > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export class SimulatedPath {
  readonly #options: PathOptions;
  readonly #bytesPerMs: number;
  /** When the bottleneck has sent all that it has taken. */
  #busyUntilMs = 0;
  #lastUpMs = 0;
  readonly #down = new Fifo<Downward>();
  readonly #up = new Fifo<Upward & { readonly atMs: number }>();
  readonly #words = new Int32Array(512);
  readonly #bytes = new Uint8Array(this.#words.buffer);
  /** Packets towards the clients: sent, and dropped for want of room in the queue. */
  sent = 0;
  dropped = 0;

  constructor(options: PathOptions) {
    this.#options = options;
    this.#bytesPerMs = options.megabitsPerSecond * 125;
  }

  get nextMs(): number {
    return Math.min(this.#down.first?.atMs ?? Infinity, this.#up.first?.atMs ?? Infinity);
  }

  /** A packet enters the bottleneck. */
  sendDown(nowMs: number, segment: Omit<Downward, "atMs">, wireBytes: number): void {
    const { random, loss, queueBytes, roundTripMs } = this.#options;
    this.sent++;
    if ((segment.flags & SYN) === 0 && random.fraction() < loss) return;
    const startMs = Math.max(nowMs, this.#busyUntilMs);
    if ((startMs - nowMs) * this.#bytesPerMs + wireBytes > queueBytes) {
      this.dropped++;
      return;
    }
    this.#busyUntilMs = startMs + wireBytes / this.#bytesPerMs;
    this.#down.push({ ...segment, atMs: this.#busyUntilMs + roundTripMs / 2 });
  }

  sendUp(nowMs: number, segment: Upward): void {
    const { random, loss, roundTripMs } = this.#options;
    const isPlainAck = segment.flags === ACK && segment.length === 0;
    if (isPlainAck && random.fraction() < loss) return;
    const delayMs = (roundTripMs / 2) * (1 + JITTER * random.fraction());
    this.#lastUpMs = Math.max(this.#lastUpMs, nowMs + delayMs);
    this.#up.push({ ...segment, atMs: this.#lastUpMs });
  }

  /** Gives what is due at `nowMs` to clients and stacks. */
  deliver(nowMs: number, arriveDown: (segment: Downward) => void): void {
    while (this.#down.first !== undefined && this.#down.first.atMs <= nowMs) arriveDown(this.#down.shift());
    while (this.#up.first !== undefined && this.#up.first.atMs <= nowMs) this.#arriveUp(this.#up.shift());
  }

  /** Builds the packet as a director would hand it over: validated, so that its checksums are of no interest. */
  #arriveUp(segment: Upward): void {
    const bytes = this.#bytes;
    const at = IP_HEADER_BYTES;
    bytes[at] = segment.port >>> 8;
    bytes[at + 1] = segment.port;
    bytes[at + 2] = 0;
    bytes[at + 3] = 80;
    let end = at + TCP_HEADER_BYTES;
    if (segment.writeSynOptions !== undefined) end = segment.writeSynOptions(bytes, end);
    end = emitTimestampsOption(bytes, end, segment.timestamp, segment.echo);
    if (segment.sack.length > 0) {
      end = emitSackOption(bytes, end, Int32Array.from(segment.sack), segment.sack.length / 2);
    }
    const { sequence, acknowledgment, flags, window } = segment;
    emitTcpHeader(bytes, at, sequence, acknowledgment, end - at, flags, window);
    const packetBytes = end + segment.length;
    segment.stack.segmentArrives(
      bytes,
      this.#words,
      0,
      packetBytes,
      4,
      at,
      0,
      segment.port,
      1,
      Math.imul(segment.port, 0x9e3779b1),
    );
  }
}

/** Where a stack's packets enter the path: a device that cuts them (GSO), and takes up to 64 KiB at once. */
export class PathEgress implements Egress {
  readonly mtuBytes = MTU_BYTES;
  readonly maxPacketBytes = 65_535;
  readonly checksumOffload = true;
  readonly start = 0;
  readonly buffer = new Uint8Array(65_536);
  nowMs = 0;
  readonly #path: SimulatedPath;
  readonly #segment = new TcpSegment();

  constructor(path: SimulatedPath) {
    this.#path = path;
  }

  transmit(length: number, l4Offset: number, _checksumOffset: number, segmentBytes: number): boolean {
    const segment = this.#segment;
    const { buffer } = this;
    parseTcpSegment(buffer, l4Offset, length, segment);
    const port = (buffer[l4Offset + 2]! << 8) | buffer[l4Offset + 3]!;
    const headerBytes = segment.dataStart;
    const payloadBytes = length - headerBytes;
    const size = segmentBytes > 0 ? segmentBytes : payloadBytes;
    let from = 0;
    do {
      const to = Math.min(from + size, payloadBytes);
      const flags = to < payloadBytes ? segment.flags & ~FIN : segment.flags;
      const sequence = (segment.sequence + from) | 0;
      const { timestampValue: timestamp } = segment;
      this.#path.sendDown(
        this.nowMs,
        { port, flags, sequence, length: to - from, timestamp },
        headerBytes + to - from,
      );
      from = to;
    } while (from < payloadBytes);
    return true;
  }
}
