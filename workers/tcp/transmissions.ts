// What every connection of a stack has sent and the peer has not acknowledged, in rows: a range of sequence numbers, when it
// was sent last, and what is known of it. A connection's rows are linked in the order of their numbers and cover SND.UNA to
// SND.NXT without a gap. All rows lie in one array, so that sending allocates nothing and an idle connection has none.
// It keeps marks and sums; what is to be marked is decided elsewhere. Of ranges sent in one millisecond one row is made.
//
// A row's words: start, end, when it was sent (ms), flags, next row, previous row.

import { add, after, before, beforeOrAt, difference } from "../../core/wire/sequence.js";

/** The peer has it (RFC 2018). */
const SACKED = 1;
/** It is believed lost, and was not sent again since. */
const LOST = 2;
/** It was sent more than once, or may not have been taken: its acknowledgment measures nothing (Karn). */
export const RESENT = 4;

const ROW_WORDS = 6;
const START = 0;
const END = 1;
const SENT_MS = 2;
const FLAGS = 3;
const NEXT = 4;
const PREVIOUS = 5;

export const NO_ROW = -1;
/**
 * Most rows that new data and SACK blocks may make of a connection: a peer could make many with odd blocks. What would need one
 * more is coarser then: a block that ends within a row does not count for it, and what is sent joins the last row. Sending again
 * can add some, no more than there are segments in the window.
 */
export const MAX_ROWS = 2048;

/** What a connection keeps of its rows. */
export interface TransmissionList {
  sentHead: number;
  sentTail: number;
  sentRows: number;
  sackedBytes: number;
  lostBytes: number;
}

/** Was (ms, end) sent after (thanMs, thanEnd)? Of one millisecond the higher number was (RFC 8985 section 6.2, step 2). */
function isSentAfter(ms: number, end: number, thanMs: number, thanEnd: number): boolean {
  return ms === thanMs ? after(end, thanEnd) : after(ms, thanMs);
}

export class Transmissions {
  #words = new Int32Array(64 * ROW_WORDS);
  /** Free rows are linked through NEXT; rows never used begin at `#fresh`. */
  #free = NO_ROW;
  #fresh = 0;
  #inUse = 0;

  // What has been told since `beginAcknowledgment`.
  /** 1 if anything was newly acknowledged that it is known which transmission of; the one sent last, then. */
  hasNewest = 0;
  newestMs = 0;
  newestEnd = 0;
  newestIsResent = 0;
  /** When the oldest in-order data newly acknowledged was sent, if `hasOldest`; of no use if any was sent twice. */
  hasOldest = 0;
  oldestMs = 0;
  hasResent = 0;
  /** 1 if a number below the highest one delivered before came late, and not because it was sent again. */
  isReordered = 0;
  /** Highest sequence number delivered, plus one (RFC 8985: RACK.fack). */
  highest = 0;
  #highestBefore = 0;
  #ambiguousFromMs = 0;

  /** Rows in use, of all connections. */
  get inUse(): number {
    return this.#inUse;
  }

  start(row: number): number {
    return this.#words[row * ROW_WORDS + START]!;
  }

  end(row: number): number {
    return this.#words[row * ROW_WORDS + END]!;
  }

  /** New data, from SND.NXT on, is sent. `flags`: RESENT, if its acknowledgment is to measure nothing. */
  sent(list: TransmissionList, start: number, end: number, nowMs: number, flags = 0): void {
    const tail = list.sentTail;
    const at = tail * ROW_WORDS;
    if (tail !== NO_ROW) {
      const isAlike =
        difference(this.#words[at + SENT_MS]!, nowMs) === 0 && this.#words[at + FLAGS] === flags;
      // In a row too many it counts as sent with what was sent last, and that as sent now.
      if (isAlike || (list.sentRows >= MAX_ROWS && (this.#words[at + FLAGS]! & (SACKED | LOST)) === 0)) {
        this.#words[at + END] = end;
        this.#words[at + SENT_MS] = nowMs;
        return;
      }
    }
    this.#insertAfter(list, tail, start, end, nowMs, flags);
  }

  /** [start … end), which one row begins with or holds, is sent again. */
  resent(list: TransmissionList, start: number, end: number, nowMs: number): void {
    let row = this.#rowAt(list, start);
    while (row !== NO_ROW && before(this.start(row), end)) {
      if (before(this.start(row), start)) row = this.#split(list, row, start);
      if (after(this.end(row), end)) this.#split(list, row, end);
      this.#setFlags(list, row, RESENT);
      this.#words[row * ROW_WORDS + SENT_MS] = nowMs;
      row = this.#words[this.#joinPrevious(list, row) * ROW_WORDS + NEXT]!;
    }
  }

  /**
   * An acknowledgment is looked at. `highest` is the connection's highest number delivered so far. What was sent again at
   * `ambiguousFromMs` or later may have been acknowledged by its first transmission.
   */
  beginAcknowledgment(highest: number, ambiguousFromMs: number): void {
    this.hasNewest = 0;
    this.hasOldest = 0;
    this.hasResent = 0;
    this.isReordered = 0;
    this.highest = highest;
    this.#highestBefore = highest;
    this.#ambiguousFromMs = ambiguousFromMs;
  }

  /** All before `ack` is acknowledged. */
  acknowledge(list: TransmissionList, ack: number): void {
    const words = this.#words;
    while (list.sentHead !== NO_ROW) {
      const row = list.sentHead;
      const at = row * ROW_WORDS;
      if (!before(words[at + START]!, ack)) return;
      const end = after(words[at + END]!, ack) ? ack : words[at + END]!;
      const flags = words[at + FLAGS]!;
      this.#count(list, flags, -difference(end, words[at + START]!));
      if ((flags & SACKED) === 0) {
        this.#deliver(words[at + SENT_MS]!, end, flags);
        if ((flags & RESENT) === 0 && this.hasOldest === 0) {
          this.hasOldest = 1;
          this.oldestMs = words[at + SENT_MS]!;
        }
      }
      words[at + START] = end;
      if (end !== words[at + END]) return;
      this.#remove(list, row);
    }
  }

  /** The peer has [start … end). Returns whether anything of it was new. */
  sack(list: TransmissionList, start: number, end: number): boolean {
    let isNew = false;
    for (let row = list.sentHead; row !== NO_ROW; row = this.#words[row * ROW_WORDS + NEXT]!) {
      if (!before(this.start(row), end)) break;
      if (beforeOrAt(this.end(row), start) || (this.#words[row * ROW_WORDS + FLAGS]! & SACKED) !== 0)
        continue;
      const needed = (before(this.start(row), start) ? 1 : 0) + (after(this.end(row), end) ? 1 : 0);
      if (list.sentRows + needed > MAX_ROWS) continue;
      if (before(this.start(row), start)) row = this.#split(list, row, start);
      if (after(this.end(row), end)) this.#split(list, row, end);
      const at = row * ROW_WORDS;
      this.#deliver(this.#words[at + SENT_MS]!, this.#words[at + END]!, this.#words[at + FLAGS]!);
      this.#setFlags(list, row, (this.#words[at + FLAGS]! & RESENT) | SACKED);
      row = this.#joinPrevious(list, row);
      this.#joinNext(list, row);
      isNew = true;
    }
    return isNew;
  }

  /** The row with the lowest numbers that are lost, or NO_ROW. */
  firstLost(list: TransmissionList): number {
    if (list.lostBytes === 0) return NO_ROW;
    let row = list.sentHead;
    while ((this.#words[row * ROW_WORDS + FLAGS]! & LOST) === 0) row = this.#words[row * ROW_WORDS + NEXT]!;
    return row;
  }

  /** The row with the highest numbers that the peer has not reported, or NO_ROW. */
  lastUnreported(list: TransmissionList): number {
    let row = list.sentTail;
    while (row !== NO_ROW && (this.#words[row * ROW_WORDS + FLAGS]! & SACKED) !== 0)
      row = this.#words[row * ROW_WORDS + PREVIOUS]!;
    return row;
  }

  /** Whether the peer has reported the lowest numbers without acknowledging them: it has thrown them away since. */
  isReneged(list: TransmissionList): boolean {
    return list.sentHead !== NO_ROW && (this.#words[list.sentHead * ROW_WORDS + FLAGS]! & SACKED) !== 0;
  }

  /** Everything that the peer has not reported is lost; with `isForgetful` what it has reported, too. */
  loseAll(list: TransmissionList, isForgetful: boolean): void {
    for (let row = list.sentHead; row !== NO_ROW; row = this.#words[row * ROW_WORDS + NEXT]!) {
      if ((this.#words[row * ROW_WORDS + FLAGS]! & SACKED) === 0 || isForgetful) row = this.#lose(list, row);
    }
  }

  /** The first `count` bytes, at most, are lost. */
  loseFirst(list: TransmissionList, count: number): void {
    const row = list.sentHead;
    if (row === NO_ROW) return;
    const end = add(this.start(row), count);
    if (after(this.end(row), end)) this.#split(list, row, end);
    this.#lose(list, row);
  }

  /**
   * What was sent before (newestMs, newestEnd), which was delivered, and at least `waitMs` ago is lost (RFC 8985 section 6.2,
   * step 5). Returns how long it takes until more of it may be, in ms, or 0.
   */
  loseBefore(
    list: TransmissionList,
    newestMs: number,
    newestEnd: number,
    waitMs: number,
    nowMs: number,
  ): number {
    let nextMs = 0;
    for (let row = list.sentHead; row !== NO_ROW; row = this.#words[row * ROW_WORDS + NEXT]!) {
      const at = row * ROW_WORDS;
      const flags = this.#words[at + FLAGS]!;
      if ((flags & (SACKED | LOST)) !== 0) continue;
      const sentMs = this.#words[at + SENT_MS]!;
      if ((flags & RESENT) !== 0) {
        // Within one millisecond nobody knows whether something was sent again before or after other things were sent.
        if (!before(sentMs, newestMs)) continue;
      } else if (!isSentAfter(newestMs, newestEnd, sentMs, this.#words[at + END]!)) {
        // All that follows was sent later still.
        break;
      }
      const leftMs = difference(sentMs, nowMs) + waitMs;
      if (leftMs <= 0) row = this.#lose(list, row);
      else if (nextMs === 0 || leftMs < nextMs) nextMs = leftMs;
    }
    return nextMs;
  }

  /** Nothing is lost after all. */
  forgive(list: TransmissionList): void {
    for (let row = list.sentHead; row !== NO_ROW; row = this.#words[row * ROW_WORDS + NEXT]!) {
      const flags = this.#words[row * ROW_WORDS + FLAGS]!;
      if ((flags & LOST) !== 0) this.#setFlags(list, row, flags & ~LOST);
    }
  }

  /** The connection is no more. */
  clear(list: TransmissionList): void {
    while (list.sentHead !== NO_ROW) this.#remove(list, list.sentHead);
    list.sackedBytes = 0;
    list.lostBytes = 0;
  }

  #deliver(sentMs: number, end: number, flags: number): void {
    const isResent = (flags & RESENT) !== 0;
    if (isResent) this.hasResent = 1;
    if (after(end, this.highest)) this.highest = end;
    // What one acknowledgment tells of arrived in an order that it does not tell.
    if (!isResent && before(end, this.#highestBefore)) this.isReordered = 1;
    if (isResent && !before(sentMs, this.#ambiguousFromMs)) return;
    if (this.hasNewest === 1 && !isSentAfter(sentMs, end, this.newestMs, this.newestEnd)) return;
    this.hasNewest = 1;
    this.newestMs = sentMs;
    this.newestEnd = end;
    this.newestIsResent = isResent ? 1 : 0;
  }

  /** Marks the row lost; returns the row that it is part of then. */
  #lose(list: TransmissionList, row: number): number {
    this.#setFlags(list, row, (this.#words[row * ROW_WORDS + FLAGS]! & RESENT) | LOST);
    return this.#joinPrevious(list, row);
  }

  #setFlags(list: TransmissionList, row: number, flags: number): void {
    const at = row * ROW_WORDS;
    const bytes = difference(this.#words[at + END]!, this.#words[at + START]!);
    this.#count(list, this.#words[at + FLAGS]!, -bytes);
    this.#count(list, flags, bytes);
    this.#words[at + FLAGS] = flags;
  }

  #count(list: TransmissionList, flags: number, bytes: number): void {
    if ((flags & SACKED) !== 0) list.sackedBytes += bytes;
    if ((flags & LOST) !== 0) list.lostBytes += bytes;
  }

  #rowAt(list: TransmissionList, sequence: number): number {
    let row = list.sentHead;
    while (row !== NO_ROW && beforeOrAt(this.end(row), sequence)) row = this.#words[row * ROW_WORDS + NEXT]!;
    return row;
  }

  /** Cuts a row in two at `sequence`, which lies within it; returns the latter. */
  #split(list: TransmissionList, row: number, sequence: number): number {
    const at = row * ROW_WORDS;
    const words = this.#words;
    const latter = this.#insertAfter(
      list,
      row,
      sequence,
      words[at + END]!,
      words[at + SENT_MS]!,
      words[at + FLAGS]!,
    );
    this.#words[at + END] = sequence;
    return latter;
  }

  /** Makes one row of the row and the one before, if the same is known of both. Returns what is left. */
  #joinPrevious(list: TransmissionList, row: number): number {
    const words = this.#words;
    const at = row * ROW_WORDS;
    const previous = words[at + PREVIOUS]!;
    if (previous === NO_ROW) return row;
    const flags = words[at + FLAGS]!;
    const of = previous * ROW_WORDS;
    const kind = flags & (SACKED | LOST);
    if ((words[of + FLAGS]! & (SACKED | LOST)) !== kind) return row;
    // When it was sent is of no interest any more once it is delivered or lost, but in case the loss is taken back.
    if (kind === 0 && (words[of + FLAGS] !== flags || words[of + SENT_MS] !== words[at + SENT_MS]))
      return row;
    words[of + END] = words[at + END]!;
    words[of + FLAGS] = kind === 0 ? flags : kind | RESENT;
    if (before(words[of + SENT_MS]!, words[at + SENT_MS]!)) words[of + SENT_MS] = words[at + SENT_MS]!;
    this.#remove(list, row);
    return previous;
  }

  #joinNext(list: TransmissionList, row: number): void {
    const next = this.#words[row * ROW_WORDS + NEXT]!;
    if (next !== NO_ROW) this.#joinPrevious(list, next);
  }

  #insertAfter(
    list: TransmissionList,
    previous: number,
    start: number,
    end: number,
    sentMs: number,
    flags: number,
  ): number {
    const row = this.#acquire();
    const words = this.#words;
    const at = row * ROW_WORDS;
    const next = previous === NO_ROW ? list.sentHead : words[previous * ROW_WORDS + NEXT]!;
    words[at + START] = start;
    words[at + END] = end;
    words[at + SENT_MS] = sentMs;
    words[at + FLAGS] = flags;
    words[at + NEXT] = next;
    words[at + PREVIOUS] = previous;
    if (previous === NO_ROW) list.sentHead = row;
    else words[previous * ROW_WORDS + NEXT] = row;
    if (next === NO_ROW) list.sentTail = row;
    else words[next * ROW_WORDS + PREVIOUS] = row;
    list.sentRows++;
    return row;
  }

  #remove(list: TransmissionList, row: number): void {
    const words = this.#words;
    const at = row * ROW_WORDS;
    const next = words[at + NEXT]!;
    const previous = words[at + PREVIOUS]!;
    if (previous === NO_ROW) list.sentHead = next;
    else words[previous * ROW_WORDS + NEXT] = next;
    if (next === NO_ROW) list.sentTail = previous;
    else words[next * ROW_WORDS + PREVIOUS] = previous;
    list.sentRows--;
    words[at + NEXT] = this.#free;
    this.#free = row;
    this.#inUse--;
  }

  #acquire(): number {
    this.#inUse++;
    if (this.#free !== NO_ROW) {
      const row = this.#free;
      this.#free = this.#words[row * ROW_WORDS + NEXT]!;
      return row;
    }
    const row = this.#fresh++;
    if ((row + 1) * ROW_WORDS > this.#words.length) {
      const grown = new Int32Array(2 * this.#words.length);
      grown.set(this.#words);
      this.#words = grown;
    }
    return row;
  }
}
