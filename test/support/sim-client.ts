// A model TCP client for simulations: it uploads, downloads, reads when it likes, and closes. Written for clearness,
// not speed, and not after the worker's TCP, so that the two do not share their mistakes: it marks each byte that it
// has, and sends whatever is unacknowledged again after a fixed time. It checks what the server may and may not do.

import * as assert from "uvu/assert";
import {
  ACK,
  emitMssOption,
  emitSackOption,
  emitSackPermittedOption,
  emitTimestampsOption,
  emitWindowScaleOption,
  FIN,
  PSH,
  parseTcpSegment,
  RST,
  SYN,
  TcpSegment,
} from "../../core/wire/tcp.js";
import { type Random, validate } from "./sim-network.js";
import { buildPacket, type Endpoint } from "./tcp-packet.js";

export interface SimClientOptions {
  readonly endpoint: Endpoint;
  readonly upload: Uint8Array;
  /** Bytes that the server will send before its FIN. */
  readonly downloadBytes: number;
  readonly hasTimestamps: boolean;
  readonly hasSack: boolean;
  /** -1: no window scale. */
  readonly windowShift: number;
  readonly mss: number;
  readonly bufferBytes: number;
  /** Time between two reads of the client's user; 0: at once. */
  readonly readEveryMs: number;
  /** 0: every segment is acknowledged at once. */
  readonly delayedAckMs: number;
  /** Whether the client closes after its upload, before it has the download. */
  readonly closesEarly: boolean;
  /** Resets the connection once it has sent and received so many bytes, and answers everything with RSTs from then on; -1: never. */
  readonly resetsAtBytes: number;
}

const NO_DATA = new Uint8Array(0);
const RTO_MS = 250;
const MAX_RTO_MS = 4000;
const MAX_SEGMENTS_IN_FLIGHT = 40;
/** RSTs that nobody asked for, a RTO apart: so many are not all lost. */
const MAX_RESETS = 40;

export class SimClient {
  /** Stream positions: byte 0 of the upload is position 0; sequence number = iss + 1 + position. */
  readonly #iss: number;
  #irs = 0;
  #isSynchronized = false;
  #acknowledged = 0;
  #sent = 0;
  #serverWindow = 0;
  #serverShift = 0;
  #serverMss = 536;
  #duplicates = 0;
  #isClosing = false;
  #isFinAcknowledged = false;
  #retransmitAtMs = 0;
  #rtoMs = RTO_MS;

  readonly download: Uint8Array;
  readonly #has: Uint8Array;
  /** Bytes received in order; and of these, read by the user. */
  #received = 0;
  #read = 0;
  #hasServerFin = false;
  #finPosition = -1;
  /** Furthest position that our window has offered. */
  #offered = 0;
  #lastArrival = 0;
  #ackAtMs = Number.POSITIVE_INFINITY;
  #unacknowledgedSegments = 0;
  #readAtMs = Number.POSITIVE_INFINITY;
  #tsRecent = 0;
  #hasTimestamps = false;
  #hasSack = false;

  /** The server, or this client, has reset the connection. */
  wasReset = false;
  hasReset = false;
  #resets = 0;
  readonly #options: SimClientOptions;
  readonly #send: (packet: Uint8Array) => void;
  readonly #segment = new TcpSegment();
  #nowMs = 0;

  constructor(options: SimClientOptions, random: Random, nowMs: number, send: (packet: Uint8Array) => void) {
    this.#options = options;
    this.#send = send;
    this.#iss = Math.floor(random.next() * 2 ** 32) | 0;
    this.download = new Uint8Array(options.downloadBytes);
    this.#has = new Uint8Array(options.downloadBytes);
    this.#retransmitAtMs = nowMs;
    this.#isClosing = options.closesEarly;
  }

  /** Both sides have closed, and both know. */
  get isDone(): boolean {
    return this.#hasServerFin && this.#isFinAcknowledged;
  }

  /** Bytes of the download that have come, in order. */
  get received(): number {
    return this.#received;
  }

  get nextMs(): number {
    if (this.hasReset) return this.#resets < MAX_RESETS ? this.#retransmitAtMs : Number.POSITIVE_INFINITY;
    return this.isDone || this.wasReset
      ? Number.POSITIVE_INFINITY
      : Math.min(this.#retransmitAtMs, this.#ackAtMs, this.#readAtMs);
  }

  run(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.nextMs > nowMs) return;
    if (this.hasReset) {
      this.#reset();
      return;
    }
    if (this.#readAtMs <= nowMs) this.#readAll();
    if (this.#ackAtMs <= nowMs) this.#sendAck();
    if (this.#retransmitAtMs <= nowMs) this.#retransmit();
  }

  arrive(nowMs: number, packet: Uint8Array): void {
    this.#nowMs = nowMs;
    const segment = this.#segment;
    parseTcpSegment(packet, validate(packet)!.l4Offset, packet.length, segment);
    assert.is(segment.badOptions, 0);
    if (this.hasReset) {
      if ((segment.flags & (RST | ACK)) === ACK) this.#transmit(RST, segment.acknowledgment, NO_DATA);
      return;
    }
    if ((segment.flags & RST) !== 0) {
      if (!this.isDone) this.wasReset = true;
      return;
    }
    if (this.wasReset) return;
    if ((segment.flags & SYN) !== 0) this.#synAckArrived();
    else if (this.#isSynchronized) this.#segmentArrived(packet);
  }

  #synAckArrived(): void {
    const segment = this.#segment;
    if (segment.acknowledgment !== ((this.#iss + 1) | 0)) return;
    if (!this.#isSynchronized) {
      this.#isSynchronized = true;
      this.#irs = segment.sequence;
      this.#serverMss = segment.mss;
      this.#serverShift = Math.max(segment.windowScale, 0);
      this.#hasTimestamps = segment.hasTimestamps === 1;
      this.#hasSack = segment.sackPermitted === 1;
      assert.ok(!this.#hasTimestamps || this.#options.hasTimestamps, "no option that was not offered");
      assert.ok(!this.#hasSack || this.#options.hasSack, "no option that was not offered");
      this.#tsRecent = segment.timestampValue;
      this.#serverWindow = segment.window;
      this.#retransmitAtMs = Number.POSITIVE_INFINITY;
      this.#rtoMs = RTO_MS;
    }
    this.#sendAck();
    this.#sendMore();
    this.#resetIfDue();
  }

  #segmentArrived(packet: Uint8Array): void {
    const segment = this.#segment;
    if (segment.hasTimestamps === 1 && ((segment.timestampValue - this.#tsRecent) | 0) > 0) {
      this.#tsRecent = segment.timestampValue;
    }
    this.#acknowledgmentArrived();
    const start = (segment.sequence - this.#irs - 1) | 0;
    const length = segment.dataEnd - segment.dataStart;
    if (length > 0) {
      assert.ok(
        start >= 0 && start + length <= this.#options.downloadBytes,
        "nothing beyond the stream is sent",
      );
      // A probe may be one byte beyond the window.
      assert.ok(start + length <= this.#offered + 1, "nothing beyond the window is sent");
    }
    const isFin = (segment.flags & FIN) !== 0;
    if (isFin) this.#finPosition = start + length;
    if (length > 0) this.#dataArrived(packet, start, length);
    if (this.#finPosition === this.#received && !this.#hasServerFin) {
      this.#hasServerFin = true;
      this.#isClosing = true;
    }
    if (isFin) this.#sendAck();
    else if (length > 0) this.#acknowledge(start);
    this.#sendMore();
    this.#resetIfDue();
  }

  #resetIfDue(): void {
    const { resetsAtBytes } = this.#options;
    if (resetsAtBytes < 0 || this.isDone || this.#sent + this.#received < resetsAtBytes) return;
    this.hasReset = true;
    this.#reset();
  }

  #reset(): void {
    this.#resets++;
    this.#retransmitAtMs = this.#nowMs + RTO_MS;
    this.#transmit(RST, (this.#iss + 1 + this.#sent) | 0, NO_DATA);
  }

  #acknowledgmentArrived(): void {
    const segment = this.#segment;
    const { upload } = this.#options;
    const position = (segment.acknowledgment - this.#iss - 1) | 0;
    assert.ok(position >= 0 && position <= upload.length + 1, "only what was sent is acknowledged");
    const window = segment.window << this.#serverShift;
    if (position > this.#acknowledged) {
      this.#acknowledged = position;
      this.#duplicates = 0;
      this.#rtoMs = RTO_MS;
      if (position === upload.length + 1) this.#isFinAcknowledged = true;
      this.#retransmitAtMs = position < this.#sent ? this.#nowMs + this.#rtoMs : Number.POSITIVE_INFINITY;
      this.#serverWindow = window;
    } else if (position === this.#acknowledged) {
      if (this.#acknowledged < this.#sent && segment.length === 0 && ++this.#duplicates === 3) {
        this.#sendData(this.#acknowledged);
      }
      this.#serverWindow = window;
    }
  }

  #dataArrived(packet: Uint8Array, start: number, length: number): void {
    const segment = this.#segment;
    const window = this.#offered;
    for (let index = 0; index < length; index++) {
      const position = start + index;
      if (position < this.#received || position >= window) continue;
      const byte = packet[segment.dataStart + index]!;
      if (this.#has[position] === 1) assert.is(this.download[position], byte, "a byte never changes");
      this.#has[position] = 1;
      this.download[position] = byte;
    }
    this.#lastArrival = start;
    while (this.#received < this.#has.length && this.#has[this.#received] === 1) this.#received++;
    if (this.#options.readEveryMs === 0) this.#read = this.#received;
    else if (this.#read < this.#received && this.#readAtMs === Number.POSITIVE_INFINITY) {
      this.#readAtMs = this.#nowMs + this.#options.readEveryMs;
    }
  }

  #acknowledge(start: number): void {
    this.#unacknowledgedSegments++;
    const isOutOfOrder = start >= this.#received;
    if (isOutOfOrder || this.#options.delayedAckMs === 0 || this.#unacknowledgedSegments >= 2)
      this.#sendAck();
    else if (this.#ackAtMs === Number.POSITIVE_INFINITY)
      this.#ackAtMs = this.#nowMs + this.#options.delayedAckMs;
  }

  #readAll(): void {
    this.#readAtMs = Number.POSITIVE_INFINITY;
    const windowBefore = this.#offered - this.#received;
    this.#read = this.#received;
    if (windowBefore < this.#options.bufferBytes / 2) this.#sendAck();
  }

  /** Everything that the window lets us send. */
  #sendMore(): void {
    const { upload } = this.#options;
    const most = Math.min(
      this.#acknowledged + this.#serverWindow,
      this.#acknowledged + MAX_SEGMENTS_IN_FLIGHT * this.#serverMss,
    );
    while (this.#sent < upload.length && this.#sent < most) {
      this.#sent += this.#sendData(this.#sent, most - this.#sent);
    }
    if (this.#isClosing && this.#sent === upload.length) this.#sent += this.#sendData(this.#sent);
    if (
      this.#acknowledged < Math.max(this.#sent, upload.length) &&
      this.#retransmitAtMs === Number.POSITIVE_INFINITY
    ) {
      this.#retransmitAtMs = this.#nowMs + this.#rtoMs;
    }
  }

  #retransmit(): void {
    this.#rtoMs = Math.min(2 * this.#rtoMs, MAX_RTO_MS);
    this.#retransmitAtMs = this.#nowMs + this.#rtoMs;
    this.#duplicates = 0;
    if (!this.#isSynchronized) {
      this.#transmit(SYN, this.#iss, NO_DATA);
      return;
    }
    // Everything that was sent is sent again, a closed window is probed with a byte.
    let position = this.#acknowledged;
    const most = Math.max(this.#serverWindow, 1);
    const limit = Math.min(
      Math.max(this.#sent, position + 1),
      position + Math.min(most, 4 * this.#serverMss),
    );
    while (position < limit) {
      const count = this.#sendData(position, limit - position);
      if (count === 0) break;
      position += count;
    }
    this.#sent = Math.max(this.#sent, position);
  }

  /** Sends a segment from `position` on, with the FIN if it is its turn. Returns the positions that it takes. */
  #sendData(position: number, most: number = Number.POSITIVE_INFINITY): number {
    const { upload } = this.#options;
    const size = Math.min(this.#serverMss - (this.#hasTimestamps ? 12 : 0), most);
    const data = upload.subarray(position, position + size);
    const isFin =
      this.#isClosing &&
      position + data.length === upload.length &&
      position <= upload.length &&
      data.length < most;
    if (data.length === 0 && !isFin) return 0;
    this.#transmit(ACK | PSH | (isFin ? FIN : 0), (this.#iss + 1 + position) | 0, data);
    return data.length + (isFin ? 1 : 0);
  }

  #sendAck(): void {
    this.#transmit(ACK, (this.#iss + 1 + this.#sent) | 0, NO_DATA);
  }

  #transmit(flags: number, sequence: number, data: Uint8Array): void {
    const options = this.#options;
    const isSyn = (flags & SYN) !== 0;
    if (!isSyn) {
      this.#ackAtMs = Number.POSITIVE_INFINITY;
      this.#unacknowledgedSegments = 0;
    }
    const shift = isSyn ? 0 : Math.max(options.windowShift, 0);
    const room = Math.max(
      this.#offered - this.#received,
      options.bufferBytes - (this.#received - this.#read),
    );
    const field = Math.min(room >>> shift, 0xffff);
    this.#offered = Math.max(this.#offered, this.#received + (field << shift));
    const acknowledgment = isSyn ? 0 : (this.#irs + 1 + this.#received + (this.#hasServerFin ? 1 : 0)) | 0;
    this.#send(
      buildPacket(options.endpoint, sequence, acknowledgment, flags, field, data, (bytes, at) =>
        isSyn ? this.#writeSynOptions(bytes, at) : this.#writeOptions(bytes, at, data.length),
      ),
    );
  }

  #writeSynOptions(bytes: Uint8Array, start: number): number {
    const options = this.#options;
    let at = emitMssOption(bytes, start, options.mss);
    if (options.windowShift >= 0) at = emitWindowScaleOption(bytes, at, options.windowShift);
    if (options.hasSack) at = emitSackPermittedOption(bytes, at);
    if (options.hasTimestamps) at = emitTimestampsOption(bytes, at, this.#nowMs | 0, 0);
    return at;
  }

  #writeOptions(bytes: Uint8Array, start: number, dataLength: number): number {
    let at = start;
    if (this.#hasTimestamps) at = emitTimestampsOption(bytes, at, this.#nowMs | 0, this.#tsRecent);
    if (!this.#hasSack || dataLength > 0) return at;
    const ranges = this.#rangesOutOfOrder().slice(0, 3);
    if (ranges.length === 0) return at;
    const edges = Int32Array.from(ranges.flat(), (position) => (this.#irs + 1 + position) | 0);
    return emitSackOption(bytes, at, edges, ranges.length);
  }

  /** What we have beyond the first hole; the range that grew last comes first. */
  #rangesOutOfOrder(): [number, number][] {
    const ranges: [number, number][] = [];
    for (let position = this.#received; position < Math.min(this.#offered, this.#has.length); position++) {
      if (this.#has[position] === 0) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last[1] === position) last[1]++;
      else ranges.push([position, position + 1]);
    }
    const newest = ranges.findIndex(([from, to]) => from <= this.#lastArrival && this.#lastArrival < to);
    if (newest > 0) ranges.unshift(...ranges.splice(newest, 1));
    return ranges;
  }
}
