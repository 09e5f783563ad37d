// What the peer has told by SACK of data that we sent (RFC 2018, RFC 6675 section 3): ranges of sequence numbers
// above SND.UNA, sorted, apart from each other, at most MAX_SACKED_RANGES. It decides what counts as lost; it sends
// nothing.

import { after, afterOrAt, before, beforeOrAt, difference } from "../../core/wire/sequence.js";

/** One more is not remembered: its data is then sent once more than needed. */
export const MAX_SACKED_RANGES = 64;

/** Ranges above a hole that make it lost (RFC 6675 section 2). */
const DUP_THRESH = 3;

export class Scoreboard {
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** Bytes in all ranges. */
  sackedBytes = 0;

  /** Takes in [start … end). Returns whether anything of it was new. */
  add(start: number, end: number): boolean {
    const { starts, ends } = this;
    let first = 0;
    while (first < starts.length && before(ends[first]!, start)) first++;
    let last = first;
    let from = start;
    let to = end;
    let known = 0;
    while (last < starts.length && beforeOrAt(starts[last]!, end)) {
      if (before(starts[last]!, from)) from = starts[last]!;
      if (after(ends[last]!, to)) to = ends[last]!;
      known += difference(ends[last]!, starts[last]!);
      last++;
    }
    const added = difference(to, from) - known;
    if (added === 0 || (first === last && starts.length >= MAX_SACKED_RANGES)) return false;
    starts.splice(first, last - first, from);
    ends.splice(first, last - first, to);
    this.sackedBytes += added;
    return true;
  }

  /** Forgets what lies before `sndUna`. */
  acknowledge(sndUna: number): void {
    const { starts, ends } = this;
    while (starts.length > 0 && beforeOrAt(ends[0]!, sndUna)) {
      this.sackedBytes -= difference(ends[0]!, starts[0]!);
      starts.shift();
      ends.shift();
    }
    if (starts.length > 0 && before(starts[0]!, sndUna)) {
      this.sackedBytes -= difference(sndUna, starts[0]!);
      starts[0] = sndUna;
    }
  }

  /** Forgets everything: the peer may have discarded what it only reported (RFC 2018 section 8). */
  clear(): void {
    this.starts.length = 0;
    this.ends.length = 0;
    this.sackedBytes = 0;
  }

  /** The first sequence number at or after `from` that is not in a range. */
  skip(from: number): number {
    for (let index = 0; index < this.starts.length; index++) {
      if (before(from, this.starts[index]!)) return from;
      if (before(from, this.ends[index]!)) return this.ends[index]!;
    }
    return from;
  }

  /** Bytes from `from`, which is in no range, to the next range or, without one, to `limit`; at most to `limit`. */
  holeBytes(from: number, limit: number): number {
    for (let index = 0; index < this.starts.length; index++) {
      if (!afterOrAt(this.starts[index]!, from)) continue;
      if (before(this.starts[index]!, limit)) return difference(this.starts[index]!, from);
      break;
    }
    return difference(limit, from);
  }

  /** Bytes of ranges that lie in [from … to). */
  sackedWithin(from: number, to: number): number {
    let bytes = 0;
    for (let index = 0; index < this.starts.length; index++) {
      const start = after(this.starts[index]!, from) ? this.starts[index]! : from;
      const end = before(this.ends[index]!, to) ? this.ends[index]! : to;
      if (before(start, end)) bytes += difference(end, start);
    }
    return bytes;
  }

  /**
   * Everything before this that is in no range is lost, nothing after it is: RFC 6675's IsLost, which holds for all
   * numbers up to some place or for none. `sndUna` if nothing is lost.
   */
  lostEdge(sndUna: number, mss: number): number {
    let bytes = 0;
    for (let index = this.starts.length - 1, ranges = 1; index >= 0; index--, ranges++) {
      bytes += difference(this.ends[index]!, this.starts[index]!);
      if (ranges >= DUP_THRESH || bytes > (DUP_THRESH - 1) * mss) return this.starts[index]!;
    }
    return sndUna;
  }
}
