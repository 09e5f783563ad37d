// A network of one cable for tests: an egress that keeps what the stack sends as the packets that would arrive, and a
// simulated path between two ends that loses, repeats, reorders, damages and delays packets, all from one seed.
// Everything that an egress is given is checked: lengths, checksums, the sizes that the device may be asked to cut.

import * as assert from "uvu/assert";
import type { Egress } from "../../core/link/egress.js";
import { addSums, sumBytes, sumPseudoHeader } from "../../core/wire/checksum.js";
import { PARSE_OK } from "../../core/wire/faults.js";
import { parsePacket } from "../../core/wire/packet.js";
import { PacketView } from "../../core/wire/packet-view.js";
import { PROTOCOL_TCP } from "../../core/wire/protocols.js";
import { FIN, PSH, tcpHeaderBytes } from "../../core/wire/tcp.js";
import { readWord, writeWord } from "../../core/wire/word.js";

/** Numbers from a seed (mulberry32): the same seed, the same numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 <= number < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

/** Parses and validates a packet as the director does; undefined if it has any fault. */
export function validate(packet: Uint8Array): PacketView | undefined {
  const view = new PacketView();
  const halves = new Uint16Array(packet.buffer, packet.byteOffset, packet.length >>> 1);
  return parsePacket(packet, halves, 0, packet.length, false, view) === PARSE_OK ? view : undefined;
}

/** A device that takes packets of up to 64 KiB and cuts them (`isCutting`), or one that takes finished packets. */
export class SimEgress implements Egress {
  readonly mtuBytes: number;
  readonly maxPacketBytes: number;
  readonly checksumOffload: boolean;
  readonly buffer: Uint8Array;
  readonly start = 16;
  /** Calls of `transmit` that were taken. */
  transmits = 0;
  /** True: there is no room for anything. */
  isFull = false;
  readonly #deliver: (packet: Uint8Array) => void;

  constructor(mtuBytes: number, isCutting: boolean, deliver: (packet: Uint8Array) => void) {
    this.mtuBytes = mtuBytes;
    this.maxPacketBytes = isCutting ? 65_535 : mtuBytes;
    this.checksumOffload = isCutting;
    this.buffer = new Uint8Array(this.start + 65_536);
    this.#deliver = deliver;
  }

  transmit(length: number, l4Offset: number, checksumOffset: number, segmentBytes: number): boolean {
    if (this.isFull) return false;
    this.transmits++;
    const packet = this.buffer.slice(this.start, this.start + length);
    assert.ok(
      length <= (segmentBytes > 0 ? this.maxPacketBytes : this.mtuBytes),
      `${length} bytes are too many`,
    );
    assert.is(checksumOffset, 16);
    if (!this.checksumOffload) {
      assert.is(segmentBytes, 0);
      assert.ok(validate(packet), "a packet that was sent is valid");
      this.#deliver(packet);
      return true;
    }
    const isIpv6 = packet[0]! >>> 4 === 6;
    const field = (packet[l4Offset + 16]! << 8) | packet[l4Offset + 17]!;
    assert.is(field, pseudoHeaderSum(packet, isIpv6, length - l4Offset), "offload: the pseudo-header's sum");
    for (const piece of cut(packet, isIpv6, l4Offset, segmentBytes)) {
      assert.ok(piece.length <= this.mtuBytes, "a piece fits the MTU");
      assert.ok(validate(piece), "a piece is valid");
      this.#deliver(piece);
    }
    return true;
  }
}

function pseudoHeaderSum(packet: Uint8Array, isIpv6: boolean, tcpLength: number): number {
  return isIpv6
    ? sumPseudoHeader(packet, 8, 24, 16, PROTOCOL_TCP, tcpLength)
    : sumPseudoHeader(packet, 12, 16, 4, PROTOCOL_TCP, tcpLength);
}

/** What a device with segmentation offload makes of a packet. */
function cut(packet: Uint8Array, isIpv6: boolean, l4Offset: number, segmentBytes: number): Uint8Array[] {
  const headersBytes = l4Offset + tcpHeaderBytes(packet, l4Offset);
  const payloadBytes = packet.length - headersBytes;
  if (segmentBytes > 0) assert.ok(payloadBytes > segmentBytes, "nothing to cut");
  const size = segmentBytes > 0 ? segmentBytes : Math.max(payloadBytes, 1);
  const pieces: Uint8Array[] = [];
  for (let from = 0; from === 0 || from < payloadBytes; from += size) {
    const to = Math.min(from + size, payloadBytes);
    const piece = new Uint8Array(headersBytes + to - from);
    piece.set(packet.subarray(0, headersBytes));
    piece.set(packet.subarray(headersBytes + from, headersBytes + to), headersBytes);
    writeWord(piece, l4Offset + 4, readWord(piece, l4Offset + 4) + from);
    if (to < payloadBytes) piece[l4Offset + 13]! &= ~(FIN | PSH);
    finishPacket(piece, isIpv6, l4Offset);
    pieces.push(piece);
  }
  return pieces;
}

/** Sets lengths and checksums of a TCP packet whose other fields are in place. */
export function finishPacket(packet: Uint8Array, isIpv6: boolean, l4Offset: number): void {
  if (isIpv6) {
    packet[4] = (packet.length - 40) >>> 8;
    packet[5] = packet.length - 40;
  } else {
    packet[2] = packet.length >>> 8;
    packet[3] = packet.length;
    packet[10] = 0;
    packet[11] = 0;
    const headerSum = ~sumBytes(packet, 0, 20);
    packet[10] = headerSum >>> 8;
    packet[11] = headerSum;
  }
  const tcpLength = packet.length - l4Offset;
  packet[l4Offset + 16] = 0;
  packet[l4Offset + 17] = 0;
  const sum = ~addSums(pseudoHeaderSum(packet, isIpv6, tcpLength), sumBytes(packet, l4Offset, tcpLength));
  packet[l4Offset + 16] = sum >>> 8;
  packet[l4Offset + 17] = sum;
}

/** What a path does to packets; probabilities 0 … 1. */
export interface PathFaults {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  /** Probability of `reorderMs` more delay. */
  readonly reordering: number;
  readonly reorderMs: number;
  readonly delayMs: number;
}

interface InTransit {
  readonly atMs: number;
  readonly packet: Uint8Array;
  readonly arrive: (packet: Uint8Array) => void;
}

/** Both directions of a faulty path. Packets of one delay arrive in the order that they were sent in. */
export class SimNetwork {
  readonly #random: Random;
  readonly #faults: PathFaults;
  readonly #inTransit: InTransit[] = [];

  constructor(random: Random, faults: PathFaults) {
    this.#random = random;
    this.#faults = faults;
  }

  send(nowMs: number, packet: Uint8Array, arrive: (packet: Uint8Array) => void): void {
    const random = this.#random;
    const faults = this.#faults;
    const copies = random.chance(faults.loss) ? 0 : random.chance(faults.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const arriving = packet.slice();
      if (random.chance(faults.corruption)) {
        arriving[random.between(0, arriving.length - 1)]! ^= 1 << random.between(0, 7);
      }
      const extraMs = random.chance(faults.reordering) ? random.between(1, faults.reorderMs) : 0;
      this.#insert({ atMs: nowMs + faults.delayMs + extraMs, packet: arriving, arrive });
    }
  }

  #insert(item: InTransit): void {
    let low = 0;
    let high = this.#inTransit.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#inTransit[middle]!.atMs <= item.atMs) low = middle + 1;
      else high = middle;
    }
    this.#inTransit.splice(low, 0, item);
  }

  get nextMs(): number {
    return this.#inTransit[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Lets at most `most` packets arrive that are due; damaged ones are dropped as the director drops them. */
  run(nowMs: number, most: number): void {
    for (let count = 0; count < most && this.nextMs <= nowMs; count++) {
      const { packet, arrive } = this.#inTransit.shift()!;
      if (validate(packet) !== undefined) arrive(packet);
    }
  }
}
