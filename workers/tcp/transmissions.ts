// What every connection of a stack has sent and the peer has not acknowledged, in rows: a range of sequence numbers, when it
// was sent last, and what is known of it. A connection's rows are linked in the order of their numbers and cover SND.UNA to
// SND.NXT without a gap (rows.ts): sending allocates nothing, and an idle connection has none.
// It keeps marks and sums; what is to be marked is decided elsewhere. Of ranges sent in one millisecond one row is made.
//
// A row's words: start, end, when it was sent (ms), flags.

import { add, after, before, beforeOrAt, difference } from "../../core/wire/sequence.js";
import { NO_ROW, type RowList, Rows } from "./rows.js";

/** The peer has it (RFC 2018). */
const SACKED = 1;
/** It is believed lost, and was not sent again since. */
const LOST = 2;
/** It was sent more than once, or may not have been taken: its acknowledgment measures nothing (Karn). */
export const RESENT = 4;

const START = 0;
const END = 1;
const SENT_MS = 2;
const FLAGS = 3;
const ROW_WORDS = 4;

/**
 * Most rows that new data and SACK blocks may make of a connection: a peer could make many with odd blocks. What would need one
 * more is coarser then: a block that ends within a row does not count for it, and what is sent joins the last row. Sending again
 * can add some, no more than there are segments in the window.
 */
export const MAX_ROWS = 2048;

/** What a connection keeps of its rows. */
export interface TransmissionList extends RowList {
  sackedBytes: number;
  lostBytes: number;
}

/** Was (ms, end) sent after (thanMs, thanEnd)? Of one millisecond the higher number was (RFC 8985 section 6.2, step 2). */
function isSentAfter(ms: number, end: number, thanMs: number, thanEnd: number): boolean {
  return ms === thanMs ? after(end, thanEnd) : after(ms, thanMs);
}

export class Transmissions {
  readonly #rows = new Rows(ROW_WORDS);

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
    return this.#rows.inUse;
  }

  start(row: number): number {
    return this.#rows.get(row, START);
  }

  end(row: number): number {
    return this.#rows.get(row, END);
  }

  /** New data, from SND.NXT on, is sent. `flags`: RESENT, if its acknowledgment is to measure nothing. */
  sent(list: TransmissionList, start: number, end: number, nowMs: number, flags = 0): void {
    const rows = this.#rows;
    const last = list.lastRow;
    if (last !== NO_ROW) {
      const lastFlags = rows.get(last, FLAGS);
      const isAlike = difference(rows.get(last, SENT_MS), nowMs) === 0 && lastFlags === flags;
      // In a row too many it counts as sent with what was sent last, and that as sent now.
      if (isAlike || (list.rowCount >= MAX_ROWS && (lastFlags & (SACKED | LOST)) === 0)) {
        rows.set(last, END, end);
        rows.set(last, SENT_MS, nowMs);
        return;
      }
    }
    this.#insertAfter(list, last, start, end, nowMs, flags);
  }

  /** [start … end), which one row begins with or holds, is sent again. */
  resent(list: TransmissionList, start: number, end: number, nowMs: number): void {
    let row = this.#rowAt(list, start);
    while (row !== NO_ROW && before(this.start(row), end)) {
      if (before(this.start(row), start)) row = this.#split(list, row, start);
      if (after(this.end(row), end)) this.#split(list, row, end);
      this.#setFlags(list, row, RESENT);
      this.#rows.set(row, SENT_MS, nowMs);
      row = this.#rows.next(this.#joinPrevious(list, row));
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
    const rows = this.#rows;
    while (list.firstRow !== NO_ROW) {
      const row = list.firstRow;
      if (!before(rows.get(row, START), ack)) return;
      const end = after(rows.get(row, END), ack) ? ack : rows.get(row, END);
      const flags = rows.get(row, FLAGS);
      this.#count(list, flags, -difference(end, rows.get(row, START)));
      if ((flags & SACKED) === 0) {
        this.#deliver(rows.get(row, SENT_MS), end, flags);
        if ((flags & RESENT) === 0 && this.hasOldest === 0) {
          this.hasOldest = 1;
          this.oldestMs = rows.get(row, SENT_MS);
        }
      }
      rows.set(row, START, end);
      if (end !== rows.get(row, END)) return;
      rows.remove(list, row);
    }
  }

  /** The peer has [start … end). Returns whether anything of it was new. */
  sack(list: TransmissionList, start: number, end: number): boolean {
    let isNew = false;
    for (let row = list.firstRow; row !== NO_ROW; row = this.#rows.next(row)) {
      if (!before(this.start(row), end)) break;
      if (beforeOrAt(this.end(row), start) || (this.#rows.get(row, FLAGS) & SACKED) !== 0) continue;
      const needed = (before(this.start(row), start) ? 1 : 0) + (after(this.end(row), end) ? 1 : 0);
      if (list.rowCount + needed > MAX_ROWS) continue;
      if (before(this.start(row), start)) row = this.#split(list, row, start);
      if (after(this.end(row), end)) this.#split(list, row, end);
      this.#deliver(this.#rows.get(row, SENT_MS), this.#rows.get(row, END), this.#rows.get(row, FLAGS));
      this.#setFlags(list, row, (this.#rows.get(row, FLAGS) & RESENT) | SACKED);
      row = this.#joinPrevious(list, row);
      this.#joinNext(list, row);
      isNew = true;
    }
    return isNew;
  }

  /** The row with the lowest numbers that are lost, or NO_ROW. */
  firstLost(list: TransmissionList): number {
    if (list.lostBytes === 0) return NO_ROW;
    let row = list.firstRow;
    while ((this.#rows.get(row, FLAGS) & LOST) === 0) row = this.#rows.next(row);
    return row;
  }

  /** The row with the highest numbers that the peer has not reported, or NO_ROW. */
  lastUnreported(list: TransmissionList): number {
    let row = list.lastRow;
    while (row !== NO_ROW && (this.#rows.get(row, FLAGS) & SACKED) !== 0) row = this.#rows.previous(row);
    return row;
  }

  /** Whether the peer has reported the lowest numbers without acknowledging them: it has thrown them away since. */
  isReneged(list: TransmissionList): boolean {
    return list.firstRow !== NO_ROW && (this.#rows.get(list.firstRow, FLAGS) & SACKED) !== 0;
  }

  /** Everything that the peer has not reported is lost; with `isForgetful` what it has reported, too. */
  loseAll(list: TransmissionList, isForgetful: boolean): void {
    for (let row = list.firstRow; row !== NO_ROW; row = this.#rows.next(row)) {
      if ((this.#rows.get(row, FLAGS) & SACKED) === 0 || isForgetful) row = this.#lose(list, row);
    }
  }

  /** The first `count` bytes, at most, are lost. */
  loseFirst(list: TransmissionList, count: number): void {
    const row = list.firstRow;
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
    for (let row = list.firstRow; row !== NO_ROW; row = this.#rows.next(row)) {
      const flags = this.#rows.get(row, FLAGS);
      if ((flags & (SACKED | LOST)) !== 0) continue;
      const sentMs = this.#rows.get(row, SENT_MS);
      if ((flags & RESENT) !== 0) {
        // Within one millisecond nobody knows whether something was sent again before or after other things were sent.
        if (!before(sentMs, newestMs)) continue;
      } else if (!isSentAfter(newestMs, newestEnd, sentMs, this.#rows.get(row, END))) {
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
    for (let row = list.firstRow; row !== NO_ROW; row = this.#rows.next(row)) {
      const flags = this.#rows.get(row, FLAGS);
      if ((flags & LOST) !== 0) this.#setFlags(list, row, flags & ~LOST);
    }
  }

  /** The connection is no more. */
  clear(list: TransmissionList): void {
    while (list.firstRow !== NO_ROW) this.#rows.remove(list, list.firstRow);
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
    this.#setFlags(list, row, (this.#rows.get(row, FLAGS) & RESENT) | LOST);
    return this.#joinPrevious(list, row);
  }

  #setFlags(list: TransmissionList, row: number, flags: number): void {
    const bytes = difference(this.#rows.get(row, END), this.#rows.get(row, START));
    this.#count(list, this.#rows.get(row, FLAGS), -bytes);
    this.#count(list, flags, bytes);
    this.#rows.set(row, FLAGS, flags);
  }

  #count(list: TransmissionList, flags: number, bytes: number): void {
    if ((flags & SACKED) !== 0) list.sackedBytes += bytes;
    if ((flags & LOST) !== 0) list.lostBytes += bytes;
  }

  #rowAt(list: TransmissionList, sequence: number): number {
    let row = list.firstRow;
    while (row !== NO_ROW && beforeOrAt(this.end(row), sequence)) row = this.#rows.next(row);
    return row;
  }

  /** Cuts a row in two at `sequence`, which lies within it; returns the latter. */
  #split(list: TransmissionList, row: number, sequence: number): number {
    const rows = this.#rows;
    const latter = this.#insertAfter(
      list,
      row,
      sequence,
      rows.get(row, END),
      rows.get(row, SENT_MS),
      rows.get(row, FLAGS),
    );
    rows.set(row, END, sequence);
    return latter;
  }

  /** Makes one row of the row and the one before, if the same is known of both. Returns what is left. */
  #joinPrevious(list: TransmissionList, row: number): number {
    const rows = this.#rows;
    const previous = rows.previous(row);
    if (previous === NO_ROW) return row;
    const flags = rows.get(row, FLAGS);
    const kind = flags & (SACKED | LOST);
    if ((rows.get(previous, FLAGS) & (SACKED | LOST)) !== kind) return row;
    // When it was sent is of no interest any more once it is delivered or lost, but in case the loss is taken back.
    if (
      kind === 0 &&
      (rows.get(previous, FLAGS) !== flags || rows.get(previous, SENT_MS) !== rows.get(row, SENT_MS))
    )
      return row;
    rows.set(previous, END, rows.get(row, END));
    rows.set(previous, FLAGS, kind === 0 ? flags : kind | RESENT);
    if (before(rows.get(previous, SENT_MS), rows.get(row, SENT_MS)))
      rows.set(previous, SENT_MS, rows.get(row, SENT_MS));
    rows.remove(list, row);
    return previous;
  }

  #joinNext(list: TransmissionList, row: number): void {
    const next = this.#rows.next(row);
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
    const rows = this.#rows;
    const row = rows.insertAfter(list, previous);
    rows.set(row, START, start);
    rows.set(row, END, end);
    rows.set(row, SENT_MS, sentMs);
    rows.set(row, FLAGS, flags);
    return row;
  }
}
