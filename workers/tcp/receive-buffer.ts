// The receive buffer of one connection while it is needed: in-order data that the user has not consumed, and behind
// it, each at its place, what arrived out of order (RFC 9293 section 3.10.7.4, seventh). It knows distances from
// RCV.NXT, not sequence numbers, and trusts its caller that nothing lies beyond the receive window: that bounds it.
//
//   bytes   | free | unread, in order | hole | out of order | hole | out of order | free |
//           0      start              end = RCV.NXT

import { copyBytes } from "../../core/memory/copy-bytes.js";

/** Most ranges kept out of order; a segment that would make one more is not kept. */
export const MAX_RANGES = 32;

const SMALLEST_BYTES = 4096;

export class ReceiveBuffer {
  bytes: Uint8Array = new Uint8Array(SMALLEST_BYTES);
  start = 0;
  end = 0;
  /**
   * Ranges out of order as indices of `bytes`, the most recently changed first: the order in which SACK is to
   * report them (RFC 2018 section 4). They neither overlap nor touch each other.
   */
  readonly rangeStarts: number[] = [];
  readonly rangeEnds: number[] = [];

  get unreadBytes(): number {
    return this.end - this.start;
  }

  get isEmpty(): boolean {
    return this.start === this.end && this.rangeStarts.length === 0;
  }

  /** Counts `count` unread bytes as read. */
  consume(count: number): void {
    this.start += count;
    if (this.start !== this.end || this.rangeStarts.length > 0) return;
    this.start = 0;
    this.end = 0;
  }

  /** Appends in-order data, and takes in what it joins. Returns by how many bytes the in-order data has grown. */
  append(source: Uint8Array, from: number, to: number): number {
    const before = this.end - this.start;
    this.#makeRoom(to - from);
    copyBytes(source, from, to, this.bytes, this.end);
    this.end += to - from;
    for (let index = 0; index < this.rangeStarts.length; ) {
      if (this.rangeStarts[index]! > this.end) {
        index++;
        continue;
      }
      if (this.rangeEnds[index]! > this.end) this.end = this.rangeEnds[index]!;
      this.#removeRange(index);
    }
    return this.end - this.start - before;
  }

  /**
   * Keeps data that begins `distance` bytes (more than 0) after RCV.NXT. Returns false, and keeps nothing, where that
   * would make too many ranges.
   */
  insert(distance: number, source: Uint8Array, from: number, to: number): boolean {
    let rangeStart = this.end + distance;
    let rangeEnd = rangeStart + to - from;
    if (this.rangeStarts.length >= MAX_RANGES && !this.#touchesRange(rangeStart, rangeEnd)) return false;
    const shift = this.#makeRoom(distance + to - from);
    rangeStart -= shift;
    rangeEnd -= shift;
    copyBytes(source, from, to, this.bytes, rangeStart);
    // One pass is enough: ranges do not touch each other, so that taking one in brings no other into reach.
    for (let index = this.rangeStarts.length - 1; index >= 0; index--) {
      if (this.rangeStarts[index]! > rangeEnd || this.rangeEnds[index]! < rangeStart) continue;
      rangeStart = Math.min(rangeStart, this.rangeStarts[index]!);
      rangeEnd = Math.max(rangeEnd, this.rangeEnds[index]!);
      this.#removeRange(index);
    }
    this.rangeStarts.unshift(rangeStart);
    this.rangeEnds.unshift(rangeEnd);
    return true;
  }

  /** Whether bytes at `distance` from RCV.NXT are kept up to `distance + count`: a duplicate. */
  holds(distance: number, count: number): boolean {
    const from = this.end + distance;
    for (let index = 0; index < this.rangeStarts.length; index++) {
      if (this.rangeStarts[index]! <= from && this.rangeEnds[index]! >= from + count) return true;
    }
    return false;
  }

  #touchesRange(start: number, end: number): boolean {
    for (let index = 0; index < this.rangeStarts.length; index++) {
      if (this.rangeStarts[index]! <= end && this.rangeEnds[index]! >= start) return true;
    }
    return false;
  }

  #removeRange(index: number): void {
    this.rangeStarts.splice(index, 1);
    this.rangeEnds.splice(index, 1);
  }

  /** Makes room for `count` bytes after `end`. Returns by how much everything moved towards the front. */
  #makeRoom(count: number): number {
    if (this.end + count <= this.bytes.length) return 0;
    const shift = this.start;
    const needed = this.end - shift + count;
    if (needed <= this.bytes.length && shift >= this.bytes.length >>> 1) {
      this.bytes.copyWithin(0, shift);
    } else {
      // More than is needed, so that a full buffer is not moved for every segment; bounded by three times the window.
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(1.5 * needed)));
      grown.set(this.bytes.subarray(shift));
      this.bytes = grown;
    }
    this.start = 0;
    this.end -= shift;
    for (let index = 0; index < this.rangeStarts.length; index++) {
      this.rangeStarts[index]! -= shift;
      this.rangeEnds[index]! -= shift;
    }
    return shift;
  }
}
